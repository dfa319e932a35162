"""`tribune pull feeds|oai|ilostat [SOURCE]`: read sources now."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from tribune.commands._sources import house_for, title_of
from tribune.services.sources.pull_sources import Pull

app = typer.Typer(add_completion=False)


class Kind(StrEnum):
    """Kinds of source."""

    FEEDS = "feeds"
    OAI = "oai"
    ILOSTAT = "ilostat"


@app.command()
def pull(
    kind: Annotated[Kind, typer.Argument(help="The kind of source.")],
    source: Annotated[
        str | None,
        typer.Argument(help="A configured source id, a file or an address. Without it: every configured one."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be published; write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the events, one JSON text a line.")] = False,
    counted_as: Annotated[
        str | None, typer.Option("--as", metavar="ID", help="The source id under which a file or an address counts.")
    ] = None,
) -> None:
    """Read feeds, OAI-PMH repositories or ILOSTAT releases, and publish what is new as events."""
    from importlib import import_module

    failed = False
    with house_for(dry_run) as house:
        door = import_module(f"producers.{kind}")
        for told in door.pull(house, source, counted_as=counted_as, dry_run=dry_run):
            failed = failed or told.error is not None
            if as_json:
                _print_events(told)
            else:
                _print_story(told, dry_run)
    if failed:
        raise typer.Exit(1)


def _print_events(told: Pull) -> None:
    from tribune.services.events.event_codec import encode

    for event in told.events:
        typer.echo(encode(event).decode())
    _print_troubles(told)


def _print_troubles(told: Pull) -> None:
    for problem in told.problems:
        typer.echo(f"{told.source}: {problem}", err=True)
    if told.error:
        typer.echo(f"{told.source}: {told.error}", err=True)


def _print_story(told: Pull, dry_run: bool) -> None:
    count = len(told.events)
    verb = "would be published" if dry_run else "published"
    if not told.error or count:
        typer.echo(f"{told.source}: {count or 'no'} event{'' if count == 1 else 's'} {verb}")
    for event in told.events[:30]:
        typer.echo(f"  {event.type:22} r{event.revision}  {title_of(event)}")
    if count > 30:
        typer.echo(f"  ... and {count - 30} more (--json shows all)")
    _print_troubles(told)
