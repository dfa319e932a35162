"""The form that builds a segment's rule: what its fields hold, as boxes within boxes, to and from the rule's JSON.

A box is a condition, or a knot with boxes in it. Its key is its way from the outermost (`n-0-2`: the third box in the
first one), and its fields are named after it (`n-0-2.days`). What is wrong or half done is kept as it was typed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from tribune.domain.codelists import Codelists
from tribune.domain.errors import InvalidInput
from tribune.domain.segment_json import KNOTS, UNLIMITED, to_json
from tribune.domain.segment_problems import Problem
from tribune.domain.segments import MAX_DEPTH, MAX_PARTS, Moment, Rule

ROOT = "n"
CONDITIONS = ("group", "reads", "wants", "tags", "status", "confirmed", "mailed", "seen", "everyone")
MOMENTS = tuple(moment.value for moment in Moment)
WAYS = ("within_days", "not_within_days", "after", "before", "between", "never")

_KIND = re.compile(r"(n(?:-\d{1,3}){0,6})\.kind")
_SEPARATORS = re.compile(r"[;\n]+|,(?![^(]*\))")

Values = Mapping[str, Sequence[str]]


@dataclass(slots=True)
class Box:
    """A knot (with `parts`) or a condition (with `values`: field -> what it holds)."""

    kind: str
    values: dict[str, list[str]] = field(default_factory=dict)
    parts: list[Box] = field(default_factory=list)
    key: str = ROOT

    @property
    def is_knot(self) -> bool:
        return self.kind in KNOTS

    def one(self, name: str, otherwise: str = "") -> str:
        """The first value of a field."""
        return next(iter(self.values.get(name, ())), otherwise)


@dataclass(slots=True)
class Form:
    """The whole form as it was typed."""

    name: str = ""
    description: str = ""
    root: Box = field(default_factory=lambda: Box("all"))
    include: str = ""
    exclude: str = ""
    version: str = ""

    def condition_of(self, name: str) -> str:
        """The kind of the condition that has the field `name`, "" where none has it."""
        key = name.rpartition(".")[0]
        return next((box.kind for box in _all(self.root) if box.key == key and not box.is_knot), "")


# -- from a form that was sent


def read_fields(fields: Iterable[tuple[str, str]], codelists: Codelists) -> Form:
    """The form of fields that were sent. Names of places that were typed become codes, where they are known."""
    values: dict[str, list[str]] = defaultdict(list)
    for name, value in fields:
        values[name].append(value)
    keys = [found[1] for name in values if (found := _KIND.fullmatch(name))][: 2 * MAX_PARTS]
    boxes = {key: _read_box(key, values) for key in keys}
    for key in sorted(boxes, key=_way):
        above = key.rpartition("-")[0]
        if above in boxes:
            boxes[above].parts.append(boxes[key])
    root = boxes.get(ROOT)
    form = Form(
        name=_one(values, "name"),
        description=_one(values, "description"),
        root=root if root is not None and root.is_knot else Box("all"),
        include=_one(values, "include"),
        exclude=_one(values, "exclude"),
        version=_one(values, "version"),
    )
    for box in _all(form.root):
        if box.kind == "wants":
            _take_places(box, codelists)
    return number(form)


def _one(values: Values, name: str) -> str:
    return next(iter(values.get(name, ())), "")


def _way(key: str) -> list[int]:
    return [int(step) for step in key.split("-")[1:]]


def _read_box(key: str, values: Values) -> Box:
    kind = _one(values, f"{key}.kind")
    own = {name.removeprefix(f"{key}."): list(told) for name, told in values.items() if name.startswith(f"{key}.")}
    told = {name: value for name, value in own.items() if name not in ("kind", "new")}
    return Box(kind if kind in KNOTS or kind in CONDITIONS else "everyone", told, key=key)


def _take_places(box: Box, codelists: Codelists) -> None:
    """What was typed as a place joins the chosen ones; what is not known stays typed."""
    left, words = [], split(box.one("place"))
    found = box.values.get("places", [])
    while words:
        # Names may have commas of their own: "Bonaire, Sint Eustatius and Saba".
        for length in range(min(4, len(words)), 0, -1):
            try:
                found.append(codelists.places.get(", ".join(words[:length])))
            except InvalidInput:
                continue
            words = words[length:]
            break
        else:
            left.append(words.pop(0))
    box.values["place"] = [", ".join(left)]
    box.values["places"] = list(dict.fromkeys(found))


def split(text: str) -> list[str]:
    """What is listed in a field: by commas (not those within brackets), semicolons or lines."""
    return [word for part in _SEPARATORS.split(text) if (word := " ".join(part.split()))]


def number(form: Form) -> Form:
    """Every box gets the key of its place."""

    def go(box: Box, key: str) -> None:
        box.key = key
        for n, part in enumerate(box.parts):
            go(part, f"{key}-{n}")

    go(form.root, ROOT)
    return form


def act(form: Form, do: str, kind: str) -> Form:
    """What a button does: `add:n-0` a box of a kind, `remove:n-0-1` one. Anything else does nothing."""
    action, _, key = do.partition(":")
    found = next((box for box in _all(form.root) if box.key == key), None)
    if action == "add" and found is not None and found.is_knot and (kind in KNOTS or kind in CONDITIONS):
        if not (kind in KNOTS and len(_way(key)) + 1 >= MAX_DEPTH):
            found.parts.append(Box(kind))
    elif action == "remove" and key != ROOT:
        for box in _all(form.root):
            box.parts = [part for part in box.parts if part.key != key]
    return number(form)


def _all(box: Box) -> list[Box]:
    return [box, *(inner for part in box.parts for inner in _all(part))]


# -- to the rule's JSON, and its faults back to the fields


@dataclass(frozen=True, slots=True)
class Written:
    """The JSON of a form, and which box each path of it comes from."""

    rule: dict[str, Any]
    boxes: Mapping[str, Box]

    def field_of(self, problem: Problem) -> str:
        """The name of the field that a fault is about."""
        path = problem.path
        for name in ("include", "exclude"):
            if path.startswith(name):
                return name
        found = max((at for at in self.boxes if path == at or (path[len(at) : len(at) + 1] in (".", "[") and
                     path.startswith(at))), key=len, default="")  # fmt: skip
        box = self.boxes.get(found)
        if box is None or box.is_knot:
            return f"{box.key if box else ROOT}.new"
        return f"{box.key}.{_field(box, path.removeprefix(found), problem)}"


def _field(box: Box, rest: str, problem: Problem) -> str:
    if box.kind in MOMENTS:
        by_key = {"within_days": "days", "not_within_days": "days", "on_or_after": "from", "before": "to"}
        return next((name for key, name in by_key.items() if rest.endswith(key)), "way")
    if box.kind == "wants":
        axis = next((axis for axis in (*UNLIMITED, "digest", "cadence") if rest.startswith(f".wants.{axis}")), "")
        return "place" if axis in ("", "places") else axis
    if box.kind == "tags" or (box.kind == "reads" and problem.given):
        return "more"
    return "codes"


def write(form: Form) -> Written:
    """The JSON of the rule. What is half done is in it as it was typed: the reader of rules says what is wrong."""
    boxes: dict[str, Box] = {}
    rule: dict[str, Any] = {}
    if form.root.parts:
        rule["who"] = _write_box(form.root, "who", boxes)
    for name in ("include", "exclude"):
        words = [word for word in re.split(r"[\s,;]+", getattr(form, name)) if word]
        if words:
            rule[name] = [_whole(word, 11) for word in words]
    return Written(rule, boxes)


def _write_box(box: Box, at: str, boxes: dict[str, Box]) -> dict[str, Any]:
    boxes[at] = box
    if box.is_knot:
        parts = [_write_box(part, f"{at}.{box.kind}[{n}]", boxes) for n, part in enumerate(box.parts)]
        return {box.kind: parts}
    codes = box.values.get("codes", [])
    match box.kind:
        case "everyone":
            return {"everyone": True}
        case "reads":
            return {"reads": {"any_of": [*codes, *split(box.one("more"))], "first": box.one("first") == "yes"}}
        case "tags":
            return {"tags": [*codes, *split(box.one("more"))]}
        case "wants":
            return {"wants": _write_wants(box)}
        case kind if kind in MOMENTS:
            return {kind: _write_when(box)}
        case kind:
            return {kind: list(codes)}


def _write_wants(box: Box) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for axis, flag in UNLIMITED.items():
        codes = [*box.values.get(axis, []), *(split(box.one("place")) if axis == "places" else [])]
        unlimited = box.one(f"{axis}_all") == "yes"
        if codes or unlimited:
            told[axis] = {"any_of": codes, flag: unlimited}
    for name in ("digest", "cadence"):
        if box.values.get(name):
            told[name] = list(box.values[name])
    return told


def _write_when(box: Box) -> dict[str, Any]:
    way, days = box.one("way", WAYS[0]), box.one("days").strip()
    if way == "never":
        return {"never": True}
    if way in ("within_days", "not_within_days"):
        return {way: _whole(days, 7)}
    told: dict[str, Any] = {}
    if way in ("after", "between"):
        told["on_or_after"] = box.one("from")
    if way in ("before", "between"):
        told["before"] = _moved(box.one("to"), 1)
    return told


def _whole(text: str, most: int) -> int | str:
    """A number, or what was typed instead of one."""
    found = whole_number(text, most)
    return text if found is None else found


def whole_number(text: str, most: int = 11) -> int | None:
    """A number that is written with fewer than `most` digits, 0 to 9; None where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < most else None


def _moved(day: str, by: int) -> str:
    """A day later, or earlier: the form names the last day that counts, the rule the first that does not."""
    try:
        return (date.fromisoformat(day) + timedelta(days=by)).isoformat()
    except (ValueError, OverflowError):
        return day


# -- from a rule


def form_of(rule: Rule, name: str = "", description: str = "", version: str = "") -> Form:
    """The form that a saved rule begins with."""
    told = to_json(rule)
    root = _box_of(told["who"]) if "who" in told else Box("all")
    if not root.is_knot:
        root = Box("all", parts=[root])
    include, exclude = (", ".join(map(str, told.get(which, ()))) for which in ("include", "exclude"))
    return number(Form(name, description, root, include, exclude, version))


def _box_of(node: Mapping[str, Any]) -> Box:
    ((kind, told),) = node.items()
    if kind in KNOTS:
        return Box(kind, parts=[_box_of(part) for part in told])
    if kind == "everyone":
        return Box(kind)
    if kind == "reads":
        return Box(kind, {"codes": told["any_of"], "first": ["yes" if told["first"] else ""]})
    if kind == "wants":
        return Box(kind, _values_of_wants(told))
    if kind in MOMENTS:
        return Box(kind, _values_of_when(told))
    return Box(kind, {"codes": list(told)})


def _values_of_wants(told: Mapping[str, Any]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for axis, flag in UNLIMITED.items():
        if axis in told:
            values[axis] = list(told[axis]["any_of"])
            values[f"{axis}_all"] = ["yes"] if told[axis][flag] else []
    for name in ("digest", "cadence"):
        values[name] = list(told.get(name, ()))
    return values


def _values_of_when(told: Mapping[str, Any]) -> dict[str, list[str]]:
    for way in ("within_days", "not_within_days"):
        if way in told:
            return {"way": [way], "days": [str(told[way])]}
    if "never" in told:
        return {"way": ["never"]}
    way = "between" if len(told) == 2 else "after" if "on_or_after" in told else "before"
    ends = {"from": told.get("on_or_after", ""), "to": _moved(told["before"], -1) if "before" in told else ""}
    return {"way": [way], **{name: [day] for name, day in ends.items()}}
