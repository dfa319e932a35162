"""`tribune items`."""

from __future__ import annotations

from typing import Annotated

import typer

from tribune.commands._numbers import LARGEST

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="JSON.")]
Id = Annotated[int, typer.Argument(max=LARGEST, help="The item's number.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")]


@app.callback()
def items() -> None:
    """Look into the catalogue."""


@app.command("list")
def list_items(
    kind: Annotated[str, typer.Option("--kind", "-k", help="Only items of this kind.")] = "",
    limit: Limit = 20,
    offset: Annotated[int, typer.Option(min=0, max=LARGEST, help="How many to pass over.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Items, those changed last first; withdrawn and embargoed ones too."""
    from tribune.bootstrap import application
    from tribune.commands._catalogue_views import known_kind, print_items

    with application() as house:
        code = known_kind(kind, house.codelists)
        with house.store.read() as tx:
            found = tx.catalogue.recent(limit, offset=offset, kind=code)
            total = tx.catalogue.count(kind=code)
        print_items(found, house.codelists, title=f"{len(found)} of {total} items", as_json=as_json)


@app.command()
def show(id: Id, as_json: AsJson = False) -> None:
    """One item with everything that the catalogue knows of it."""
    from tribune.bootstrap import application
    from tribune.commands._catalogue_views import print_item
    from tribune.domain.errors import NotFound

    with application() as house:
        with house.store.read() as tx:
            found = tx.catalogue.item(id)
            if found is None:
                raise NotFound(f"There is no item {id}.", hint="`tribune items list` shows what there is.")
            records = tx.catalogue.records_of([found.id])
        print_item(found, records, house.codelists, as_json=as_json)


@app.command()
def history(id: Id, as_json: AsJson = False) -> None:
    """What changed in an item, because of which event, the oldest first."""
    from tribune.bootstrap import application
    from tribune.commands._catalogue_views import print_history
    from tribune.domain.errors import NotFound

    with application() as house:
        with house.store.read() as tx:
            found = tx.catalogue.history(id)
        if not found:
            raise NotFound(f"There is no item {id}.", hint="`tribune items list` shows what there is.")
        print_history(found, as_json=as_json)


@app.command()
def unmapped(limit: Limit = 50, as_json: AsJson = False) -> None:
    """Items that map to no policy area, and the sources' words that name none: add them to the code list as synonyms,
    then run `tribune items recode`."""
    from tribune.bootstrap import application
    from tribune.commands._catalogue_views import print_unmapped

    with application() as house:
        with house.store.read() as tx:
            found = tx.catalogue.unmapped(limit)
            categories = tx.catalogue.unmapped_categories()[:limit]
        print_unmapped(found, categories, house.codelists, as_json=as_json)


@app.command()
def recode() -> None:
    """Map again what named no policy area, after the code lists have learnt."""
    from tribune.bootstrap import application
    from tribune.services.catalogue.catalogue_item import recode as map_again

    with application() as house:
        with house.store.write() as tx:
            changed = map_again(tx, house.codelists, house.clock.now())
        print(f"{len(changed)} items changed.")
