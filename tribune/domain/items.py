"""Items: publications, data releases and sessions, as sources tell of them and as the catalogue keeps them.

A *record* is what one source says of one work at one revision. The catalogue merges records into *items*
through shared identifiers or declared translations, never by guessing on titles. A *release* is the moment
at which one language version of an item becomes visible; it gets its catalogue sequence number then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


class Scheme(StrEnum):
    """Kinds of identifier. Those in `JOINING` name one work; an ISSN names a series and never joins."""

    DOI = "doi"
    ISBN = "isbn"
    ISSN = "issn"
    OAI = "oai"
    URL = "url"


JOINING = frozenset({Scheme.DOI, Scheme.ISBN, Scheme.OAI})


@dataclass(frozen=True, slots=True, order=True)
class Identifier:
    """An identifier in its normal form (see `tribune.domain.identifiers`)."""

    scheme: Scheme
    value: str


@dataclass(frozen=True, slots=True)
class Link:
    """Where a language version can be had. `format` is html, pdf, epub, csv, xlsx, audio, video or other."""

    url: str
    format: str = "html"
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class LanguageVersion:
    """A work in one language (BCP 47). `abstract` is plain text."""

    language: str
    title: str
    abstract: str = ""
    links: tuple[Link, ...] = ()
    pages: int | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """One figure of a data release: a place, a period, a value, and the value before it (None: none)."""

    place: str
    period: str
    value: float
    previous_period: str | None = None
    previous_value: float | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """A value that was changed after it had been released (`after` None: taken out)."""

    place: str
    period: str
    before: float | None
    after: float | None
    series: str = ""


@dataclass(frozen=True, slots=True)
class DataSummary:
    """What a data release changed, never the rows themselves.

    `unit` is percent, ratio or number. `headline` are the figures to show, the first one first.
    Lists are cut at a bound; the counts are exact. `labels` name the indicator per language.
    """

    dataflow: str
    labels: dict[str, str] = field(default_factory=dict)
    unit: str = "percent"
    first_load: bool = False
    observations: int = 0
    new_count: int = 0
    revised_count: int = 0
    removed_count: int = 0
    new_periods: tuple[str, ...] = ()
    new_places: tuple[str, ...] = ()
    headline: tuple[Observation, ...] = ()
    revisions: tuple[Revision, ...] = ()
    largest_revision: float | None = None


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A live session: wall-clock start in an IANA zone (UTC is derived late), length in minutes."""

    starts_at: datetime
    zone: str
    minutes: int
    languages: tuple[str, ...] = ()
    registration_url: str = ""
    capacity: int | None = None
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """What one source says of one work. The data of publication.*, data.* and session.* events.

    `record` is the source's own id. `kind` and `policy_areas` are codes of the codelists; `places` are ISO
    3166-1 alpha-3 country codes or M49 / typology group codes. `categories` are the source's own words, kept
    for staff where they map to no policy area. `translation_of` declares this to be the same work as those.
    `new` marks a revision that staff call new, so that it is released again.
    """

    record: str
    kind: str
    source_language: str
    versions: tuple[LanguageVersion, ...]
    identifiers: tuple[Identifier, ...] = ()
    translation_of: tuple[Identifier, ...] = ()
    policy_areas: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    series: str = ""
    authors: tuple[str, ...] = ()
    published_on: date | None = None
    embargo_until: datetime | None = None
    reviewed_on: date | None = None
    maintained: bool | None = None
    new: bool = False
    data: DataSummary | None = None
    session: SessionInfo | None = None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The data of *.withdrawn and session.cancelled events: the record and the reason in plain words."""

    record: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """A language version of an item became visible: its catalogue sequence number and the instant (UTC)."""

    sequence: int
    item_id: int
    language: str
    released_at: datetime


@dataclass(frozen=True, slots=True)
class Item:
    """A work as the catalogue keeps it: the merged record, its visible language versions and releases."""

    id: int
    version: int
    kind: str
    source_language: str
    versions: tuple[LanguageVersion, ...]
    releases: tuple[Release, ...] = ()
    identifiers: tuple[Identifier, ...] = ()
    policy_areas: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    series: str = ""
    authors: tuple[str, ...] = ()
    published_on: date | None = None
    embargo_until: datetime | None = None
    reviewed_on: date | None = None
    maintained: bool | None = None
    data: DataSummary | None = None
    session: SessionInfo | None = None
    withdrawn_at: datetime | None = None
    correlation_id: str = ""
    updated_at: datetime | None = None

    def version_in(self, language: str) -> LanguageVersion | None:
        """The language version in `language`, or None."""
        return next((v for v in self.versions if v.language == language), None)
