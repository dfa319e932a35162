"""Why somebody is in a segment: found for each condition, and said in plain words."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.segment_world import rules
from tribune.codelists import load
from tribune.domain.audience import Cadence, Status
from tribune.domain.digests import Digest
from tribune.domain.masks import AXES, Bits, codes
from tribune.domain.segment_json import read
from tribune.domain.segment_matching import Terms, Verdict, explain
from tribune.domain.segment_problems import Fault, Problem
from tribune.domain.segments import Facts, Rule, Subject, When
from tribune.rendering.formats import Formats
from tribune.rendering.locales import Translations
from tribune.rendering.segment_faults import SegmentFaults
from tribune.rendering.segment_reasons import Reason, SegmentReasons
from tribune.rendering.segment_words import Line, SegmentWords
from tribune.resources import locate

LISTS = load()
TODAY = date(2026, 11, 23)
BITS = Bits(*({code: n for n, code in enumerate(codes(axis, LISTS), 1)} for axis in AXES))
TERMS = Terms(LISTS.places, BITS, TODAY)
DIGESTS = {"letter": Digest("letter", {"en": "The letter", "fr": "La lettre"}, "letter@observatory.example")}
LOCALES = ("en", "fr", "es")
TRANSLATIONS = Translations((locate("locales"),), "en")

AWA = Facts(
    id=7,
    group="government",
    languages=("fr", "pt-BR"),
    status=Status.ACTIVE,
    confirmed_at=datetime(2026, 11, 1, 12, tzinfo=UTC),
    subscriptions=(
        Subject("letter", Cadence.DAILY, places=frozenset({"PER"}), policy_areas=frozenset({"wages"})),
        Subject("letter", Cadence.WEEKLY, policy_areas=frozenset({"skills"})),
    ),
    tags=frozenset({"g20"}),
    mailed=date(2026, 11, 20),
)


def verdict(who: Any, facts: Facts = AWA, **more: Any) -> Verdict:
    return explain(read({"who": who, **more}), facts, TERMS)


def inside(who: Any, facts: Facts = AWA) -> bool:
    return verdict(who, facts).inside


def wants(*places: str, everywhere: bool = False, **more: Any) -> Any:
    return {"wants": {"places": {"any_of": list(places), "everywhere": everywhere}, **more}}


def areas(*codes: str, everything: bool = False) -> Any:
    return {"policy_areas": {"any_of": list(codes), "everything": everything}}


def test_a_region_or_a_group_of_countries_stands_for_its_countries() -> None:
    assert inside(wants("419")), "Peru is in Latin America and the Caribbean"
    assert inside(wants("UMC")), "and among the upper-middle-income countries"
    assert not inside(wants("150"))
    of_world = replace(AWA, subscriptions=(Subject("letter", Cadence.DAILY, places=frozenset({"019"})),))
    assert inside(wants("PER"), of_world), "who follows the Americas follows Peru"


def test_whether_who_chose_no_place_counts_is_said_by_the_rule() -> None:
    anywhere = replace(AWA, subscriptions=(Subject("letter", Cadence.WEEKLY),))
    assert not inside(wants("419"), anywhere)
    assert inside(wants("419", everywhere=True), anywhere)
    assert inside(wants(everywhere=True), anywhere)
    somewhere = replace(AWA, subscriptions=AWA.subscriptions[:1])
    assert not inside(wants(everywhere=True), somewhere), "they have chosen a place"


def test_what_is_wanted_must_hold_of_one_subscription() -> None:
    assert inside(wants("PER", **areas("wages")))
    assert not inside(wants("PER", **areas("skills"))), "skills stand in the other subscription"
    assert inside({"all": [wants("PER"), {"wants": areas("skills")}]}), "two conditions may be met by two subscriptions"


def test_a_subscription_that_was_stopped_counts_no_more() -> None:
    stopped = replace(AWA, subscriptions=(replace(AWA.subscriptions[0], stopped=True),))
    assert not inside(wants("PER"), stopped)


def test_a_code_without_a_bit_matches_nothing() -> None:
    gone = replace(AWA, subscriptions=(Subject("letter", Cadence.DAILY, policy_areas=frozenset({"gone"})),))
    assert not inside({"wants": areas("gone")}, gone)
    assert not inside({"wants": areas("wages", everything=True)}, gone), "a choice of what is gone is no open choice"


@pytest.mark.parametrize(
    ("language", "first", "expected"),
    [("fr", True, True), ("pt", False, True), ("pt", True, False), ("pt-BR", False, True), ("pt-PT", False, False)],
)
def test_languages_and_their_regional_forms(language: str, first: bool, expected: bool) -> None:
    assert inside({"reads": {"any_of": [language], "first": first}}) is expected


@pytest.mark.parametrize("ago", [0, 1, 29, 30, 31, 400])
def test_within_days_and_not_within_them_are_opposites(ago: int) -> None:
    day = TODAY - timedelta(days=ago)
    assert When(within_days=30).holds(day, TODAY) is (ago <= 30)
    assert When(not_within_days=30).holds(day, TODAY) is (ago > 30)


def test_what_never_happened_is_not_within_days_and_not_before() -> None:
    assert not When(within_days=30).holds(None, TODAY)
    assert When(not_within_days=30).holds(None, TODAY)
    assert not When(before=TODAY).holds(None, TODAY)
    assert When(never=True).holds(None, TODAY)


def test_who_is_left_out_is_out_and_who_is_pinned_is_in() -> None:
    assert verdict({"group": ["media"]}, include=[7]).inside
    assert verdict({"group": ["media"]}, include=[7]).pinned
    out = verdict({"group": ["government"]}, exclude=[7])
    assert out.left_out and not out.inside
    assert not explain(Rule(None), AWA, TERMS).inside


def words(locale: str) -> SegmentWords:
    return SegmentWords(locale, TRANSLATIONS.gettext(locale), Formats(locale, LISTS), LISTS.groups, DIGESTS)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def said(lines: tuple[Line, ...]) -> list[str]:
    return [plain(text) for line in lines for text in (line.text, *said(line.parts))]


RULE = {
    "who": {
        "all": [
            {"group": ["government"]},
            {"reads": {"any_of": ["es"], "first": True}},
            wants("419", everywhere=True, **areas("wages", "skills")),
            {"none": [{"seen": {"within_days": 90}}]},
            {"confirmed": {"on_or_after": "2026-01-01", "before": "2026-02-01"}},
        ]
    },
    "exclude": [3],
}


def test_a_rule_is_said_in_whole_sentences() -> None:
    assert said(words("en").rule(read(RULE))) == [
        "People of whom all of this is true:",
        "They belong to this group: Government.",
        "The language that they read first is Spanish.",
        "In one and the same subscription:",
        "They follow at least one country of: Latin America and the Caribbean; or they follow the whole world.",
        "They follow at least one of these policy areas: Wages, Skills and lifelong learning.",
        "None of this is true:",
        "They used one of our pages within the last 90 days.",
        "They confirmed their subscription between 1 January 2026 and 31 January 2026.",
        "1 person is left out individually.",
    ]


def test_and_in_french_and_spanish() -> None:
    french, spanish = said(words("fr").rule(read(RULE))), said(words("es").rule(read(RULE)))
    assert "Utilisation de nos pages au cours des 90 derniers jours." in french
    assert "Confirmation de l’abonnement entre le 1er janvier 2026 et le 31 janvier 2026." in french
    assert "Groupe : Gouvernement." in french and "Grupo: Gobierno." in spanish
    assert "Se ha excluido individualmente a 1 persona." in spanish
    assert not set(french) & set(spanish)


@given(rules)
def test_a_condition_also_stands_on_the_page_of_one_person(rule: Rule) -> None:
    """Not « Elles appartiennent ... » and «Pertenecen ...» under the name of one person."""
    for locale, plural in (("fr", r"\b([Ee]lles|leurs?)\b"), ("es", r"\b(sus?|les|[A-Z]\w+(an|en|ron))\b")):
        for text in said(words(locale).rule(rule)):
            assert not re.search(plural, text), text


@given(rules, st.sampled_from(LOCALES))
def test_every_rule_has_words_and_every_verdict_an_answer(rule: Rule, locale: str) -> None:
    texts, formats = TRANSLATIONS.gettext(locale), Formats(locale, LISTS)
    reasons = SegmentReasons(words(locale), texts, formats)
    for text in said(words(locale).rule(rule)):
        assert text.strip() and "%(" not in text
    found = explain(rule, AWA, TERMS)
    assert reasons.answer(found)
    assert found.found is not None
    told = reasons.reason(found.found)
    assert told.holds is found.found.holds
    for text in every(told):
        assert text.strip() and "%(" not in text


def every(reason: Reason) -> list[str]:
    return [reason.text, *reason.lines, *reason.found, *(text for part in reason.parts for text in every(part))]


def test_reasons_tell_what_was_found() -> None:
    reasons = SegmentReasons(words("en"), TRANSLATIONS.gettext("en"), Formats("en", LISTS))
    found = verdict({"all": [{"group": ["media"]}, {"reads": {"any_of": ["pt"]}}, {"tags": ["g20"]}, wants("019")]})
    assert reasons.answer(found) == "This person is not in the segment: the conditions do not hold."
    assert found.found is not None
    assert [(part.holds, part.found) for part in reasons.reason(found.found).parts] == [
        (False, ("Their group: Government",)),
        (True, ("They read: Brazilian Portuguese",)),
        (True, ("Their tag: g20",)),
        (True, ("Their subscription to The letter (daily): Wages (Peru)",)),
    ]
    never = verdict({"seen": {"within_days": 3}})
    assert never.found is not None
    assert reasons.reason(never.found).found == ("This has never happened.",)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_words_on_a_page(locale: str, fault: Fault) -> None:
    texts, formats = TRANSLATIONS.gettext(locale), Formats(locale, LISTS)
    faults = SegmentFaults(texts, formats, lambda code: LISTS.places.label(code, locale))
    for near in ((), ("PER",)):
        text = faults.text(Problem("who", fault, "Peroo", "hint", "place", near))
        assert text.strip() and "%(" not in text
    assert {"en": "Peru", "fr": "Pérou", "es": "Perú"}[locale] in faults.text(
        Problem("who", Fault.NO_SUCH_CODE, "Peroo", near=("PER",))
    )
