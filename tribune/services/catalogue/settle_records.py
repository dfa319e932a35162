"""Put a changed record into its place: which item it belongs to, what that item then holds, and what becomes visible.

One record changes at a time. The records that it is or was linked with are grouped into works anew; each work keeps
an item, works that became one share the oldest item's id, a work that came apart gets an item of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from tribune.domain.events import ItemWithdrawn
from tribune.domain.items import Item, Release
from tribune.domain.merging import Content, KeptRecord, held_keys, merge, sought_keys, works
from tribune.ports.catalogue import HistoryEntry
from tribune.services.catalogue.release_versions import (
    SOURCE,
    bring_releases_up_to_date,
    item_released,
    release_languages,
    take_releases_along,
)
from tribune.services.events.event_codec import new_event

if TYPE_CHECKING:
    from tribune.ports.store import Transaction


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to a record: in which words history tells it, because of which event, and when (UTC).

    `announce`: the record's language versions are released again, as staff call this revision new.
    """

    what: str
    event_id: str
    correlation_id: str
    now: datetime
    note: str = ""
    announce: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a record: its item (None: a tombstone of something never seen), and what was released."""

    item_id: int | None
    what: str
    releases: tuple[Release, ...] = ()


def settle(tx: Transaction, kept: KeptRecord, change: Change) -> Settled:
    """Store `kept` and bring every item that it touches up to date."""
    candidates = {kept.item_id} if kept.item_id is not None else set[int]()
    if kept.newest:
        candidates |= tx.catalogue.holders(sought_keys(kept.newest))
    others = [record for record in tx.catalogue.records_of(candidates) if record.name != kept.name]
    groups = works([record for record in (*others, kept) if not record.withdrawn])
    # The work that changed comes last: others keep their item.
    groups.sort(key=lambda group: (kept in group, -len(group)))
    empty = candidates - {record.item_id for record in others if not record.withdrawn}
    places = _places(groups, empty if kept.newest else set(), kept)
    gone = candidates - {id for id in places if id is not None}
    ids = [id if id is not None else _new_item(tx, group, change) for id, group in zip(places, groups, strict=True)]
    brand_new = set(ids) - candidates if len(groups) == 1 else set[int]()
    note = change.note
    for id in sorted(gone):
        into = _heir(id, ids, groups, kept)
        if into is not None:
            tx.catalogue.redirect(id, into, change.now)
            note = " ".join(filter(None, (note, f"Item {id} became item {into}.")))
    own = _save_records(tx, kept, groups, ids)
    joined = bool(gone) or (own in candidates and own != kept.item_id)
    what = "joined" if joined and change.what in ("created", "updated") else change.what
    take_releases_along(tx, groups, ids)
    releases: list[Release] = []
    for id, group in zip(ids, groups, strict=True):
        told = replace(change, what=what, note=note) if kept in group else replace(change, what=_other(kept), note="")
        # A lone record that was its item's only one changes nothing elsewhere; this spares most events the work.
        if kept in group or len(groups) > 1 or kept.withdrawn:
            before = None if id in brand_new else tx.catalogue.item(id)
            releases += _update(tx, id, before, group, kept, told)
    if kept.withdrawn and own is not None and own not in ids:
        _withdraw(tx, own, change)
    return Settled(own, what, tuple(releases))


def _places(groups: Sequence[Sequence[KeptRecord]], empty: set[int], kept: KeptRecord) -> list[int | None]:
    """An item's id for each group, None where it needs a new one. `empty`: items without any living record."""
    taken: set[int] = set()
    places: list[int | None] = []
    for group in groups:
        former = {record.item_id for record in group if record.item_id is not None}
        if kept in group:
            former |= empty
        place = min(former - taken, default=None)
        places.append(place)
        if place is not None:
            taken.add(place)
    return places


def _heir(id: int, ids: Sequence[int], groups: Sequence[Sequence[KeptRecord]], kept: KeptRecord) -> int | None:
    """The item that the records of `id` went into; None where it has lost its last one."""
    for into, group in zip(ids, groups, strict=True):
        if any(record.item_id == id for record in group) or kept in group:
            return into
    return None


def _new_item(tx: Transaction, group: Sequence[KeptRecord], change: Change) -> int:
    return tx.catalogue.add_item(
        merge(group), embargo_until=_free_at(group), correlation_id=change.correlation_id, now=change.now
    )


def _free_at(group: Sequence[KeptRecord]) -> datetime | None:
    """When the first of what waits is free."""
    instants = [record.waiting.embargo_until for record in group if record.waiting]
    return min((instant for instant in instants if instant), default=None)


def _save_records(
    tx: Transaction,
    kept: KeptRecord,
    groups: Sequence[Sequence[KeptRecord]],
    ids: Sequence[int],
) -> int | None:
    """Each record under its item; the item of `kept`."""
    own = kept.item_id
    for id, group in zip(ids, groups, strict=True):
        for record in group:
            if record.name == kept.name:
                own = id
            elif record.item_id != id:
                tx.catalogue.save_record(replace(record, item_id=id))
    tx.catalogue.save_record(replace(kept, item_id=own))
    for id, group in zip(ids, groups, strict=True):
        tx.catalogue.hold(id, {key for record in group if record.newest for key in held_keys(record.newest)})
    return own


def _other(kept: KeptRecord) -> str:
    return "record_withdrawn" if kept.withdrawn else "split"


def _update(
    tx: Transaction, id: int, before: Item | None, group: Sequence[KeptRecord], kept: KeptRecord, change: Change
) -> list[Release]:
    """Bring an item up to date with its records; its new releases. `before` is None for one that was just added."""
    content = merge(group)
    visible = content.languages if any(record.shown for record in group) else ()
    if before is None:
        releases = release_languages(tx, id, visible, change.now)
        tx.catalogue.add_history(HistoryEntry(id, 1, change.event_id, change.now, change.what, change.note), content)
        tx.catalogue.index(id, content, visible)
        tx.archive.list_item(id, content, change.now)
        tx.outbox.add(*(item_released(release, change.correlation_id) for release in releases))
        return releases
    anew = {version.language for version in kept.shown.versions} if change.announce and kept.shown else set[str]()
    releases = bring_releases_up_to_date(tx, id, before.releases, visible, anew, change.now)
    changed = content != content_of(before)
    version = before.version + 1 if changed else before.version
    tx.catalogue.save_item(
        id,
        version=version,
        content=content,
        embargo_until=_free_at(group),
        withdrawn_at=None,
        # The story of an item is that of the event that last made something of it visible.
        correlation_id=change.correlation_id if releases else before.correlation_id,
        now=change.now,
    )
    what = change.what if changed or releases or change.what not in _CONTENT_CHANGES else "unchanged"
    tx.catalogue.add_history(HistoryEntry(id, version, change.event_id, change.now, what, change.note), content)
    if changed or releases or {told.language for told in before.releases} != set(visible) or before.withdrawn_at:
        tx.catalogue.unindex(id)
        tx.catalogue.index(id, content, visible)
        tx.archive.list_item(id, content, change.now)
    tx.outbox.add(*(item_released(release, change.correlation_id) for release in releases))
    return releases


_CONTENT_CHANGES = frozenset({"updated", "split", "record_withdrawn"})


def content_of(item: Item) -> Content:
    """What an item holds, apart from what the catalogue gave it."""
    return Content(
        kind=item.kind,
        source_language=item.source_language,
        versions=item.versions,
        identifiers=item.identifiers,
        policy_areas=item.policy_areas,
        places=item.places,
        categories=item.categories,
        series=item.series,
        authors=item.authors,
        published_on=item.published_on,
        reviewed_on=item.reviewed_on,
        maintained=item.maintained,
        data=item.data,
        session=item.session,
    )


def _withdraw(tx: Transaction, id: int, change: Change) -> None:
    before = tx.catalogue.item(id)
    if before is None or before.withdrawn_at is not None:
        return
    content = content_of(before)
    tx.catalogue.hide_releases([release.sequence for release in before.releases], change.now)
    tx.catalogue.save_item(
        id,
        version=before.version,
        content=content,
        embargo_until=None,
        withdrawn_at=change.now,
        correlation_id=before.correlation_id,
        now=change.now,
    )
    tx.catalogue.add_history(
        HistoryEntry(id, before.version, change.event_id, change.now, "withdrawn", change.note), content
    )
    tx.catalogue.unindex(id)
    tx.archive.unlist(id)
    event = new_event(
        "item.withdrawn",
        ItemWithdrawn(item=id, reason=change.note),
        source=SOURCE,
        key=str(id),
        record=f"{id}/withdrawn/{change.event_id}",
        time=change.now,
    )
    tx.outbox.add(replace(event, correlation_id=change.correlation_id))
