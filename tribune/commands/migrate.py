"""`tribune migrate`."""

from __future__ import annotations

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def migrate() -> None:
    """Bring the database to the newest shape and create the topics. Safe to run again."""
    from tribune.bootstrap import application
    from tribune.store.engine import shown_url

    with application(prepared=False) as house:
        house.prepare()
        print(f"The store at {shown_url(house.settings.store.url)} is up to date.")
        if house.settings.log.kind == "kafka":
            log = house.settings.log
            print(f"The topics {log.prefix}* at {', '.join(log.bootstrap_servers)} are as declared.")
