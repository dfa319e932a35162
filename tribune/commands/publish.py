"""`tribune publish item.yaml ...`: publish items written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from producers import by_hand
from tribune.commands._sources import house_for, title_of
from tribune.services.events.event_codec import encode
from tribune.services.sources.plain_text import counted

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def publish(
    paths: Annotated[list[Path], typer.Argument(help="Item files (YAML or JSON), or folders of them.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be published; write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the events, one JSON text a line.")] = False,
) -> None:
    """Publish items from files. What has not changed gives no event; with a mistake in one, none is published."""
    with house_for(dry_run) as house:
        events = by_hand.publish(house, paths, by="cli", dry_run=dry_run)
    for event in events:
        typer.echo(encode(event).decode() if as_json else f"{event.type:22} r{event.revision}  {title_of(event)}")
    if not as_json:
        count = counted(len(events), "event", "events")
        typer.echo(f"{count} {'would be published' if dry_run else 'published'}" if events else "Nothing has changed.")
