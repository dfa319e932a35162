"""`tribune up`: everything in one process, on the embedded defaults."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def up(
    host: Annotated[str | None, typer.Option(help="Address to listen on (else [web] host).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (else [web] port).")] = None,
) -> None:
    """Run the web, the producers, the consumers, the senders and the scheduler until Ctrl-C or SIGTERM."""
    from tribune import config, logs
    from tribune.bootstrap import application
    from tribune.commands._house import free_port, run_house
    from web.metrics import PrometheusMetrics

    settings = config.load()
    logs.configure(settings.logging.level, settings.logging.format)
    with application(settings, metrics=PrometheusMetrics()) as house:
        house.prepare()
        chosen = host or settings.web.host
        listening = free_port(chosen, settings.web.port if port is None else port)
        run_house(
            house, listening, ready=lambda address: print(f"Tribune is up: {address}  (Ctrl-C stops it)", flush=True)
        )
