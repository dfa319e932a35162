"""`tribune demo`: the whole way of an event with the sample organisation, told as a story."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End when the story is told, instead of serving the desk.")
    ] = False,
    folder: Annotated[Path, typer.Option(help="Where the demo keeps its data; emptied at the start.")] = Path(
        "var/demo"
    ),
    port: Annotated[int, typer.Option(help="First port to try for the desk.")] = 8080,
    host: Annotated[str | None, typer.Option(help="Address to listen on (else [web] host).")] = None,
) -> None:
    """Run twelve days of the sample organisation, tell what happened, then serve the desk until Ctrl-C."""
    from tribune import logs
    from tribune.bootstrap import Application
    from tribune.commands import _demo_story as story
    from tribune.commands._house import EVERYTHING, address_of, free_port, run_house
    from tribune.commands._parts import Role
    from tribune.ports.clock import StoppedClock, SystemClock

    logs.configure("warning")
    listening = None if once else free_port(host or "127.0.0.1", port)
    settings = story.demo_settings(folder, host=host, base_url=address_of(listening).rstrip("/") if listening else None)
    clock = StoppedClock(story.START)
    house = Application(settings, clock)
    try:
        story.tell(house, clock)
    finally:
        house.close()
    if listening is None:
        return
    from web.metrics import PrometheusMetrics

    # The desk goes on from the end of the demo's week, at the pace of the real clock.
    going_on = SystemClock(clock.now() - SystemClock().now())
    house = Application(settings, going_on, PrometheusMetrics())
    try:
        # The sample's sources stand at addresses that belong to nobody.
        run_house(house, listening, ready=partial(story.invite, house), roles=EVERYTHING - {Role.PRODUCERS})
    finally:
        house.close()
