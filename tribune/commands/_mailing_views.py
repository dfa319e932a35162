"""What `tribune mailing` prints: tables for people, JSON for programs. No addresses: people are numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tribune.domain.audience import Cadence
from tribune.domain.mailings import DeliveryState, Mailing, MailingState

if TYPE_CHECKING:
    from tribune.ports.ledger import DeliveryView
    from tribune.services.sending.mailing_progress import MailingProgress

EXCEPTIONAL = tuple(state for state in DeliveryState if state not in (DeliveryState.SENT, DeliveryState.WAITING))


def edition(told: Mailing) -> str:
    """`letter, weekly, 2026-11-23`, or `letter, campaign "Survey"`."""
    if told.cadence is None:
        return f'{told.digest}, campaign "{told.campaign.name if told.campaign else ""}"'
    # An edition at once is of an instant: to the minute it is short enough for a line.
    when = told.occasion if told.cadence is not Cadence.AT_ONCE else told.occasion[:16].replace("T", " ")
    return f"{told.digest}, {told.cadence.value.replace('_', ' ')}, {when}"


def people(number: int) -> str:
    return "1 person" if number == 1 else f"{number:,} people"


def mails(number: int) -> str:
    return "1 mail" if number == 1 else f"{number:,} mails"


def words(state: DeliveryState | MailingState) -> str:
    return state.value.replace("_", " ")


def in_words(states: Mapping[DeliveryState, int]) -> str:
    """`3 waiting, 1,200 sent`."""
    return ", ".join(f"{number:,} {words(state)}" for state, number in states.items()) or "none"


def pace(rate: float | None, left: timedelta | None) -> str:
    """`480 mails/s, 2 min 10 s left`, or what of it is known."""
    told = [] if rate is None else [f"{rate:,.0f} mails/s" if rate >= 10 else f"{rate:,.1f} mails/s"]
    return ", ".join([*told, *([] if left is None else [f"{duration(left)} left"])])


def duration(time: timedelta) -> str:
    """`2 h 5 min`, `1 min 30 s`, `8 s`."""
    seconds = max(round(time.total_seconds()), 1)
    minutes, hours = seconds // 60, seconds // 3600
    if hours:
        return f"{hours:,} h {minutes % 60} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"


def print_list(found: Sequence[MailingProgress], now: datetime) -> None:
    """One mailing a row, with a bar of what is settled."""
    from rich.console import Console
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False)
    table.add_column("No.", justify="right")
    for heading in ("Edition or campaign", "Due", "State", "Languages", "Deliveries"):
        table.add_column(heading, overflow="fold")
    if console.is_terminal:
        table.add_column("Progress", width=12)
    for progress in found:
        told = progress.mailing
        languages = ", ".join(f"{locale} {sum(counts.values()):,}" for locale, counts in progress.languages.items())
        running = told.state is MailingState.RUNNING
        moving = pace(progress.rate(now), progress.remaining(now)) if running else ""
        state = words(told.state) + (f" ({moving})" if moving else "")
        row: list[Any] = [str(told.id), edition(told), _time(told.due_at), state, languages, in_words(progress.states)]
        if console.is_terminal:
            row.append(ProgressBar(progress.total or 1, progress.settled) if progress.total else "")
        table.add_row(*row)
    console.print(table)


def print_one(progress: MailingProgress, now: datetime) -> None:
    """All about one mailing."""
    told = progress.mailing
    print(f"Mailing {told.id}: {edition(told)}")
    print(f"  State       {words(told.state)} (approval: {told.approval})")
    print(f"  Due         {_time(told.due_at)}")
    print(f"  Planned     {_time(told.planned_at)}")
    print(f"  Started     {_time(told.started_at)}")
    if told.paused_at:
        print(f"  Paused      {_time(told.paused_at)}")
    print(f"  Finished    {_time(told.finished_at)}")
    if told.aged_at:
        print(f"  Aged out    {_time(told.aged_at)}: only its numbers are kept, no longer who got what")
    print(f"  Story       {told.correlation_id}")
    print(f"  Recipients  {told.recipients:,} (for {told.skipped_empty:,} more there was nothing to send)")
    print(f"  Deliveries  {in_words(progress.states)}")
    for locale, counts in progress.languages.items():
        print(f"    {locale:<10}{in_words(counts)}")
    if progress.total:
        print(f"  Progress    {progress.settled:,} of {progress.total:,} ({percent(progress)})")
    moving = pace(progress.rate(now), progress.remaining(now))
    if moving:
        print(f"  Pace        {moving}")
    print_hints(progress)
    for view in progress.chunks:
        rests = f", rests until {_time(view.not_before)}" if view.not_before else ""
        marks = f"{view.marks.sent:,} of {view.marks.size:,} dealt with"
        print(f"  Chunk {view.chunk:<5} {view.locale}, {view.domain_group}: {view.state}, {marks}{rests}")


def percent(progress: MailingProgress) -> str:
    """100% only when all of it is settled."""
    return f"{progress.settled * 100 // progress.total}%" if progress.total else "100%"


def print_hints(progress: MailingProgress) -> None:
    """What needs a person, or what became of people."""
    told = progress.mailing
    held = progress.states.get(DeliveryState.QUARANTINED, 0)
    if told.state is MailingState.PLANNED:
        print(f"  Waits for approval: `tribune mailing approve {told.id}`")
    if told.state is MailingState.PAUSED:
        print(f"  Nothing leaves before `tribune mailing resume {told.id}`")
    if told.state is MailingState.CANCELLED:
        rest = "what their mail held comes with their next one" if told.campaign is None else "nothing is carried over"
        print(f"  Cancelled: {people(progress.unmailed)} not mailed; {rest}")
        if progress.in_doubt:
            print(f"  In doubt: nobody knows whether {people(progress.in_doubt)} got theirs; it does not come again")
    elif held:
        print(f"  Held back for staff: {mails(held)}; see `tribune mailing quarantined {told.id}`")


def print_deliveries(views: Sequence[DeliveryView]) -> None:
    """One delivery a row."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("Delivery", "Subscriber", "State", "Attempts", "Next attempt", "Why"):
        table.add_column(heading, overflow="fold")
    for view in views:
        name = f"{view.mailing}.{view.chunk}.{view.place}"
        again = _time(view.next_attempt_at)
        table.add_row(name, str(view.subscriber), words(view.state), str(view.attempts), again, view.code)
    Console(highlight=False, markup=False).print(table)


def delivery_data(view: DeliveryView) -> dict[str, Any]:
    return {
        "delivery": f"{view.mailing}.{view.chunk}.{view.place}",
        "subscriber": view.subscriber,
        "locale": view.locale,
        "state": view.state.value,
        "code": view.code,
        "attempts": view.attempts,
        "next_attempt_at": _iso(view.next_attempt_at),
    }


def mailing_data(progress: MailingProgress, now: datetime) -> dict[str, Any]:
    told, rate, left = progress.mailing, progress.rate(now), progress.remaining(now)
    return {
        "mailing": told.id,
        "digest": told.digest,
        "kind": "edition" if told.campaign is None else "campaign",
        "campaign": told.campaign.name if told.campaign else None,
        "cadence": told.cadence.value if told.cadence else None,
        "occasion": told.occasion,
        "due_at": told.due_at.isoformat(),
        "state": told.state.value,
        "started_at": _iso(told.started_at),
        "paused_at": _iso(told.paused_at),
        "aged_at": _iso(told.aged_at),
        "finished_at": _iso(told.finished_at),
        "recipients": told.recipients,
        "settled": progress.settled,
        "total": progress.total,
        "rate": None if rate is None else round(rate, 2),
        "seconds_left": None if left is None else round(left.total_seconds(), 1),
        "states": {state.value: number for state, number in progress.states.items()},
        "languages": {
            locale: {state.value: number for state, number in counts.items()}
            for locale, counts in progress.languages.items()
        },
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "-"
