"""Planning an edition: who gets what, once."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

import scheduler
from consumers import mailings
from consumers.loop import Drain
from tests.planning_world import START, World, days
from tribune.bootstrap import Application
from tribune.domain.audience import Choice, Fallback
from tribune.domain.errors import Conflict, NotFound
from tribune.domain.events import CloudEvent
from tribune.domain.items import SessionInfo
from tribune.domain.mailings import CHUNK_SIZE, MailingState, Shape
from tribune.ports.clock import StoppedClock
from tribune.services.audience.unsubscribe import unsubscribe
from tribune.services.planning.plan_edition import Planned, plan_edition
from tribune.store import tables

pytestmark = pytest.mark.both_stores


@pytest.fixture
def world(app: Application) -> World:
    return World(app)


def wages() -> Choice:
    return Choice(policy_areas=frozenset({"wages"}))


def test_a_person_gets_what_was_released_since_their_last_mail(world: World) -> None:
    world.item("en")
    person = world.person("daily")
    first, second = world.item("en"), world.item("en")
    assert world.got(world.plan("daily"), person) == [(second, "en"), (first, "en")]
    third = world.item("en")
    assert world.got(world.plan("daily", START + days(1)), person) == [(third, "en")]


def test_no_items_no_mail_and_the_mark_moves(world: World) -> None:
    person = world.person(("daily", wages()))
    world.item("en", areas=("social_protection",))
    planned = world.plan("daily")
    assert (planned.recipients, planned.skipped_empty) == (0, 1)
    with world.app.store.read() as tx:
        told = tx.audience.one(person)
        assert told is not None
        assert (told.rhythms[0].mark, told.rhythms[0].last_date) == (1, START.date())
        mailing = tx.ledger.mailing(planned.mailing or 0)
    assert mailing is not None
    assert mailing.state is MailingState.FINISHED


def test_a_second_edition_due_changes_nothing(world: World) -> None:
    person = world.person("daily")
    world.item("en")
    assert world.plan("daily").recipients == 1
    world.item("en")
    assert world.plan("daily").mailing is None
    later_the_same_day = world.plan("daily", START + timedelta(hours=3))
    assert world.got(later_the_same_day, person) == []


def test_two_due_instants_of_a_date_serve_each_person_once(world: World) -> None:
    """A person who moves west between two due instants of the same local date."""
    person = world.person("daily")
    world.item("en")
    world.plan("daily")
    world.item("en")
    with world.app.store.write() as tx:
        tx.connection.execute(text("UPDATE rhythms SET zone = 'America/Bogota'"))
    again = world.plan("daily", START + timedelta(hours=5), zones=("America/Bogota",))
    assert again.mailing is None
    assert person


@pytest.mark.parametrize(
    ("languages", "fallback", "shown"),
    [
        (("fr", "en"), Fallback.SOURCE, "en"),
        (("en-GB",), Fallback.OMIT, "en"),
        (("fr",), Fallback.SOURCE, "es"),
        (("fr",), Fallback.OMIT, None),
    ],
)
def test_the_first_of_a_persons_languages(
    world: World, languages: tuple[str, ...], fallback: Fallback, shown: str | None
) -> None:
    person = world.person("daily", languages=languages, fallback=fallback)
    item = world.item("es", "en") if shown != "es" else world.item("es")
    if shown is None:
        assert world.got(world.plan("daily"), person) == []
    else:
        assert world.got(world.plan("daily"), person) == [(item, shown)]


def test_a_late_translation_reaches_only_those_who_were_left_out(world: World) -> None:
    left_out = world.person("daily", languages=("fr",), fallback=Fallback.OMIT)
    shown = world.person("daily", languages=("fr", "en"))
    item = world.item("en")
    assert world.mails(world.plan("daily")).keys() == {shown}
    world.release(item, "fr")
    planned = world.plan("daily", START + days(1))
    assert world.mails(planned).keys() == {left_out}
    assert world.got(planned, left_out) == [(item, "fr")]


def test_a_revision_that_staff_call_new_comes_again(world: World) -> None:
    person = world.person("daily", languages=("fr", "en"))
    item = world.item("en", "fr")
    assert world.got(world.plan("daily"), person) == [(item, "fr")]
    world.release(item, "en")
    assert world.got(world.plan("daily", START + days(1)), person) == [], "not in the language that they read it in"
    world.release(item, "fr")
    assert world.got(world.plan("daily", START + days(2)), person) == [(item, "fr")]


def test_an_item_belongs_to_the_quickest_cadence_only(world: World) -> None:
    person = world.person(("daily", wages()), "weekly")
    about_wages, other = world.item("en", areas=("wages",)), world.item("en", areas=("social_protection",))
    assert world.got(world.plan("daily"), person) == [(about_wages, "en")]
    assert world.got(world.plan("weekly"), person) == [(other, "en")]


def test_the_slower_cadence_first_makes_no_difference(world: World) -> None:
    person = world.person(("daily", wages()), "weekly")
    about_wages, other = world.item("en", areas=("wages",)), world.item("en")
    assert world.got(world.plan("weekly"), person) == [(other, "en")]
    assert world.got(world.plan("daily"), person) == [(about_wages, "en")]


def test_an_item_reclassified_after_the_daily_mail_is_neither_lost_nor_twice(world: World) -> None:
    person = world.person(("daily", wages()), "weekly")
    sent, unsent = world.item("en", areas=("wages",)), world.item("en", areas=("social_protection",))
    assert world.got(world.plan("daily"), person) == [(sent, "en")]
    world.reclassify(sent, ("social_protection",))
    world.reclassify(unsent, ("wages",))
    assert world.got(world.plan("daily", START + days(1)), person) == []
    assert world.got(world.plan("weekly", START + days(1)), person) == [(unsent, "en")]


def test_a_region_matches_its_members_and_nothing_given_means_anywhere(world: World) -> None:
    africa = world.person(("daily", Choice(places=frozenset({"002"}))))
    senegal = world.person(("daily", Choice(places=frozenset({"SEN"}))))
    france = world.person(("daily", Choice(places=frozenset({"FRA"}))))
    on_senegal, on_africa, on_all = (
        world.item("en", places=("SEN",)),
        world.item("en", places=("002",)),
        world.item("en"),
    )
    planned = world.plan("daily")
    assert {item for item, _ in world.got(planned, africa)} == {on_senegal, on_africa, on_all}
    assert {item for item, _ in world.got(planned, senegal)} == {on_senegal, on_africa, on_all}
    assert {item for item, _ in world.got(planned, france)} == {on_all}


def test_withdrawn_ineligible_and_ended_items_are_left_out(world: World) -> None:
    person = world.person("daily")
    gone = world.item("en")
    world.withdraw(gone)
    begun = START - timedelta(minutes=30)
    talk = {"zone": "UTC", "minutes": 90}
    still_on = world.item("en", kind="session", session=SessionInfo(starts_at=begun.replace(tzinfo=None), **talk))  # type: ignore[arg-type]
    world.item("en", kind="session", session=SessionInfo(starts_at=(begun - days(1)).replace(tzinfo=None), **talk))  # type: ignore[arg-type]
    digests = world.app.__dict__["digests"] = {"letter": replace(world.digest(), kinds=("session",))}
    assert digests
    world.item("en", kind="report")
    assert world.got(world.plan("daily"), person) == [(still_on, "en")]


def test_the_most_important_stands_first_and_the_rest_is_counted(world: World) -> None:
    world.app.__dict__["digests"] = {"letter": replace(world.digest(), max_items=3)}
    person = world.person("daily")
    guide, data = world.item("en", kind="guide"), world.item("en", kind="data_release")
    soon = (START + days(3)).replace(tzinfo=None)
    talk = world.item("en", kind="session", session=SessionInfo(starts_at=soon, zone="Africa/Dakar", minutes=60))
    report, brief = world.item("en", kind="report"), world.item("en", kind="brief")
    content = world.mails(world.plan("daily"))[person]
    assert [key.item for key in content.fragments] == [talk, data, report]
    assert [key.shape for key in content.fragments] == [Shape.LEAD, Shape.ROW, Shape.ROW]
    assert [key.zone for key in content.fragments] == ["Africa/Dakar", "", ""]
    assert content.more == 2
    assert guide and brief


def test_people_with_the_same_choice_share_a_signature_unless_a_session_parts_their_zones(world: World) -> None:
    world.person("daily")
    world.person("daily", languages=("en", "fr"))
    world.person("daily", zone="Africa/Abidjan")
    zones = ("Africa/Dakar", "Africa/Abidjan")
    world.item("en")
    assert world.plan("daily", zones=zones).signatures == 1
    soon = (START + days(9)).replace(tzinfo=None)
    world.item("en", kind="session", session=SessionInfo(starts_at=soon, zone="Africa/Dakar", minutes=60))
    assert world.plan("daily", START + days(1), zones=zones).signatures == 2


def test_chunks_are_cut_by_provider_and_locale_with_signatures_side_by_side(world: World) -> None:
    for number in range(CHUNK_SIZE + 20):
        world.person(("daily", Choice() if number % 2 else wages()), address=f"p{number}@gmail.com")
    world.person("daily", languages=("fr",), address="p@gmail.com")
    world.person("daily", address="p@ministry.example")
    world.item("en", areas=("wages",))
    world.item("en")
    planned = world.plan("daily")
    assert planned.mailing is not None
    with world.app.store.read() as tx:
        chunks = {(c.domain_group, c.locale, c.marks.size) for c in tx.ledger.chunks(planned.mailing)}
        rows = tx.connection.execute(
            select(tables.deliveries.c.chunk, tables.deliveries.c.signature).order_by(
                tables.deliveries.c.chunk, tables.deliveries.c.place
            )
        ).all()
    assert chunks == {("google", "en", 500), ("google", "en", 20), ("google", "fr", 1), ("other", "en", 1)}
    in_a_chunk = [signature for chunk, signature in rows if chunk == rows[0].chunk]
    changes = sum(one != other for one, other in itertools.pairwise(in_a_chunk))
    assert changes == len(set(in_a_chunk)) - 1


def test_who_stopped_was_paused_or_is_suppressed_gets_none(world: World) -> None:
    stopped, paused, suppressed, fine = (world.person("daily", address=f"{n}@example.org") for n in "abcd")
    with world.app.store.write() as tx:
        unsubscribe(tx, stopped, "letter", START)
        tx.connection.execute(text(f"UPDATE subscribers SET status = 'paused' WHERE id = {paused}"))
        tx.audience.suppress("C@EXAMPLE.ORG", "complaint", START)
    world.item("en")
    assert world.mails(world.plan("daily")).keys() == {fine}
    assert suppressed


def test_events_follow_the_plan_and_keep_the_correlation(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.person("daily")
    world.item("en")
    event = CloudEvent("due1", "/test", "edition.due", START, "k", {}, correlation_id="the-story")
    edition = world.due("daily", START, zones=("Africa/Dakar",), digest="letter")
    said: list[CloudEvent] = []
    with world.app.store.write() as tx:
        monkeypatch.setattr(tx.outbox, "add", lambda *events: said.extend(events))
        plan_edition(tx, edition, event, world.app.digests, world.app.codelists, world.app.rules, START)
    assert [e.type for e in said] == ["mailing.planned", "mailing.approved", "delivery.chunk-ready"]
    assert {e.correlation_id for e in said} == {"the-story"}
    assert said[0].data["languages"] == {"en": 1}


def test_approval_each_time_waits_for_staff(world: World) -> None:
    world.app.__dict__["digests"] = {"letter": replace(world.digest(), approval="each")}
    world.person("daily")
    world.item("en")
    planned = world.plan("daily")
    with world.app.store.read() as tx:
        mailing = tx.ledger.mailing(planned.mailing or 0)
    assert mailing is not None
    assert mailing.state is MailingState.PLANNED


def test_planning_waits_while_the_masks_are_out_of_step(world: World) -> None:
    world.person("daily")
    with world.app.store.write() as tx:
        tx.planning.set_mask_versions({"places": "another"})
    with pytest.raises(Conflict, match="code lists have changed"):
        world.plan("daily")


def test_an_unknown_digest_says_what_to_do(world: World) -> None:
    with pytest.raises(NotFound, match=r"\[digests\.gone\]"):
        world.plan("daily", digest="gone")


# -- at once


def at_once(world: World, at: datetime, person: int) -> list[int]:
    return [item for item, _ in world.got(world.plan("at_once", at), person)]


def test_at_once_beyond_the_daily_cap_goes_into_the_daily_mail(world: World) -> None:
    person = world.person("at_once", ("daily", wages()))
    for n in range(5):
        item = world.item("en")
        assert at_once(world, START + timedelta(hours=n), person) == [item]
    sixth = world.item("en")
    assert at_once(world, START + timedelta(hours=6), person) == []
    assert world.got(world.plan("daily", START + days(1)), person) == [(sixth, "en")]
    seventh = world.item("en")
    assert at_once(world, START + days(1) + timedelta(hours=1), person) == [seventh]


def ticked(world: World, clock: StoppedClock, at: datetime, person: int) -> list[int]:
    """What the scheduler, ticking at this instant, brings to a person: nobody else says what is due."""
    clock.set(at)
    with world.app.store.read() as tx:
        before = {mailing.id for mailing in tx.ledger.mailings()}
    scheduler.tick(world.app)
    with Drain([mailings.consumer(world.app)], world.app) as plan:
        plan()
    with world.app.store.read() as tx:
        new = {mailing.id for mailing in tx.ledger.mailings()} - before
    return [item for id in sorted(new) for item, _ in world.got(Planned(id), person)]


@pytest.mark.embedded_only
def test_at_once_without_a_daily_mail_comes_by_itself_the_next_morning(world: World, clock: StoppedClock) -> None:
    person = world.person("at_once", zone="Asia/Kolkata")
    for n in range(5):
        world.item("en")
        assert at_once(world, START + timedelta(hours=n), person)
    sixth = world.item("en")
    assert at_once(world, START + timedelta(hours=6), person) == []
    seventh = world.item("en")
    assert at_once(world, START + timedelta(hours=6, minutes=30), person) == []
    morning = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)  # eight o'clock in Kolkata
    assert ticked(world, clock, morning - timedelta(seconds=1), person) == []
    assert ticked(world, clock, morning, person) == [seventh, sixth]
    assert ticked(world, clock, morning + days(9), person) == []


@pytest.mark.embedded_only
def test_a_morning_that_the_zone_skips_is_that_of_the_next_date(world: World, clock: StoppedClock) -> None:
    person = world.person("at_once", zone="Pacific/Apia")
    thursday = datetime(2011, 12, 29, 20, 0, tzinfo=UTC)  # ten in the morning; there was no Friday
    for n in range(5):
        world.item("en")
        assert at_once(world, thursday + timedelta(hours=n / 2), person)
    sixth = world.item("en")
    assert at_once(world, thursday + timedelta(hours=3), person) == []
    assert ticked(world, clock, datetime(2011, 12, 30, 17, 59, tzinfo=UTC), person) == []
    assert ticked(world, clock, datetime(2011, 12, 30, 18, 0, tzinfo=UTC), person) == [sixth]


def test_a_release_is_mailed_at_once_by_one_digest_only(world: World) -> None:
    world.app.__dict__["digests"] = {"letter": world.digest(), "news": replace(world.digest(), id="news")}
    person = world.person("at_once")
    with world.app.store.write() as tx:
        told = tx.audience.one(person)
        assert told is not None
        both = replace(
            told,
            subscriptions=(*told.subscriptions, replace(told.subscriptions[0], digest="news")),
            rhythms=(*told.rhythms, replace(told.rhythms[0], digest="news")),
        )
        from tribune.services.audience.refresh_masks import masker

        tx.audience.update([both], masker(tx, world.app.codelists), START)
    item = world.item("en")
    assert at_once(world, START, person) == [item]
    assert world.plan("at_once", START, digest="news").recipients == 0
