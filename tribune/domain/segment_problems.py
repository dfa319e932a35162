"""What can be wrong with a rule: each fault with its place in the rule, what was given, and what to do. Pure.

The English sentences stand here, for the command line and the API; pages have their own words for each kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tribune.domain.errors import InvalidInput

_TOLD = 5


class Fault(StrEnum):
    """The kinds of faults."""

    NOT_JSON = "not_json"
    TOO_LONG = "too_long"
    TOO_DEEP = "too_deep"
    TOO_MANY_PARTS = "too_many_parts"
    TOO_MANY = "too_many"
    NOT_AN_OBJECT = "not_an_object"
    NOT_A_LIST = "not_a_list"
    NOT_A_TEXT = "not_a_text"
    NOT_YES_OR_NO = "not_yes_or_no"
    NOT_TRUE = "not_true"
    NO_SUCH_KEY = "no_such_key"
    ONE_KEY = "one_key"
    MISSING = "missing"
    EMPTY = "empty"
    NOBODY = "nobody"
    NO_SUCH_CODE = "no_such_code"
    NOT_A_LANGUAGE = "not_a_language"
    NOT_A_TAG = "not_a_tag"
    NOT_DAYS = "not_days"
    NOT_A_DATE = "not_a_date"
    BACKWARDS = "backwards"
    NOT_A_PERSON = "not_a_person"
    NO_SUCH_PERSON = "no_such_person"
    IN_AND_OUT = "in_and_out"
    VERSION = "version"


_SAYS = {
    Fault.NOT_JSON: "This is not JSON: {given}.",
    Fault.TOO_LONG: "The rule is longer than {given} characters.",
    Fault.TOO_DEEP: "The rule is nested deeper than {given} levels.",
    Fault.TOO_MANY_PARTS: "The rule has more than {given} conditions and groups of conditions.",
    Fault.TOO_MANY: "Here stand more than {given} values.",
    Fault.NOT_AN_OBJECT: "Here must stand an object such as {{...}}, not {given}.",
    Fault.NOT_A_LIST: "Here must stand a list such as [...], not {given}.",
    Fault.NOT_A_TEXT: "Here must stand a text, not {given}.",
    Fault.NOT_YES_OR_NO: "Here must stand true or false, not {given}.",
    Fault.NOT_TRUE: "This condition is always written with true, not {given}.",
    Fault.NO_SUCH_KEY: "There is no key {given!r} here.",
    Fault.ONE_KEY: "Each condition is an object with one key; here are {given}.",
    Fault.MISSING: "The key {given!r} is missing.",
    Fault.EMPTY: "Nothing is chosen here.",
    Fault.NOBODY: "This rule selects nobody.",
    Fault.NO_SUCH_CODE: "{given!r} is not a {name}.",
    Fault.NOT_A_LANGUAGE: "{given!r} is not a language.",
    Fault.NOT_A_TAG: "{given!r} is not a tag.",
    Fault.NOT_DAYS: "{given} is not a number of days.",
    Fault.NOT_A_DATE: "{given} is not a date.",
    Fault.BACKWARDS: "The range ends ({given}) before it begins.",
    Fault.NOT_A_PERSON: "{given} is not a person's number.",
    Fault.NO_SUCH_PERSON: "There is no subscriber {given}.",
    Fault.IN_AND_OUT: "Person {given} is both pinned and left out.",
    Fault.VERSION: "Version {given} of the format is not known.",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault. `path` is its place, such as `who.all[0].places.any_of[1]`; `given` what stands there (or the limit);
    `name` what a code is ("place"); `hint` what to do; `near` the codes that may have been meant."""

    path: str
    fault: Fault
    given: str = ""
    hint: str = ""
    name: str = ""
    near: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        return _SAYS[self.fault].format(given=self.given, name=self.name)

    def __str__(self) -> str:
        return " ".join(part for part in (f"{self.path}:" if self.path else "", self.what, self.hint) if part)


class InvalidRule(InvalidInput):
    """A rule is wrong; `problems` names every place that is."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        first, *others = self.problems
        told = [str(problem) for problem in others[: _TOLD - 1]]
        if len(others) >= _TOLD:
            told.append(f"... and {len(others) - len(told)} more.")
        super().__init__(first.what, where=first.path, hint=" ".join(part for part in (first.hint, *told) if part))
