"""`tribune suppression`: with which keys the list of addresses that are never mailed was made."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.callback()
def suppression() -> None:
    """The suppression list keeps keyed hashes, which are read with the key they were made with and no other.

    Where it was made with several, each but this process's belongs into [security] former_suppression_keys: then it is
    read whole again. Of a key that is lost, `forget` takes off the list what nobody can read any more.
    """


@app.command()
def keys(as_json: Annotated[bool, typer.Option("--json", help="As JSON, one object a line.")] = False) -> None:
    """The fingerprint of each key, with how many addresses; which of them this process has."""
    from tribune.bootstrap import application
    from tribune.commands._rows import print_rows, shown_time
    from tribune.domain.errors import ConfigurationError

    with application(prepared=False) as house:
        with house.store.read() as tx:
            listed = tx.people.keys_of_list()
        try:
            made = house.find_suppression_hash(True)
            own, known = made.fingerprint, made.fingerprints
        except ConfigurationError:
            own, known = "", frozenset()
    whose = dict.fromkeys(known, "a former key") | {own: "its key"}
    rows = [
        {
            "key": one.fingerprint,
            "addresses": one.addresses,
            "first": shown_time(one.first),
            "last": shown_time(one.last),
            "this process": whose.get(one.fingerprint, "-"),
        }
        for one in listed
    ]
    print_rows(rows, as_json, "Nobody is on the suppression list.")
    if rows and not as_json and own not in {one.fingerprint for one in listed}:
        print(f"This process's key is {own}." if own else "This process has no key.")


@app.command()
def forget(
    fingerprint: Annotated[str, typer.Argument(metavar="KEY", help="The fingerprint, as `keys` names it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take off the list what was made with a key that is lost for good. Who is still among the people is listed anew
    with this process's key; who was erased is no longer protected."""
    from tribune.bootstrap import application
    from tribune.services.audience.forget_list_key import forget_list_key

    with application(prepared=False) as house:
        if not yes:
            typer.confirm(
                f"Forget what was listed with the key {fingerprint}? Whoever was erased can then be imported again.",
                abort=True,
            )
        made = house.find_suppression_hash(True)
        done = forget_list_key(house.store, made, fingerprint, "cli", house.clock.now())
    print(f"{done.listed_anew:,} listed anew with this process's key; {done.gone:,} off the list.")
