"""What staff need to see first: what needs them, what came in, what went out, what is next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tribune.domain.audience import Cadence, Status
from tribune.domain.mailings import DeliveryState, Mailing, MailingState
from tribune.ports.log import DeadLetter, EventLog, LogAway
from tribune.ports.log_view import LogView
from tribune.ports.schedules import Upcoming
from tribune.ports.sources import SourceState
from tribune.ports.store import Store, Transaction
from tribune.services.desk.ask_log import LogDesk
from tribune.services.desk.see_events import SeenEvent, newest_events
from tribune.services.sending.mailing_progress import MailingProgress, mailing_progress

RECENT = timedelta(days=7)
SHOWN = 6
LOOKED_THROUGH = 50
"""Mailings in which the editions that went out last are looked for, beside those of the last seven days."""


@dataclass(frozen=True, slots=True)
class NextEdition:
    """An edition that is due next: the first instant at which it is due somewhere, and for how many people in all."""

    digest: str
    cadence: Cadence
    due_at: datetime
    people: int


@dataclass(frozen=True, slots=True)
class OutgoingEdition:
    """An edition with its recent mailings, one for each instant at which it was due somewhere; or a campaign."""

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
    """The start page. `log_away`: the event log cannot be asked, so that `dead`, `behind` and `came_in` are not known
    and empty. `behind` is group -> events that wait for it; `failing` are sources whose last pull failed;
    `failed` are mailings of the last seven days with mails that were not delivered, and how many; `held_back` those
    with mails that wait for staff to say whether they are tried once more, and how many. `to_approve` and `paused` are
    all that there are, however old; the newest first."""

    log_away: bool
    dead: Sequence[DeadLetter]
    behind: Mapping[str, int]
    failing: Sequence[SourceState]
    failed: Sequence[tuple[Mailing, int]]
    held_back: Sequence[tuple[Mailing, int]]
    to_approve: Sequence[Mailing]
    paused: Sequence[Mailing]
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
        return not (self.log_away or self.dead or self.behind or self.failing or self.failed or waiting)


def see_today(store: Store, log: LogDesk, now: datetime) -> Today:
    """Read from one snapshot of the store; `mails` are those sent in mailings of the last seven days."""
    with store.read() as tx:
        waiting = tx.ledger.mailings(states=(MailingState.PLANNED, MailingState.PAUSED), limit=None)
        recent = tx.ledger.mailings(since=now - RECENT, limit=None)
        numbers = tx.ledger.progress_since(now - RECENT)
        went_out = _went_out(tx, recent)
        upcoming = tx.schedules.upcoming(1_000)
        failing = [state for state in tx.sources.all_states() if _fails(state, now)]
        without_area = len(tx.catalogue.unmapped(1000))
        subscribers = tx.audience.count().get(Status.ACTIVE, 0)
    told = _of_the_log(log)
    return Today(
        log_away=told is None,
        dead=told.dead if told else (),
        behind=told.behind if told else {},
        failing=failing,
        failed=_with(DeliveryState.FAILED, recent, numbers),
        # What a cancelled mailing held back is nobody's to try again: its own page says what became of it.
        held_back=_with(
            DeliveryState.QUARANTINED,
            [mailing for mailing in recent if mailing.state is not MailingState.CANCELLED],
            numbers,
        ),
        to_approve=[mailing for mailing in waiting if mailing.state is MailingState.PLANNED],
        paused=[mailing for mailing in waiting if mailing.state is MailingState.PAUSED],
        without_area=without_area,
        came_in=told.came_in if told else (),
        went_out=went_out,
        next=_next(upcoming)[:SHOWN],
        mails=sum(states.get(DeliveryState.SENT, 0) for states in numbers.values()),
        subscribers=subscribers,
    )


@dataclass(frozen=True, slots=True)
class _Told:
    dead: Sequence[DeadLetter]
    behind: Mapping[str, int]
    came_in: Sequence[SeenEvent]


def _of_the_log(desk: LogDesk) -> _Told | None:
    """What the log tells; None where it is away."""

    def look(log: EventLog, view: LogView) -> _Told:
        return _Told(open_letters(log), _behind(log), newest_events(view, limit=SHOWN))

    try:
        return desk.ask(look, at_length=True)
    except LogAway:
        return None


def count_open_letters(desk: LogDesk) -> int | None:
    """How many dead letters nobody has replayed yet (of the newest hundred); None where the log is away."""
    try:
        return len(desk.ask(lambda log, _: open_letters(log)))
    except LogAway:
        return None


def _went_out(tx: Transaction, recent: Sequence[Mailing]) -> list[OutgoingEdition]:
    """The editions and campaigns that wrote to somebody last, each with its mailings."""
    newest = {mailing.id: mailing for mailing in [*recent, *tx.ledger.mailings(limit=LOOKED_THROUGH)]}
    editions: dict[tuple[int | None, int], list[int]] = {}
    for mailing in sorted(newest.values(), key=lambda one: one.id, reverse=True):
        # A campaign that waits for approval has not gone out: it stands under what needs somebody.
        waits = mailing.campaign is not None and mailing.state is MailingState.PLANNED
        if mailing.recipients and not waits:
            of_one = (mailing.edition, 0 if mailing.edition else mailing.id)
            editions.setdefault(of_one, []).append(mailing.id)
    shown = list(editions.values())[:SHOWN]
    return [OutgoingEdition([mailing_progress(tx, mailing) for mailing in together]) for together in shown]


def open_letters(log: EventLog, limit: int = 100) -> list[DeadLetter]:
    """Dead letters that nobody has replayed yet, the newest first."""
    return [letter for letter in log.dead_letters(limit=limit) if letter.replayed_at is None]


def _with(
    state: DeliveryState, mailings: Sequence[Mailing], numbers: Mapping[int, Mapping[DeliveryState, int]]
) -> list[tuple[Mailing, int]]:
    """The mailings that have mails in this state, and how many."""
    return [(mailing, number) for mailing in mailings if (number := numbers.get(mailing.id, {}).get(state, 0))]


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
