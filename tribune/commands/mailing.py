"""`tribune mailing`: mailings and their deliveries. No addresses here: people are numbers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from tribune.commands._numbers import LARGEST
from tribune.commands._settle import settle

if TYPE_CHECKING:
    from tribune.bootstrap import Application
    from tribune.domain.mailings import Mailing
    from tribune.ports.store import Transaction
    from tribune.services.sending.cancel_mailing import Closed

app = typer.Typer(add_completion=False, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, one object a line.")]
Id = Annotated[int, typer.Argument(metavar="MAILING", max=LARGEST, help="The mailing's number.")]
Watch = Annotated[bool, typer.Option("--watch", help="Watch it until it is finished; Ctrl-C leaves.")]


class Retried(StrEnum):
    """Out of which states deliveries are tried again (those of tribune.services.sending.retry_mailing)."""

    QUARANTINED = "quarantined"
    RETRY = "retry"
    FAILED = "failed"


@app.callback()
def mailing() -> None:
    """Mailings and their deliveries."""


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=LARGEST, help="How many, the newest first.")] = 20,
    all_: Annotated[bool, typer.Option("--all", help="Also those without any delivery.")] = False,
    as_json: AsJson = False,
) -> None:
    """The newest mailings that have deliveries: for whom, when, how far."""
    from tribune.bootstrap import application
    from tribune.commands._mailing_views import mailing_data, print_list
    from tribune.services.sending.mailing_progress import mailing_progress

    with application() as house, house.store.read() as tx:
        found = [mailing_progress(tx, told.id) for told in tx.ledger.mailings(limit=limit, empty=all_)]
        oldest = found[-1].mailing.id if len(found) == limit else 0
        left_out = 0 if all_ else tx.ledger.count_empty(oldest)
        now = tx.now()
    which = "1 mailing without any delivery is" if left_out == 1 else f"{left_out:,} mailings without any delivery are"
    note = f"{which} left out; see {'it' if left_out == 1 else 'them'} with --all." if left_out else ""
    if as_json:
        for progress in found:
            print(json.dumps(mailing_data(progress, now), ensure_ascii=False))
        if note:
            print(note, file=sys.stderr)
    elif found or note:
        if found:
            print_list(found, now)
        if note:
            print(note)
    else:
        print("No mailing has been planned yet. `tribune schedule list` shows what is due when.")


@app.command()
def show(
    mailing_id: Id,
    failed: Annotated[bool, typer.Option("--exceptions", help="Also each delivery that is not simply sent.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=LARGEST, help="How many of them.")] = 100,
    watching: Watch = False,
    as_json: AsJson = False,
) -> None:
    """One mailing: its numbers in all, per language and per chunk, how quick it is and how long it still takes."""
    from tribune.bootstrap import application
    from tribune.commands import _mailing_views as views
    from tribune.services.sending.mailing_progress import mailing_progress

    with application() as house:
        if watching:
            _watch(house, mailing_id, as_json)
            if as_json:
                return
        with house.store.read() as tx:
            progress = mailing_progress(tx, mailing_id)
            exceptions = tx.ledger.deliveries(mailing_id, states=views.EXCEPTIONAL, limit=limit) if failed else []
            now = tx.now()
    if as_json:
        print(
            json.dumps(
                views.mailing_data(progress, now) | {"exceptions": [views.delivery_data(view) for view in exceptions]}
            )
        )
        return
    views.print_one(progress, now)
    if failed:
        views.print_deliveries(exceptions)


@app.command()
def approve(mailing_id: Id, as_json: AsJson = False) -> None:
    """Let a mailing leave that waits for approval."""
    from tribune.commands._mailing_views import mails
    from tribune.services.planning.approve_mailing import approve_mailing

    def said(told: Mailing) -> str:
        leave = "leaves" if told.recipients == 1 else "leave"
        # A campaign may be planned for later; what was due before it was approved leaves at once.
        later = told.campaign is not None and told.due_at > told.planned_at
        when = f"at {told.due_at:%Y-%m-%d %H:%M} UTC, or now where that has passed" if later else "now"
        return f"is approved: {mails(told.recipients)} {leave} {when}."

    _change(mailing_id, approve_mailing, "mailing.approved", said, as_json)


@app.command()
def pause(mailing_id: Id, as_json: AsJson = False) -> None:
    """Let a mailing rest: nothing of it leaves but what is being sent at this moment, and nothing is lost."""
    from tribune.services.sending.pause_mailing import pause_mailing

    def said(told: Mailing) -> str:
        return (
            "is paused. Each sender finishes the mails that it has in hand. "
            f"Let it go on with `tribune mailing resume {told.id}`."
        )

    _change(mailing_id, pause_mailing, "mailing.paused", said, as_json)


@app.command()
def resume(mailing_id: Id, watching: Watch = False, as_json: AsJson = False) -> None:
    """Let a paused mailing go on."""
    from tribune.services.sending.pause_mailing import resume_mailing

    _change(mailing_id, resume_mailing, "mailing.resumed", lambda told: "goes on.", as_json, watching)


@app.command()
def cancel(
    mailing_id: Id,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Cancel a mailing: what has not left never will; an edition's comes with the next one. This cannot be undone."""
    from tribune.bootstrap import application
    from tribune.commands import _mailing_views as views
    from tribune.commands._written import write_down
    from tribune.domain.errors import InvalidInput
    from tribune.services.sending.cancel_mailing import cancel_mailing, may_be_cancelled
    from tribune.services.sending.mailing_progress import mailing_progress

    with application() as house:
        if not yes:
            with house.store.read() as tx:
                told = may_be_cancelled(tx, mailing_id)
                people = views.people(tx.cancelling.unmailed(mailing_id))
            if not sys.stdin.isatty():
                raise InvalidInput(
                    f"{people} would not be mailed: say so with --yes, for nobody can be asked here.",
                    hint=f"`tribune mailing cancel {mailing_id} --yes`",
                )
            question = f"Cancel mailing {told.id} ({views.edition(told)})? {people} will not be mailed by it"
            if not typer.confirm(question):
                print("Nothing was changed.")
                return
        with house.store.write() as tx:
            told, closed = cancel_mailing(tx, mailing_id, tx.now())
            write_down(tx, "mailing.cancelled", f"mailing/{mailing_id}")
        carried, held = _close(house, mailing_id, closed, quiet=as_json)
        with house.store.read() as tx:
            progress, now = mailing_progress(tx, mailing_id), tx.now()
    if as_json:
        data = views.mailing_data(progress, now)
        print(json.dumps(data | {"unmailed": progress.unmailed, "carried_over": carried}))
        return
    rest = f"for {views.people(carried)} what their mail held comes with their next one"
    if held:
        rest += " already, for the others as soon as the senders have let go of their chunks"
    print(
        f"Mailing {told.id} ({views.edition(told)}) is cancelled: {views.people(progress.unmailed)} not mailed; "
        f"{rest if told.campaign is None else 'nothing is carried over'}."
    )
    if progress.in_doubt:
        print(
            f"Of {views.people(progress.in_doubt)} nobody knows yet whether theirs left: a sender has it in hand, or "
            f"died with it. See `tribune mailing show {told.id} --exceptions`."
        )


@app.command()
def retry(
    mailing_id: Id,
    states: Annotated[
        list[Retried] | None,
        typer.Option("--state", help="Only those in this state (may be given again). Failed ones only where named."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Try again now: what is held back for staff, and what waits for its next attempt.

    A mail that is held back because nobody knows what became of it may reach its reader a second time; both copies
    have the same Message-ID.
    """
    from tribune.bootstrap import application
    from tribune.commands._mailing_views import in_words
    from tribune.commands._written import write_down
    from tribune.domain.mailings import DeliveryState
    from tribune.services.sending.retry_mailing import BY_ITSELF, retry_mailing

    wanted = tuple(DeliveryState(state.value) for state in dict.fromkeys(states)) if states else BY_ITSELF
    with application() as house:
        with house.store.write() as tx:
            found = retry_mailing(tx, mailing_id, tx.now(), wanted)
            write_down(tx, "mailing.retried", f"mailing/{mailing_id}", {s.value: n for s, n in found.items()})
        some = {state: number for state, number in found.items() if number}
        if as_json:
            print(json.dumps({"mailing": mailing_id, "tried_again": {s.value: n for s, n in found.items()}}))
        elif some:
            number = sum(some.values())
            print(
                f"{number:,} {'delivery' if number == 1 else 'deliveries'} of mailing {mailing_id} "
                f"{'is' if number == 1 else 'are'} tried again now ({in_words(some)})."
            )
        else:
            print(f"Mailing {mailing_id} has no delivery to try again.")


app.command()(settle)


@app.command()
def quarantined(
    mailing_id: Annotated[
        int | None, typer.Argument(metavar="[MAILING]", max=LARGEST, help="Only this mailing.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=LARGEST, help="How many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Deliveries that are held back for a person, and those of cancelled mailings that are in doubt."""
    from tribune.bootstrap import application
    from tribune.commands._mailing_views import delivery_data, print_deliveries
    from tribune.services.sending.look_at_held_back import look_at_held_back

    with application() as house, house.store.read() as tx:
        held = look_at_held_back(tx, mailing_id, limit)
    more = f"... and {held.more:,} more; see them with --limit {held.total}." if held.more else ""
    if as_json:
        for view in held.first:
            print(json.dumps(delivery_data(view), ensure_ascii=False))
        if more:
            print(more, file=sys.stderr)
        return
    if not held.total:
        print("Nothing is held back.")
        return
    print_deliveries(held.first)
    if more:
        print(more)
    if held.may_be_sent:
        print("Send them once more with `tribune mailing retry MAILING`, or leave them so with")
        print("`tribune mailing settle MAILING`.")
    if held.of_cancelled:
        print("Those of cancelled mailings are for you to know: nothing of these leaves any more.")


def _watch(house: Application, mailing_id: int, as_json: bool) -> None:
    from tribune.commands._mailing_watch import watch

    watch(house, mailing_id, as_json=as_json)


def _change(
    mailing_id: int,
    change: Callable[[Transaction, int, datetime], Mailing],
    action: str,
    said: Callable[[Mailing], str],
    as_json: bool,
    watching: bool = False,
) -> None:
    """Change a mailing, write that down as `action`, and tell it: as a sentence that ends with what is `said`, or the
    mailing as it is now."""
    from tribune.bootstrap import application
    from tribune.commands._mailing_views import edition, mailing_data
    from tribune.commands._written import write_down
    from tribune.services.sending.mailing_progress import mailing_progress

    with application() as house:
        with house.store.write() as tx:
            told = change(tx, mailing_id, tx.now())
            write_down(tx, action, f"mailing/{mailing_id}")
        if as_json:
            with house.store.read() as tx:
                print(json.dumps(mailing_data(mailing_progress(tx, mailing_id), tx.now())))
        else:
            print(f"Mailing {told.id} ({edition(told)}) {said(told)}")
        if watching:
            _watch(house, mailing_id, as_json)


def _close(house: Application, mailing_id: int, first: Closed, *, quiet: bool) -> tuple[int, int]:
    """Carry over what the first slice left, with a bar where somebody looks; for how many people in all, and how many
    chunks senders still hold, which the scheduler closes."""
    from rich.console import Console
    from rich.progress import Progress

    from tribune.services.sending.cancel_mailing import close_slice

    people, slice = first.people, first
    console = Console(stderr=True)
    with Progress(console=console, disable=quiet or not console.is_terminal or not first.left, transient=True) as bar:
        task = bar.add_task("Carrying over", total=first.chunks + first.left, completed=first.chunks)
        while slice.chunks and slice.left:
            with house.store.write() as tx:
                slice = close_slice(tx, mailing_id, tx.now())
            people += slice.people
            bar.advance(task, slice.chunks)
    return people, slice.left
