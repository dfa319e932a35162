"""`tribune run`: one role a process, several copies where wanted."""

from __future__ import annotations

from typing import Annotated

import typer

from tribune.commands._parts import Role

app = typer.Typer(add_completion=False, rich_markup_mode=None)

NOTHING_TO_RELAY = (
    "There is nothing to relay: in the embedded log, saving an event with its state is publishing it. "
    "The relay is for [log] kind = 'kafka'."
)


@app.command()
def run(
    role: Annotated[Role, typer.Argument(help="What this process does.", show_default=False)],
    host: Annotated[str | None, typer.Option(help="web: address to listen on (else [web] host).")] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="web: port to listen on (else [web] port); 0: any. It must be free."),
    ] = None,
    metrics_host: Annotated[
        str | None, typer.Option(help="Others: where to answer /healthz and /metrics (else [web] metrics_host).")
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Others: the port of these (else [web] metrics_port; without either, none); 0: any."
        ),
    ] = None,
) -> None:
    """Run one role until Ctrl-C or SIGTERM, which let it finish what it has in hand (25 s at most).

    web: pages. producers: watch sources. consumers: catalogue, digests, mailings. senders: deliveries and notices.
    scheduler: what is due. relay: outbox to Kafka. A store or log that is away is waited for; a role that cannot go on
    ends with an exit code, so let a process manager restart it.
    """
    from tribune import config, logs
    from tribune.bootstrap import Application
    from tribune.commands._house import free_port, listen_on, run_house
    from tribune.commands._parts import has_relay
    from web.metrics import PrometheusMetrics

    settings = config.load()
    logs.configure(settings.logging.level, settings.logging.format)
    web = settings.web
    house = Application(settings, metrics=PrometheusMetrics())
    if role is Role.RELAY and not has_relay(house):
        print(NOTHING_TO_RELAY)
        return
    listening = None
    if role is Role.WEB:
        listening = listen_on(host or web.host, web.port if port is None else port)
    else:
        at = metrics_host or web.metrics_host
        if metrics_port is not None:
            listening = listen_on(at, metrics_port)
        elif web.metrics_port is not None:  # the roles of a machine share their settings, and each wants a port
            listening = free_port(at, web.metrics_port)

    def ready(address: str) -> None:
        print(f"Tribune runs the {role}{': ' if address else ''}{address}  (Ctrl-C stops it)", flush=True)

    try:
        run_house(house, listening, ready, roles=[role])
    finally:
        house.close()
