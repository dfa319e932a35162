"""Cells of a subscribers' file: what each may hold. A cell that is wrong says why, and what is allowed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import TypeVar

from tribune.domain import zones
from tribune.domain.addresses import MAX_LENGTH, plain
from tribune.domain.codelists import Codelist, Places
from tribune.domain.errors import InvalidInput
from tribune.domain.imports import Refusal
from tribune.domain.segments import MAX_TAG, TAG
from tribune.domain.spreadsheet import original

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

MAX_NAME = 300
_MAX_LANGUAGES = 100  # characters of the stored list
MOST_TAGS = 50
"""In one cell."""
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_HOUR = re.compile(r"(\d{1,2})(?::00)?")
_UNSAFE = frozenset({"Cc", "Cs", "Zl", "Zp", "Cn"})
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of what follows; right-to-left names need none of them."""

_LIKENESS = 60
"""Nothing is looked for that would be like a longer word."""

T = TypeVar("T")


class RefusedCell(Exception):
    """A cell is wrong."""

    def __init__(self, column: str, value: str, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.column, self.value, self.reason, self.hint = column, value, reason, hint

    def at(self, row: int) -> Refusal:
        return Refusal(row, self.column, self.value[:300], self.reason, self.hint)


def text_of(cell: str) -> str:
    """What a cell says: without blanks around it, and as it was before an export made it safe."""
    return original(cell.strip())


def one_line(text: str) -> str:
    """A text that was broken into lines within its cell, in one. What seems to be the end of a row and the beginning of
    the next, behind a quotation mark that was left open, stays as it is."""
    broken = "\n" in text or "\r" in text
    return " ".join(text.split()) if broken and "@" not in text and '"' not in text else text


def split(cell: str) -> list[str]:
    """The parts of a list cell."""
    return [part for part in (part.strip() for part in cell.split("|")) if part]


def read_address(cell: str) -> str:
    """An address that mail can be sent to, as written. Raises RefusedCell."""
    if plain(cell):
        return cell
    if not cell:
        raise RefusedCell("address", cell, "There is no address.")
    if len(cell) > MAX_LENGTH or not clean(cell) or " " in cell:
        raise RefusedCell("address", cell, "This is not an e-mail address.", "Use the form name@example.org.")
    from email_validator import EmailNotValidError, validate_email

    try:
        normalized = validate_email(cell, check_deliverability=False).normalized
        return cell if cell.isascii() else normalized
    except (EmailNotValidError, UnicodeError) as error:
        raise RefusedCell("address", cell, f"This is not an e-mail address: {error}") from None


def typed_name(text: str) -> str:
    """A name as somebody typed it into a field, without the marks that nobody sees and that come along with what was
    copied: what turns the direction of writing, and what has no width."""
    return text.translate(_UNSEEN).strip()


def read_name(cell: str) -> str:
    """A name, in Unicode's composed form. Raises RefusedCell for what could break a header or deceive a reader."""
    name = unicodedata.normalize("NFC", cell)
    if not clean(name):
        raise RefusedCell(
            "name",
            cell,
            "The name holds a line break or a control character.",
            "Is a quotation mark left open?",
        )
    if len(name) > MAX_NAME:
        raise RefusedCell("name", cell, f"The name has {len(name)} characters.", f"At most {MAX_NAME}.")
    return name


def read_languages(cell: str) -> tuple[str, ...]:
    """An ordered list of languages (BCP 47), each once. Raises RefusedCell."""
    from babel.localedata import exists

    found: dict[str, None] = {}
    for word in re.split(r"[|,;\s]+", cell.strip("|,; ")):
        base, *more = word.split("-")
        if not _LANGUAGE.fullmatch(word) or not exists(base.lower()):
            raise RefusedCell("languages", word, "This is not a language.", "Use codes such as fr|en, the first first.")
        found["-".join([base.lower(), *(m.upper() if len(m) == 2 else m.title() for m in more)])] = None
    if len(",".join(found)) > _MAX_LANGUAGES:
        raise RefusedCell("languages", cell, "These are too many languages.", "Keep the first few.")
    return tuple(found)


def read_tags(cell: str) -> tuple[str, ...]:
    """Tags, each once. Raises RefusedCell."""
    found = dict.fromkeys(word.lower() for word in split(cell))
    for word in found:
        if not TAG.fullmatch(word):
            hint = f"Use a to z, digits and hyphens, at most {MAX_TAG} of them; several with | between them."
            raise RefusedCell("tags", word, "This is not a tag.", hint)
    if len(found) > MOST_TAGS:
        raise RefusedCell("tags", cell, "These are too many tags.", f"At most {MOST_TAGS}.")
    return tuple(found)


def clean(text: str) -> bool:
    """Whether a text has nothing in it that could break a header or deceive a reader."""
    # What is not printable may still be harmless: a no-break space, the joiners of Persian and Hindi.
    return text.isprintable() or not any(unicodedata.category(c) in _UNSAFE or c in _OVERRIDES for c in text)


def read_zone(cell: str, suggest: bool = True) -> str:
    """A time zone. Raises RefusedCell."""
    if cell not in zones.names() and not (suggest and len(cell) <= _LIKENESS):
        raise RefusedCell("zone", cell, f"{cell[:80]!r} is not a time zone.", "Use an IANA name such as Africa/Dakar.")
    try:
        zones.zone(cell)
    except InvalidInput as error:
        raise RefusedCell("zone", cell, error.what, error.hint) from None
    return cell


def code(column: str, word: str, codelist: Codelist, suggest: bool = True) -> str:
    """A code, from itself, a label or a synonym. Raises RefusedCell; `suggest` what is alike, which takes time."""
    found = word if word in codelist else codelist.find(word)
    if found is None:
        hint = codelist.suggestion(word) if suggest and len(word) <= _LIKENESS else ""
        raise RefusedCell(column, word, f"{word[:80]!r} is not a {codelist.name}.", hint)
    return found


def place(word: str, places: Places, suggest: bool = True) -> str:
    """The code of a place. Raises RefusedCell."""
    found = word if word in places else places.find(word)
    if found is None and not (suggest and len(word) <= _LIKENESS):
        raise RefusedCell("places", word, f"{word[:80]!r} is not a place.")
    if found is None:
        try:
            return places.get(word)
        except InvalidInput as error:
            raise RefusedCell("places", word, error.what, error.hint) from None
    return found


def read_hour(cell: str) -> int:
    """A full hour; 8 where the cell is empty. Raises RefusedCell."""
    if not cell:
        return 8
    told = _HOUR.fullmatch(cell)
    if told is None or int(told[1]) > 23:
        raise RefusedCell("hour", cell, "This is not an hour.", "Use a full hour, 0 to 23.")
    return int(told[1])


def one_of(column: str, cell: str, allowed: Mapping[str, T], *, default: T | None = None, short: int = 0) -> T:
    """The value of a word; `short`: how many letters of it will do. Raises RefusedCell."""
    word = cell.lower().replace("-", "_").replace(" ", "_") if cell not in allowed else cell
    if not word and default is not None and (default in allowed.values()):
        return default
    for name, value in allowed.items():
        if word == name or (short and len(word) == short and name.startswith(word)):
            return value
    import difflib

    near = difflib.get_close_matches(word, allowed, n=2, cutoff=0.6) if len(word) <= _LIKENESS else []
    reason = f"{cell[:80]!r} is not one of them." if cell else "The cell is empty."
    hint = f"Did you mean {' or '.join(near)}?" if near else f"Use one of: {', '.join(allowed)}"
    raise RefusedCell(column, cell, reason, hint)
