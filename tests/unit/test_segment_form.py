"""The form that builds a rule: nothing that was typed is lost, and a saved rule comes back as it was."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from tests.segment_world import rules
from tribune.codelists import load
from tribune.domain.segment_json import KNOTS, Known, read, to_json
from tribune.domain.segment_problems import InvalidRule
from tribune.domain.segments import AllOf, Rule
from web.newsroom.segment_form import Box, Form, act, form_of, read_fields, split, write

LISTS = load()
KNOWN = Known(LISTS, ("letter",))
Fields = list[tuple[str, str]]

NAMES = (
    *("n.kind", "n-0.kind", "n-0.codes", "n-1.kind", "n-0-1.kind", "n-1.way", "n-1.to", "n-1.days", "x", "do"),
    *("n-9-9.kind", "name", "include", "n-0.place", "n-0.places", "n-0.more", "n-0.places_all"),
)


def fields_of(form: Form) -> Fields:
    """What a browser would send of a form."""
    return [
        *((name, getattr(form, name)) for name in ("name", "description", "include", "exclude", "version")),
        *_fields(form.root),
    ]


def _fields(box: Box) -> Iterator[tuple[str, str]]:
    yield f"{box.key}.kind", box.kind
    for name, values in box.values.items():
        for value in values:
            yield f"{box.key}.{name}", value
    for part in box.parts:
        yield from _fields(part)


def under_a_knot(rule: Rule) -> Rule:
    """The builder's outermost box is a knot always."""
    if rule.who is None or next(iter(to_json(rule)["who"])) in KNOTS:
        return rule
    return Rule(AllOf((rule.who,)), rule.include, rule.exclude)


@given(rules)
def test_a_saved_rule_comes_back_from_the_form_as_it_was(rule: Rule) -> None:
    form = read_fields(fields_of(form_of(rule, "Name", "What for", "3")), LISTS)
    assert (form.name, form.description, form.version) == ("Name", "What for", "3")
    assert read(write(form).rule, KNOWN) == under_a_knot(rule)


@given(rules, st.data())
def test_a_box_that_is_added_and_removed_again_changes_nothing(rule: Rule, data: st.DataObject) -> None:
    before = fields_of(read_fields(fields_of(form_of(rule)), LISTS))
    knots = [key.removesuffix(".kind") for key, kind in before if key.endswith(".kind") and kind in KNOTS]
    at = data.draw(st.sampled_from(knots))
    below = [name for name, _ in before if name.startswith(f"{at}-") and name.endswith(".kind")]
    parts = sum(name.count("-") == at.count("-") + 1 for name in below)
    form = act(read_fields(before, LISTS), f"add:{at}", "tags")
    assert len(fields_of(form)) == len(before) + 1
    form = act(read_fields(fields_of(form), LISTS), f"remove:{at}-{parts}", "")
    assert sorted(fields_of(form)) == sorted(before)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(NAMES),
            st.sampled_from(["all", "none", "wants", "seen", "reads", "Peru", "12", "yes", "before", "9999-12-31"])
            | st.text(max_size=12),
        ),
        max_size=25,
    )
)
def test_no_form_whatever_is_sent_breaks_the_page(fields: Fields) -> None:
    form = read_fields(fields, LISTS)
    for do in ("add:n", "remove:n-0", "remove:n", "add:n-0-1", "what"):
        form = act(form, do, "any")
    written = write(form)
    try:
        read(written.rule, KNOWN)
    except InvalidRule as wrong:
        for problem in wrong.problems:
            assert written.field_of(problem)


def test_places_are_typed_by_name_in_any_language_or_by_code() -> None:
    sent = [("n.kind", "all"), ("n-0.kind", "wants"), ("n-0.places", "FRA")]
    form = read_fields([*sent, ("n-0.place", "Pérou, br; Afrique occidentale, Atlantis")], LISTS)
    box = form.root.parts[0]
    assert box.values["places"] == ["FRA", "PER", "BRA", "011"]
    assert box.one("place") == "Atlantis", "what is not known stays as it was typed"
    written = write(form)
    try:
        read(written.rule, KNOWN)
    except InvalidRule as wrong:
        assert [written.field_of(problem) for problem in wrong.problems] == ["n-0.place"]
    else:
        raise AssertionError("Atlantis is no place")


def test_a_comma_within_brackets_does_not_part_a_name() -> None:
    assert split("Bolivia (Plurinational State of), Peru") == ["Bolivia (Plurinational State of)", "Peru"]
    assert split("Korea (x, y); Chad\nMali") == ["Korea (x, y)", "Chad", "Mali"]


def test_every_name_of_a_place_that_is_offered_is_understood() -> None:
    for locale in ("en", "fr", "es"):
        for code in LISTS.places.places:
            name = LISTS.places.label(code, locale)
            form = read_fields([("n.kind", "all"), ("n-0.kind", "wants"), ("n-0.place", name)], LISTS)
            assert form.root.parts[0].values["places"] == [code], name


def test_the_last_day_of_a_form_is_the_day_before_that_of_the_rule() -> None:
    sent = [("n.kind", "all"), ("n-0.kind", "seen"), ("n-0.way", "between"), ("n-0.from", "2026-01-01")]
    form = read_fields([*sent, ("n-0.to", "2026-01-31")], LISTS)
    assert write(form).rule["who"]["all"] == [{"seen": {"on_or_after": "2026-01-01", "before": "2026-02-01"}}]


def test_knots_do_not_go_deeper_than_a_rule_may() -> None:
    form = Form(root=Box("all"))
    key = "n"
    for _ in range(9):
        form = act(form, f"add:{key}", "any")
        key += "-0"
    form = act(form, "add:n-0-0-0-0", "tags")
    assert "n-0-0-0-0" in dict.fromkeys(name.removesuffix(".kind") for name, _ in fields_of(form))
    deepest = max(name.count("-") for name, _ in fields_of(form))
    assert deepest == 5, "five knots, and a condition below them"
