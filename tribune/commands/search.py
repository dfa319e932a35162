"""`tribune search`."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def search(
    text: Annotated[list[str], typer.Argument(help="Words, the beginning of one, a DOI or an ISBN.")],
    language: Annotated[str, typer.Option("--language", "-l", help="The reader's language: its versions first.")] = "",
    kind: Annotated[str, typer.Option("--kind", "-k", help="Only items of this kind.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON list.")] = False,
) -> None:
    """Search the catalogue: visible items that have all the words, accents and endings aside."""
    from tribune.bootstrap import application
    from tribune.commands._catalogue_views import known_kind, print_hits
    from tribune.domain.errors import InvalidInput
    from tribune.domain.languages import tag

    if language and not tag(language):
        raise InvalidInput(f"{language!r} is not a language.", hint="Use a code such as en, fr or es.")
    with application() as house:
        wanted = tag(language) or house.settings.organisation.default_language
        code = known_kind(kind, house.codelists)
        with house.store.read() as tx:
            hits = tx.catalogue.search(" ".join(text), wanted, kind=code, limit=limit)
        print_hits(hits, wanted, house.codelists, as_json=as_json)
