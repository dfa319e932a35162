"""Somebody changes what they receive while a mailing is under way: at once in effect, nothing lost, nobody else hit."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import update

from tests.mailing_world import Scripted, channel, counts
from tests.planned import add_people, codelists, make_sender, plan
from tribune.bootstrap import Application
from tribune.domain.audience import Status
from tribune.domain.items import ItemRecord, LanguageVersion
from tribune.domain.mailings import WINDOW
from tribune.domain.preferences import with_topics_only
from tribune.services.audience.change_preferences import change_preferences
from tribune.services.audience.choose_topics import keep_topics_only, leave_topics_out, topics_of_mail
from tribune.services.audience.pause_subscriber import pause_until
from tribune.services.audience.refresh_masks import refresh_masks
from tribune.services.audience.unsubscribe import less_often, unsubscribe
from tribune.services.catalogue.catalogue_item import catalogue_record
from tribune.services.events.event_codec import new_event
from tribune.services.sending.send_chunk import send_chunk
from tribune.store.tables import subscribers

__all__ = ["channel"]
pytestmark = pytest.mark.both_stores
LATE = WINDOW + 2
"""Somebody in the second window."""

REACH = timedelta(days=30)


@pytest.fixture
def mailing(app: Application) -> int:
    """To two windows of people who want any topic: an item on wages and one on skills."""
    refresh_masks(app.store, app.codelists)
    ids = []
    with app.store.write() as tx:
        for area in ("wages", "skills"):
            told = ItemRecord(area, "report", "en", (LanguageVersion("en", f"On {area}"),), policy_areas=(area,))
            event = new_event("publication.published", told, source="/test", key=area, time=app.clock.now())
            ids.append(catalogue_record(tx, event, codelists(), app.clock.now()).item_id)
    return plan(app.store, [WINDOW + 5], with_people=True, items=[id for id in ids if id is not None])


def send(app: Application, channel: Scripted, mailing: int, meanwhile: object) -> None:
    """Send it all; `meanwhile` happens while the first window is handed over, a minute after it was planned."""

    def before(number: int) -> None:
        if number == 5:
            app.clock.move(timedelta(minutes=1))  # type: ignore[attr-defined]
            with app.store.write() as tx:
                meanwhile(tx)  # type: ignore[operator]

    channel.before = before
    send_chunk(make_sender(app, channel, places=app.codelists.places), mailing, 0)


def to(channel: Scripted, number: int) -> bytes:
    (mail,) = [mail for mail in channel.handed if mail.recipient == f"reader{number}@example.org"]
    return mail.content


def test_a_topic_that_was_left_out_is_not_in_the_mail_any_more(
    app: Application, channel: Scripted, mailing: int
) -> None:
    def meanwhile(tx):  # type: ignore[no-untyped-def]
        assert topics_of_mail(tx, LATE, "letter", mailing, app.codelists) == ["wages", "skills"]
        done = leave_topics_out(tx, LATE, app.digests["letter"], ["wages"], app.codelists, REACH, app.clock.now())
        assert done.changed and not done.stopped

    send(app, channel, mailing, meanwhile)
    assert b"On wages" not in to(channel, LATE) and b"On skills" in to(channel, LATE)
    assert b"On wages" in to(channel, LATE + 1), "others get all of it"
    assert counts(app, mailing) == {"sent": WINDOW + 5}


def test_where_nothing_is_left_no_mail_comes(app: Application, channel: Scripted, mailing: int) -> None:
    def meanwhile(tx):  # type: ignore[no-untyped-def]
        keep_topics_only(tx, LATE, app.digests["letter"], ["safety_health"], app.codelists, REACH, app.clock.now())

    assert "safety_health" in app.codelists.policy_areas
    send(app, channel, mailing, meanwhile)
    assert channel.times[LATE] == 0
    assert counts(app, mailing) == {"sent": WINDOW + 4, "suppressed": 1}


def test_who_leaves_all_topics_out_has_stopped(app: Application, channel: Scripted, mailing: int) -> None:
    every = [code.code for code in app.codelists.policy_areas]

    def meanwhile(tx):  # type: ignore[no-untyped-def]
        done = leave_topics_out(tx, LATE, app.digests["letter"], every, app.codelists, REACH, app.clock.now())
        assert done.stopped

    send(app, channel, mailing, meanwhile)
    assert channel.times[LATE] == 0
    with app.store.read() as tx:
        person = tx.audience.one(LATE)
    assert person is not None and person.status is Status.UNSUBSCRIBED
    assert [s.choice.policy_areas for s in person.subscriptions] == [frozenset()], "kept, so that undoing is exact"


def test_stopping_and_pausing_hold_from_the_next_window_on(app: Application, channel: Scripted, mailing: int) -> None:
    def meanwhile(tx):  # type: ignore[no-untyped-def]
        unsubscribe(tx, LATE, "letter", app.clock.now())
        pause_until(tx, LATE + 1, date(2026, 12, 24), app.clock.now())

    send(app, channel, mailing, meanwhile)
    assert channel.times[LATE] == channel.times[LATE + 1] == 0
    assert counts(app, mailing) == {"sent": WINDOW + 3, "suppressed": 2}


def test_less_often_does_not_take_away_what_is_on_its_way(app: Application, channel: Scripted, mailing: int) -> None:
    def meanwhile(tx):  # type: ignore[no-untyped-def]
        assert less_often(tx, LATE, app.digests["letter"], app.codelists, app.clock.now()) is not None

    send(app, channel, mailing, meanwhile)
    assert b"On wages" in to(channel, LATE) and b"On skills" in to(channel, LATE)


def test_a_change_that_changes_nothing_for_the_mail_leaves_it_whole(
    app: Application, channel: Scripted, mailing: int
) -> None:
    with app.store.write() as tx:
        add_people(tx, 1, first=900)
        now = app.clock.now() + timedelta(hours=1)
        tx.connection.execute(update(subscribers).where(subscribers.c.id == LATE).values(changed_at=now))
    send(app, channel, mailing, lambda tx: None)
    assert to(channel, LATE).replace(b"%d" % LATE, b"") != b""
    assert b"On wages" in to(channel, LATE) and b"On skills" in to(channel, LATE)


def test_the_choice_of_one_is_nobody_else_s(app: Application, channel: Scripted, mailing: int) -> None:
    def meanwhile(tx):  # type: ignore[no-untyped-def]
        for number, area in ((LATE, "wages"), (LATE + 1, "skills")):
            change_preferences(
                tx,
                number,
                lambda one, area=area: with_topics_only(one, "letter", [area]),  # type: ignore[misc]
                app.digests,
                app.codelists,
                REACH,
                app.clock.now(),
            )

    send(app, channel, mailing, meanwhile)
    assert (b"On wages" in to(channel, LATE), b"On skills" in to(channel, LATE)) == (True, False)
    assert (b"On wages" in to(channel, LATE + 1), b"On skills" in to(channel, LATE + 1)) == (False, True)
