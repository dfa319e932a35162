"""`tribune subscribers`: take people in from a file, give them out, look at one, stop one."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from tribune.bootstrap import application
from tribune.commands._written import CLI, write_down
from tribune.domain.audience import Subscriber
from tribune.domain.errors import InvalidInput, NotFound
from tribune.domain.imports import Basis, BasisKind, Import, Outcome, Refusal
from tribune.ports.store import Transaction
from tribune.services.audience.subscriber_cells import WEEKDAYS

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Subscribers: import, export, show, unsubscribe, erase.",
)

_SHOWN = 20


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(help="CSV (UTF-8, UTF-16, Windows-1252); several rows of an address are its subscriptions."),
    ],
    basis: Annotated[
        BasisKind,
        typer.Option(
            help="Why you may write to these people: consent (given elsewhere; needs --given), contract (or"
            " membership), public_function (they are written to in their function), transfer (from a system that this"
            " one replaces).",
        ),
    ],
    source: Annotated[
        str, typer.Option(help="Where the people or their consent come from, in words; kept with each of them.")
    ],
    given: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day of the consent.")] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="A column of the file (its name, or '#4': its place) and what it is: 'E-Mail 2=address';"
            " 'Notes=' passes it over.",
        ),
    ] = None,
    default: Annotated[
        list[str] | None,
        typer.Option(help="What holds for who is new, where the file says nothing: 'zone=Africa/Dakar'."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write what was done with each row, and why not, to this CSV.")
    ] = None,
) -> None:
    """Take in a file. Good rows are kept; each other row is refused with its reason. A second time changes nothing.
    After a stop, run it again: what was stored stands."""
    from tribune.services.audience.import_report import Report
    from tribune.services.audience.import_subscribers import Columns, import_subscribers

    if not file.is_file():
        raise InvalidInput("There is no such file.", where=str(file))
    columns = Columns(_pairs(map_ or [], "--map"), _pairs(default or [], "--default"))
    with application() as app:

        def begun(_: int) -> None:
            with app.store.write() as tx:
                write_down(tx, "import.started", "", {"basis": basis.value})

        stated = Basis.stated(basis, source, given.date() if given else None, app.clock.now())
        with Report(report) if report is not None else nullcontext() as kept:
            done = import_subscribers(
                app.store,
                app.clock,
                file,
                app.digests,
                app.codelists,
                basis=stated,
                columns=columns,
                report=kept,
                dry_run=dry_run,
                reach_back=app.rules.pause_reach_back,
                surveyed=None if dry_run else begun,
            )
        if not dry_run:
            with app.store.write() as tx:
                facts = {"added": done.added, "changed": done.changed, "refused": done.refused}
                write_down(tx, "import.done", "", facts)
    _print_import(done, dry_run)
    if report is not None:
        print(f"What was done with each row: {report}")


def _print_import(done: Import, dry_run: bool) -> None:
    if done.refused:
        _print_refused(done.refusals[:_SHOWN], done.refused)
    would = "Would be: " if dry_run else ""
    print(
        f"{would}{done.added} added, {done.changed} changed, {done.unchanged} unchanged;"
        f" {done.refused} of {done.rows} rows refused."
    )
    if again := done.outcomes[Outcome.DUPLICATE]:
        print(f"{again} rows said what an earlier one had said.")


def _pairs(told: list[str], option: str) -> dict[str, str]:
    found = {}
    for pair in told:
        name, equals, value = pair.rpartition("=")
        if not equals:
            raise InvalidInput(f"{pair!r} has no equals sign.", where=option, hint="Use NAME=VALUE.")
        found[name.strip()] = value.strip()
    return found


@app.command(short_help="Give everybody out as CSV.")
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to; without it, standard output.")] = None,
) -> None:
    """Give everybody out as CSV (UTF-8 with BOM), as `import` takes it in. Holds personal data: keep it safe."""
    from tribune.services.audience.export_subscribers import export_subscribers

    with application() as app:
        with app.store.write() as tx:
            write_down(tx, "people.exported", "", {"people": sum(tx.audience.count().values())})
        with app.store.read() as tx:
            if file is None:
                sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
                export_subscribers(tx, sys.stdout)
                return
            part = file.with_name(f"{file.name}.part")
            with part.open("w", encoding="utf-8", newline="") as out:
                people = export_subscribers(tx, out)
            part.replace(file)
    print(f"{people} subscriber{'s' if people != 1 else ''} in {file}")


@app.command(short_help="Show a person and what they asked for.")
def show(who: Annotated[str, typer.Argument(help="An address, or a subscriber's number.")]) -> None:
    """Show a person, what they asked for, and up to where they have been served."""
    with application() as app, app.store.write() as tx:
        person = _find(tx, who)
        write_down(tx, "person.seen", f"subscriber/{person.id}")
        why = tx.audience.suppressed([person.address]).get(person.address)
    print(f"{person.id}  {person.name} <{person.address}>  {person.group}, {person.status.value}")
    print(f"    reads {', '.join(person.languages)}, otherwise {person.fallback.value}; {person.zone}")
    if why:
        print(f"    never mailed: {why}")
    for rhythm in person.rhythms:
        when = {
            "at_once": "at once",
            "daily": f"daily at {rhythm.hour}:00",
            "weekly": f"weekly, {WEEKDAYS[rhythm.weekday].title()} at {rhythm.hour}:00",
            "monthly": f"monthly, first {WEEKDAYS[rhythm.weekday].title()} at {rhythm.hour}:00",
        }[rhythm.cadence.value]
        served = f"last {rhythm.last_date}" if rhythm.last_date else "none yet"
        stopped = f", stopped {rhythm.stopped_at:%Y-%m-%d}" if rhythm.stopped_at else ""
        print(f"  {rhythm.digest}: {when} ({served}, up to release {rhythm.mark}{stopped})")
        for wish in person.subscriptions:
            if (wish.digest, wish.cadence) == (rhythm.digest, rhythm.cadence):
                axes = (wish.choice.policy_areas, wish.choice.places, wish.choice.kinds)
                print("      " + "; ".join(", ".join(sorted(axis)) or "any" for axis in axes))


@app.command(short_help="Stop mailing a person.")
def unsubscribe(
    who: Annotated[str, typer.Argument(help="An address, or a subscriber's number.")],
    digest: Annotated[str | None, typer.Option(help="Only this digest; without it, everything.")] = None,
) -> None:
    """Stop mailing a person, from the next mail on."""
    from tribune.services.people.help_person import stop_person

    with application() as app, app.store.write() as tx:
        if digest is not None and digest not in app.digests:
            raise InvalidInput(f"There is no digest {digest!r}.", hint=f"There are: {', '.join(app.digests)}")
        person = _find(tx, who)
        changed = stop_person(tx, person.id, digest, CLI, app.clock.now())
    of = f"from {digest}" if digest else "from everything"
    print(f"Subscriber {person.id} is unsubscribed {of}{'' if changed else ' already'}.")


@app.command(short_help="Erase a person: all that is held about them.")
def erase(
    who: Annotated[str, typer.Argument(help="An address, or a subscriber's number.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a person: every row about them. A keyed hash of their address stays, so that no import brings them back."""
    from tribune.services.people.help_person import erase_at_once

    with application() as app:
        with app.store.read() as tx:
            person = _find(tx, who)
        if not yes:
            typer.confirm(f"Erase subscriber {person.id} for good? This cannot be undone.", abort=True)
        request = erase_at_once(app.store, app.email, person.id, CLI, app.clock.now())
    print(f"Subscriber {person.id} is erased (request {request.id}).")


@app.command(short_help="Bring subscriptions in step with code lists.")
def refresh() -> None:
    """Bring subscriptions in step with code lists that have changed. (Every start of Tribune does so too.)"""
    from tribune.services.audience.refresh_masks import refresh_masks

    with application() as app:
        print(f"{refresh_masks(app.store, app.codelists)} subscriptions changed.")


def _find(tx: Transaction, who: str) -> Subscriber:
    is_number = who.isascii() and who.isdigit() and len(who) < 10
    found = tx.audience.one(int(who)) if is_number else tx.audience.by_address(who)
    if found is None:
        raise NotFound(f"There is no subscriber {who!r}.", hint="Give an address or a number.")
    return found


def _print_refused(refused: list[Refusal], number: int) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("row", "column", "value", "why", title="Rows that were refused")
    for refusal in refused:
        value = refusal.value.encode("utf-8", "backslashreplace").decode()
        cells = (str(refusal.row), refusal.column, value, f"{refusal.reason} {refusal.hint}".strip())
        # Text, not markup: a file's cells are not ours to interpret.
        table.add_row(*(Text("".join(c if c.isprintable() else "·" for c in cell)) for cell in cells))
    console = Console()
    console.print(table)
    if number > len(refused):
        console.print(f"... and {number - len(refused)} more; --report FILE lists them all.")
