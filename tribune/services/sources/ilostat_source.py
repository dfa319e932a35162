"""An ILOSTAT dataflow as a source: each release is compared with the one before; the event carries the difference.

A release with new observations is an item of its own, so that two releases in a week are two pieces of news with
their own countries. A release that only changes values is a correction of the item before it (decisions.md, 7).
The snapshot to compare with is kept before the transaction whose watermark names it, and tidied up after it.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import urlsplit

from tribune.domain import identifiers
from tribune.domain.codelists import Codelists, PlaceType
from tribune.domain.errors import SourceError
from tribune.domain.items import DataSummary, Identifier, ItemRecord, LanguageVersion, Link, Scheme
from tribune.ports.http import Fetcher
from tribune.ports.releases import ReleaseShelf
from tribune.ports.sources import SourceState
from tribune.services.sources.compare_releases import AGGREGATES, compare, first_summary, places_changed, summarise
from tribune.services.sources.link_formats import format_of
from tribune.services.sources.plain_text import counted, line
from tribune.services.sources.pull_sources import Reading
from tribune.services.sources.read_ilostat import Table, read_ilostat

LEAST_KEPT = 0.5
"""A release with a smaller share of the last one's number of observations is taken for cut short."""
ACCEPT = "text/csv, application/gzip;q=0.9, */*;q=0.1"


@dataclass(frozen=True, slots=True)
class Dataflow:
    """What settings say of a dataflow. `labels` name the indicator per language; `link` is the page for readers."""

    labels: Mapping[str, str] = field(default_factory=dict)
    unit: str = "percent"
    policy_areas: tuple[str, ...] = ()
    headline_places: tuple[str, ...] = ()
    link: str = ""
    credit: str = ""
    language: str = "en"
    max_bytes: int = 500_000_000


@dataclass(frozen=True, slots=True)
class _Mark:
    """The watermark: the snapshot compared with, the record of the last release, and its headline."""

    snapshot: str = ""
    record: str = ""
    headline: tuple[tuple[str, str], ...] = ()

    def text(self) -> str:
        told = {"snapshot": self.snapshot, "record": self.record, "headline": self.headline}
        return json.dumps(told, separators=(",", ":"))

    @classmethod
    def read(cls, text: str) -> _Mark:
        try:
            told = json.loads(text)
            return cls(told["snapshot"], told["record"], tuple((a, b) for a, b in told["headline"]))
        except (ValueError, TypeError, KeyError):
            return cls()


class IlostatSource:
    """Reads the CSV at `address`, or `file` where it is already at hand."""

    def __init__(
        self,
        name: str,
        address: str,
        dataflow: Dataflow,
        codelists: Codelists,
        shelf: ReleaseShelf,
        fetcher: Fetcher | None = None,
        file: Path | None = None,
        *,
        accept_loss: bool = False,
    ) -> None:
        self.name = name
        self._address = address
        self._told = dataflow
        self._countries = frozenset(place.code for place in codelists.places.of_type(PlaceType.COUNTRY))
        known = {code: place for code, place in AGGREGATES.items() if place in codelists.places}
        self._places = dict(zip(self._countries, self._countries, strict=True)) | known
        self._shelf = shelf
        self._fetcher = fetcher
        self._file = file
        self._accept_loss = accept_loss

    def read(self, since: SourceState, now: datetime) -> Iterator[Reading]:
        """One reading with the release, if there is a new one."""
        if self._file is not None:
            try:
                with self._file.open("rb") as file:
                    table = read_ilostat(file, "")
            except OSError as error:
                raise SourceError(f"This file cannot be read: {error.strerror}.", where=str(self._file)) from None
            yield self._reading(table, since, replace(since, pulled_at=now), now.date())
            return
        if self._fetcher is None:
            raise SourceError("There is nothing to fetch it with.", where=self.name)
        with tempfile.TemporaryFile() as file:
            answer = self._fetcher.fetch(
                self._address,
                etag=since.etag,
                last_modified=since.last_modified,
                accept=ACCEPT,
                max_bytes=self._told.max_bytes,
                into=cast(BinaryIO, file),
            )
            if answer.not_modified:
                return
            file.seek(0)
            table = read_ilostat(file, self._address)
        state = replace(since, etag=answer.etag, last_modified=answer.last_modified, pulled_at=now)
        yield self._reading(table, since, state, _day(answer.last_modified, now))

    def settle(self, states: Iterable[SourceState], now: datetime) -> None:
        """Delete the snapshots that no source names any more."""
        self._shelf.keep_only({_Mark.read(state.mark).snapshot for state in states}, now)

    def _reading(self, table: Table, since: SourceState, state: SourceState, day: date) -> Reading:
        mark = _Mark.read(since.mark)
        content = table.to_bytes()
        kept = self._shelf.get(mark.snapshot) if mark.snapshot else None
        old = Table.from_bytes(kept) if kept is not None else None
        dataflow = table.indicators[0] if len(table.indicators) == 1 else self.name.rpartition("/")[2]
        if mark.snapshot and old is None:
            # Rather a release untold than a whole dataflow told as new.
            new_mark = replace(mark, snapshot=self._shelf.put(content))
            problem = "The last release's snapshot is lost: this one is the base for the next comparison."
            return Reading((), replace(state, mark=new_mark.text()), (*table.problems, problem), since.mark)
        told = (dataflow, self._labels(table, dataflow), self._told.unit, table)
        if old is None:
            summary = first_summary(*told, headline_places=self._told.headline_places, places=self._places)
            record, places = self._record_id(dataflow, content), tuple[str, ...]()
        else:
            self._refuse_a_torso(old, table)
            changes = compare(old, table)
            if not changes:
                return Reading((), replace(state, mark=self._kept(mark, content)), table.problems, since.mark)
            summary = summarise(
                *told,
                changes,
                old,
                headline_places=self._told.headline_places,
                places=self._places,
                again=mark.headline,
            )
            record = self._record_id(dataflow, content) if summary.new_count or not mark.record else mark.record
            places = places_changed(table, old, changes, self._countries)
        item = self._item(record, summary, places, day)
        headline = tuple((one.place, one.period) for one in summary.headline)
        new_mark = _Mark(self._shelf.put(content), record, headline)
        return Reading((item,), replace(state, mark=new_mark.text()), table.problems, since.mark)

    def _refuse_a_torso(self, old: Table, table: Table) -> None:
        """A file that was cut short would be told as a correction, and the next whole one as news."""
        had, has = old.observations, table.observations
        if has < had * LEAST_KEPT and not self._accept_loss:
            raise SourceError(
                f"This release has {counted(has, 'observation', 'observations')}, the last one had {had:,}: it seems "
                "to be cut short and was not taken.",
                hint="If it is right, pull this source with --accept-loss; until then the last one stays the base.",
            )

    def _kept(self, mark: _Mark, content: bytes) -> str:
        """Same values: at most the statuses differ, and the next comparison begins from here."""
        return replace(mark, snapshot=self._shelf.put(content)).text()

    @staticmethod
    def _record_id(dataflow: str, content: bytes) -> str:
        return f"{dataflow}@{hashlib.sha256(content).hexdigest()[:12]}"

    def _labels(self, table: Table, dataflow: str) -> dict[str, str]:
        if self._told.labels:
            return {language: line(label) for language, label in self._told.labels.items()}
        label = line(table.labels[0]) if len(table.labels) == 1 else ""
        return {self._told.language: label or dataflow}

    def _item(self, record: str, summary: DataSummary, places: tuple[str, ...], day: date) -> ItemRecord:
        page = identifiers.url(self._told.link or self._address)
        links = (Link(page, format_of(urlsplit(page).path.removesuffix(".gz"))),) if page else ()
        source_language = self._told.language if self._told.language in summary.labels else next(iter(summary.labels))
        return ItemRecord(
            record=record,
            kind="data_release",
            source_language=source_language,
            versions=tuple(LanguageVersion(tag, label, links=links) for tag, label in summary.labels.items()),
            identifiers=(Identifier(Scheme.URL, page),) if page and len(page) <= identifiers.MAX_LENGTH else (),
            policy_areas=self._told.policy_areas,
            places=places,
            authors=(self._told.credit,) if self._told.credit else (),  # whom the licence asks to name
            published_on=day,
            data=summary,
        )


def _day(last_modified: str, now: datetime) -> date:
    """The day of the release: when the file was last changed, as the server says it."""
    try:
        told = parsedate_to_datetime(last_modified).astimezone(UTC)
    except (ValueError, TypeError):
        return now.date()
    return min(told, now).date()
