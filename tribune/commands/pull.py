"""`tribune pull feeds|oai|ilostat [SOURCE]`: read sources now."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from urllib.parse import unquote

import typer

from tribune.commands._sources import house_for, title_of
from tribune.domain.errors import InvalidInput
from tribune.services.sources.plain_text import counted
from tribune.services.sources.pull_sources import Pull

app = typer.Typer(add_completion=False, rich_markup_mode=None)


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
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="ilostat SOURCE: take a release that lost most of its observations.")
    ] = False,
) -> None:
    """Read feeds, OAI-PMH repositories or ILOSTAT releases, and publish what is new as events."""
    from importlib import import_module

    if accept_loss and (kind is not Kind.ILOSTAT or source is None):
        raise InvalidInput("--accept-loss is for one ILOSTAT source.", hint="tribune pull ilostat SOURCE --accept-loss")
    more = {"accept_loss": True} if accept_loss else {}
    failed = False
    with house_for(dry_run) as house:
        door = import_module(f"producers.{kind}")
        for told in door.pull(house, source, counted_as=counted_as, dry_run=dry_run, **more):
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
        said, where = str(told.error), told.error.where
        # A source that is named by its address need not say it twice.
        said = said.removeprefix(f"{where}: ") if unquote(told.source) == unquote(where) else said
        typer.echo(f"{told.source}: {said}", err=True)


def _print_story(told: Pull, dry_run: bool) -> None:
    verb = "would be published" if dry_run else "published"
    if not told.error or told.events:
        count = counted(len(told.events), "event", "events") if told.events else "no events"
        typer.echo(f"{told.source}: {count} {verb}")
    for event in told.events[:30]:
        typer.echo(f"  {event.type:22} r{event.revision}  {title_of(event)}")
    if len(told.events) > 30:
        typer.echo(f"  ... and {len(told.events) - 30:,} more (--json shows all)")
    _print_troubles(told)
