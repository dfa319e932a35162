"""The catalogue: items, what sources last said of them, releases, history, search. Reached as `tx.catalogue`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tribune.domain.items import Item, Release
from tribune.domain.merging import Content, KeptRecord, Key


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A change of an item: what changed (`change`), because of which event, and a note such as a withdrawal's reason.

    `version` is the item's version after the change; `item_id` an earlier id where two items became one.
    """

    item_id: int
    version: int
    event_id: str
    changed_at: datetime
    change: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A visible language version that a search found. `excerpt` is the beginning of its abstract."""

    item_id: int
    kind: str
    language: str
    title: str
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class UnmappedCategory:
    """A source's word that names no policy area: how many living items carry it, the newest of them, and how many of
    them have no policy area at all."""

    category: str
    items: int
    newest: int
    without_area: int


@dataclass(frozen=True, slots=True)
class PastRelease:
    """The last release of a language that is not visible now."""

    release: Release
    hidden_at: datetime


class Catalogue(Protocol):
    """Queries and writes of the catalogue.

    An item that became one with another keeps its id as a redirect: reading it gives the item that it went into.
    """

    # -- reading items

    def item(self, id: int) -> Item | None: ...

    def items(self, ids: Collection[int]) -> dict[int, Item]:
        """The items, under the ids asked for; ids that do not exist are left out."""
        ...

    def items_at(self, keys: Collection[tuple[int, int]]) -> dict[tuple[int, int], Item]:
        """(item id, version) -> the item as it was then, from its history; `releases` are empty."""
        ...

    def recent(self, limit: int = 50, *, offset: int = 0, kind: str | None = None) -> list[Item]:
        """Items, those changed last first; withdrawn and embargoed ones too."""
        ...

    def page(self, limit: int, *, before: int | None = None, kind: str | None = None) -> list[Item]:
        """Items, the newest first, those with a lower number than `before`; withdrawn and embargoed ones too."""
        ...

    def count(self, *, kind: str | None = None) -> int:
        """How many items `recent` has in all."""
        ...

    def history(self, id: int) -> list[HistoryEntry]:
        """The changes of an item and of those that went into it, the oldest first."""
        ...

    def items_of_event(self, event_id: str) -> list[int]:
        """The items that an event changed (as they are called now), the lowest first."""
        ...

    def withdrawn(self, ids: Collection[int]) -> set[int]:
        """Those of the items that nobody may be shown now: withdrawn, or without any visible language version."""
        ...

    def unmapped(self, limit: int = 50) -> list[Item]:
        """Living items that map to no policy area, the newest first."""
        ...

    def unmapped_categories(self) -> list[UnmappedCategory]:
        """Words of sources that name no policy area, the most frequent first."""
        ...

    def search(self, text: str, language: str, *, kind: str | None = None, limit: int = 20) -> list[Hit]:
        """Visible items with all the words (the last one may be unfinished), or with an identifier; versions in the
        reader's `language` first, then by relevance; each item once. Any text is safe. Empty text finds nothing."""
        ...

    # -- releases

    def last_sequence(self) -> int:
        """The last catalogue sequence number given (0: none)."""
        ...

    def releases_after(self, sequence: int) -> list[Release]:
        """Visible releases with a higher sequence number, in order."""
        ...

    def releases_of(self, item_ids: Collection[int]) -> dict[int, list[Release]]:
        """The visible releases of each item in order, under the ids asked for; an empty list where there are none."""
        ...

    def visible_languages(self, item_ids: Collection[int]) -> dict[int, frozenset[str]]:
        """The languages in which each item is visible, under the ids asked for; empty where in none."""
        ...

    def due_embargoes(self, now: datetime) -> list[int]:
        """Items that hold something whose embargo is over, the earliest first."""
        ...

    # -- what catalogue_item needs to write; the caller holds the write transaction

    def record(self, source: str, record: str) -> KeptRecord | None: ...

    def records_of(self, item_ids: Collection[int]) -> list[KeptRecord]: ...

    def records_with_categories(self) -> Iterator[KeptRecord]:
        """Living records that carry categories."""
        ...

    def holders(self, keys: Collection[Key]) -> set[int]:
        """The items under which these joining keys stand."""
        ...

    def hold(self, item_id: int, keys: Collection[Key]) -> None:
        """These, and no others, are the item's keys. A key that another item still holds stays there."""
        ...

    def save_record(self, kept: KeptRecord) -> None: ...

    def add_item(self, content: Content, *, embargo_until: datetime | None, correlation_id: str, now: datetime) -> int:
        """A new item at version 1; its id."""
        ...

    def save_item(
        self,
        id: int,
        *,
        version: int,
        content: Content,
        embargo_until: datetime | None,
        withdrawn_at: datetime | None,
        correlation_id: str,
        now: datetime,
    ) -> None: ...

    def redirect(self, id: int, into: int, now: datetime) -> None:
        """The item `id` is now known as `into`: its releases and redirects go there."""
        ...

    def add_history(self, entry: HistoryEntry, content: Content) -> None: ...

    def next_sequences(self, count: int) -> range:
        """Sequence numbers in order of commit: the counter's row stays locked until the transaction ends."""
        ...

    def add_releases(self, releases: Iterable[Release]) -> None: ...

    def move_releases(self, sequences: Collection[int], item_id: int) -> None: ...

    def hide_releases(self, sequences: Collection[int], now: datetime) -> None: ...

    def show_releases(self, sequences: Collection[int]) -> None: ...

    def past_releases(self, item_id: int) -> Mapping[str, PastRelease]:
        """For each language without a visible release, the last one it had."""
        ...

    def index(self, item_id: int, content: Content, languages: Collection[str]) -> None:
        """Make these language versions of an item known to search."""
        ...

    def unindex(self, item_id: int) -> None:
        """Make search forget an item."""
        ...
