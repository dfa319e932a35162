"""Full-text search: accents, endings, elisions, beginnings, identifiers, order, and whatever a user types."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.catalogue_house import FEED, House, record
from tribune.bootstrap import Application
from tribune.domain.items import ItemRecord, LanguageVersion, Withdrawal
from tribune.ports.catalogue import Hit
from tribune.store.search_fts5 import match_expression
from tribune.store.search_words import forms, telling_words, words

pytestmark = pytest.mark.both_stores

WORKS = {
    "health": [
        LanguageVersion("en", "Workers’ health in small enterprises", "Silica dust in quarries."),
        LanguageVersion("fr", "La santé des travailleurs des petites entreprises", "L’exposition à la silice."),
        LanguageVersion("es", "La salud de los trabajadores de las pequeñas empresas", "Exposición al polvo."),
    ],
    "jobs": [
        LanguageVersion("fr", "L’emploi des jeunes au Sénégal", "Apprentissages et qualifications."),
        LanguageVersion("es", "La ocupación juvenil en el Senegal", "Aprendizajes."),
    ],
    "wages": [LanguageVersion("en", "Wages in construction", "Health insurance is mentioned once.")],
    "chinese": [LanguageVersion("zh", "劳动世界报告", "青年就业")],
    "arabic": [LanguageVersion("ar", "تقرير عن عالم العمل", "")],
}
CODES = {"health": ("10.5555/health.2026", "9781234567019"), "wages": ("ISSN 0020-7780",)}


@pytest.fixture
def house(app: Application) -> House:
    house = House(app)
    for name, versions in WORKS.items():
        told = record(name, versions[0].language, *CODES.get(name, ()), versions=tuple(versions))
        house.tell(FEED, told if name != "wages" else with_author(told))
    return house


def with_author(told: ItemRecord) -> ItemRecord:
    return replace(told, authors=("Inés Aguirre Salas",), kind="brief")


def find(house: House, text: str, language: str, kind: str | None = None) -> list[Hit]:
    with house.app.store.read() as tx:
        return tx.catalogue.search(text, language, kind=kind)


def titles(house: House, text: str, language: str) -> list[str]:
    return [hit.title for hit in find(house, text, language)]


@pytest.mark.parametrize(
    ("text", "language", "title"),
    [
        ("sante", "fr", "La santé des travailleurs des petites entreprises"),
        ("SANTÉ", "fr", "La santé des travailleurs des petites entreprises"),
        ("travailleur", "fr", "La santé des travailleurs des petites entreprises"),
        ("silices", "fr", "La santé des travailleurs des petites entreprises"),
        ("emploi", "fr", "L’emploi des jeunes au Sénégal"),
        ("l'emploi", "fr", "L’emploi des jeunes au Sénégal"),
        ("d’emplois", "fr", "L’emploi des jeunes au Sénégal"),
        ("senegal", "fr", "L’emploi des jeunes au Sénégal"),
        ("apprentissage", "fr", "L’emploi des jeunes au Sénégal"),
        ("ocupaciones", "es", "La ocupación juvenil en el Senegal"),
        ("ocupacion", "es", "La ocupación juvenil en el Senegal"),
        ("pequeña empresa", "es", "La salud de los trabajadores de las pequeñas empresas"),
        ("worker health", "en", "Workers’ health in small enterprises"),
        ("wage", "en", "Wages in construction"),
        ("ines aguirre", "en", "Wages in construction"),
        ("0020-7780", "en", "Wages in construction"),
        ("劳动", "zh", "劳动世界报告"),
        ("العمل", "ar", "تقرير عن عالم العمل"),
    ],
)
def test_a_word_is_found_without_its_accents_ending_or_article(
    house: House, text: str, language: str, title: str
) -> None:
    assert titles(house, text, language)[:1] == [title]


def test_the_last_word_may_be_unfinished_and_only_the_last(house: House) -> None:
    assert titles(house, "wages constr", "en") == ["Wages in construction"]
    assert titles(house, "santé des trav", "fr")[:1] == ["La santé des travailleurs des petites entreprises"]
    assert match_expression(telling_words("constr wages", "en"), "en").startswith('("constr") AND')


def test_a_title_counts_more_than_an_abstract(house: House) -> None:
    assert titles(house, "health", "en") == ["Workers’ health in small enterprises", "Wages in construction"]


def test_the_readers_language_comes_first_and_each_item_once(house: House) -> None:
    assert [(hit.language, hit.item_id) for hit in find(house, "dust", "fr")] == [("en", 1)]
    french = find(house, "silice", "fr")
    assert [(hit.language, hit.item_id) for hit in french] == [("fr", 1)]
    assert [hit.language for hit in find(house, "senegal", "es")] == ["es"]
    assert [hit.language for hit in find(house, "senegal", "fr-CA")] == ["fr"]
    # In a language that the item does not have, it is found in one that it has.
    assert [hit.language for hit in find(house, "construction", "fr")] == ["en"]


@pytest.mark.parametrize(
    "text", ["10.5555/HEALTH.2026", "https://doi.org/10.5555/health.2026", "978-1-234567-01-9", "ISBN 9781234567019"]
)
def test_an_identifier_finds_its_item_in_the_readers_language_and_nothing_else(house: House, text: str) -> None:
    assert [(hit.item_id, hit.language) for hit in find(house, text, "es")] == [(1, "es")]


def test_a_kind_narrows(house: House) -> None:
    assert [hit.kind for hit in find(house, "health", "en", kind="brief")] == ["brief"]
    assert find(house, "10.5555/health.2026", "en", kind="brief") == []


def test_where_nothing_has_all_the_words_what_has_any_is_found(house: House) -> None:
    assert titles(house, "wages zebra", "en") == ["Wages in construction"]
    assert titles(house, "zebra", "en") == []


def test_words_that_say_nothing_do_not_count(house: House) -> None:
    assert titles(house, "wages of the construction", "en") == ["Wages in construction"]
    assert telling_words("the of", "en")  # but alone they are all there is


def test_what_is_corrected_or_withdrawn_is_no_longer_found(house: House) -> None:
    house.tell(FEED, record("wages", versions=(LanguageVersion("en", "Earnings in construction"),)), 2)
    assert titles(house, "wages", "en") == []
    house.tell(FEED, Withdrawal("wages"), 3)
    assert titles(house, "earnings", "en") == []


@pytest.mark.parametrize(
    "text",
    ["", "   ", '"', '""', "*", "a* OR b", "title:wages", "NEAR(a b)", "wages AND", "-wages", "(", "^wages", "'; --",
     "\x00", "a" * 5000, "💥", "%", "{title} : x", "wages\nconstruction"],
)  # fmt: skip
def test_what_looks_like_a_query_language_is_only_text(house: House, text: str) -> None:
    find(house, text, "en")
    find(house, text, "xx-nonsense")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=60), language=st.sampled_from(["en", "fr", "es", "ar", "", "zh-Hant"]))
def test_no_text_breaks_the_search(house: House, text: str, language: str) -> None:
    find(house, text, language)


@given(text=st.text(max_size=40))
def test_forms_hold_letters_and_digits_only(text: str) -> None:
    for analysis in ("en", "fr", "es", "other"):
        for word in words(text, analysis):
            assert all(form.isalnum() for form in forms(word, analysis))


def test_elisions_and_possessives_are_cut_in_their_own_language_only() -> None:
    assert list(words("L’emploi d'aujourd'hui qu’il jusqu'à", "fr")) == ["emploi", "aujourd", "hui", "il", "à"]
    assert list(words("Workers' and women's rights", "en")) == ["Workers", "and", "women", "rights"]
