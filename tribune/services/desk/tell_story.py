"""Tell the story of an event: what it became, for whom, when, in which mailing; and for whom not, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from tribune.domain.codelists import Places
from tribune.domain.digests import Digest
from tribune.domain.errors import NotFound
from tribune.domain.items import Item, Release
from tribune.ports.catalogue import HistoryEntry
from tribune.ports.log_view import LogView
from tribune.ports.store import Transaction
from tribune.ports.stories import Shown
from tribune.services.desk.say_why import Reach, say_why_not
from tribune.services.desk.see_events import SeenEvent, events_of
from tribune.services.sending.mailing_progress import MailingProgress, mailing_progress

REACH = timedelta(days=60)
"""How long after its last change an item may still go out: the slowest rhythm, a mailing that waited, a carry-over."""


@dataclass(frozen=True, slots=True)
class InMailing:
    """A mailing that showed the item: to whom, in which language."""

    progress: MailingProgress
    shown: Sequence[Shown]

    @property
    def people(self) -> int:
        return sum(one.people for one in self.shown)


@dataclass(frozen=True, slots=True)
class ItemStory:
    """An item's way: its changes, the releases of its language versions, the mailings that showed it."""

    item: Item
    history: Sequence[HistoryEntry]
    releases: Sequence[Release]
    mailings: Sequence[InMailing]
    reach: Reach | None = None

    @property
    def people(self) -> int:
        """How many mails showed it."""
        return sum(mailing.people for mailing in self.mailings)


@dataclass(frozen=True, slots=True)
class Story:
    """What followed from one event. `events` share its correlation id, the oldest first."""

    correlation_id: str
    events: Sequence[SeenEvent]
    items: Sequence[ItemStory]


def tell_story(
    tx: Transaction, view: LogView, correlation_id: str, digests: Mapping[str, Digest], places: Places
) -> Story:
    """The story of a correlation id. Raises NotFound where neither the log nor the catalogue knows it."""
    events = events_of(view, correlation_id)
    ids: dict[int, None] = {}
    for seen in events:
        if seen.event is not None:
            ids.update(dict.fromkeys(tx.catalogue.items_of_event(seen.event.id)))
            number = seen.event.data.get("item")
            if seen.event.type.startswith("item.") and isinstance(number, int):
                ids[number] = None
    if not ids:
        ids.update(dict.fromkeys(tx.catalogue.items_of_event(correlation_id)))
    told: dict[int, ItemStory] = {}
    for id in ids:
        story = item_story(tx, id, digests, places)
        if story is not None:
            told[story.item.id] = story
    if not events and not told:
        raise NotFound("There is no such event.", hint="It may be older than the log keeps events.")
    return Story(correlation_id, events, list(told.values()))


def item_story(tx: Transaction, id: int, digests: Mapping[str, Digest], places: Places) -> ItemStory | None:
    """An item's way, or None where there is no such item."""
    item = tx.catalogue.item(id)
    if item is None:
        return None
    releases = tx.catalogue.releases_of([item.id])[item.id]
    history = tx.catalogue.history(item.id)
    at = [release.released_at for release in releases] + [entry.changed_at for entry in history]
    shown = tx.stories.shown(item.id, min(at), max(at) + REACH) if at else []
    of_mailing: dict[int, list[Shown]] = {}
    for one in shown:
        of_mailing.setdefault(one.mailing, []).append(one)
    return ItemStory(
        item=item,
        history=history,
        releases=releases,
        reach=say_why_not(tx, item, releases, shown, digests, places) if releases else None,
        mailings=[InMailing(mailing_progress(tx, mailing), people) for mailing, people in of_mailing.items()],
    )
