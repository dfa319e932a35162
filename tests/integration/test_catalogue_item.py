"""What becomes of what sources tell: items, releases, tombstones, embargoes."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.catalogue_house import FEED, HAND, OAI, House, at_hour, record
from tribune.bootstrap import Application
from tribune.domain.errors import BrokenEvent
from tribune.domain.items import DataSummary, ItemRecord, LanguageVersion, SessionInfo, Withdrawal
from tribune.ports.clock import StoppedClock
from tribune.services.catalogue.catalogue_item import OLD_NEWS, EmbargoNote, lift_embargoes, recode

pytestmark = pytest.mark.both_stores

DOI = "10.5555/report.2026"
OTHER_DOI = "10.5555/other"


@pytest.fixture
def house(app: Application) -> House:
    return House(app)


def figures(observations: int) -> ItemRecord:
    """A data release with so many observations."""
    return record("x", kind="data_release", data=DataSummary("DF_X", observations=observations))


# -- one record


def test_a_publication_becomes_an_item_and_each_language_version_is_released_once(house: House) -> None:
    settled = house.tell(FEED, record("a", "en fr"))
    item = house.item(settled.item_id)
    assert [version.language for version in item.versions] == ["en", "fr"]
    assert [(r.sequence, r.language) for r in item.releases] == [(1, "en"), (2, "fr")]
    assert [(type, data["language"], data["sequence"]) for type, data, _ in house.events()] == [
        ("item.released", "en", 1),
        ("item.released", "fr", 2),
    ]


def test_the_correlation_id_of_the_cause_goes_on(house: House) -> None:
    settled = house.tell(FEED, record("a"), correlation_id="story-7")
    assert [story for _, _, story in house.events()] == ["story-7"]
    assert house.item(settled.item_id).correlation_id == "story-7"


def test_an_event_delivered_twice_changes_nothing(house: House) -> None:
    house.tell(FEED, record("a"))
    before = house.all()
    assert house.tell(FEED, record("a")).what == OLD_NEWS
    assert house.all() == before
    assert len(house.events()) == 1


def test_a_correction_changes_the_item_and_is_no_release(house: House, app: Application) -> None:
    id = house.tell(FEED, record("a")).item_id
    corrected = record("a", versions=(LanguageVersion("en", "Corrected title"),))
    house.tell(FEED, corrected, 2, type="publication.updated")
    item = house.item(id)
    assert (item.version, item.versions[0].title) == (2, "Corrected title")
    assert house.released() == [(id, "en")]
    with app.store.read() as tx:
        assert id is not None
        assert tx.catalogue.items_at([(id, 1)])[id, 1].versions[0].title == "a in en"
        assert [(entry.version, entry.change) for entry in tx.catalogue.history(id)] == [(1, "created"), (2, "updated")]


def test_there_and_back_again_leaves_the_first_content_as_a_third_version(house: House) -> None:
    house.tell(FEED, record("a", series="A"), 1)
    house.tell(FEED, record("a", series="B"), 2)
    id = house.tell(FEED, record("a", series="A"), 3).item_id
    assert (house.item(id).version, house.item(id).series) == (3, "A")


def test_old_news_loses(house: House) -> None:
    id = house.tell(FEED, record("a", series="new"), 2).item_id
    assert house.tell(FEED, record("a", series="old"), 1).what == OLD_NEWS
    assert house.item(id).series == "new"


def test_a_revision_that_staff_call_new_is_released_again(house: House) -> None:
    house.tell(FEED, record("a", "en fr"))
    house.tell(FEED, record("a", "en fr", new=True), 2)
    assert house.released() == [(1, "en"), (1, "fr")]
    with house.app.store.read() as tx:
        assert [release.sequence for release in tx.catalogue.releases_after(0)] == [3, 4]


def test_new_observations_are_released_again_and_revised_ones_are_not(house: House) -> None:
    for revision, type in enumerate(["data.released", "data.released", "data.revised"], start=1):
        house.tell(OAI, figures(observations=10 + revision), revision, type=type)
    with house.app.store.read() as tx:
        assert [release.sequence for release in tx.catalogue.releases_after(0)] == [2]


def test_new_observations_that_come_after_their_own_correction_are_still_announced(house: House) -> None:
    house.tell(OAI, figures(observations=10), 1, type="data.released")
    house.tell(OAI, figures(observations=13), 3, type="data.revised")
    house.tell(OAI, figures(observations=12), 2, type="data.released")
    house.tell(OAI, figures(observations=12), 2, type="data.released")
    with house.app.store.read() as tx:
        assert [release.sequence for release in tx.catalogue.releases_after(0)] == [2]
    assert house.all()[0].data == DataSummary("DF_X", observations=13)


def test_a_language_version_that_comes_later_is_a_release_of_its_own(house: House) -> None:
    id = house.tell(FEED, record("a", "en")).item_id
    house.tell(FEED, record("a", "en es"), 2, correlation_id="later")
    assert house.released() == [(id, "en"), (id, "es")]
    assert [story for _, _, story in house.events()][-1] == "later"


# -- withdrawals


def test_a_withdrawal_takes_the_item_out_and_says_why(house: House, app: Application) -> None:
    id = house.tell(FEED, record("a", "en fr")).item_id
    assert id is not None
    house.tell(FEED, Withdrawal("a", "Published too early"), 2)
    assert house.item(id).withdrawn_at == app.clock.now()
    assert house.released() == []
    assert [(type, data.get("reason")) for type, data, _ in house.events() if type == "item.withdrawn"] == [
        ("item.withdrawn", "Published too early")
    ]
    with app.store.read() as tx:
        assert tx.catalogue.withdrawn([id]) == {id}
        assert tx.catalogue.search("Abstract", "en") == []
        assert tx.catalogue.history(id)[-1].note == "Published too early"


def test_a_retried_published_cannot_raise_the_dead(house: House) -> None:
    house.tell(FEED, Withdrawal("a", "gone"), 2)
    assert house.tell(FEED, record("a"), 1).what == OLD_NEWS
    assert house.all() == []
    assert house.events() == []


def test_a_newer_published_comes_back_under_its_id_and_is_released_again(house: House) -> None:
    id = house.tell(FEED, record("a")).item_id
    house.tell(FEED, Withdrawal("a"), 2)
    assert house.tell(FEED, record("a"), 3).item_id == id
    assert house.item(id).withdrawn_at is None
    with house.app.store.read() as tx:
        assert [release.sequence for release in tx.catalogue.releases_after(0)] == [2]


def test_what_everyone_had_long_ago_is_no_news_when_it_comes_back(house: House, clock: StoppedClock) -> None:
    house.tell(FEED, record("a"))
    clock.move(timedelta(days=40))
    house.tell(FEED, Withdrawal("a"), 2)
    house.tell(FEED, record("a"), 3)
    with house.app.store.read() as tx:
        assert [release.sequence for release in tx.catalogue.releases_after(0)] == [1]
    assert len([type for type, _, _ in house.events() if type == "item.released"]) == 1


def test_one_record_of_several_takes_only_its_own_languages_with_it(house: House) -> None:
    id = house.tell(FEED, record("a", "en", DOI)).item_id
    house.tell(OAI, record("b", "fr", DOI))
    house.tell(OAI, Withdrawal("b"), 2)
    item = house.item(id)
    assert [version.language for version in item.versions] == ["en"]
    assert item.withdrawn_at is None
    assert house.released() == [(id, "en")]
    assert "item.withdrawn" not in [type for type, _, _ in house.events()]


def test_a_cancelled_session_is_withdrawn_with_its_reason(house: House) -> None:
    starts = datetime(2026, 12, 3, 15, 0)  # noqa: DTZ001 - wall clock
    session = SessionInfo(starts, "Africa/Dakar", 90, ("fr",))
    id = house.tell(HAND, record("s", "fr", kind="session", session=session), type="session.scheduled").item_id
    assert house.item(id).session == session
    cancelled = SessionInfo(starts, "Africa/Dakar", 90, ("fr",), cancelled=True)
    house.tell(HAND, record("s", "fr", kind="session", session=cancelled), 2, type="session.updated")
    assert house.item(id).withdrawn_at is not None
    assert house.events()[-1][1]["reason"] == "The session was cancelled."


# -- embargo


def lift(house: House) -> list[int]:
    with house.app.store.write() as tx:
        return lift_embargoes(tx, house.app.clock.now())


def test_under_embargo_nothing_leaves(house: House, app: Application) -> None:
    id = house.tell(HAND, record("a", embargo_until=at_hour(9))).item_id
    assert id is not None
    assert house.released() == []
    assert house.events() == []
    assert house.item(id).embargo_until == at_hour(9)
    with app.store.read() as tx:
        assert tx.catalogue.search("Abstract", "en") == []
        assert tx.catalogue.withdrawn([id]) == {id}
        assert tx.catalogue.last_sequence() == 0


def test_when_an_embargo_ends_the_release_gets_its_number_and_keeps_its_story(
    house: House, clock: StoppedClock
) -> None:
    id = house.tell(HAND, record("a", "en fr", embargo_until=at_hour(9)), correlation_id="story").item_id
    clock.set(at_hour(8))
    assert lift(house) == []
    clock.set(at_hour(9))
    assert lift(house) == [id]
    assert lift(house) == []
    assert house.released() == [(id, "en"), (id, "fr")]
    assert {story for _, _, story in house.events()} == {"story"}
    assert house.item(id).embargo_until is None


def test_an_embargo_that_comes_after_the_release_hides_only_what_is_new(house: House, clock: StoppedClock) -> None:
    id = house.tell(HAND, record("a", series="public")).item_id
    assert id is not None
    house.tell(HAND, record("a", "en fr", series="secret", embargo_until=at_hour(9)), 2)
    assert house.item(id).series == "public"
    assert house.released() == [(id, "en")]
    with house.app.store.read() as tx:
        note = tx.catalogue.history(id)[-1].note
    assert note == f"revision=2 until={at_hour(9).isoformat()} stays=yes"
    assert EmbargoNote.read(note) == EmbargoNote(2, at_hour(9), stays=True)
    assert EmbargoNote.read("Published too early") is None
    clock.set(at_hour(10))
    lift(house)
    assert house.item(id).series == "secret"
    assert house.released() == [(id, "en"), (id, "fr")]


def test_nothing_of_a_record_under_embargo_shows_in_the_item_that_it_joins(house: House, clock: StoppedClock) -> None:
    id = house.tell(FEED, record("a", "en", DOI)).item_id
    secret = record("b", "fr", DOI, authors=("Secret",), places=("SEN",), embargo_until=at_hour(9))
    assert house.tell(HAND, secret).item_id == id
    item = house.item(id)
    assert [version.language for version in item.versions] == ["en"]
    assert (item.authors, item.places) == ((), ())
    clock.set(at_hour(9))
    lift(house)
    assert (house.item(id).authors, house.item(id).places) == (("Secret",), ("SEN",))
    assert house.released() == [(id, "en"), (id, "fr")]


def test_withdrawn_under_embargo_never_shows(house: House, clock: StoppedClock) -> None:
    house.tell(HAND, record("a", embargo_until=at_hour(9)))
    house.tell(HAND, Withdrawal("a"), 2)
    clock.set(at_hour(10))
    assert lift(house) == []
    assert house.released() == []


def test_new_observations_under_embargo_are_announced_when_it_ends(house: House, clock: StoppedClock) -> None:
    data = DataSummary("DF", observations=1)
    house.tell(OAI, record("x", data=data), 1, type="data.released")
    house.tell(
        OAI, record("x", data=DataSummary("DF", observations=2), embargo_until=at_hour(9)), 2, type="data.released"
    )
    house.tell(
        OAI, record("x", data=DataSummary("DF", observations=3), embargo_until=at_hour(9)), 3, type="data.revised"
    )
    assert house.all()[0].data == data
    clock.set(at_hour(9))
    lift(house)
    with house.app.store.read() as tx:
        assert [release.sequence for release in tx.catalogue.releases_after(0)] == [2]
    assert house.all()[0].data == DataSummary("DF", observations=3)


# -- codes


def test_codes_that_no_list_knows_wait_for_staff_and_nothing_is_lost(house: House, app: Application) -> None:
    told = record("a", kind="podcast", policy_areas=("robots",), places=("SEN", "Atlantis"), categories=("Robotics",))
    id = house.tell(FEED, told).item_id
    item = house.item(id)
    assert (item.kind, item.policy_areas, item.places) == ("podcast", (), ("SEN",))
    assert item.categories == ("robots", "Atlantis", "Robotics")
    with app.store.read() as tx:
        assert [item.id for item in tx.catalogue.unmapped()] == [id]
        assert [(told.category, told.items) for told in tx.catalogue.unmapped_categories()] == [
            ("Atlantis", 1),
            ("Robotics", 1),
            ("robots", 1),
        ]


def test_when_the_lists_learn_what_waited_is_mapped(house: House, app: Application) -> None:
    id = house.tell(FEED, record("a", categories=("Robotics",))).item_id
    from dataclasses import replace

    from tribune.domain.codelists import Codelist

    areas = app.codelists.policy_areas
    skills = replace(areas["skills"], synonyms=(*areas["skills"].synonyms, "robotics"))
    taught = replace(app.codelists, policy_areas=Codelist("policy area", {**areas.codes, "skills": skills}))
    with app.store.write() as tx:
        assert recode(tx, taught, app.clock.now()) == [id]
        assert recode(tx, taught, app.clock.now()) == []
    assert (house.item(id).policy_areas, house.item(id).categories) == (("skills",), ())
    assert house.released() == [(id, "en")]


def test_a_record_that_can_be_shown_in_no_language_is_broken(house: House) -> None:
    with pytest.raises(BrokenEvent, match="No language version has both a language and a title"):
        house.tell(FEED, record("a", versions=(LanguageVersion("en", "  "), LanguageVersion("", "Title"))))
    assert house.all() == []
