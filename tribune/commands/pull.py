"""`tribune pull feeds|oai|ilostat [SOURCE]`: read sources now."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from sqlalchemy import make_url

from tribune import config, logs
from tribune.bootstrap import Application, application
from tribune.domain.events import CloudEvent
from tribune.services.pull_sources import Pull

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
    logs.configure("critical")  # what the log would say is printed below
    with _house(dry_run) as house:
        door = import_module(f"producers.{kind}")
        for told in door.pull(house, source, counted_as=counted_as, dry_run=dry_run):
            failed = failed or told.error is not None
            if as_json:
                _print_events(told)
            else:
                _print_story(told, dry_run)
    if failed:
        raise typer.Exit(1)


@contextmanager
def _house(dry_run: bool) -> Iterator[Application]:
    """The application. A dry run writes nothing: where there is no store yet, an empty one stands in elsewhere."""
    settings = config.load()
    path = make_url(settings.store.url).database
    with TemporaryDirectory() as elsewhere:
        if dry_run and not (path and Path(path).is_file()):
            store = settings.store.model_copy(update={"url": f"sqlite:///{elsewhere}/tribune.sqlite3"})
            settings = settings.model_copy(update={"store": store})
        with application(settings) as house:
            house.prepare()
            yield house


def _print_events(told: Pull) -> None:
    from tribune.services.event_codec import encode

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
        typer.echo(f"  {event.type:22} r{event.revision}  {_title(event)}")
    if count > 30:
        typer.echo(f"  ... and {count - 30} more (--json shows all)")
    _print_troubles(told)


def _title(event: CloudEvent) -> str:
    versions = event.data.get("versions") or [{}]
    title = versions[0].get("title") or event.data["record"]
    languages = ", ".join(version.get("language", "") for version in versions)
    data = event.data.get("data")
    if data:
        counts = {name: data.get(f"{name}_count", 0) for name in ("new", "revised", "removed")}
        said = "first load" if data.get("first_load") else ", ".join(f"{n:,} {name}" for name, n in counts.items() if n)
        return f"{title} [{said}]"
    return f"{title} ({languages})" if languages else json.dumps(event.data, ensure_ascii=False)
