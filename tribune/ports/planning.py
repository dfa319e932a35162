"""Planning in bulk: who is due comes as arrays, deliveries go as rows (architecture, 8). Reached as `tx.planning`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

from tribune.domain.audience import Cadence, Choice, Fallback
from tribune.domain.events import Cohort
from tribune.domain.mailings import Lane, MailingState
from tribune.domain.masks import Bits
from tribune.ports.audience import CarryOver

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Profile:
    """How a person reads: their chain of languages, what to do beyond it, and where they are."""

    languages: tuple[str, ...]
    fallback: Fallback
    zone: str
    domain_group: str


@dataclass(frozen=True, slots=True)
class Due:
    """People who are due, one column a fact, in order of `ids`. `profile` points into `profiles`."""

    ids: Ints
    marks: Ints
    profile: Ints
    profiles: tuple[Profile, ...]


@dataclass(frozen=True, slots=True)
class Wishes:
    """Subscriptions of due people: whose (place in `Due`), how quick (Cadence.rank), the mark of that cadence, and
    the masks, one row a word (tribune.domain.masks)."""

    person: Ints
    rank: Ints
    marks: Ints
    words: Ints


@dataclass(frozen=True, slots=True)
class MailingPlan:
    """The row of a mailing: of an edition or of a campaign, by its id."""

    edition: int | None
    due_at: datetime
    state: MailingState
    approval: str
    recipients: int
    skipped_empty: int
    correlation_id: str
    planned_at: datetime
    in_doubt: str = ""
    campaign: int | None = None


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """The row of a chunk of deliveries. `not_before`: no sender takes it earlier."""

    chunk: int
    lane: Lane
    domain_group: str
    locale: str
    size: int
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeliveryPlans:
    """The rows of deliveries, one column a fact, in order of chunk and place."""

    chunk: Ints
    place: Ints
    subscriber: Ints
    signature: Ints


class Planning(Protocol):
    """What plan_edition and plan_campaign read and write."""

    def edition(self, digest: str, cadence: Cadence, occasion: str) -> int:
        """The id of an edition, made where there is none yet."""
        ...

    def mailing_of(self, digest: str, cadence: Cadence, occasion: str, due_at: datetime) -> int | None: ...

    def due(
        self,
        digest: str,
        cadence: Cadence,
        cohorts: Sequence[Cohort],
        local_date: date | None,
        *,
        dated: bool = False,
        newcomers: Collection[int] = (),
    ) -> Due:
        """Active people of the cohorts who have not been served on `local_date` or later (None: at once, all); with
        `dated`, of those who have never been served only these `newcomers`.

        Who has stopped the digest or has a suppressed address is left out.
        """
        ...

    def these(self, digest: str, cadence: Cadence, ids: Collection[int]) -> Due:
        """These people, whether due or not."""
        ...

    def subscribed(self, digest: str, ids: Ints) -> Due:
        """Those of these people (numbers, rising) who have the digest, in whatever cadence, and have not stopped it.
        Their marks are 0: a campaign passes none."""
        ...

    def wishes(self, digest: str, cadence: Cadence, due: Due, *, with_marks: bool) -> Wishes:
        """Their subscriptions for this digest in this cadence and in quicker ones; marks are 0 unless wanted."""
        ...

    def carried(self, digest: str, cadence: Cadence, due: Due) -> list[tuple[int, int]]:
        """(place in `due`, item) of what waits for these people."""
        ...

    def drop_carried(self, digest: str, cadence: Cadence, due: Due) -> None: ...

    def carry_over(self, rows: Sequence[CarryOver]) -> None: ...

    def with_rhythm(self, digest: str, cadence: Cadence, ids: Collection[int]) -> set[int]:
        """Those of these people who also have this rhythm."""
        ...

    def mailed_at_once(self, digest: str, since: datetime) -> dict[datetime, list[int]]:
        """At-once mailings due after `since`: due instant -> who got one."""
        ...

    def served_at_once(self, due: Due, above: int) -> set[tuple[int, int]]:
        """(subscriber, sequence) that were mailed at once, by whichever digest, of releases above a sequence number."""
        ...

    def served_otherwise(
        self, digest: str, cadence: Cadence, items: Collection[int], since: datetime
    ) -> dict[int, set[int]]:
        """Item -> who was mailed it in another cadence than this one, in mailings planned since then."""
        ...

    def announced_again(self, items: Collection[int]) -> set[int]:
        """Sequence numbers of these items' releases that took the place of an earlier one of their language: staff
        call the revision new (decisions.md, 7)."""
        ...

    def sequence_before(self, instant: datetime) -> int:
        """The last catalogue sequence number released before an instant (0: none)."""
        ...

    def add_mailing(self, plan: MailingPlan) -> int: ...

    def add_signatures(self, mailing: int, rows: Iterable[tuple[int, str, str]]) -> None:
        """(signature, locale, content as JSON text; tribune.domain.edition_content)."""
        ...

    def add_chunks(self, mailing: int, chunks: Sequence[ChunkPlan]) -> None: ...

    def add_deliveries(self, mailing: int, planned: DeliveryPlans) -> None:
        """Raises ValueError where somebody is in it twice."""
        ...

    def add_served_at_once(self, mailing: int, rows: Iterable[tuple[int, int]]) -> None:
        """(subscriber, sequence)."""
        ...

    def advance_marks(self, digest: str, cadence: Cadence, due: Due, mark: int, local_date: date | None) -> None:
        """Everybody in `due` has had what there was up to `mark`, with or without a mail.

        This is what makes an occurrence unique (decisions.md, 13): a mark moves once for a local date. Raises Conflict
        where one of them has moved meanwhile.
        """
        ...

    # -- masks

    def bits(self) -> Bits: ...

    def add_bits(self, axis: str, codes: Sequence[str]) -> None:
        """Give new codes of an axis the next bits. Raises InvalidInput where the masks have no room."""
        ...

    def mask_versions(self) -> Mapping[str, str]:
        """The version of each code list that the masks were derived from."""
        ...

    def set_mask_versions(self, versions: Mapping[str, str]) -> None: ...

    def choices(self) -> Iterator[tuple[int, Choice]]:
        """Every subscription's id and choice, in order of id."""
        ...

    def set_masks(self, rows: Sequence[tuple[int, tuple[int, ...]]]) -> int:
        """Subscription id and its mask words; how many were other words before."""
        ...
