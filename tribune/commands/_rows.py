"""Rows of a command, as a table or as JSON, one object a line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Literal

TYPED = frozenset({"id", "no."})
"""Columns of what other commands ask for: shown as it is typed, without separators and on one line."""

LONG = frozenset({"key"})
"""Columns whose values a source may make as long as it likes: a table shows their beginning."""
LONGEST = 60


def shown_time(instant: datetime) -> str:
    """An instant in UTC, to the second."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def plain(value: object, *, keep_lines: bool = False) -> str:
    """Text from outside may hold control characters, which a terminal would obey."""
    return "".join(
        c if c.isprintable() or (keep_lines and c == "\n") else "\N{REPLACEMENT CHARACTER}" for c in str(value)
    )


def cut(text: str) -> str:
    """Its first characters, with an ellipsis where there are more."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def print_rows(rows: list[dict[str, Any]], as_json: bool, none: str) -> None:
    """Print them; `none` is what a person is told where there are none. A table cuts long keys, JSON has all."""
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
        widest = max(len(plain(row[name])) for row in rows) if name in TYPED else None
        justify: Literal["right", "left"] = "right" if isinstance(value, int) else "left"
        table.add_column(name, justify=justify, overflow="fold", no_wrap=name in TYPED, min_width=widest)
    for full in rows:
        row = {name: cut(value) if name in LONG and isinstance(value, str) else value for name, value in full.items()}
        counts = {name: isinstance(value, int) and name not in TYPED for name, value in row.items()}
        table.add_row(*(Text(f"{v:,}" if counts[name] else plain(v)) for name, v in row.items()))
    console = Console()
    if not console.is_terminal:
        console.width = 200
    console.print(table)
