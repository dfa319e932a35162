"""The JSON of a segment's rule: reads it with every fault named by its place, and writes it in one form. Pure.

    {"version": 1,
     "who": {"all": [{"group": ["government"]},
                     {"wants": {"places": {"any_of": ["419"], "everywhere": false}}},
                     {"none": [{"seen": {"within_days": 90}}]}]},
     "include": [12], "exclude": []}

The same form as a JSON Schema: segment_schema.py. The meaning of each key: docs/segments.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tribune.domain.audience import Cadence, Status
from tribune.domain.codelists import Codelist, Codelists
from tribune.domain.json_keys import each_once
from tribune.domain.languages import tag as language_tag
from tribune.domain.segment_problems import Fault, InvalidRule, Problem
from tribune.domain.segment_values import Values, short, whole
from tribune.domain.segments import (
    MAX_DEPTH,
    MAX_ID,
    MAX_PARTS,
    MAX_PEOPLE,
    MAX_TEXT,
    TAG,
    AllOf,
    AnyOf,
    Chosen,
    Dated,
    Everyone,
    HasStatus,
    InGroup,
    Moment,
    Node,
    NoneOf,
    Reads,
    Rule,
    Tagged,
    Wants,
    When,
)

FORMAT = 1
"""The version of the format."""

LANGUAGE = re.compile(r"[a-z]{2,3}(?:-(?:[A-Z]{2}|[0-9]{3}|[A-Z0-9][a-z0-9]{2,7}))*")
"""A language as people have them: `es`, `pt-BR`, `zh-Hant`."""

KNOTS: Mapping[str, type[AllOf] | type[AnyOf] | type[NoneOf]] = {"all": AllOf, "any": AnyOf, "none": NoneOf}
UNLIMITED: Mapping[str, str] = {"places": "everywhere", "policy_areas": "everything", "kinds": "everything"}
"""The key of each axis for subscriptions that leave it open."""


@dataclass(frozen=True, slots=True)
class Known:
    """The codes that there are. Without it only a rule's form is looked at: lists change, rules that were kept stay."""

    codelists: Codelists
    digests: Collection[str]


def read_text(text: str, known: Known | None = None) -> Rule:
    """The rule of a JSON text. Raises InvalidRule, which names every fault."""
    if len(text) > MAX_TEXT:
        raise InvalidRule([Problem("", Fault.TOO_LONG, f"{MAX_TEXT:,}", "Give people a tag instead of listing them.")])
    try:
        value = json.loads(text, object_pairs_hook=each_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        told = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise InvalidRule([Problem("", Fault.NOT_JSON, told, "Look at that place.")]) from None
    return read(value, known)


def read(value: object, known: Known | None = None) -> Rule:
    """The rule of decoded JSON. Raises InvalidRule, which names every fault."""
    reader = _Reader(known)
    rule = reader.rule(value)
    if reader.problems:
        raise InvalidRule(reader.problems)
    return rule


def to_json(rule: Rule) -> dict[str, Any]:
    """The one form in which a rule is kept and shown; `read` gives the rule back."""
    told: dict[str, Any] = {"version": FORMAT}
    if rule.who is not None:
        told["who"] = node_to_json(rule.who)
    if rule.include:
        told["include"] = list(rule.include)
    if rule.exclude:
        told["exclude"] = list(rule.exclude)
    return told


def node_to_json(node: Node) -> dict[str, Any]:
    """A knot or a condition as JSON."""
    match node:
        case AllOf(parts):
            return {"all": [node_to_json(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [node_to_json(part) for part in parts]}
        case NoneOf(parts):
            return {"none": [node_to_json(part) for part in parts]}
        case Everyone():
            return {"everyone": True}
        case InGroup(groups):
            return {"group": list(groups)}
        case HasStatus(statuses):
            return {"status": [status.value for status in statuses]}
        case Reads(languages, first):
            return {"reads": {"any_of": list(languages), "first": first}}
        case Tagged(tags):
            return {"tags": list(tags)}
        case Wants():
            return {"wants": _wants_to_json(node)}
        case Dated(what, when):
            return {what.value: _when_to_json(when)}


def _wants_to_json(wants: Wants) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for axis, unlimited in UNLIMITED.items():
        chosen: Chosen | None = getattr(wants, axis)
        if chosen is not None:
            told[axis] = {"any_of": list(chosen.codes), unlimited: chosen.unlimited}
    if wants.digests:
        told["digest"] = list(wants.digests)
    if wants.cadences:
        told["cadence"] = [cadence.value for cadence in wants.cadences]
    return told


def _when_to_json(when: When) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if when.never:
        told["never"] = True
    for key in ("within_days", "not_within_days"):
        if getattr(when, key) is not None:
            told[key] = getattr(when, key)
    for key in ("on_or_after", "before"):
        if getattr(when, key) is not None:
            told[key] = getattr(when, key).isoformat()
    return told


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a number of JSON")


class _Reader(Values):
    """Reads one rule; faults are gathered, and reading goes on with what is left."""

    def __init__(self, known: Known | None) -> None:
        super().__init__()
        self._known = known
        self._parts = 0
        self._conditions: dict[str, Callable[[object, str], Node]] = {
            "everyone": self._everyone,
            "group": lambda value, at: InGroup(self._codes(value, at, self._list("groups"))),
            "status": lambda value, at: HasStatus(
                tuple(Status(one) for one in self.words(value, at, "status", [*Status]))
            ),
            "reads": self._reads,
            "tags": lambda value, at: Tagged(self._tags(value, at)),
            "wants": self._wants,
            **{moment.value: self._dated(moment) for moment in Moment},
        }

    def rule(self, value: object) -> Rule:
        told = self.mapping(value, "", ("version", "who", "include", "exclude"))
        if told is None:
            return Rule(None)
        if told.get("version", FORMAT) != FORMAT or isinstance(told.get("version"), bool):
            self.add("version", Fault.VERSION, short(told["version"]), f"Write {FORMAT}.")
        who = self._node(told["who"], "who", 0) if "who" in told else None
        include = self._people(told.get("include", []), "include")
        exclude = self._people(told.get("exclude", []), "exclude")
        for person in include:
            if person in exclude:
                self.add(f"include[{include.index(person)}]", Fault.IN_AND_OUT, str(person), "Keep one of the two.")
        if "who" not in told and not include and not self.problems:
            hint = 'Give "who", people to "include", or both; all subscribers are {"everyone": true}.'
            self.add("", Fault.NOBODY, hint=hint)
        return Rule(who, include, exclude)

    # -- the tree

    def _node(self, value: object, at: str, depth: int) -> Node:
        self._parts += 1
        if self._parts == MAX_PARTS + 1:
            self.add(at, Fault.TOO_MANY_PARTS, str(MAX_PARTS), "Make two segments of it, or use a tag.")
        if self._parts > MAX_PARTS:
            return Everyone()
        known = (*KNOTS, *self._conditions)
        told = self.mapping(value, at, known)
        if told is None:
            return Everyone()
        if len(told) != 1:
            if told or not any(problem.path == at for problem in self.problems):
                given = ", ".join(told) or "none"
                self.add(at, Fault.ONE_KEY, given, f'Keep one of {", ".join(known)}; join several with "all".')
            return Everyone()
        (key, inner), place = next(iter(told.items())), f"{at}.{next(iter(told))}"
        if key in KNOTS:
            return self._knot(key, inner, place, depth)
        return self._conditions[key](inner, place)

    def _knot(self, key: str, value: object, at: str, depth: int) -> Node:
        if depth >= MAX_DEPTH:
            self.add(at, Fault.TOO_DEEP, str(MAX_DEPTH), "Bring it nearer to the top.")
            return Everyone()
        parts = self.values(value, at, MAX_PARTS)
        return KNOTS[key](tuple(self._node(part, f"{at}[{n}]", depth + 1) for n, part in enumerate(parts)))

    # -- conditions

    def _everyone(self, value: object, at: str) -> Node:
        if value is not True:
            self.add(at, Fault.NOT_TRUE, short(value), "Write true, or leave the condition out.")
        return Everyone()

    def _reads(self, value: object, at: str) -> Node:
        told = self.mapping(value, at, ("any_of", "first"), needed=("any_of",)) or {}
        languages = self.texts(told["any_of"], f"{at}.any_of") if "any_of" in told else ()
        for n, language in enumerate(languages):
            if not LANGUAGE.fullmatch(language):
                near = language_tag(language)
                meant = near if LANGUAGE.fullmatch(near) and near != language else ""
                hint = f"Did you mean {meant!r}?" if meant else "Use a code such as en, fr, es or pt-BR."
                self.add(f"{at}.any_of[{n}]", Fault.NOT_A_LANGUAGE, language, hint, near=(meant,) if meant else ())
        return Reads(languages, self.flag(told, "first", at, False))

    def _wants(self, value: object, at: str) -> Node:
        told = self.mapping(value, at, (*UNLIMITED, "digest", "cadence"))
        if value == {}:
            self.add(at, Fault.EMPTY, hint=f"Ask for one of {', '.join((*UNLIMITED, 'digest', 'cadence'))}.")
        told = told or {}
        places, areas, kinds = (
            self._chosen(told[axis], f"{at}.{axis}", axis) if axis in told else None for axis in UNLIMITED
        )
        digests: tuple[str, ...] = ()
        if "digest" in told:
            known = self._known.digests if self._known else None
            digests = self.words(told["digest"], f"{at}.digest", "digest", known)
        cadences = self.words(told["cadence"], f"{at}.cadence", "cadence", [*Cadence]) if "cadence" in told else ()
        return Wants(places, areas, kinds, digests, tuple(Cadence(one) for one in cadences))

    def _chosen(self, value: object, at: str, axis: str) -> Chosen:
        flag = UNLIMITED[axis]
        told = self.mapping(value, at, ("any_of", flag), needed=("any_of", flag)) or {}
        unlimited = self.flag(told, flag, at, False)
        list_at = f"{at}.any_of"
        codes = (
            self._codes(told["any_of"], list_at, self._list(axis), may_be_empty=unlimited) if "any_of" in told else ()
        )
        return Chosen(codes, unlimited)

    def _dated(self, what: Moment) -> Callable[[object, str], Node]:
        keys = ("within_days", "not_within_days", "on_or_after", "before")
        allowed = keys if what is Moment.CONFIRMED else (*keys, "never")

        def read(value: object, at: str) -> Node:
            told = self.mapping(value, at, allowed)
            if told is None or (value and not told):  # said already
                return Everyone()
            if not (len(told) == 1 or told.keys() == {"on_or_after", "before"}):
                fault = Fault.ONE_KEY if told else Fault.EMPTY
                hint = f"Use one of {', '.join(allowed)}; only on_or_after and before go together."
                self.add(at, fault, ", ".join(told), hint)
                return Everyone()
            if told.get("never", True) is not True:
                self.add(f"{at}.never", Fault.NOT_TRUE, short(told["never"]), "Write true.")
            after, before = self.day(told, "on_or_after", at), self.day(told, "before", at)
            if after and before and before <= after:
                self.add(at, Fault.BACKWARDS, before.isoformat(), "`before` names the first day that is out.")
            return Dated(
                what,
                When(
                    self.days(told, "within_days", at),
                    self.days(told, "not_within_days", at),
                    after,
                    before,
                    "never" in told,
                ),
            )

        return read

    # -- lists of codes

    def _people(self, value: object, at: str) -> tuple[int, ...]:
        found: dict[int, None] = {}
        for n, one in enumerate(self.values(value, at, MAX_PEOPLE, may_be_empty=True)):
            number = whole(one)
            if number is None or not 1 <= number <= MAX_ID:
                self.add(f"{at}[{n}]", Fault.NOT_A_PERSON, short(one), "Write the number that the people page shows.")
            else:
                found[number] = None
        return tuple(found)

    def _tags(self, value: object, at: str) -> tuple[str, ...]:
        found = self.texts(value, at)
        for n, one in enumerate(found):
            if not TAG.fullmatch(one):
                hint = "Use a to z, digits and hyphens, at most 60 of them, such as g20-alumni."
                self.add(f"{at}[{n}]", Fault.NOT_A_TAG, one, hint)
        return found

    def _codes(self, value: object, at: str, codes: Codelist | None, *, may_be_empty: bool = False) -> tuple[str, ...]:
        found = self.texts(value, at, may_be_empty=may_be_empty)
        for n, one in enumerate(found):
            if codes is not None and one not in codes:
                hint, near = _meant(one, codes, self._known)
                self.add(f"{at}[{n}]", Fault.NO_SUCH_CODE, one, hint, codes.name, near)
        return found

    def _list(self, axis: str) -> Codelist | None:
        if self._known is None:
            return None
        lists = self._known.codelists
        return lists.places.codelist if axis == "places" else getattr(lists, axis)


def _meant(word: str, codes: Codelist, known: Known | None) -> tuple[str, tuple[str, ...]]:
    """What to do about a word that is no code, and the code that may be meant."""
    found = codes.find(word)
    if found is None and known is not None and codes is known.codelists.places.codelist:
        found = known.codelists.places.find(word.upper())
    if found is not None:
        return f"Did you mean {found} ({codes.label(found, 'en')})?", (found,)
    return codes.suggestion(word), tuple(codes.nearest(word))
