"""What tests of the catalogue share: a store of their own, and sources that tell of records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests import outbox_log
from tribune.bootstrap import Application
from tribune.domain.events import CloudEvent, event_id
from tribune.domain.identifiers import recognise
from tribune.domain.items import Identifier, Item, ItemRecord, LanguageVersion, Withdrawal
from tribune.services.catalogue.catalogue_item import catalogue_record, withdraw_record
from tribune.services.catalogue.settle_records import Settled
from tribune.services.events.event_data import to_data

T0 = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
FEED, OAI, HAND = "/sources/feed", "/sources/repository", "/by-hand"


def at_hour(hour: int) -> datetime:
    """An hour of the day that the tests begin in."""
    return datetime(2026, 11, 23, hour, tzinfo=UTC)


def named(*texts: str) -> tuple[Identifier, ...]:
    """Identifiers from their spelling."""
    found = [recognise(text) for text in texts]
    assert all(found), texts
    return tuple(one for one in found if one)


def record(name: str, languages: str = "en", *ids: str, **fields: Any) -> ItemRecord:
    """A record with a version in each of `languages` (the first is the source language) and identifiers."""
    versions = tuple(
        LanguageVersion(language, f"{name} in {language}", f"Abstract of {name}.") for language in languages.split()
    )
    return ItemRecord(
        record=name,
        kind=fields.pop("kind", "report"),
        source_language=languages.split()[0],
        versions=fields.pop("versions", versions),
        identifiers=named(*ids),
        translation_of=named(*fields.pop("translation_of", ())),
        **fields,
    )


def event(source: str, told: ItemRecord | Withdrawal, revision: int = 1, type: str = "", **more: Any) -> CloudEvent:
    """The event that tells of it; told later with each revision."""
    withdraws = isinstance(told, Withdrawal)
    type = type or ("publication.withdrawn" if withdraws else "publication.published")
    return CloudEvent(
        id=event_id(source, told.record, revision, type),
        source=source,
        type=type,
        time=more.pop("time", T0 + timedelta(minutes=revision)),
        key=told.record,
        data=to_data(told),
        revision=revision,
        **more,
    )


class House:
    """A catalogue to tell things to."""

    def __init__(self, app: Application) -> None:
        self.app = app

    def tell(self, source: str, told: ItemRecord | Withdrawal, revision: int = 1, **more: Any) -> Settled:
        return self.handle(event(source, told, revision, **more))

    def handle(self, told: CloudEvent) -> Settled:
        now = self.app.clock.now()
        with self.app.store.write() as tx:
            if told.type.endswith(("withdrawn", "cancelled")):
                return withdraw_record(tx, told, now)
            return catalogue_record(tx, told, self.app.codelists, now)

    def item(self, id: int | None) -> Item:
        assert id is not None
        with self.app.store.read() as tx:
            found = tx.catalogue.item(id)
        assert found is not None
        return found

    def all(self) -> list[Item]:
        """Living items, in order of id."""
        with self.app.store.read() as tx:
            return sorted((i for i in tx.catalogue.recent(1000) if not i.withdrawn_at), key=lambda i: i.id)

    def released(self) -> list[tuple[int, str]]:
        """(item, language) of every visible release, in order of sequence."""
        with self.app.store.read() as tx:
            return [(told.item_id, told.language) for told in tx.catalogue.releases_after(0)]

    def events(self) -> Sequence[tuple[str, dict[str, Any], str]]:
        """What went into the topic `catalogue`: type, data, correlation id."""
        return [(one["type"], one["data"], one["correlationid"]) for one in outbox_log.told(self.app, "catalogue")]
