"""Values of a rule's JSON, read one by one: each fault is gathered with its place, and reading goes on. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from datetime import date
from difflib import get_close_matches

from tribune.domain.segment_problems import Fault, Problem
from tribune.domain.segments import EARLIEST, LATEST, MAX_CHOSEN, MAX_DAYS

_NEEDED = {
    "everywhere": "Say whether people who chose no place, and so follow all of them, count: true or false.",
    "everything": "Say whether people who chose nothing here, and so follow all of it, count: true or false.",
    "any_of": "List what is asked for.",
}


class Values:
    """Reads values; `problems` are the faults so far."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(
        self, at: str, fault: Fault, given: str = "", hint: str = "", name: str = "", near: tuple[str, ...] = ()
    ) -> None:
        self.problems.append(Problem(at, fault, given, hint, name, near))

    def words(self, value: object, at: str, name: str, known: Collection[str] | None) -> tuple[str, ...]:
        found = self.texts(value, at)
        if known is None:
            return found
        allowed = [str(one) for one in known]
        for n, one in enumerate(found):
            if one not in allowed:
                near = tuple(get_close_matches(one, allowed, n=1))
                hint = f"Did you mean {near[0]!r}?" if near else f"Use one of: {', '.join(allowed)}."
                self.add(f"{at}[{n}]", Fault.NO_SUCH_CODE, one, hint, name, near)
        return tuple(one for one in found if one in allowed)

    def texts(self, value: object, at: str, *, may_be_empty: bool = False) -> tuple[str, ...]:
        """Each text once, in the order given."""
        found: dict[str, None] = {}
        for n, one in enumerate(self.values(value, at, MAX_CHOSEN, may_be_empty=may_be_empty)):
            if isinstance(one, str) and one and len(one) <= 100:
                found[one] = None
            else:
                self.add(f"{at}[{n}]", Fault.NOT_A_TEXT, short(one), "Write a code in quotes.")
        return tuple(found)

    def values(self, value: object, at: str, most: int, *, may_be_empty: bool = False) -> list[object]:
        if not isinstance(value, list):
            self.add(at, Fault.NOT_A_LIST, short(value), "Put it into [ ].")
            return []
        if len(value) > most:
            self.add(at, Fault.TOO_MANY, f"{most:,}", "Use a region, a group or a tag that holds them.")
        elif not value and not may_be_empty:
            self.add(at, Fault.EMPTY, hint="Choose at least one, or take the condition out.")
        return value[:most]

    def flag(self, told: Mapping[str, object], key: str, at: str, default: bool) -> bool:
        value = told.get(key, default)
        if not isinstance(value, bool):
            self.add(f"{at}.{key}", Fault.NOT_YES_OR_NO, short(value), "Write true or false, without quotes.")
            return False
        return value

    def mapping(
        self, value: object, at: str, allowed: Collection[str], needed: Collection[str] = ()
    ) -> dict[str, object] | None:
        if not isinstance(value, dict):
            self.add(at, Fault.NOT_AN_OBJECT, short(value), f"Use the keys {', '.join(allowed)}.")
            return None
        for key in value:
            if key not in allowed:
                near = get_close_matches(str(key), allowed, n=1)
                hint = f"Did you mean {near[0]!r}?" if near else f"Use {', '.join(allowed)}."
                self.add(at, Fault.NO_SUCH_KEY, str(key)[:60], hint, near=tuple(near))
        for key in needed:
            if key not in value:
                hint = _NEEDED.get(key, f"Write it beside {', '.join(value) or 'nothing'}.")
                self.add(at, Fault.MISSING, key, hint)
        return {key: inner for key, inner in value.items() if key in allowed}

    def days(self, told: Mapping[str, object], key: str, at: str) -> int | None:
        if key not in told:
            return None
        found = whole(told[key])
        if found is None or not 1 <= found <= MAX_DAYS:
            self.add(f"{at}.{key}", Fault.NOT_DAYS, short(told[key]), f"Write a whole number from 1 to {MAX_DAYS}.")
            return None
        return found

    def day(self, told: Mapping[str, object], key: str, at: str) -> date | None:
        if key not in told:
            return None
        value = told[key]
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
            try:
                found = date.fromisoformat(value)
            except ValueError:
                found = None
            if found and EARLIEST <= found <= LATEST:
                return found
        self.add(f"{at}.{key}", Fault.NOT_A_DATE, short(value), f"Write it as 2026-01-31, from {EARLIEST} to {LATEST}.")
        return None


def whole(value: object) -> int | None:
    """A whole number, which JSON may write as 30, 30.0 or 3e1; None where it is none."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def short(value: object) -> str:
    """A value as JSON, cut short."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 40 else f"{text[:37]}..."
