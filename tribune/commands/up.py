"""`tribune up`: every role in one process."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tribune.bootstrap import Application

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def up(
    host: Annotated[str | None, typer.Option(help="Address to listen on (else [web] host).")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on (else [web] port), or the next free one.")
    ] = None,
) -> None:
    """Run web, producers, consumers, senders, scheduler and, with Kafka, the relay until Ctrl-C or SIGTERM."""
    from tribune import config, logs
    from tribune.bootstrap import Application
    from tribune.commands._house import free_port, run_house
    from web.metrics import PrometheusMetrics

    settings = config.load()
    logs.configure(settings.logging.level, settings.logging.format)
    house = Application(settings, metrics=PrometheusMetrics())
    try:
        listening = free_port(host or settings.web.host, settings.web.port if port is None else port)
        run_house(house, listening, ready=partial(_tell, house))
    finally:
        house.close()


def _tell(house: Application, address: str) -> None:
    print(f"Tribune is up: {address}  (Ctrl-C stops it)", flush=True)
    with house.store.read() as tx:
        nobody = not tx.staff.everyone()
    if nobody:
        print("Nobody can come into the newsroom yet. `tribune staff add ADDRESS` invites the first administrator.")
