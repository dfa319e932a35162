"""`tribune consents`: on what ground people are written to. No addresses here: people are numbers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tribune.commands._numbers import LARGEST

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Consent records: what was agreed, in which words, when and from where.",
)

Subscriber = Annotated[int | None, typer.Option(max=LARGEST, help="Only those of this person (their number).")]


@app.callback()
def consents() -> None:
    """Consent records: what was agreed, in which words, when and from where."""


@app.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to; without it, standard output.")] = None,
    subscriber: Subscriber = None,
) -> None:
    """Give the records out as CSV (UTF-8 with BOM), the oldest first, each with the words that were shown."""
    from tribune.bootstrap import application
    from tribune.commands._written import write_down
    from tribune.services.audience.export_consents import export_consents

    with application() as house:
        with house.store.write() as tx:
            write_down(tx, "consents.exported", f"subscriber/{subscriber}" if subscriber else "")
        with house.store.read() as tx:
            if file is None:
                sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
                export_consents(tx, sys.stdout, subscriber)
                return
            part = file.with_name(f"{file.name}.part")
            with part.open("w", encoding="utf-8", newline="") as out:
                number = export_consents(tx, out, subscriber)
            part.replace(file)
    print(f"{number} records: {file}")
