"""`tribune api`: the description of the REST API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

FILE = Path("docs/openapi.json")


@app.callback()
def api() -> None:
    """The REST API under /api/v1; a running house shows it at /api/v1/docs."""


@app.command()
def description(
    file: Annotated[Path, typer.Option(help="Where to write it; - prints it.")] = FILE,
) -> None:
    """Write the description of the API (OpenAPI 3.1), for clients and for tools that make them."""
    text = described()
    if str(file) == "-":
        print(text, end="")
        return
    file.write_text(text, encoding="utf-8")
    print(f"{file} written.")


def described() -> str:
    """The description as text. It depends on no settings, and nothing is opened for it."""
    from tribune.bootstrap import Application
    from tribune.config import Settings
    from web.api.app import create_api
    from web.api.description import document
    from web.pages import Pages

    house = Application(Settings())
    return document(create_api(house, Pages(house)))
