"""`tribune mailing settle`: what is held back is not sent, and no longer waits for staff."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from tribune.commands._numbers import LARGEST

SHOWN = 20


def settle(
    mailing_id: Annotated[int, typer.Argument(metavar="MAILING", max=LARGEST, help="The mailing's number.")],
    deliveries: Annotated[
        list[str] | None,
        typer.Argument(metavar="[DELIVERY]...", help="Only these, as `quarantined` names them: 12.0.37."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, one object a line.")] = False,
) -> None:
    """Leave what is held back: it is not sent again, counts as failed, and no longer waits for staff."""
    from tribune.bootstrap import application
    from tribune.commands._asking import agreed
    from tribune.commands._mailing_views import mails, print_deliveries
    from tribune.services.sending.settle_held_back import settle_held_back, to_be_settled

    names = deliveries or []
    with application() as house:
        with house.store.read() as tx:
            views = to_be_settled(tx, mailing_id, names)
        if views and not yes:
            print_deliveries(views[:SHOWN])
            if len(views) > SHOWN:
                print(f"... and {len(views) - SHOWN:,} more.")
            if not agreed(f"Leave {mails(len(views))} of mailing {mailing_id} unsent?", yes):
                return
        with house.store.write() as tx:
            left = settle_held_back(tx, mailing_id, names, "cli", tx.now())
    if as_json:
        print(json.dumps({"mailing": mailing_id, "left": left}))
    elif left:
        print(
            f"{mails(left)} of mailing {mailing_id} {'is' if left == 1 else 'are'} left unsent, and counted as failed."
        )
    else:
        print(f"Nothing of mailing {mailing_id} is held back{' that you named' if names else ''}.")
