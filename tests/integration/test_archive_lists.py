"""The lists of the public archive follow the catalogue: what is visible, in which version, since when; nothing else."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from sqlalchemy import text

from tests.catalogue_house import FEED, HAND, OAI, House, at_hour, record
from tribune.bootstrap import Application
from tribune.domain.archive import Listing, Order, Reading, asks_for
from tribune.domain.audience import Choice, Fallback, shown_language
from tribune.domain.errors import NotFound
from tribune.domain.items import LanguageVersion, Withdrawal
from tribune.domain.matching import matches
from tribune.ports.clock import StoppedClock
from tribune.rendering.public_addresses import Filter
from tribune.services.archive.list_items import list_items
from tribune.services.archive.see_item import Gone, Seen, see_item
from tribune.services.archive.visible_items import KeptItems

pytestmark = pytest.mark.both_stores


@pytest.fixture
def house(app: Application) -> House:
    return House(app)


def listed(house: House, *languages: str, fallback: Fallback = Fallback.SOURCE, **how: object) -> list[tuple[int, str]]:
    """(item, language) of what such a reader is shown, the newest first."""
    with house.app.store.read() as tx:
        found = tx.archive.newest(Reading(languages, fallback), limit=100, **how)  # type: ignore[arg-type]
        assert tx.archive.count(Reading(languages, fallback), how.get("any_of", ())) == len(found)  # type: ignore[arg-type]
    return [(one.item_id, one.language) for one in found]


def listing(house: House, id: int | None, base: str = "en") -> Listing:
    assert id is not None
    with house.app.store.read() as tx:
        return tx.archive.versions([id])[id][base]


def test_each_reader_gets_each_item_once_in_their_best_version(house: House) -> None:
    both = house.tell(FEED, record("both", "en fr")).item_id
    french = house.tell(FEED, record("french", "fr")).item_id
    arabic = house.tell(FEED, record("arabic", "ar")).item_id
    assert listed(house, "en") == [(arabic, "ar"), (french, "fr"), (both, "en")]
    assert listed(house, "fr-CA") == [(arabic, "ar"), (french, "fr"), (both, "fr")]
    assert listed(house, "es", "fr", fallback=Fallback.OMIT) == [(french, "fr"), (both, "fr")]
    assert listed(house, "es", fallback=Fallback.OMIT) == []


def test_lists_go_by_the_day_that_items_bear_and_feeds_by_release(house: House) -> None:
    new = house.tell(FEED, record("new", published_on=date(2026, 11, 22))).item_id
    old = house.tell(FEED, record("old", published_on=date(2003, 5, 1))).item_id
    assert listed(house, "en") == [(new, "en"), (old, "en")]
    assert listed(house, "en", order=Order.RELEASE) == [(old, "en"), (new, "en")]


def test_a_language_that_comes_later_takes_the_place_of_the_fallback(house: House, clock: StoppedClock) -> None:
    house.tell(FEED, record("work", "en", "10.5555/work"))
    assert listed(house, "fr") == [(1, "en")]
    clock.set(at_hour(9))
    house.tell(OAI, record("travail", "fr", "10.5555/work"))
    assert listed(house, "fr") == [(1, "fr")]
    assert listed(house, "es") == [(1, "en")]
    assert listing(house, 1, "fr").released_at == at_hour(9)


def test_what_waits_under_an_embargo_is_nowhere(house: House, clock: StoppedClock) -> None:
    secret = record("secret", "en", embargo_until=at_hour(12), policy_areas=("wages",))
    id = house.tell(HAND, secret).item_id
    assert listed(house, "en") == []
    with house.app.store.read() as tx:
        assert tx.archive.codes("topics") == {}
        assert tx.archive.parts(10) == []
        assert tx.archive.part(1, 100) == []
        assert not tx.archive.was_released(id or 0)
        with pytest.raises(NotFound):
            see_item(tx, id or 0, "en")
        assert list_items(tx, "en", Filter(), house.app.codelists, KeptItems(), text="secret").total == 0


def test_an_embargo_on_a_revision_keeps_the_revision_back_and_shows_what_was_free(house: House) -> None:
    free = LanguageVersion("en", "The first title", "Free.")
    id = house.tell(HAND, record("work", versions=(free,))).item_id or 0
    waiting = (LanguageVersion("en", "A secret title", "Secret."), LanguageVersion("fr", "Un titre secret"))
    house.tell(HAND, record("work", versions=waiting, embargo_until=at_hour(12)), 2)
    with house.app.store.read() as tx:
        seen = see_item(tx, id, "fr")
    assert isinstance(seen, Seen)
    assert [version.title for version in seen.item.versions] == ["The first title"]
    assert seen.item.embargo_until is None
    assert listing(house, id).slug == "the-first-title"


def test_what_is_withdrawn_leaves_a_tombstone_without_a_word_of_it(house: House, clock: StoppedClock) -> None:
    id = house.tell(FEED, record("work", policy_areas=("wages",))).item_id or 0
    clock.set(at_hour(10))
    house.tell(FEED, Withdrawal("work", "An error."), 2)
    assert listed(house, "en") == []
    with house.app.store.read() as tx:
        assert see_item(tx, id, "en") == Gone(id, at_hour(10))
        assert tx.archive.codes("topics") == {}
    house.tell(FEED, record("work"), 3)
    assert listed(house, "en") == [(id, "en")]


def test_the_archive_s_last_change_is_what_was_seen_of_it_and_a_withdrawal_too(
    house: House, clock: StoppedClock
) -> None:
    def last_change() -> object:
        with house.app.store.read() as tx:
            return tx.archive.last_change()

    assert last_change() is None
    house.tell(HAND, record("secret", embargo_until=at_hour(12)))
    house.tell(HAND, record("never", embargo_until=at_hour(12)))
    house.tell(HAND, Withdrawal("never", "Dropped."), 2)
    assert last_change() is None, "of what waits, or was never seen, nothing is told"
    clock.set(at_hour(8))
    house.tell(FEED, record("work"))
    assert last_change() == at_hour(8)
    clock.set(at_hour(9))
    house.tell(FEED, record("work", embargo_until=at_hour(12)), 2)
    assert last_change() != at_hour(9), "a revision waits"
    clock.set(at_hour(10))
    house.tell(FEED, Withdrawal("work", "An error."), 3)
    assert last_change() == at_hour(10)


def test_what_was_withdrawn_before_it_was_public_has_never_been(house: House) -> None:
    id = house.tell(HAND, record("secret", embargo_until=at_hour(12))).item_id or 0
    house.tell(HAND, Withdrawal("secret", "Dropped."), 2)
    with house.app.store.read() as tx, pytest.raises(NotFound):
        see_item(tx, id, "en")


def test_an_item_that_became_one_with_another_is_listed_once_and_found_under_both_numbers(house: House) -> None:
    house.tell(FEED, record("one", "en", "10.5555/a"))
    house.tell(OAI, record("two", "fr", "10.5555/b"))
    house.tell(HAND, record("three", "es", "10.5555/a", "10.5555/b"))
    assert listed(house, "en") == [(1, "en")]
    with house.app.store.read() as tx:
        seen = see_item(tx, 2, "fr")
    assert isinstance(seen, Seen)
    assert (seen.item.id, seen.shown.language) == (1, "fr")


def test_updated_moves_when_what_is_shown_changes_and_not_otherwise(house: House, clock: StoppedClock) -> None:
    told = record("work", "en fr", policy_areas=("wages",))
    id = house.tell(FEED, told).item_id
    began = clock.now()
    clock.set(at_hour(8))
    house.tell(FEED, record("work", "en fr", policy_areas=("wages", "skills")), 2)
    assert listing(house, id).updated_at == began, "how it is filed is not what is shown"
    clock.set(at_hour(9))
    better = (LanguageVersion("en", "work in en", "A better abstract."), told.versions[1])
    house.tell(FEED, record("work", versions=better), 3)
    assert listing(house, id, "en").updated_at == at_hour(9)
    assert listing(house, id, "fr").updated_at == began
    assert listing(house, id, "en").released_at == began, "a correction is no release"


def test_lists_are_narrowed_to_topics_places_and_kinds(house: House) -> None:
    senegal = house.tell(FEED, record("a", places=("SEN",), policy_areas=("wages",))).item_id
    africa = house.tell(FEED, record("b", places=("002",), policy_areas=("skills",), kind="brief")).item_id
    house.tell(FEED, record("c", places=("FRA",), policy_areas=("wages", "skills")))
    anywhere = house.tell(FEED, record("d", policy_areas=("wages",))).item_id
    lists = house.app.codelists
    with house.app.store.read() as tx:

        def found(**told: str) -> list[int]:
            return [item.id for item, _ in list_items(tx, "en", Filter(**told), lists, KeptItems()).items]  # type: ignore[arg-type]

        assert found(place="SEN") == [africa, senegal]
        assert found(place="MLI") == [africa]
        assert found(place="002") == [africa, senegal]
        assert found(topic="wages", place="SEN") == [senegal]
        assert found(kind="brief") == [africa]
        assert anywhere in found(topic="wages")
        assert tx.archive.codes("places") == {"SEN": 1, "002": 1, "FRA": 1}
        for wrong in (Filter(topic="x"), Filter(place="' OR 1=1 --"), Filter(kind="x")):
            with pytest.raises(NotFound):
                list_items(tx, "en", wrong, lists, KeptItems())


def test_a_search_is_narrowed_too(house: House) -> None:
    house.tell(FEED, record("minimum wage", "en fr", places=("SEN",)))
    house.tell(FEED, record("maximum wage", "en", places=("FRA",), policy_areas=("wages",)))
    with house.app.store.read() as tx:

        def found(text: str, locale: str = "en", **told: object) -> list[tuple[int, str]]:
            kept = list_items(tx, locale, Filter(**told), house.app.codelists, KeptItems(), text=text)  # type: ignore[arg-type]
            return [(item.id, one.language) for item, one in kept.items]

        assert sorted(found("wage")) == [(1, "en"), (2, "en")]
        assert found("wage", place="SEN") == [(1, "en")]
        assert found("wage", topic="wages") == [(2, "en")]
        assert sorted(found("wage", "fr")) == [(1, "fr"), (2, "en")]
        assert found("wage", "fr", own=True) == [(1, "fr")]


def test_pages_of_a_list_hold_each_item_once(house: House) -> None:
    for number in range(45):
        house.tell(FEED, record(f"r{number}"))
    with house.app.store.read() as tx:
        pages = [list_items(tx, "en", Filter(), house.app.codelists, KeptItems(), page=page) for page in (1, 2, 3, 99)]
    assert [len(page.items) for page in pages] == [20, 20, 5, 5]
    assert (pages[3].page, pages[3].pages, pages[0].total) == (3, 3, 45)
    assert len({item.id for page in pages[:3] for item, _ in page.items}) == 45


@pytest.mark.parametrize("many", [2_000, 5])
def test_what_subscriptions_ask_for_is_what_they_are_mailed(
    house: House, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    """The lists of own feeds against the rules of tribune.domain.matching, over many items and choices; looked up, and
    met on a walk through the list."""
    monkeypatch.setattr("tribune.store.archive.MANY", many)
    dice = random.Random(7)
    areas, kinds = ["wages", "skills", "employment"], ["report", "brief", "working_paper"]
    where = ["SEN", "MLI", "FRA", "002", "011", "150", "LIC", "001"]
    for number in range(60):
        languages = " ".join(dice.sample(["en", "fr", "es", "ar"], dice.randint(1, 3)))
        told = record(
            f"r{number}",
            languages,
            policy_areas=tuple(dice.sample(areas, dice.randint(0, 2))),
            places=tuple(dice.sample(where, dice.randint(0, 2))),
            kind=dice.choice(kinds),
        )
        house.tell(FEED, told)
    items = house.all()
    places = house.app.codelists.places
    for _ in range(40):
        choices = [
            Choice(
                frozenset(dice.sample(areas, dice.randint(0, 2))),
                frozenset(dice.sample(where, dice.randint(0, 2))),
                frozenset(dice.sample(kinds, dice.randint(0, 1))),
            )
            for _ in range(dice.randint(1, 2))
        ]
        chain = tuple(dice.sample(["en", "fr", "es", "ar"], dice.randint(1, 3)))
        fallback = dice.choice(list(Fallback))
        wanted = {
            (item.id, language)
            for item in items
            if any(matches(choice, item, places) for choice in choices)
            and (language := shown_language(chain, [r.language for r in item.releases], item.source_language, fallback))
        }
        any_of = [one for choice in choices if (one := asks_for(choice, places))]
        assert set(listed(house, *chain, fallback=fallback, any_of=any_of)) == wanted


def test_the_migration_lists_what_the_catalogue_does(house: House, clock: StoppedClock) -> None:
    house.tell(FEED, record("one", "en fr pt-BR", places=("SEN",), policy_areas=("wages", "skills")))
    house.tell(FEED, record("d’ailleurs, œuvres", "fr", published_on=date(2020, 1, 1)))
    house.tell(FEED, record("gone"))
    house.tell(FEED, Withdrawal("gone", ""), 2)
    house.tell(HAND, record("secret", embargo_until=at_hour(12)))
    clock.set(clock.now() + timedelta(hours=1))
    columns = "item_id, base, language, sequence, day, released_at, kind, slug"

    def rows() -> list[tuple[object, ...]]:
        with house.app.store.read() as tx:
            told = tx.connection.execute(text(f"SELECT {columns} FROM listings ORDER BY 1, 2")).all()
            codes = tx.connection.execute(text("SELECT * FROM listing_codes ORDER BY 1, 2, 3")).all()
        return [tuple(row) for row in (*told, *codes)]

    before = rows()
    import importlib.util

    from tribune.resources import locate

    spec = importlib.util.spec_from_file_location("filling", locate("migrations") / "versions" / "0011_archive.py")
    assert spec is not None and spec.loader is not None
    migration = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(migration)
    with house.app.store.write() as tx:
        tx.connection.execute(text("DELETE FROM listings"))
        tx.connection.execute(text("DELETE FROM listing_codes"))
        migration._list_what_is_visible(tx.connection)
    assert rows() == before
    assert len(before) == 10
