"""Cells of CSV files that people open in a spreadsheet.

A cell that begins with one of TRIGGERS would be taken for a formula there (CSV injection, OWASP). An apostrophe
before it makes it text. `neutral` and `original` undo each other for every text.
"""

from __future__ import annotations

TRIGGERS = frozenset("=+-@\t\r\n|%＝＋－＠")


def neutral(cell: str) -> str:
    """The cell as it may be exported."""
    return f"'{cell}" if _dangerous(cell) else cell


def original(cell: str) -> str:
    """The cell that `neutral` was given."""
    return cell[1:] if cell.startswith("'") and _dangerous(cell) else cell


def _dangerous(cell: str) -> bool:
    # Apostrophes before a trigger count with it, so that a text such as '=1 comes back as it was.
    bare = cell.lstrip("'")
    return bare[:1] in TRIGGERS if bare else False
