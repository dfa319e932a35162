"""The public archive: lists of what is visible, and of the editions that went out. Reached as `tx.archive`.

Nothing here knows of items that are not visible: unreleased, under embargo, withdrawn.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from tribune.domain.archive import Listing, Order, PublicEdition, Reading, Selection
from tribune.domain.audience import Cadence
from tribune.domain.items import Release
from tribune.domain.merging import Content


class Archive(Protocol):
    """Queries of lists; the two writes belong to whoever changes an item."""

    # -- lists

    def newest(
        self,
        reading: Reading,
        any_of: Sequence[Selection] = (),
        *,
        limit: int,
        offset: int = 0,
        order: Order = Order.DAY,
    ) -> list[Listing]:
        """Items that one of the selections asks for (none: all), each once, in the version that the reader is shown,
        the newest first."""
        ...

    def count(self, reading: Reading, any_of: Sequence[Selection] = ()) -> int:
        """How many `newest` has in all."""
        ...

    def found(self, text: str, language: str, *, kind: str | None = None, limit: int) -> list[tuple[int, str]]:
        """(item, language) of what a search finds, as `tx.catalogue.search` does, without reading the items."""
        ...

    def among(self, ids: Collection[int], selection: Selection) -> set[int]:
        """Those of the items that are visible and that the selection asks for."""
        ...

    def versions(self, ids: Collection[int]) -> dict[int, dict[str, Listing]]:
        """Item -> base language -> its listing; items that are not visible are left out."""
        ...

    def others(self, ids: Collection[int]) -> dict[int, Listing]:
        """Item -> what readers of none of its languages are shown; items that are not visible are left out."""
        ...

    def codes(self, axis: str) -> Mapping[str, int]:
        """How many visible items name each code of an axis: topics or places."""
        ...

    def named(self, axis: str, codes: Collection[str]) -> set[str]:
        """Those of the codes that visible items name; quicker than to count."""
        ...

    def was_released(self, item: int) -> bool:
        """Whether any version of it has ever been visible."""
        ...

    def part(self, first: int, last: int) -> list[Listing]:
        """All listings of items numbered from `first` to `last`, by item and language."""
        ...

    def parts(self, size: int) -> list[int]:
        """Which parts of so many numbers hold a visible item: 1 is that of the items 1 to `size`."""
        ...

    def last_change(self) -> datetime | None:
        """When any item that is visible, or once was, changed last, withdrawals included; items of which something
        waits under an embargo tell nothing. None: there is none."""
        ...

    # -- editions

    def editions(self, digests: Collection[str], first: str, last: str) -> list[PublicEdition]:
        """Issues of these digests, of local dates from `first` to `last`, of which a mailing with recipients has begun
        to leave."""
        ...

    def issue_day(self, digests: Collection[str], *, before: str = "", after: str = "") -> str | None:
        """The last local date before `before`, or else the first after `after`, that has such an issue."""
        ...

    def edition(self, digest: str, cadence: Cadence, occasion: str) -> PublicEdition | None:
        """That issue, if it has begun to leave."""
        ...

    def digests(self) -> list[str]:
        """The ids of all digests that ever had an issue, in order, whether or not the settings still have them."""
        ...

    def first_dues(self, issues: Collection[tuple[str, Cadence, str]]) -> Mapping[tuple[str, Cadence, str], datetime]:
        """The first due instants of issues (digest, cadence, local date), whether or not they held anything for
        anybody; those that never were are left out."""
        ...

    def withdrawn_between(
        self, spans: Sequence[tuple[datetime, datetime, datetime]], kinds: Collection[str] = ()
    ) -> list[bool]:
        """For each span (after one instant, up to another) and a third instant: whether of what was released in it, of
        these kinds (none: any), something has been withdrawn since the third and nothing is visible any more."""
        ...

    def releases_between(self, after: datetime, until: datetime) -> list[Release]:
        """Releases after one instant and up to another, those since replaced included, in order."""
        ...

    def released_until(self, ids: Collection[int], until: datetime) -> dict[int, list[str]]:
        """Item -> the languages that had been released up to an instant, in order, whatever became of them since."""
        ...

    def source_languages(self, ids: Collection[int]) -> dict[int, str]: ...

    # -- writes

    def list_item(self, item_id: int, content: Content, now: datetime) -> None:
        """List an item as its visible releases are now, or take it off the lists where it has none."""
        ...

    def unlist(self, item_id: int) -> None:
        """Take an item off the lists."""
        ...
