"""`tribune schedule`: what is due, and when."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tribune.domain.digests import Digest
    from tribune.ports.schedules import Upcoming

app = typer.Typer(add_completion=False, rich_markup_mode=None)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@app.callback()
def schedule() -> None:
    """What is due, and when."""


@app.command("list")
def list_(
    digest: Annotated[str | None, typer.Option(help="Only this digest.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, soonest first.")] = 40,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, one object a line.")] = False,
) -> None:
    """What is due when: in local time and in UTC, and for how many people."""
    from tribune.bootstrap import application
    from tribune.domain.errors import NotFound

    with application() as house:
        if digest is not None and digest not in house.every_digest:
            known = ", ".join(sorted(house.digests)) or "none: add [digests.NAME] to the settings"
            raise NotFound(f"There is no digest {digest!r}.", hint=f"Digests are: {known}.")
        with house.store.read() as tx:
            found = tx.schedules.upcoming(limit, digest=digest)
        if as_json:
            for upcoming in found:
                print(json.dumps(_as_data(upcoming), ensure_ascii=False))
            return
        if not found:
            print("Nothing is due: nobody has a digest yet. Import people with `tribune subscribers import FILE`.")
            return
        _print_table(found, house.clock.now(), house.every_digest)


def _print_table(found: list[Upcoming], now: datetime, digests: Mapping[str, Digest]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("Digest", "Cadence", "Local time", "Zone", "UTC", "In"):
        table.add_column(heading, overflow="fold")
    table.add_column("People", justify="right")
    for upcoming in found:
        row = upcoming.row
        local, zone = _local(upcoming)
        table.add_row(
            f"{row.digest}{_why_not(digests.get(row.digest))}",
            rhythm(upcoming),
            f"{local:%a %Y-%m-%d %H:%M}",
            zone,
            f"{row.due_at:%Y-%m-%d %H:%M}",
            in_words(row.due_at - now),
            f"{upcoming.people:,}",
        )
    # Into a pipe or a file nothing is folded.
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table)


def _why_not(digest: Digest | None) -> str:
    """Why nothing is planned of it, if nothing is."""
    if digest is None:
        return " (not in the settings)"
    return " (retired)" if digest.retired else ""


def rhythm(upcoming: Upcoming) -> str:
    """The rhythm in words: "weekly, Monday"."""
    match upcoming.row.cadence.value:
        case "weekly":
            return f"weekly, {WEEKDAYS[upcoming.row.weekday]}"
        case "monthly":
            return f"monthly, first {WEEKDAYS[upcoming.row.weekday]}"
        case "at_once":
            return "at once"
        case other:
            return other


def in_words(wait: timedelta) -> str:
    """How long from now, in its two largest units: "3 d 4 h", or "now"."""
    seconds = int(wait.total_seconds())
    if seconds <= 0:
        return "now"
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes = rest // 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    told = [f"{number} {unit}" for number, unit in parts if number][:2]
    return " ".join(told) or "< 1 min"


def _local(upcoming: Upcoming) -> tuple[datetime, str]:
    from tribune.domain.audience import Cadence
    from tribune.domain.zones import zone

    row = upcoming.row
    if row.cadence is Cadence.AT_ONCE:
        return row.due_at, "everywhere"
    return row.due_at.astimezone(zone(row.zone)), row.zone


def _as_data(upcoming: Upcoming) -> dict[str, object]:
    row = upcoming.row
    local, zone = _local(upcoming)
    return {
        "digest": row.digest,
        "cadence": row.cadence.value,
        "occasion": row.occasion,
        "due_at": row.due_at.isoformat(),
        "local": local.isoformat(),
        "zone": zone,
        "weekday": row.weekday,
        "hour": row.hour,
        "people": upcoming.people,
    }
