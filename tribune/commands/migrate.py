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
        grown = house.prepare()
        print(f"The store at {shown_url(house.settings.store.url)} is up to date.")
        if house.settings.log.kind == "kafka":
            log = house.settings.log
            print(f"The topics {log.prefix}* at {', '.join(log.bootstrap_servers)} are as declared.")
        if grown:
            now, waiting = house.settings.log.partitions, sum(one.behind for one in house.log.lag())
            print("\n".join(f"{name} had {before} partitions and has {now}." for name, before in grown.items()))
            if waiting:
                print(
                    f"Events of a key may now lie in another partition than earlier ones of it. {waiting:,} of all were"
                    " not handled yet: it can be that some of them are overtaken (docs/settings.md, Partitions)."
                )
