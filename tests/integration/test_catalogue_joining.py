"""How records of several sources become one item, in whatever order they come."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.catalogue_house import FEED, HAND, OAI, T0, House, event, record
from tribune.bootstrap import Application
from tribune.domain.events import CloudEvent
from tribune.domain.items import ItemRecord, LanguageVersion, Link, Withdrawal
from tribune.services.catalogue.catalogue_item import catalogue_record, withdraw_record
from tribune.services.catalogue.settle_records import content_of

pytestmark = pytest.mark.both_stores

DOI, OTHER, THIRD = "10.5555/one", "10.5555/two", "10.5555/three"
ISBN = "978-1-234567-01-9"
ADDRESS = "https://observatory.example/en/report"


@pytest.fixture
def house(app: Application) -> House:
    return House(app)


@pytest.mark.parametrize("shared", [DOI, "urn:isbn:9781234567019", "oai:repository.example:17"])
def test_a_shared_doi_isbn_or_oai_id_joins(house: House, shared: str) -> None:
    id = house.tell(FEED, record("a", "en", shared)).item_id
    settled = house.tell(OAI, record("b", "fr", shared))
    assert (settled.item_id, settled.what) == (id, "joined")
    assert [version.language for version in house.item(id).versions] == ["en", "fr"]
    assert house.released() == [(id, "en"), (id, "fr")]


def test_spelling_does_not_keep_records_apart(house: House) -> None:
    house.tell(FEED, record("a", "en", "https://doi.org/10.5555/ONE", ISBN))
    house.tell(OAI, record("b", "fr", DOI))
    house.tell(HAND, record("c", "es", "9781234567019"))
    assert len(house.all()) == 1


def test_titles_series_and_addresses_join_nothing(house: House) -> None:
    versions = (LanguageVersion("en", "World of Work Report"),)
    for source in (FEED, OAI):
        house.tell(source, record("a", "en", "ISSN 0020-7780", ADDRESS, versions=versions, series="Reports"))
    assert len(house.all()) == 2


@pytest.mark.parametrize("original", [DOI, ADDRESS])
@pytest.mark.parametrize("translation_first", [True, False])
def test_a_declared_translation_joins_its_original(house: House, original: str, translation_first: bool) -> None:
    told = [(FEED, record("original", "en", original)), (OAI, record("traduction", "fr", translation_of=(original,)))]
    for source, one in reversed(told) if translation_first else told:
        house.tell(source, one)
    [item] = house.all()
    assert item.source_language == "en"
    assert [version.language for version in item.versions] == ["en", "fr"]


def test_translations_of_one_original_are_one_work_before_it_comes(house: House) -> None:
    house.tell(OAI, record("fr", "fr", translation_of=(DOI,)))
    house.tell(OAI, record("es", "es", translation_of=(DOI,)))
    assert len(house.all()) == 1


def test_a_record_that_links_two_items_makes_them_one_under_the_older_id(house: House, app: Application) -> None:
    first = house.tell(FEED, record("a", "en", DOI)).item_id
    second = house.tell(OAI, record("b", "fr", OTHER)).item_id
    third = house.tell(OAI, record("c", "es", THIRD)).item_id
    assert first and second and third
    house.tell(HAND, record("d", "en", DOI, OTHER))
    assert house.released() == [(first, "en"), (first, "fr"), (third, "es")]
    house.tell(HAND, record("e", "en", DOI, THIRD))
    with app.store.read() as tx:
        found = tx.catalogue.items([first, second, third])
        assert [item.id for item in found.values()] == [first, first, first]
        assert tx.catalogue.items_at([(second, 1)])[second, 1].versions[0].title == "b in fr"
        assert tx.catalogue.withdrawn([first, second, third]) == set()
        assert {release.language for release in tx.catalogue.releases_of([second])[second]} == {"en", "es", "fr"}
        notes = [entry.note for entry in tx.catalogue.history(second) if entry.note]
        assert notes == [f"Item {second} became item {first}.", f"Item {third} became item {first}."]
        assert [hit.item_id for hit in tx.catalogue.search("b in fr", "fr")] == [first]
    assert len(house.all()) == 1


def test_when_two_items_become_one_nobody_gets_a_language_again(house: House) -> None:
    house.tell(FEED, record("a", "en", DOI))
    house.tell(OAI, record("b", "en", OTHER))
    house.tell(HAND, record("c", "en", DOI, OTHER))
    with house.app.store.read() as tx:
        assert [(release.sequence, release.item_id) for release in tx.catalogue.releases_after(0)] == [(1, 1)]


def test_a_wrong_identifier_put_right_takes_the_works_apart(house: House) -> None:
    kept = house.tell(FEED, record("a", "en", DOI)).item_id
    house.tell(OAI, record("b", "fr", DOI))
    apart = house.tell(OAI, record("b", "fr", OTHER), 2).item_id
    assert apart != kept
    assert [[version.language for version in item.versions] for item in house.all()] == [["en"], ["fr"]]
    with house.app.store.read() as tx:
        # The French release goes with its work and keeps its number: it is no news.
        assert [(told.sequence, told.item_id) for told in tx.catalogue.releases_after(0)] == [(1, kept), (2, apart)]


def test_withdrawing_the_link_takes_the_works_apart(house: House) -> None:
    house.tell(FEED, record("a", "en", DOI))
    house.tell(OAI, record("b", "fr", OTHER))
    house.tell(HAND, record("link", "es", DOI, OTHER))
    house.tell(HAND, Withdrawal("link"), 2)
    assert [[version.language for version in item.versions] for item in house.all()] == [["en"], ["fr"]]
    assert sorted(house.released()) == [(house.all()[0].id, "en"), (house.all()[1].id, "fr")]


def test_the_same_work_from_another_source_revives_a_withdrawn_item(house: House) -> None:
    id = house.tell(FEED, record("a", "en", DOI)).item_id
    house.tell(FEED, Withdrawal("a"), 2)
    assert house.tell(OAI, record("b", "en", DOI)).item_id == id
    assert house.item(id).withdrawn_at is None


def test_a_language_comes_from_the_record_whose_own_language_it_is(house: House) -> None:
    own = record("fr", "fr", versions=(LanguageVersion("fr", "Titre de la traduction"),), translation_of=(DOI,))
    versions = (LanguageVersion("en", "Title"), LanguageVersion("fr", "Titre du dépôt", "Résumé", pages=12))
    house.tell(FEED, own, time=T0)
    house.tell(OAI, record("en", "en", DOI, versions=versions), time=T0 + timedelta(days=1))
    french = house.all()[0].version_in("fr")
    assert french == LanguageVersion("fr", "Titre de la traduction", "Résumé", pages=12)


def test_of_two_originals_the_last_word_counts_and_links_come_together(house: House) -> None:
    html, pdf = Link("https://a.example/x"), Link("https://b.example/x.pdf", "pdf")
    first = record("a", "en", DOI, versions=(LanguageVersion("en", "First", links=(html,)),), kind="report")
    second = record("b", "en", DOI, versions=(LanguageVersion("en", "Second", links=(pdf, html)),), kind="brief")
    house.tell(FEED, second, time=T0)
    house.tell(OAI, first, time=T0 + timedelta(days=1))
    [item] = house.all()
    assert (item.kind, item.versions[0].title) == ("report", "First")
    assert item.versions[0].links == (html, pdf)


# -- any order

Told = list[CloudEvent]


class _RollBack(Exception):
    pass


def outcome(house: House, told: Told) -> list[object]:
    """The contents of the living items after these events, in an order of their own; nothing is kept."""
    now = house.app.clock.now()
    contents: list[object] = []
    try:
        with house.app.store.write() as tx:
            for one in told:
                if one.type.endswith("withdrawn"):
                    withdraw_record(tx, one, now)
                else:
                    catalogue_record(tx, one, house.app.codelists, now)
            living = [item for item in tx.catalogue.recent(100) if item.withdrawn_at is None]
            contents = sorted((content_of(item) for item in living), key=repr)
            for item in living:
                # What is visible is exactly what there is, each language once.
                assert sorted(release.language for release in item.releases) == sorted(
                    version.language for version in item.versions
                )
            assert len({id for release in tx.catalogue.releases_after(0) for id in [release.item_id]}) == len(living)
            raise _RollBack
    except _RollBack:
        return contents


_ids = st.lists(st.sampled_from([DOI, DOI, OTHER, ISBN]), max_size=2, unique=True).map(tuple)


@st.composite
def _records(draw: st.DrawFn, name: str) -> ItemRecord:
    languages = draw(st.lists(st.sampled_from(["en", "fr", "es"]), min_size=1, max_size=2, unique=True))
    return record(
        name,
        " ".join(languages),
        *draw(_ids),
        translation_of=draw(_ids) if draw(st.booleans()) else (),
        series=draw(st.sampled_from(["", "A", "B"])),
        places=tuple(draw(st.lists(st.sampled_from(["SEN", "FRA", "002"]), max_size=2, unique=True))),
    )


@st.composite
def _stories(draw: st.DrawFn) -> Told:
    told: Told = []
    for name in draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True)):
        for revision in range(1, draw(st.integers(1, 3)) + 1):
            gone = draw(st.integers(0, 4)) == 0
            said = Withdrawal(name) if gone else draw(_records(name))
            at = T0 + timedelta(minutes=draw(st.integers(0, 60)))
            told.append(event(draw(st.just(FEED)), said, revision, time=at))
    return told


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=_stories(), data=st.data())
def test_any_order_gives_the_same_items(house: House, story: Told, data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(story))
    repeated = [*shuffled, *data.draw(st.lists(st.sampled_from(story), max_size=3))]
    assert outcome(house, repeated) == outcome(house, story)


def test_every_order_of_a_bridge_that_comes_and_goes_gives_the_same_items(house: House) -> None:
    story = [
        event(FEED, record("a", "en", DOI)),
        event(OAI, record("b", "fr", OTHER)),
        event(HAND, record("c", "es", DOI, OTHER)),
        event(HAND, record("c", "es", THIRD), 2),
    ]
    expected = outcome(house, story)
    assert len(expected) == 3
    for order in permutations(story):
        assert outcome(house, list(order)) == expected
