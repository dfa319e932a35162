"""Rows of a subscribers' file: what each cell may hold. A row that is wrong says which cell, and what is allowed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TypeVar

from tribune.domain import zones
from tribune.domain.addresses import MAX_LENGTH, address_key, plain
from tribune.domain.audience import Cadence, Choice, Fallback, Status
from tribune.domain.codelists import Codelist, Codelists
from tribune.domain.digests import Digest
from tribune.domain.errors import InvalidInput
from tribune.domain.schedule import cohort_weekday
from tribune.domain.spreadsheet import original

COLUMNS = (
    *("address", "name", "group", "languages", "zone", "fallback", "digest"),
    *("policy_areas", "places", "kinds", "cadence", "weekday", "hour", "status"),
)
_FACTS = ("group", "languages", "zone", "fallback")
_WISH = ("digest", "policy_areas", "places", "kinds", "cadence", "weekday", "hour", "status")
REQUIRED = ("address", "languages", "zone")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

MAX_NAME = 300
_MAX_LANGUAGES = 100  # characters of the stored list
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_HOUR = re.compile(r"(\d{1,2})(?::00)?")
_UNSAFE = frozenset({"Cc", "Cs", "Zl", "Zp", "Cn"})
_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of what follows; right-to-left names need none of them."""

_CACHED = 10_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was not taken: its number as a spreadsheet counts (the header is 1), the cell, why, what to do."""

    row: int
    column: str
    value: str = field(repr=False)
    reason: str = ""
    hint: str = ""

    def __str__(self) -> str:
        where = f"row {self.row}, {self.column}" if self.column else f"row {self.row}"
        return f"{where}: {self.reason} {self.hint}".strip()


class RefusedCell(Exception):
    """A cell is wrong."""

    def __init__(self, column: str, value: str, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.column, self.value, self.reason, self.hint = column, value, reason, hint

    def at(self, row: int) -> Refusal:
        return Refusal(row, self.column, self.value, self.reason, self.hint)


@dataclass(frozen=True, slots=True)
class Facts:
    """Who a person is, address and name aside. None: the cell was empty, so an earlier row or the default holds."""

    group: str | None
    languages: tuple[str, ...] | None
    zone: str | None
    fallback: Fallback | None


@dataclass(frozen=True, slots=True)
class Wish:
    """One subscription with its rhythm, as a row tells it. `status` None: the cell was empty."""

    digest: str
    cadence: Cadence
    choice: Choice
    weekday: int
    hour: int
    status: Status | None


class RowReader:
    """Reads cells into facts. The same cells are read once: files repeat themselves."""

    def __init__(self, header: Sequence[str], digests: Mapping[str, Digest], codelists: Codelists) -> None:
        # A column that the file does not have is read from behind its end, where `padded` puts an empty cell.
        places = {name: header.index(name) if name in header else len(header) for name in COLUMNS}
        self._width = len(header) + 1
        self._address_at, self._name_at = places["address"], places["name"]
        self._facts_of = itemgetter(*(places[name] for name in _FACTS))
        self._wish_of = itemgetter(*(places[name] for name in _WISH))
        self._digests = digests
        self._codelists = codelists
        self._facts: dict[tuple[str, ...], Facts | RefusedCell] = {}
        self._wishes: dict[tuple[str, ...], Wish | RefusedCell] = {}

    def padded(self, row: Sequence[str]) -> list[str]:
        """The row with a cell for every column. The other functions need it so."""
        return [*row[: self._width - 1], *[""] * max(self._width - len(row), 1)]

    def key(self, row: Sequence[str]) -> bytes:
        """The same bytes for every row of an address, before it is known to be one. Any row will do."""
        cell = row[self._address_at] if len(row) > self._address_at else ""
        return address_key(_text(cell)).encode()

    def address(self, row: Sequence[str]) -> str:
        return read_address(_text(row[self._address_at]))

    def name(self, row: Sequence[str]) -> str:
        return read_name(_text(row[self._name_at]))

    def facts(self, row: Sequence[str]) -> Facts:
        return _once(self._facts, self._facts_of(row), self._read_facts)

    def wish(self, row: Sequence[str]) -> Wish:
        return _once(self._wishes, self._wish_of(row), self._read_wish)

    def _read_facts(self, cells: tuple[str, ...]) -> Facts:
        group, languages, zone, fallback = map(_text, cells)
        return Facts(
            group=_code("group", group, self._codelists.groups) if group else None,
            languages=read_languages(languages) if languages else None,
            zone=_zone(zone) if zone else None,
            fallback=_one_of("fallback", fallback, {f.value: f for f in Fallback}) if fallback else None,
        )

    def _read_wish(self, cells: tuple[str, ...]) -> Wish:
        told, areas, places, kinds, cadence, weekday, hour, status = map(_text, cells)
        digest = self._digest(told)
        how_often = _one_of("cadence", cadence, {c.value: c for c in digest.cadences}, default=Cadence.WEEKLY)
        return Wish(
            digest=digest.id,
            cadence=how_often,
            choice=Choice(
                frozenset(_code("policy_areas", word, self._codelists.policy_areas) for word in split(areas)),
                frozenset(self._place(word) for word in split(places)),
                frozenset(_code("kinds", word, self._codelists.kinds) for word in split(kinds)),
            ),
            weekday=cohort_weekday(
                how_often, _one_of("weekday", weekday, {d: n for n, d in enumerate(WEEKDAYS)}, default=0, short=3)
            ),
            hour=0 if how_often is Cadence.AT_ONCE else _hour(hour),
            status=_one_of("status", status, _STATUSES) if status else None,
        )

    def _digest(self, told: str) -> Digest:
        if not told and len(self._digests) == 1:
            return next(iter(self._digests.values()))
        return _one_of("digest", told, self._digests)

    def _place(self, word: str) -> str:
        try:
            return self._codelists.places.get(word)
        except InvalidInput as error:
            raise RefusedCell("places", word, error.what, error.hint) from None


_STATUSES = {s.value: s for s in (Status.ACTIVE, Status.PAUSED, Status.UNSUBSCRIBED)}


def _once(known: dict[tuple[str, ...], T | RefusedCell], cells: tuple[str, ...], read: Callable[..., T]) -> T:
    found = known.get(cells)
    if found is None:
        if len(known) >= _CACHED:
            known.clear()
        try:
            found = read(cells)
        except RefusedCell as error:
            found = error.with_traceback(None)
        known[cells] = found
    if isinstance(found, RefusedCell):
        # Anew each time: an exception that is raised again drags along every frame that it ever passed.
        raise RefusedCell(found.column, found.value, found.reason, found.hint)
    return found


def _text(cell: str) -> str:
    return original(cell.strip())


def split(cell: str) -> list[str]:
    """The parts of a list cell."""
    return [part for part in (part.strip() for part in cell.split("|")) if part]


def read_address(cell: str) -> str:
    """An address that mail can be sent to, as written. Raises RefusedCell."""
    if plain(cell):
        return cell
    if not cell:
        raise RefusedCell("address", cell, "There is no address.")
    if len(cell) > MAX_LENGTH or not _clean(cell) or " " in cell:
        raise RefusedCell("address", cell, "This is not an e-mail address.", "Use the form name@example.org.")
    from email_validator import EmailNotValidError, validate_email

    try:
        normalized = validate_email(cell, check_deliverability=False).normalized
        return cell if cell.isascii() else normalized
    except (EmailNotValidError, UnicodeError) as error:
        raise RefusedCell("address", cell, f"This is not an e-mail address: {error}") from None


def read_name(cell: str) -> str:
    """A name, in Unicode's composed form. Raises RefusedCell for what could break a header or deceive a reader."""
    name = unicodedata.normalize("NFC", cell)
    if not _clean(name):
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


def _clean(text: str) -> bool:
    # What is not printable may still be harmless: a no-break space, the joiners of Persian and Hindi.
    return text.isprintable() or not any(unicodedata.category(c) in _UNSAFE or c in _OVERRIDES for c in text)


def _zone(cell: str) -> str:
    try:
        zones.zone(cell)
    except InvalidInput as error:
        raise RefusedCell("zone", cell, error.what, error.hint) from None
    return cell


def _code(column: str, word: str, codelist: Codelist) -> str:
    code = word if word in codelist else codelist.find(word)
    if code is None:
        raise RefusedCell(column, word, f"{word!r} is not a {codelist.name}.", codelist.suggestion(word))
    return code


def _hour(cell: str) -> int:
    if not cell:
        return 8
    told = _HOUR.fullmatch(cell)
    if told is None or int(told[1]) > 23:
        raise RefusedCell("hour", cell, "This is not an hour.", "Use a full hour, 0 to 23.")
    return int(told[1])


def _one_of(column: str, cell: str, allowed: Mapping[str, T], *, default: T | None = None, short: int = 0) -> T:
    word = cell.lower().replace("-", "_").replace(" ", "_") if cell not in allowed else cell
    if not word and default is not None and (default in allowed.values()):
        return default
    for name, value in allowed.items():
        if word == name or (short and len(word) == short and name.startswith(word)):
            return value
    import difflib

    near = difflib.get_close_matches(word, allowed, n=2, cutoff=0.6)
    reason = f"{cell!r} is not one of them." if cell else "The cell is empty."
    hint = f"Did you mean {' or '.join(near)}?" if near else f"Use one of: {', '.join(allowed)}"
    raise RefusedCell(column, cell, reason, hint)
