"""How records of several sources become one item. Pure rules; docs/adr/0009-records-join-into-items.md says why.

Records join where they share a DOI, an ISBN or an OAI id, or where one declares to be a translation of another; an
ISSN or a title never joins. What comes out depends on the records alone, not on the order in which they came.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeVar

from tribune.domain.items import (
    JOINING,
    DataSummary,
    Identifier,
    ItemRecord,
    LanguageVersion,
    Link,
    Scheme,
    SessionInfo,
)

T = TypeVar("T")

Key = tuple[str, str]
"""A row of the table of identifiers: (scheme, value), or ("declared", address) for the address of an original that a
translation names. An address alone does not join: many works can stand on one page."""

DECLARED = "declared"


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """What a source last said of a record.

    `shown` is the newest revision that is free, `waiting` a newer one under embargo. `announced` is the revision at
    which its language versions were last released as new. A withdrawn record keeps neither: it is a tombstone.
    """

    source: str
    record: str
    revision: int
    told_at: datetime
    event_id: str
    correlation_id: str
    item_id: int | None = None
    withdrawn: bool = False
    shown: ItemRecord | None = None
    waiting: ItemRecord | None = None
    announced: int = 0

    @property
    def newest(self) -> ItemRecord | None:
        """The newest revision, under embargo or not."""
        return self.waiting or self.shown

    @property
    def name(self) -> tuple[str, str]:
        return (self.source, self.record)

    @property
    def age(self) -> tuple[int, datetime, str]:
        """The order of what is told of one record: by revision, then by time for sources that do not count."""
        return (self.revision, self.told_at, self.event_id)


@dataclass(frozen=True, slots=True)
class Content:
    """What an item holds: its records, merged. The fields are those of `Item`."""

    kind: str
    source_language: str
    versions: tuple[LanguageVersion, ...]
    identifiers: tuple[Identifier, ...] = ()
    policy_areas: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    series: str = ""
    authors: tuple[str, ...] = ()
    published_on: date | None = None
    reviewed_on: date | None = None
    maintained: bool | None = None
    data: DataSummary | None = None
    session: SessionInfo | None = None

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(version.language for version in self.versions)


# -- joining


def held_keys(record: ItemRecord) -> set[Key]:
    """The keys under which a record's item is found."""
    keys: set[Key] = {_key(told) for told in record.identifiers if told.scheme in JOINING or told.scheme is Scheme.URL}
    return keys | {_declared(told) for told in record.translation_of if told.scheme is not Scheme.ISSN}


def sought_keys(record: ItemRecord) -> set[Key]:
    """The keys whose item a record belongs to."""
    keys: set[Key] = set()
    for told in record.identifiers:
        if told.scheme in JOINING:
            keys.add(_key(told))
        elif told.scheme is Scheme.URL:
            keys.add((DECLARED, told.value))
    for told in record.translation_of:
        if told.scheme is not Scheme.ISSN:
            keys |= {_key(told), _declared(told)}
    return keys


def _key(told: Identifier) -> Key:
    return (told.scheme.value, told.value)


def _declared(told: Identifier) -> Key:
    return (DECLARED, told.value) if told.scheme is Scheme.URL else _key(told)


def works(records: Sequence[KeptRecord]) -> list[list[KeptRecord]]:
    """The records in groups, one group a work: those that are linked, directly or through others."""
    groups: list[tuple[list[KeptRecord], set[Key], set[Key]]] = []
    for record in records:
        told = record.newest
        held, sought = (held_keys(told), sought_keys(told)) if told else (set[Key](), set[Key]())
        members = [record]
        apart = []
        for group in groups:
            if group[1] & sought or group[2] & held:
                members = group[0] + members
                held, sought = held | group[1], sought | group[2]
            else:
                apart.append(group)
        groups = [*apart, (members, held, sought)]
    return [members for members, _, _ in groups]


# -- merging


def merge(records: Collection[KeptRecord]) -> Content:
    """The records of one work as one content.

    Free revisions speak; only where there is none do those under embargo. Originals speak before declared
    translations, then who spoke last, then by name. A language version comes from the record whose own language it
    is, before others. What a record leaves empty the next one fills; areas, places, categories, identifiers and links
    are put together.
    """
    told = _in_order_of_say(records)
    first = told[0]
    source_language = first.source_language
    languages = sorted({version.language for record in told for version in record.versions})
    languages.sort(key=lambda language: language != source_language)
    return Content(
        kind=first.kind,
        source_language=source_language,
        versions=tuple(_version(language, told) for language in languages),
        identifiers=tuple(sorted({one for record in told for one in record.identifiers})),
        policy_areas=_all(record.policy_areas for record in told),
        places=_all(record.places for record in told),
        categories=_all(record.categories for record in told),
        series=_first(record.series for record in told) or "",
        authors=_first(record.authors for record in told) or (),
        published_on=_first(record.published_on for record in told),
        reviewed_on=max((record.reviewed_on for record in told if record.reviewed_on), default=None),
        maintained=next((record.maintained for record in told if record.maintained is not None), None),
        data=_first(record.data for record in told),
        session=_first(record.session for record in told),
    )


def _in_order_of_say(records: Collection[KeptRecord]) -> list[ItemRecord]:
    ordered = sorted(records, key=lambda kept: kept.name)
    ordered.sort(key=lambda kept: kept.told_at, reverse=True)
    free = [kept.shown for kept in ordered if kept.shown]
    told = free or [kept.waiting for kept in ordered if kept.waiting]
    return sorted(told, key=lambda record: bool(record.translation_of))


def _version(language: str, told: Sequence[ItemRecord]) -> LanguageVersion:
    own_first = sorted(told, key=lambda record: record.source_language != language)
    versions = [version for record in own_first for version in record.versions if version.language == language]
    links: dict[str, Link] = {}
    for version in versions:
        for link in version.links:
            links.setdefault(link.url, link)
    return replace(
        versions[0],
        abstract=_first(version.abstract for version in versions) or "",
        links=tuple(links.values()),
        pages=_first(version.pages for version in versions),
    )


def _first(values: Iterable[T | None]) -> T | None:
    return next((value for value in values if value), None)


def _all(values: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for several in values for value in several))
