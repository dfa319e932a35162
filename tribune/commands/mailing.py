"""`tribune mailing`: mailings and their deliveries. No addresses here: people are numbers."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tribune.domain.mailings import Mailing
    from tribune.ports.ledger import DeliveryView
    from tribune.services.sending.mailing_progress import MailingProgress

app = typer.Typer(add_completion=False, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, one object a line.")]
Id = Annotated[int, typer.Argument(metavar="MAILING", help="The mailing's number.")]


@app.callback()
def mailing() -> None:
    """Mailings and their deliveries."""


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 20, as_json: AsJson = False
) -> None:
    """The newest mailings: for whom, when, how far."""
    from tribune.bootstrap import application

    with application() as house, house.store.read() as tx:
        from tribune.services.sending.mailing_progress import mailing_progress

        found = [mailing_progress(tx, told.id) for told in tx.ledger.mailings(limit=limit)]
    if as_json:
        for progress in found:
            print(json.dumps(_as_data(progress), ensure_ascii=False))
        return
    if not found:
        print("No mailing has been planned yet. `tribune schedule list` shows what is due when.")
        return
    _print_list(found)


@app.command()
def show(
    mailing_id: Id,
    failed: Annotated[bool, typer.Option("--exceptions", help="Also each delivery that is not simply sent.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many of them.")] = 100,
    as_json: AsJson = False,
) -> None:
    """One mailing: its numbers in all, per language and per chunk."""
    from tribune.bootstrap import application
    from tribune.services.sending.mailing_progress import mailing_progress

    with application() as house, house.store.read() as tx:
        progress = mailing_progress(tx, mailing_id)
        exceptions = tx.ledger.deliveries(mailing_id, states=_exceptional(), limit=limit) if failed else []
    if as_json:
        print(json.dumps(_as_data(progress) | {"exceptions": [_delivery(view) for view in exceptions]}))
        return
    _print_one(progress)
    if failed:
        _print_deliveries(exceptions)


@app.command()
def approve(mailing_id: Id) -> None:
    """Let a mailing leave that waits for approval."""
    from tribune.bootstrap import application
    from tribune.services.planning.approve_mailing import approve_mailing

    with application() as house, house.store.write() as tx:
        told = approve_mailing(tx, mailing_id, house.clock.now())
    print(f"Mailing {told.id} ({_edition(told)}) is approved: {told.recipients:,} mails leave now.")


@app.command()
def quarantined(
    mailing_id: Annotated[int | None, typer.Argument(metavar="[MAILING]", help="Only this mailing.")] = None,
    send_again: Annotated[bool, typer.Option("--send-again", help="Send them once more.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Deliveries that the senders gave up without knowing what became of them: look, or send them once more."""
    from tribune.bootstrap import application
    from tribune.domain.errors import InvalidInput
    from tribune.domain.mailings import DeliveryState
    from tribune.services.sending.send_retries import send_quarantined_again

    with application() as house:
        if send_again:
            if mailing_id is None:
                raise InvalidInput("Which mailing?", hint="Try `tribune mailing quarantined MAILING --send-again`.")
            with house.store.write() as tx:
                number = send_quarantined_again(tx, mailing_id, house.clock.now())
            print(f"{number:,} deliveries of mailing {mailing_id} are sent once more." if number else "There are none.")
            return
        with house.store.read() as tx:
            ids = [mailing_id] if mailing_id is not None else [told.id for told in tx.ledger.mailings(limit=1000)]
            found: list[DeliveryView] = []
            for id in ids:
                found += tx.ledger.deliveries(id, states=[DeliveryState.QUARANTINED], limit=limit - len(found))
                if len(found) >= limit:
                    break
    if as_json:
        for view in found:
            print(json.dumps(_delivery(view), ensure_ascii=False))
    elif found:
        _print_deliveries(found)
    else:
        print("Nothing is quarantined.")


def _exceptional() -> list[Any]:
    from tribune.domain.mailings import DeliveryState

    return [state for state in DeliveryState if state not in (DeliveryState.SENT, DeliveryState.WAITING)]


def _edition(told: Mailing) -> str:
    return f"{told.digest}, {told.cadence.value.replace('_', ' ')}, {told.occasion}"


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "-"


def _states(states: Any) -> str:
    return ", ".join(f"{number:,} {state.value.replace('_', ' ')}" for state, number in states.items()) or "none"


def _print_list(found: list[MailingProgress]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("No.", justify="right")
    for heading in ("Edition", "Due", "State", "Languages", "Deliveries"):
        table.add_column(heading, overflow="fold")
    for progress in found:
        told = progress.mailing
        languages = ", ".join(f"{locale} {sum(counts.values()):,}" for locale, counts in progress.languages.items())
        table.add_row(
            str(told.id), _edition(told), _time(told.due_at), told.state.value, languages, _states(progress.states)
        )
    Console(highlight=False).print(table)


def _print_one(progress: MailingProgress) -> None:
    told = progress.mailing
    print(f"Mailing {told.id}: {_edition(told)}")
    print(f"  State       {told.state.value} (approval: {told.approval})")
    print(f"  Due         {_time(told.due_at)}")
    print(f"  Planned     {_time(told.planned_at)}")
    print(f"  Started     {_time(told.started_at)}")
    print(f"  Finished    {_time(told.finished_at)}")
    print(f"  Story       {told.correlation_id}")
    print(f"  Recipients  {told.recipients:,} (for {told.skipped_empty:,} more there was nothing to send)")
    print(f"  Deliveries  {_states(progress.states)}")
    for locale, counts in progress.languages.items():
        print(f"    {locale:<10}{_states(counts)}")
    for view in progress.chunks:
        rests = f", rests until {_time(view.not_before)}" if view.not_before else ""
        marks = f"{view.marks.sent:,} of {view.marks.size:,} dealt with"
        print(f"  Chunk {view.chunk:<5} {view.locale}, {view.domain_group}: {view.state}, {marks}{rests}")


def _print_deliveries(views: list[DeliveryView]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("Delivery", "Subscriber", "State", "Attempts", "Next attempt", "Why"):
        table.add_column(heading, overflow="fold")
    for view in views:
        name = f"{view.mailing}.{view.chunk}.{view.place}"
        again = _time(view.next_attempt_at)
        state = view.state.value.replace("_", " ")
        table.add_row(name, str(view.subscriber), state, str(view.attempts), again, view.code, style=None)
    Console(highlight=False, markup=False).print(table)


def _delivery(view: DeliveryView) -> dict[str, Any]:
    return {
        "delivery": f"{view.mailing}.{view.chunk}.{view.place}",
        "subscriber": view.subscriber,
        "locale": view.locale,
        "state": view.state.value,
        "code": view.code,
        "attempts": view.attempts,
        "next_attempt_at": view.next_attempt_at.isoformat() if view.next_attempt_at else None,
    }


def _as_data(progress: MailingProgress) -> dict[str, Any]:
    told = progress.mailing
    return {
        "mailing": told.id,
        "digest": told.digest,
        "cadence": told.cadence.value,
        "occasion": told.occasion,
        "due_at": told.due_at.isoformat(),
        "state": told.state.value,
        "recipients": told.recipients,
        "states": {state.value: number for state, number in progress.states.items()},
        "languages": {
            locale: {state.value: number for state, number in counts.items()}
            for locale, counts in progress.languages.items()
        },
    }
