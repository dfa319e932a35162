"""A campaign on its way: the same senders, the same ledger, the same guarantees as an edition's mailing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete

from tests.campaign_world import approve, draft, plan, readers, segment
from tests.mailing_world import Killed, Scripted, cancel, carried, channel, counts, state, tick, types, unsubscribe
from tests.planned import add_item, make_sender, withdraw_item
from tests.planning_world import START
from tribune.bootstrap import Application
from tribune.domain.errors import Permanent, Retryable
from tribune.domain.mailings import WINDOW, DeliveryState, MailingState
from tribune.domain.sending import LEASE
from tribune.ports.clock import StoppedClock
from tribune.services.audience.export_my_data import export_my_data
from tribune.services.audience.list_sent import list_sent, show_sent
from tribune.services.campaigns.see_campaign import see_campaign
from tribune.services.desk.say_why import say_why
from tribune.services.sending.age_out import age_slice
from tribune.services.sending.cancel_mailing import close_slice
from tribune.services.sending.pause_mailing import pause_mailing, resume_mailing
from tribune.services.sending.retry_mailing import retry_mailing
from tribune.services.sending.send_chunk import send_chunk
from tribune.services.sending.send_retries import send_retries
from tribune.store.tables import rhythms, subscriptions

__all__ = ["channel"]
pytestmark = pytest.mark.both_stores


def item(app: Application, title: str) -> int:
    with app.store.write() as tx:
        return add_item(tx, title)


def approved(app: Application, number: int, items: tuple[int, ...] = ()) -> int:
    """A campaign to so many readers, which may leave; its mailing."""
    readers(app, number)
    segment(app)
    mailing = plan(app, draft(items=items))
    approve(app, mailing)
    return mailing.id


def why(app: Application, mailing: int) -> dict[int, str]:
    """Subscriber -> why they were not mailed."""
    with app.store.read() as tx:
        found = tx.ledger.deliveries(mailing, states=[DeliveryState.SUPPRESSED])
    return {one.subscriber: one.code for one in found}


def test_whoever_left_since_it_was_planned_is_not_mailed(app: Application, channel: Scripted) -> None:
    stopped, gave_up, suppressed, paused, erased, _ = readers(app, 6)
    segment(app)
    mailing = plan(app, draft()).id
    with app.store.write() as tx:
        unsubscribe(tx, stopped, START)
        for table in (subscriptions, rhythms):
            tx.connection.execute(delete(table).where(table.c.subscriber_id == gave_up))
        tx.audience.suppress("reader3@example.org", "complaint", START)
        tx.audience.pause(paused, START + timedelta(days=2), START)
        tx.data_requests.erase(erased, "asked", START)
    approve(app, mailing)
    send_chunk(make_sender(app, channel), mailing, 0)
    assert [mail.recipient for mail in channel.handed] == ["reader6@example.org"]
    assert why(app, mailing) == {
        stopped: "unsubscribed",
        gave_up: "no longer subscribed",
        suppressed: "suppressed: complaint",
        paused: "paused",
        0: "gone",
    }
    assert counts(app, mailing) == {"sent": 1, "suppressed": 5}


def test_somebody_who_changed_how_often_they_get_the_digest_gets_it_all_the_same(
    app: Application, channel: Scripted
) -> None:
    (reader,) = readers(app, 1)
    segment(app)
    mailing = plan(app, draft()).id
    with app.store.write() as tx:
        for table in (subscriptions, rhythms):
            tx.connection.execute(table.update().where(table.c.subscriber_id == reader).values(cadence="monthly"))
    approve(app, mailing)
    send_chunk(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"sent": 1}


def test_what_is_withdrawn_before_it_leaves_is_not_in_it_and_the_text_still_goes(
    app: Application, channel: Scripted
) -> None:
    goes, stays = item(app, "Wages"), item(app, "Hours")
    readers(app, 1)
    segment(app)
    sender = replace(make_sender(app, channel), composer=app.composer)
    mailing, only = plan(app, draft(items=(goes, stays))).id, plan(app, draft(items=(goes,), name="Another")).id
    with app.store.write() as tx:
        withdraw_item(tx, "Wages")
    for one in (mailing, only):
        approve(app, one)
        send_chunk(sender, one, 0)
        assert counts(app, one) == {"sent": 1}
    both, alone = (mail.content for mail in channel.handed)
    assert b"Subject: Subject in en" in both
    assert (b"Wages" in both, b"Hours" in both, b"Further reading" in both) == (False, True, True)
    assert b"Text in en." in alone
    assert (b"Wages" in alone, b"Further reading" in alone) == (False, False), "no heading over nothing"


def test_a_cancelled_one_is_recorded_and_nothing_of_it_comes_later(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = approved(app, WINDOW + 50, items=(item(app, "Wages"),))
    channel.says = {3: [Killed()]}
    with pytest.raises(Killed):
        send_chunk(make_sender(app, channel), mailing, 0)
    cancel(app, mailing)
    assert counts(app, mailing) == {"in_doubt": WINDOW, "cancelled": 50}
    clock.move(LEASE)
    with app.store.write() as tx:
        assert close_slice(tx, mailing, clock.now()).left == 0
        told = tx.ledger.mailing(mailing)
    assert told is not None
    assert told.finished_at == clock.now()
    assert carried(app) == {}
    assert not send_chunk(make_sender(app, channel, "b"), mailing, 0)
    assert counts(app, mailing) == {"in_doubt": WINDOW, "cancelled": 50}


def test_one_that_is_cancelled_before_it_leaves_names_who_was_not_mailed(app: Application) -> None:
    mailing = approved(app, 3)
    closed = cancel(app, mailing)
    assert (closed.chunks, closed.people, closed.left) == (1, 0, 0)
    assert counts(app, mailing) == {"cancelled": 3}
    with app.store.read() as tx:
        assert len(tx.ledger.deliveries(mailing, states=[DeliveryState.CANCELLED])) == 3
    assert carried(app) == {}


def test_a_pause_loses_nothing(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    mailing = approved(app, 2 * WINDOW)
    channel.before = lambda number: pause(app, mailing) if number == 10 else None
    send_chunk(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"waiting": WINDOW, "sent": WINDOW}
    with app.store.write() as tx:
        resume_mailing(tx, mailing, clock.now())
    clock.move(timedelta(seconds=1))
    tick(app)
    send_chunk(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"sent": 2 * WINDOW}
    assert set(channel.times.values()) == {1}
    assert types(app)["mailing.finished"] == 1


def pause(app: Application, mailing: int) -> None:
    with app.store.write() as tx:
        pause_mailing(tx, mailing, app.clock.now())


def test_what_fails_for_now_is_tried_again_and_what_fails_for_good_where_staff_say_so(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = approved(app, 3)
    channel.says = {1: [Retryable("later", code="450")], 2: [Permanent("no", code="550 5.7.1")]}
    sender = make_sender(app, channel)
    send_chunk(sender, mailing, 0)
    assert counts(app, mailing) == {"sent": 1, "retry": 1, "failed": 1}
    clock.move(timedelta(minutes=5))
    assert tick(app) == [(mailing, 0)]
    send_retries(sender, mailing, 0)
    with app.store.write() as tx:
        assert retry_mailing(tx, mailing, clock.now(), [DeliveryState.FAILED]) == {DeliveryState.FAILED: 1}
    send_retries(sender, mailing, 0)
    assert counts(app, mailing) == {"sent": 3}
    assert channel.times == {1: 2, 2: 2, 3: 1}
    same = {mail.content for mail in channel.handed if mail.recipient == "reader1@example.org"}
    assert len(same) == 1, "the same mail, with the same Message-ID"


def test_after_a_crash_only_the_window_is_in_doubt_and_nobody_is_lost(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = approved(app, 2 * WINDOW)
    channel.says = {WINDOW + 10: [Killed()]}
    with pytest.raises(Killed):
        send_chunk(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"in_doubt": WINDOW, "sent": WINDOW}
    clock.move(LEASE)
    assert tick(app) == [(mailing, 0)]
    assert send_chunk(make_sender(app, channel, "b"), mailing, 0)
    assert counts(app, mailing) == {"sent": 2 * WINDOW}
    assert set(channel.times) == set(range(1, 2 * WINDOW + 1))
    assert [number for number, times in channel.times.items() if times > 1] == list(range(WINDOW + 1, WINDOW + 11))
    assert len({(mail.recipient, mail.content) for mail in channel.handed}) == 2 * WINDOW


def test_what_it_said_and_for_whom_is_known_when_its_rows_have_aged_out(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = approved(app, 4)
    send_chunk(make_sender(app, channel), mailing, 0)
    clock.move(timedelta(days=400))
    while True:
        with app.store.write() as tx:
            aged = age_slice(tx, clock.now() - timedelta(days=365), clock.now(), rows=2)
        assert aged is not None
        if aged.ended:
            break
    with app.store.read() as tx:
        seen = see_campaign(tx, "Survey")
        assert tx.ledger.deliveries(mailing) == []
    assert seen.progress.states == {DeliveryState.SENT: 4}
    assert seen.campaign.messages["en"].text == "Text in en."
    assert (seen.campaign.segment, seen.campaign.numbers.people) == ("everyone", 4)


def test_its_reader_finds_it_among_what_they_were_sent(app: Application, channel: Scripted) -> None:
    shown = item(app, "Wages")
    (reader,) = readers(app, 1)
    segment(app)
    mailing = plan(app, draft("fr", "en", items=(shown,))).id
    approve(app, mailing)
    send_chunk(make_sender(app, channel), mailing, 0)
    with app.store.write() as tx:
        (sent,), more = list_sent(tx, reader)
        raw = show_sent(tx, reader, sent.name, app.digest, app.composer, app.reader_links).content
        told, _ = export_my_data(tx, reader, app.digests, "test", app.clock.now())
    assert not more
    assert (sent.subject, sent.language, [one.item for one in sent.items]) == ("Subject in en", "en", [shown])
    assert raw is not None and b"Subject: Subject in en" in raw
    (exported,) = told["mails"]
    assert (exported["cadence"], exported["campaign"], exported["digest"]) == (None, "Subject in en", "letter")


def test_nobody_is_said_to_have_asked_for_what_staff_put_into_it(app: Application, channel: Scripted) -> None:
    mailing = approved(app, 1, items=(item(app, "Wages"),))
    send_chunk(make_sender(app, channel), mailing, 0)
    with app.store.read() as tx:
        (because,) = say_why(tx, f"{mailing}.0.0", app.codelists.places)
    assert (because.item.versions[0].title, because.choices) == ("Wages", ())


def test_a_mailing_of_one_chunk_ends_finished(app: Application, channel: Scripted) -> None:
    mailing = approved(app, 1)
    send_chunk(make_sender(app, channel), mailing, 0)
    assert state(app, mailing) is MailingState.FINISHED
