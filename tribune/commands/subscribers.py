"""`tribune subscribers`: take people in from a file, give them out, look at one, stop one."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Annotated

import typer

from tribune.bootstrap import application
from tribune.domain.audience import Subscriber
from tribune.domain.errors import InvalidInput, NotFound
from tribune.domain.spreadsheet import neutral
from tribune.ports.store import Transaction
from tribune.services.audience.subscriber_rows import WEEKDAYS, Refusal

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
        typer.Argument(help="CSV in UTF-8; several rows of an address are its subscriptions."),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write all refused rows, and why, to this CSV.")] = None,
) -> None:
    """Take in a file. Good rows are kept; each other row is refused with its reason. A second time changes nothing."""
    from tribune.services.audience.import_subscribers import import_subscribers

    if not file.is_file():
        raise InvalidInput("There is no such file.", where=str(file))
    with _Report(report) as kept, application() as app:
        done = import_subscribers(
            app.store,
            app.clock,
            file,
            app.digests,
            app.codelists,
            tell=kept.write,
            dry_run=dry_run,
            reach_back=app.rules.pause_reach_back,
        )
    if done.refused:
        _print_refused(done.refusals[:_SHOWN], done.refused)
    would = "Would be: " if dry_run else ""
    print(
        f"{would}{done.added} added, {done.changed} changed, {done.unchanged} unchanged;"
        f" {done.refused} of {done.rows} rows refused."
    )
    if report is not None and done.refused:
        print(f"Refused rows with their reasons: {report}")


@app.command(short_help="Give everybody out as CSV.")
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to; without it, standard output.")] = None,
) -> None:
    """Give everybody out as CSV (UTF-8 with BOM), as `import` takes it in. Holds personal data: keep it safe."""
    from tribune.services.audience.export_subscribers import export_subscribers

    with application() as app, app.store.read() as tx:
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
    with application() as app, app.store.read() as tx:
        person = _find(tx, who)
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
    from tribune.services.audience.unsubscribe import unsubscribe

    with application() as app, app.store.write() as tx:
        if digest is not None and digest not in app.digests:
            raise InvalidInput(f"There is no digest {digest!r}.", hint=f"There are: {', '.join(app.digests)}")
        person = _find(tx, who)
        changed = unsubscribe(tx, person.id, digest, app.clock.now())
    of = f"from {digest}" if digest else "from everything"
    print(f"Subscriber {person.id} is unsubscribed {of}{'' if changed else ' already'}.")


@app.command(short_help="Erase a person: all that is held about them.")
def erase(
    who: Annotated[str, typer.Argument(help="An address, or a subscriber's number.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a person: every row about them. A keyed hash of their address stays, so that no import brings them back."""
    from tribune.services.audience.erase_person import erase_person

    with application() as app:
        with app.store.read() as tx:
            person = _find(tx, who)
        if not yes:
            typer.confirm(f"Erase subscriber {person.id} for good? This cannot be undone.", abort=True)
        request = erase_person(app.store, app.email, person.id, "cli", app.clock.now())
    print(f"Subscriber {person.id} is erased (request {request.id}).")


@app.command(short_help="Bring subscriptions in step with code lists.")
def refresh() -> None:
    """Bring subscriptions in step with code lists that have changed. (Every start of Tribune does so too.)"""
    from tribune.services.audience.refresh_masks import refresh_masks

    with application() as app:
        print(f"{refresh_masks(app.store, app.codelists)} subscriptions changed.")


def _find(tx: Transaction, who: str) -> Subscriber:
    found = tx.audience.one(int(who)) if who.isascii() and who.isdigit() else tx.audience.by_address(who)
    if found is None:
        raise NotFound(f"There is no subscriber {who!r}.", hint="Give an address or a number.")
    return found


class _Report:
    """The file of refused rows; written as they come."""

    def __init__(self, path: Path | None) -> None:
        self._file = path.open("w", encoding="utf-8-sig", newline="") if path is not None else None

    def __enter__(self) -> _Report:
        if self._file is not None:
            csv.writer(self._file).writerow(("row", "column", "value", "reason", "what to do"))
        return self

    def write(self, refusal: Refusal) -> None:
        if self._file is not None:
            cells = (str(refusal.row), refusal.column, refusal.value, refusal.reason, refusal.hint)
            safe = [neutral(cell).encode("utf-8", "replace").decode() for cell in cells]
            csv.writer(self._file).writerow(safe)

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


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
