"""Rows of a command, as a table or as JSON, one object a line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any


def shown_time(instant: datetime) -> str:
    """An instant in UTC, to the second."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def plain(value: object, *, keep_lines: bool = False) -> str:
    """Text from outside may hold control characters, which a terminal would obey."""
    return "".join(
        c if c.isprintable() or (keep_lines and c == "\n") else "\N{REPLACEMENT CHARACTER}" for c in str(value)
    )


def print_rows(rows: list[dict[str, Any]], as_json: bool, none: str) -> None:
    """Print them; `none` is what a person is told where there are none."""
    if as_json:
        for row in rows:
            print(json.dumps({name.replace(" ", "_"): value for name, value in row.items()}, ensure_ascii=False))
        return
    if not rows:
        print(none)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, value in rows[0].items():
        table.add_column(name, justify="right" if isinstance(value, int) else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(f"{v:,}" if isinstance(v, int) else plain(v)) for v in row.values()))
    console = Console()
    console.print(table, width=None if console.is_terminal else 200)
