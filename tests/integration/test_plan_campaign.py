"""A campaign is planned: who gets it, in which language, and who is left out for which reason. On both stores."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.campaign_world import EVERYONE, approve, draft, outline, plan, readers, segment
from tests.mailing_world import Scripted, cancel, counts, events, state, tick, types, unsubscribe
from tests.planned import make_sender
from tests.planning_world import START, World
from tribune.bootstrap import Application
from tribune.domain.audience import Fallback
from tribune.domain.errors import Conflict, InvalidInput, NotFound
from tribune.domain.items import SessionInfo
from tribune.domain.mailings import EditionContent, MailingState
from tribune.ports.clock import StoppedClock
from tribune.services.planning.plan_edition import Planned
from tribune.services.segments.archive_segment import archive_segment
from tribune.services.sending.send_chunk import send_chunk
from tribune.store.tables import campaigns, mailings

pytestmark = pytest.mark.both_stores


@pytest.fixture
def world(app: Application) -> World:
    return World(app)


def contents(world: World, mailing: int) -> dict[int, EditionContent]:
    return world.mails(Planned(mailing))


def test_everybody_is_counted_once_under_the_reason_that_holds(app: Application, world: World) -> None:
    french = world.person("weekly", languages=("fr", "en"))
    both = world.person("weekly", "daily", languages=("en",))
    spanish = world.person("weekly", languages=("es",))
    none = world.person("weekly", languages=("es",), fallback=Fallback.OMIT)
    stopped = world.person("weekly")
    other = world.person("weekly", digest="other")
    paused = world.person("weekly")
    suppressed = world.person("weekly", address="gone@example.org")
    with app.store.write() as tx:
        unsubscribe(tx, stopped, START)
        tx.audience.pause(paused, START + timedelta(days=9), START)
        tx.audience.suppress("gone@example.org", "complaint", START)
    segment(app)
    told = outline(app, draft("fr", "en")).numbers
    assert (told.people, told.unreachable, told.not_subscribed, told.no_language) == (8, 2, 2, 1)
    assert told.languages == {"fr": 2, "en": 1}
    assert told.in_another == 1
    mailing = plan(app, draft("fr", "en"))
    assert (mailing.recipients, mailing.skipped_empty) == (3, 1)
    assert (mailing.state, mailing.approval, mailing.digest) == (MailingState.PLANNED, "each", "letter")
    got = contents(world, mailing.id)
    assert {who: (one.locale, one.message) for who, one in got.items()} == {
        french: ("fr", "fr"),
        both: ("en", "en"),
        spanish: ("es", "fr"),
    }
    assert {none, stopped, other, paused, suppressed}.isdisjoint(got)


def test_only_the_people_of_the_segment_get_it(app: Application, world: World) -> None:
    inside, outside = world.person("weekly"), world.person("weekly")
    with app.store.write() as tx:
        tx.segments.tag([inside], "g20")
    segment(app, "g20", {"tags": ["g20"]})
    mailing = plan(app, draft(), "g20")
    assert list(contents(world, mailing.id)) == [inside]
    assert outside


def test_the_segment_is_kept_as_it_was(app: Application, world: World) -> None:
    world.person("weekly")
    before = segment(app, "all", EVERYONE)
    mailing = plan(app, draft(), "all")
    segment(app, "all", {"group": ["media"]})
    assert mailing.campaign is not None
    with app.store.read() as tx:
        kept = tx.campaigns.one(mailing.campaign.id)
    assert kept is not None
    assert (kept.segment, kept.segment_version, kept.rule) == ("all", 1, before.rule)
    assert kept.created_by == "test"


def test_items_come_in_the_order_of_staff_and_in_each_reader_s_language(app: Application, world: World) -> None:
    report, brief = world.item("en", "fr"), world.item("es")
    live = world.item(
        "en", kind="session", session=SessionInfo(START.replace(tzinfo=None) + timedelta(days=9), "UTC", 60)
    )
    french = world.person("weekly", languages=("fr",), fallback=Fallback.OMIT, zone="Europe/Paris")
    english = world.person("weekly", languages=("en",), zone="Africa/Dakar")
    segment(app)
    mailing = plan(app, draft("fr", "en", items=(brief, live, report)))
    got = contents(world, mailing.id)
    assert [(key.item, key.language, key.zone) for key in got[french].fragments] == [(report, "fr", "")]
    assert [(key.item, key.language, key.zone) for key in got[english].fragments] == [
        (brief, "es", ""),
        (live, "en", "Africa/Dakar"),
        (report, "en", ""),
    ]


def test_who_reads_alike_shares_one_signature_and_chunks_are_cut_as_an_edition_s(
    app: Application, world: World
) -> None:
    readers(app, 3, languages=("fr",))
    for n in range(2):
        world.person("weekly", languages=("en",), address=f"p{n}@gmail.com")
    segment(app)
    mailing = plan(app, draft("fr", "en"))
    with app.store.read() as tx:
        chunks = [(view.locale, view.domain_group, view.marks.size) for view in tx.ledger.chunks(mailing.id)]
        signatures = {view.signature for view in tx.ledger.deliveries(mailing.id)}
    assert sorted(chunks) == [("en", "google", 2), ("fr", "other", 3)]
    assert len(signatures) == 2


def test_its_events_are_a_mailing_s_and_name_the_campaign(app: Application, world: World) -> None:
    world.person("weekly", languages=("fr",))
    segment(app)
    mailing = plan(app, draft("fr"))
    (event,) = events(app)
    assert event["type"] == "mailing.planned"
    assert mailing.campaign is not None
    assert event["data"]["campaign"] == mailing.campaign.id
    assert (event["data"]["recipients"], event["data"]["languages"]) == (1, {"fr": 1})
    approve(app, mailing)
    assert types(app) == {"mailing.planned": 1, "mailing.approved": 1, "delivery.chunk-ready": 1}
    assert {told["correlationid"] for told in events(app)} == {mailing.correlation_id}


def test_an_edition_is_none_the_wiser(app: Application, world: World) -> None:
    reader = world.person("daily")
    item = world.item("en")
    segment(app)
    plan(app, draft(items=(item,)))
    planned = world.plan("daily")
    assert world.got(planned, reader) == [(item, "en")]


def test_nobody_gets_it_twice_because_a_command_was_given_twice(app: Application, world: World) -> None:
    world.person("weekly")
    segment(app)
    first = plan(app, draft(name="Survey"))
    with pytest.raises(Conflict, match=rf"'Survey' is planned already: mailing {first.id}\. Cancel that one"):
        plan(app, draft(name="Survey"))
    cancel(app, first.id)
    assert plan(app, draft(name="Survey")).id != first.id


def test_what_cannot_be_planned_is_said_and_leaves_no_trace(app: Application, world: World) -> None:
    segment(app)
    with pytest.raises(Conflict, match="Nobody in the segment 'everyone' would get this campaign"):
        plan(app, draft())
    world.person("weekly")
    withdrawn, later = world.item("en"), world.item("en")
    world.withdraw(withdrawn)
    with app.store.write() as tx:
        tx.catalogue.hide_releases([r.sequence for r in tx.catalogue.releases_of([later])[later]], START)
    with pytest.raises(NotFound, match=r"no segment 'everione'\. Did you mean 'everyone'\?"):
        plan(app, draft(), "everione")
    for item, what in ((withdrawn, "is withdrawn"), (later, "is not out yet"), (9_999, "There is no item 9999")):
        with pytest.raises((Conflict, NotFound), match=what):
            plan(app, draft(items=(item,)))
    with pytest.raises(InvalidInput, match="This time has passed"):
        plan(app, draft(), at=app.clock.now())
    with app.store.write() as tx:
        archive_segment(tx, "everyone", "test", START)
    with pytest.raises(Conflict, match="is archived"):
        plan(app, draft())
    with app.store.read() as tx:
        assert tx.connection.execute(mailings.select()).all() == []
        assert tx.connection.execute(campaigns.select()).all() == []


def test_a_campaign_for_later_waits_for_its_time_after_its_approval(
    app: Application, world: World, clock: StoppedClock
) -> None:
    readers(app, 2)
    segment(app)
    mailing = plan(app, draft(), at=clock.now() + timedelta(hours=3))
    approve(app, mailing)
    sender = make_sender(app, Scripted())
    assert not send_chunk(sender, mailing.id, 0), "its time has not come"
    clock.move(timedelta(hours=2))
    assert tick(app) == []
    clock.move(timedelta(hours=1))
    assert tick(app) == [(mailing.id, 0)]
    assert send_chunk(sender, mailing.id, 0)
    assert counts(app, mailing.id) == {"sent": 2}
    assert state(app, mailing.id) is MailingState.FINISHED


def test_its_mails_bear_the_day_of_the_approval(app: Application, world: World, clock: StoppedClock) -> None:
    world.person("weekly")
    segment(app)
    mailing = plan(app, draft())
    clock.move(timedelta(days=3))
    approve(app, mailing)
    with app.store.read() as tx:
        told = tx.ledger.mailing(mailing.id)
    assert told is not None
    assert told.due_at == clock.now()
    assert told.planned_at == clock.now() - timedelta(days=3)
