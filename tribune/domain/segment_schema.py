"""The JSON Schema (draft 2020-12) of a segment's rule, as docs/schemas/segment.json has it. Pure.

It says what form a rule may have; which codes there are only an installation's code lists know. Three things a schema
cannot say, and its descriptions do: nobody is both pinned and left out, a range ends after it begins, and there is a
bound on the conditions of all levels together."""

from __future__ import annotations

import json
from typing import Any

from tribune.domain.audience import Cadence, Status
from tribune.domain.segment_json import FORMAT, KNOTS, LANGUAGE, UNLIMITED
from tribune.domain.segments import MAX_CHOSEN, MAX_DAYS, MAX_DEPTH, MAX_ID, MAX_PARTS, MAX_PEOPLE, TAG, Moment

_NAMES = {
    "places": "Countries, regions and groups of countries that a subscription follows. A subscription matches when it "
    "shares a country with one of the codes.",
    "policy_areas": "Policy areas that a subscription follows.",
    "kinds": "Kinds of items that a subscription follows.",
}


def document() -> str:
    """The schema as its file holds it."""
    return json.dumps(schema(), ensure_ascii=False, indent=2) + "\n"


def schema() -> dict[str, Any]:
    """The schema. A document that it accepts, whose codes are known and which keeps what the descriptions say, is a
    rule within the limits of size."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:tribune:schema:segment:1",
        "title": "Rule of a segment",
        "description": "Who is in a segment: whom `who` selects or `include` names, less those whom `exclude` names. "
        f"At most {MAX_PARTS} conditions and groups of conditions in all, nested at most {MAX_DEPTH} deep.",
        **_object(
            {
                "version": {"description": "The version of this format.", "type": "integer", "const": FORMAT},
                "who": {"description": "The condition that selects.", "$ref": "#/$defs/level0"},
                "include": {"description": "Numbers of people who are in, whatever `who` says.", **_people()},
                "exclude": {
                    "description": "Numbers of people who are never in. Nobody may be in both lists.",
                    **_people(),
                },
            }
        ),
        "anyOf": [{"required": ["who"]}, {"properties": {"include": {"minItems": 1}}, "required": ["include"]}],
        "$defs": _definitions(),
    }


def _definitions() -> dict[str, Any]:
    """One level of the tree for each depth: the deepest has conditions only."""
    levels = {}
    for depth in range(MAX_DEPTH + 1):
        below = {"$ref": f"#/$defs/level{depth + 1}"}
        parts = {"type": "array", "items": below, "minItems": 1, "maxItems": MAX_PARTS}
        knots = [_only(key, {"description": _KNOT_WORDS[key], **parts}) for key in KNOTS]
        condition = {"$ref": "#/$defs/condition"}
        levels[f"level{depth}"] = {"oneOf": [condition, *knots]} if depth < MAX_DEPTH else condition
    return {**levels, "condition": {"oneOf": [_only(key, value) for key, value in _conditions().items()]}}


_KNOT_WORDS = {
    "all": "Every one of these holds.",
    "any": "At least one of these holds.",
    "none": "Not one of these holds.",
}


def _conditions() -> dict[str, Any]:
    language = {**_written(LANGUAGE.pattern, "A-Za-z0-9-"), "maxLength": 100}
    tag = _written(TAG.pattern, "a-z0-9-")
    return {
        "everyone": {"description": "All subscribers.", "const": True},
        "group": {"description": "Belongs to one of these constituent groups.", **_texts()},
        "status": {"description": "Has one of these statuses.", **_one_of([*Status])},
        "reads": {
            "description": "Reads one of these languages; with `first`, before all others.",
            **_object({"any_of": _list(language), "first": {"type": "boolean", "default": False}}, needed=["any_of"]),
        },
        "tags": {"description": "Bears one of these tags.", **_list(tag)},
        "wants": {
            "description": "Has one subscription for which all of this holds.",
            **_object(
                {
                    **{axis: _chosen(axis) for axis in UNLIMITED},
                    "digest": {"description": "It is of one of these digests.", **_texts()},
                    "cadence": {"description": "It comes in one of these rhythms.", **_one_of([*Cadence])},
                }
            ),
            "minProperties": 1,
        },
        **{moment.value: {"description": _MOMENT_WORDS[moment], **_when(moment)} for moment in Moment},
    }


_MOMENT_WORDS = {
    Moment.CONFIRMED: "When the person confirmed their subscription (UTC).",
    Moment.MAILED: "The last local date of which the person was sent an issue.",
    Moment.SEEN: "The last date (UTC) on which the person used one of our pages.",
}


def _chosen(axis: str) -> dict[str, Any]:
    flag = UNLIMITED[axis]
    codes = {"type": "array", "items": _text(), "maxItems": MAX_CHOSEN}
    return {
        "description": _NAMES[axis],
        **_object(
            {
                "any_of": codes,
                flag: {
                    "description": "Whether a subscription that names nothing here, and so follows all, matches.",
                    "type": "boolean",
                },
            },
            needed=["any_of", flag],
        ),
        "anyOf": [{"properties": {flag: {"const": True}}}, {"properties": {"any_of": {"minItems": 1}}}],
    }


def _when(moment: Moment) -> dict[str, Any]:
    days = {"type": "integer", "minimum": 1, "maximum": MAX_DAYS}
    day = {**_written(_DAY, "0-9-"), "format": "date"}
    before = "The first day that is out; beside `on_or_after` it is later than that one."
    both = {"on_or_after": day, "before": {"description": before, **day}}
    ways = [
        _only("within_days", {"description": "Since N days ago.", **days}),
        _only("not_within_days", {"description": "Before that, or never.", **days}),
        {**_object(both), "minProperties": 1},
    ]
    if moment is not Moment.CONFIRMED:
        ways.append(_only("never", {"const": True}))
    return {"oneOf": ways}


_DAY = (
    "(?:(?:19|20|21)[0-9]{2}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    "|(?:(?:19|20|21)(?:0[48]|[2468][048]|[13579][26])|2000)-02-29)"
)
"""A day of the calendar, from EARLIEST to LATEST."""


def _written(pattern: str, signs: str) -> dict[str, Any]:
    """A text of this pattern. `signs` are all that it may hold: in some dialects `$` is also before a last line break,
    and not all of them know how to look ahead."""
    return {"type": "string", "pattern": f"^{pattern}$", "not": {"pattern": f"[^{signs}]"}}


def _only(key: str, value: dict[str, Any]) -> dict[str, Any]:
    return _object({key: value}, needed=[key])


def _object(properties: dict[str, Any], needed: list[str] | None = None) -> dict[str, Any]:
    told: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**told, "required": needed} if needed else told


def _text() -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": 100}


def _texts() -> dict[str, Any]:
    return _list(_text())


_AT_LEAST_ONE = {"minItems": 1, "maxItems": MAX_CHOSEN}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items, **_AT_LEAST_ONE}


def _one_of(values: list[Status] | list[Cadence]) -> dict[str, Any]:
    return {"type": "array", "items": {"enum": [value.value for value in values]}, **_AT_LEAST_ONE}


def _people() -> dict[str, Any]:
    person = {"type": "integer", "minimum": 1, "maximum": MAX_ID}
    return {"type": "array", "items": person, "maxItems": MAX_PEOPLE}
