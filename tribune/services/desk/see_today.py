"""What staff need to see first: what needs them, what came in, what went out, what is next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tribune.domain.audience import Cadence, Status
from tribune.domain.mailings import DeliveryState, Mailing, MailingState
from tribune.ports.log import DeadLetter, EventLog
from tribune.ports.log_view import LogView
from tribune.ports.schedules import Upcoming
from tribune.ports.sources import SourceState
from tribune.ports.store import Store
from tribune.services.desk.see_events import SeenEvent, newest_events
from tribune.services.sending.mailing_progress import MailingProgress, mailing_progress

RECENT = timedelta(days=7)
SHOWN = 6


@dataclass(frozen=True, slots=True)
class NextEdition:
    """An edition that is due next: the first instant at which it is due somewhere, and for how many people in all."""

    digest: str
    cadence: Cadence
    due_at: datetime
    people: int


@dataclass(frozen=True, slots=True)
class OutgoingEdition:
    """An edition with its recent mailings, one for each instant at which it was due somewhere."""

    mailings: Sequence[MailingProgress]

    @property
    def first(self) -> Mailing:
        return self.mailings[-1].mailing

    @property
    def people(self) -> int:
        return sum(progress.mailing.recipients for progress in self.mailings)

    @property
    def total(self) -> int:
        return sum(progress.total for progress in self.mailings)

    @property
    def settled(self) -> int:
        return sum(progress.settled for progress in self.mailings)


@dataclass(frozen=True, slots=True)
class Today:
    """The start page. `behind` is group -> events that wait for it; `failing` are sources whose last pull failed;
    `failed` are recent mailings with mails that were not delivered, and how many; `held_back` those with mails that
    wait for staff to say whether they are tried once more, and how many."""

    dead: Sequence[DeadLetter]
    behind: Mapping[str, int]
    failing: Sequence[SourceState]
    failed: Sequence[tuple[MailingProgress, int]]
    held_back: Sequence[tuple[MailingProgress, int]]
    to_approve: Sequence[MailingProgress]
    paused: Sequence[MailingProgress]
    without_area: int
    came_in: Sequence[SeenEvent]
    went_out: Sequence[OutgoingEdition]
    next: Sequence[NextEdition]
    mails: int
    subscribers: int

    @property
    def calm(self) -> bool:
        """Nothing needs anybody."""
        waiting = self.to_approve or self.paused or self.held_back or self.without_area
        return not (self.dead or self.behind or self.failing or self.failed or waiting)


def see_today(store: Store, log: EventLog, view: LogView, now: datetime) -> Today:
    """Read from one snapshot of the store; `mails` are those sent in mailings of the last seven days."""
    with store.read() as tx:
        mailings = [mailing_progress(tx, told.id) for told in tx.ledger.mailings(limit=50)]
        recent = [progress for progress in mailings if progress.mailing.planned_at >= now - RECENT]
        upcoming = tx.schedules.upcoming(1_000)
        failing = [state for state in tx.sources.all_states() if _fails(state, now)]
        without_area = len(tx.catalogue.unmapped(1000))
        subscribers = tx.audience.count().get(Status.ACTIVE, 0)
    return Today(
        dead=open_letters(log),
        behind=_behind(log),
        failing=failing,
        failed=_with(DeliveryState.FAILED, recent),
        # What a cancelled mailing held back is nobody's to try again: its own page says what became of it.
        held_back=_with(
            DeliveryState.QUARANTINED,
            [progress for progress in recent if progress.mailing.state is not MailingState.CANCELLED],
        ),
        to_approve=[progress for progress in mailings if progress.mailing.state is MailingState.PLANNED],
        paused=[progress for progress in mailings if progress.mailing.state is MailingState.PAUSED],
        without_area=without_area,
        came_in=newest_events(view, limit=SHOWN),
        went_out=by_edition(mailings)[:SHOWN],
        next=_next(upcoming)[:SHOWN],
        mails=sum(progress.states.get(DeliveryState.SENT, 0) for progress in recent),
        subscribers=subscribers,
    )


def by_edition(mailings: Sequence[MailingProgress]) -> list[OutgoingEdition]:
    """Mailings that wrote to somebody, those of one edition together, in the order given."""
    editions: dict[int, list[MailingProgress]] = {}
    for progress in mailings:
        if progress.mailing.recipients:
            editions.setdefault(progress.mailing.edition, []).append(progress)
    return [OutgoingEdition(together) for together in editions.values()]


def open_letters(log: EventLog, limit: int = 100) -> list[DeadLetter]:
    """Dead letters that nobody has replayed yet, the newest first."""
    return [letter for letter in log.dead_letters(limit=limit) if letter.replayed_at is None]


def _with(state: DeliveryState, mailings: Sequence[MailingProgress]) -> list[tuple[MailingProgress, int]]:
    """The mailings that have mails in this state, and how many."""
    return [(progress, number) for progress in mailings if (number := progress.states.get(state, 0))]


def _fails(state: SourceState, now: datetime) -> bool:
    """Whether its last pull failed. A source that has not been pulled for a week was taken out of the settings."""
    return state.outcome.startswith("error") and state.pulled_at is not None and state.pulled_at >= now - RECENT


def _next(upcoming: Sequence[Upcoming]) -> list[NextEdition]:
    editions: dict[tuple[str, Cadence, str], NextEdition] = {}
    for told in upcoming:
        row = told.row
        known = editions.get((row.digest, row.cadence, row.occasion))
        first = min(known.due_at, row.due_at) if known else row.due_at
        people = told.people + (known.people if known else 0)
        editions[row.digest, row.cadence, row.occasion] = NextEdition(row.digest, row.cadence, first, people)
    return sorted(editions.values(), key=lambda edition: edition.due_at)


def _behind(log: EventLog) -> Mapping[str, int]:
    groups: dict[str, int] = {}
    for lag in log.lag():
        if lag.behind:
            groups[lag.group] = groups.get(lag.group, 0) + lag.behind
    return groups
