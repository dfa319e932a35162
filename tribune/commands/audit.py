"""`tribune audit`: who did what when; whether the record is whole."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, one object a line.")]


@app.callback()
def audit() -> None:
    """The audit log: entries are only ever added, each sealed with the one before."""


@app.command()
def verify(
    expect: Annotated[
        str, typer.Option(metavar="SEAL", help="A seal that was noted earlier: it must be in the chain.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Follow the chain from its first entry; name the first that does not hold. Exit code 1 where one does not."""
    import json

    from tribune.bootstrap import application
    from tribune.services.audit.verify_audit import verify_audit

    with application() as house, house.store.read() as tx:
        found = verify_audit(tx, expect.strip().lower())
    if as_json:
        told = {"whole": found.whole, "entries": found.entries, "head": found.head, "broken": found.broken}
        print(json.dumps(told | {"why": found.why}))
    elif found.whole:
        print(f"The audit log is whole: {found.entries:,} entries.")
        print(f"Its newest seal, to be noted elsewhere: {found.head}")
    else:
        print(f"The audit log is broken at entry {found.broken}: {found.why}.", file=sys.stderr)
        print(f"{found.entries:,} entries before it hold; the last good seal is {found.head}", file=sys.stderr)
    if not found.whole:
        raise typer.Exit(1)


@app.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to; without it, standard output.")] = None,
    since: Annotated[str, typer.Option(help="Entries from this day on (2026-11-30, UTC).")] = "",
    actor: Annotated[str, typer.Option(help="Only what this one did: staff/3, cli.")] = "",
) -> None:
    """Give the entries out as JSON lines, with the seals. That it was done is an entry of its own."""
    from tribune.bootstrap import application
    from tribune.domain.audit import AuditFilter
    from tribune.services.audit.export_audit import export_audit

    wanted = AuditFilter(actor=actor, since=_day(since))
    with application() as house:
        with house.store.write() as tx:
            tx.audit.add("cli", "audit.exported", "", {"filtered": wanted != AuditFilter()}, house.clock.now())
        with house.store.read() as tx:
            if file is None:
                sys.stdout.writelines(export_audit(tx, wanted))
                return
            part = file.with_name(f"{file.name}.part")
            with part.open("w", encoding="utf-8") as out:
                count = 0
                for line in export_audit(tx, wanted):
                    count += out.write(line) > 0
            part.replace(file)
    print(f"{count:,} entr{'y' if count == 1 else 'ies'} in {file}")


@app.command()
def tail(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest last.")] = 20,
    actor: Annotated[str, typer.Option(help="Only what this one did: staff/3, cli.")] = "",
    action: Annotated[str, typer.Option(help="Only this action, or group of actions: sign_in.")] = "",
    as_json: AsJson = False,
) -> None:
    """The newest entries."""
    from tribune.bootstrap import application
    from tribune.commands._rows import print_rows, shown_time
    from tribune.domain.audit import AuditFilter

    with application() as house, house.store.read() as tx:
        found = tx.audit.newest(limit, AuditFilter(actor=actor, action=action))
        names = {one.actor: one.name for one in tx.staff.everyone()}
    rows = [
        {
            "no.": str(one.number),
            "at": shown_time(one.at),
            "who": one.actor if as_json else f"{one.actor} {names.get(one.actor, '')}".strip(),
            "what": one.action,
            "about": one.about,
            "facts": "; ".join(f"{name}: {value}" for name, value in sorted(one.facts.items())),
        }
        for one in reversed(found)
    ]
    print_rows(rows, as_json, "There is no such entry.")


def _day(text: str) -> datetime | None:
    from datetime import UTC

    from tribune.domain.errors import InvalidInput

    if not text:
        return None
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{text!r} is not a day.", hint="Write it as 2026-11-30.") from None
    return told if told.tzinfo else told.replace(tzinfo=UTC)
