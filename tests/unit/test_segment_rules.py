"""Rules of segments as JSON: read with every fault named, written in one form, and their schema."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ROOT
from tests.segment_world import conditions, rules
from tribune.codelists import load
from tribune.domain.segment_json import Known, node_to_json, read, read_text, to_json
from tribune.domain.segment_problems import Fault, InvalidRule, Problem
from tribune.domain.segment_schema import document, schema
from tribune.domain.segments import (
    MAX_CHOSEN,
    MAX_DEPTH,
    MAX_PARTS,
    MAX_PEOPLE,
    MAX_TEXT,
    AllOf,
    Everyone,
    InGroup,
    Node,
    Rule,
    nodes,
)

KNOWN = Known(load(), ("letter",))
SCHEMA = jsonschema.Draft202012Validator(schema())


def problems(who: Any, **more: Any) -> tuple[Problem, ...]:
    """What is wrong with a rule of this tree."""
    with pytest.raises(InvalidRule) as wrong:
        read({"who": who, **more}, KNOWN)
    return wrong.value.problems


def problem(who: Any, **more: Any) -> Problem:
    (only,) = problems(who, **more)
    return only


@given(rules)
def test_a_rule_that_is_written_is_read_as_the_same(rule: Rule) -> None:
    told = json.loads(json.dumps(to_json(rule)))
    assert read(told, KNOWN) == rule
    assert to_json(read(told)) == told


@given(rules)
def test_the_schema_accepts_every_rule(rule: Rule) -> None:
    SCHEMA.validate(to_json(rule))


def test_the_schema_is_one_and_its_file_is_not_stale() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    path = ROOT / "docs" / "schemas" / "segment.json"
    assert path.read_text(encoding="utf-8") == document(), "run `tribune segments schema > docs/schemas/segment.json`"


def places_in(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each value of a document."""
    found = [way]
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        found += places_in(one, (*way, key))
    return found


def changed(value: Any, way: tuple[Any, ...], to: Any) -> Any:
    """A copy with one value replaced."""
    if not way:
        return to
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[way[0]] = changed(copy[way[0]], way[1:], to)
    return copy


BROKEN: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 1.0, 30.0, 10**12, 1e400, "", "x", "Not a code", [], {}, ["x"], {"x": 1}, [[]]),
    *("a\n", ["a\n"], ["en\n"], ["EN"], ["active"] * MAX_CHOSEN, ["active"] * (MAX_CHOSEN + 1), [5.0], [5, 5], [5.5]),
    *("2026-02-29", "2024-02-29", "2026-02-28\n", "2026-04-31", "2026-00-10", "1899-12-31", "2199-12-31"),
)
NOT_SAID = {Fault.IN_AND_OUT, Fault.BACKWARDS, Fault.TOO_MANY_PARTS}
"""What a schema cannot say, for it compares values or counts over all levels; its descriptions do."""


def agree(told: Any) -> bool:
    """Whether the schema takes what the reader takes, and refuses what it refuses."""
    faults: set[Fault] = set()
    try:
        read(told)
    except InvalidRule as wrong:
        faults = {one.fault for one in wrong.problems}
    accepted = SCHEMA.is_valid(told)
    return accepted if not faults or faults <= NOT_SAID else not accepted


JUNK = st.sampled_from(BROKEN)


@given(rules.map(to_json), st.data())
def test_the_schema_and_the_reader_agree_on_what_is_broken(told: dict[str, Any], data: st.DataObject) -> None:
    way = data.draw(st.sampled_from(places_in(told)))
    broken = changed(told, way, data.draw(JUNK))
    assert agree(broken), broken


@given(st.dates(date(1890, 1, 1), date(2210, 1, 1)), st.integers(0, 3))
def test_the_schema_knows_the_calendar(day: date, more: int) -> None:
    told = f"{day:%Y-%m}-{day.day + more:02}"
    assert agree({"who": {"mailed": {"before": told}}}), told


def test_the_schema_knows_every_february_and_the_end_of_each_month() -> None:
    for year in range(1899, 2201):
        for month in range(14):
            for last in (0, 1, 28, 29, 30, 31, 32):
                told = f"{year}-{month:02}-{last:02}"
                assert agree({"who": {"seen": {"on_or_after": told}}}), told


@pytest.mark.parametrize(
    "told",
    [
        {"include": [5.0], "who": {"mailed": {"within_days": 30.0}}, "version": 1.0},
        {"include": [5.5]},
        {"include": [True]},
        {"version": True, "include": [1]},
        {"who": {"mailed": {"not_within_days": 3661.0}}},
        {"who": {"tags": ["a\n"]}},
        {"who": {"tags": ["a" * 61]}},
        {"who": {"reads": {"any_of": ["en\n"]}}},
        {"who": {"reads": {"any_of": ["x-" + "a" * 20]}}},
        {"who": {"status": ["active"] * 401}},
        {"who": {"wants": {"cadence": ["daily"] * 401}}},
        {"who": {"wants": {"cadence": ["daily", "daily"]}}},
        {"who": {"group": ["é" * 101]}},
        {"who": None, "include": [1]},
        {"who": {"all": [{"everyone": True}] * 101}},
    ],
    ids=str,
)
def test_they_agree_on_what_is_odd(told: Any) -> None:
    assert agree(told)


def test_a_whole_number_may_be_written_with_a_point() -> None:
    rule = read_text('{"include": [5.0, 1e1], "who": {"mailed": {"within_days": 30.0}}}')
    assert json.dumps(to_json(rule)["include"]) == "[5, 10]"
    assert to_json(rule) == to_json(read({"include": [5, 10], "who": {"mailed": {"within_days": 30}}}))


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        ({"include": [5], "exclude": [5]}, Fault.IN_AND_OUT),
        ({"who": {"mailed": {"on_or_after": "2026-05-01", "before": "2026-05-01"}}}, Fault.BACKWARDS),
        ({"who": {"any": [{"all": [{"everyone": True}] * 60}] * 2}}, Fault.TOO_MANY_PARTS),
    ],
    ids=str,
)
def test_what_a_schema_cannot_say_is_said_in_its_descriptions(told: Any, fault: Fault) -> None:
    assert agree(told)
    with pytest.raises(InvalidRule) as wrong:
        read(told)
    assert {one.fault for one in wrong.value.problems} == {fault}
    words = {Fault.IN_AND_OUT: "in both", Fault.BACKWARDS: "later than", Fault.TOO_MANY_PARTS: "At most 100 conditions"}
    assert words[fault] in document()


@pytest.mark.parametrize(
    ("who", "path", "fault", "hint"),
    [
        ({"group": ["goverment"]}, "who.group[0]", Fault.NO_SUCH_CODE, "Did you mean government (Government)?"),
        ({"group": []}, "who.group", Fault.EMPTY, "Choose at least one"),
        ({"group": "government"}, "who.group", Fault.NOT_A_LIST, "Put it into [ ]."),
        ({"grup": ["x"]}, "who", Fault.NO_SUCH_KEY, "Did you mean 'group'?"),
        ({"group": ["un"], "tags": ["x"]}, "who", Fault.ONE_KEY, 'join several with "all"'),
        ({}, "who", Fault.ONE_KEY, "Keep one of"),
        ("everyone", "who", Fault.NOT_AN_OBJECT, "Use the keys"),
        ({"seen": {"never": False}}, "who.seen.never", Fault.NOT_TRUE, "Write true"),
        ({"everyone": False}, "who.everyone", Fault.NOT_TRUE, "Write true, or leave"),
        ({"status": ["activ"]}, "who.status[0]", Fault.NO_SUCH_CODE, "Did you mean 'active'?"),
        ({"reads": {"any_of": ["Spanish"]}}, "who.reads.any_of[0]", Fault.NOT_A_LANGUAGE, "Did you mean 'es'?"),
        ({"reads": {"first": True}}, "who.reads", Fault.MISSING, "List what is asked for."),
        ({"tags": ["G 20"]}, "who.tags[0]", Fault.NOT_A_TAG, "such as g20-alumni"),
        ({"wants": {}}, "who.wants", Fault.EMPTY, "Ask for one of places, policy_areas"),
        (
            {"wants": {"places": {"any_of": ["Peru"], "everywhere": True}}},
            "who.wants.places.any_of[0]",
            Fault.NO_SUCH_CODE,
            "Did you mean PER (Peru)?",
        ),
        (
            {"wants": {"places": {"any_of": ["PER"]}}},
            "who.wants.places",
            Fault.MISSING,
            "Say whether people who chose no place, and so follow all of them, count",
        ),
        (
            {"wants": {"kinds": {"any_of": [], "everything": False}}},
            "who.wants.kinds.any_of",
            Fault.EMPTY,
            "Choose at least one",
        ),
        ({"wants": {"digest": ["leter"]}}, "who.wants.digest[0]", Fault.NO_SUCH_CODE, "Did you mean 'letter'?"),
        ({"wants": {"cadence": ["hourly"]}}, "who.wants.cadence[0]", Fault.NO_SUCH_CODE, "Use one of: at_once, daily"),
        ({"seen": {"within_days": 0}}, "who.seen.within_days", Fault.NOT_DAYS, "from 1 to 3660"),
        ({"seen": {"within_days": True}}, "who.seen.within_days", Fault.NOT_DAYS, "from 1 to 3660"),
        ({"seen": {"within_days": 1, "never": True}}, "who.seen", Fault.ONE_KEY, "only on_or_after and before go"),
        ({"mailed": {"before": "2026-02-30"}}, "who.mailed.before", Fault.NOT_A_DATE, "Write it as 2026-01-31"),
        (
            {"confirmed": {"on_or_after": "2026-02-01", "before": "2026-01-01"}},
            "who.confirmed",
            Fault.BACKWARDS,
            "the first day that is out",
        ),
        ({"all": [{"group": ["un"]}, {"any": []}]}, "who.all[1].any", Fault.EMPTY, "take the condition out"),
    ],
)
def test_each_fault_says_where_what_and_what_to_do(who: Any, path: str, fault: Fault, hint: str) -> None:
    found = problem(who)
    assert (found.path, found.fault) == (path, fault)
    assert hint in found.hint
    assert found.what.endswith(".")


def test_never_confirmed_cannot_be_asked() -> None:
    found = problem({"confirmed": {"never": True}})
    assert (found.path, found.fault) == ("who.confirmed", Fault.NO_SUCH_KEY)


def test_all_faults_are_named_at_once() -> None:
    who = {"all": [{"group": ["x1"]}, {"none": [{"seen": {"within_days": "many"}}]}, {"reads": {"any_of": ["e"]}}]}
    found = problems(who, include=[0], exclude=["Zoë"])
    assert [one.path for one in found] == [
        "who.all[0].group[0]",
        "who.all[1].none[0].seen.within_days",
        "who.all[2].reads.any_of[0]",
        "include[0]",
        "exclude[0]",
    ]


def test_the_message_names_the_first_places_and_how_many_more() -> None:
    with pytest.raises(InvalidRule) as wrong:
        read({"who": {"tags": [f"Not {n}" for n in range(9)]}})
    assert str(wrong.value).startswith("who.tags[0]: 'Not 0' is not a tag.")
    assert str(wrong.value).endswith("... and 4 more.")


def test_nobody_is_both_in_and_out() -> None:
    assert problem({"everyone": True}, include=[3, 4], exclude=[4]).path == "include[1]"


def test_a_rule_selects_somebody_by_a_condition_or_by_number() -> None:
    with pytest.raises(InvalidRule, match="selects nobody"):
        read({"exclude": [1]})
    assert read({"include": [2]}) == Rule(None, (2,))


@pytest.mark.parametrize("version", [2, "1", True, None])
def test_another_version_of_the_format_is_refused(version: Any) -> None:
    assert problem({"everyone": True}, version=version).fault is Fault.VERSION


def nested(depth: int) -> dict[str, Any]:
    return {"group": ["un"]} if depth == 0 else {"any": [nested(depth - 1)]}


def test_depth_width_and_size_are_bounded() -> None:
    read({"who": nested(MAX_DEPTH)})
    assert problem(nested(MAX_DEPTH + 1)).fault is Fault.TOO_DEEP
    leaf = {"tags": ["a"]}
    assert read({"who": {"all": [leaf] * (MAX_PARTS - 1)}})
    assert problem({"all": [leaf] * MAX_PARTS}).fault is Fault.TOO_MANY_PARTS
    many = {"any": [{"all": [leaf] * 60}, {"all": [leaf] * 60}]}
    assert [one.fault for one in problems(many)] == [Fault.TOO_MANY_PARTS], "said once"
    assert problem({"tags": [f"t{n}" for n in range(MAX_CHOSEN + 1)]}).fault is Fault.TOO_MANY
    assert problem({"everyone": True}, exclude=list(range(1, MAX_PEOPLE + 2))).fault is Fault.TOO_MANY


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "This is not JSON"),
        ('{"who": {"everyone": true}, "who": {"tags": ["a"]}}', "stands twice"),
        ('{"who": {"seen": {"within_days": NaN}}}', "NaN is not a number"),
        ("[" * 40_000, "nested too deep"),
        (" " * (MAX_TEXT + 1), "longer than 65,536 characters"),
        ('{"include": [' + "9" * 5_000 + "]}", "This is not JSON"),
    ],
)
def test_texts_that_are_no_rule_are_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(InvalidRule, match=says):
        read_text(text)


def test_codes_that_a_list_has_lost_are_read_where_lists_are_not_asked() -> None:
    told = {"who": {"group": ["gone"]}}
    assert read(told).who == InGroup(("gone",))
    with pytest.raises(InvalidRule):
        read(told, KNOWN)


@given(conditions)
def test_every_condition_has_one_key(node: Node) -> None:
    assert len(node_to_json(node)) == 1
    assert list(nodes(AllOf((node, Everyone())))) == [AllOf((node, Everyone())), node, Everyone()]


def test_what_can_only_be_true_does_not_ask_for_true_or_false() -> None:
    assert problem({"everyone": False}).what == "This condition is always written with true, not false."
