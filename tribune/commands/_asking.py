"""Commands that throw something away ask first, where somebody is there who can answer."""

from __future__ import annotations

import sys

import typer

from tribune.domain.errors import InvalidInput


def agreed(question: str, yes: bool) -> bool:
    """Whether to go on: --yes was given, or somebody says so. Raises InvalidInput where nobody can be asked."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise InvalidInput("Nobody can be asked here, and this cannot be undone: say so with --yes.")
    if typer.confirm(question):
        return True
    print("Nothing was changed.")
    return False
