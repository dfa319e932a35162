"""People and items are looked at again for each window: who may still be mailed, and with what."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from tests.mailing_world import Scripted, channel, counts, planned, state, unsubscribe
from tests.planned import add_item, make_sender, plan, withdraw_item
from tribune.bootstrap import Application
from tribune.domain.errors import NotFound, Retryable
from tribune.domain.mailings import WINDOW, DeliveryState, MailingState
from tribune.ports.clock import StoppedClock
from tribune.services.sending.mailing_progress import mailing_progress
from tribune.services.sending.send_chunk import send_chunk
from tribune.services.sending.send_retries import send_retries
from tribune.store.tables import people, rhythms, signatures, subscribers, subscriptions

__all__ = ["channel"]
pytestmark = pytest.mark.both_stores
S = DeliveryState


def test_people_are_looked_at_again_for_each_window(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    mailing = planned(app, WINDOW + 6)
    with app.store.write() as tx:
        unsubscribe(tx, 1, clock.now())
        tx.audience.suppress("reader2@example.org", "complaint", clock.now())
        tx.connection.execute(update(subscribers).where(subscribers.c.id == 3).values(status="paused"))
        for table in (subscriptions, rhythms):
            tx.connection.execute(delete(table).where(table.c.subscriber_id == 4))

    def meanwhile(number: int) -> None:
        if number == 10:
            with app.store.write() as tx:
                unsubscribe(tx, WINDOW + 1, clock.now())

    channel.before = meanwhile
    send_chunk(make_sender(app, channel), mailing, 0)
    assert {1, 2, 3, WINDOW + 1}.isdisjoint(channel.times)
    with app.store.read() as tx:
        found = {view.subscriber: view.code for view in tx.ledger.deliveries(mailing, states=[S.SUPPRESSED])}
    assert found[1] == "unsubscribed"
    assert found[2] == "suppressed: complaint"
    assert found[3] == "paused"
    assert found[WINDOW + 1] == "unsubscribed"


def test_who_was_erased_gets_nothing(app: Application, channel: Scripted) -> None:
    mailing = planned(app, 3)
    with app.store.write() as tx:
        for table in (subscriptions, rhythms):
            tx.connection.execute(delete(table).where(table.c.subscriber_id == 2))
        tx.connection.exec_driver_sql("DELETE FROM marks WHERE subscriber_id = 2")
        tx.connection.execute(delete(subscribers).where(subscribers.c.id == 2))
        tx.connection.execute(delete(people).where(people.c.id == 2))
    send_chunk(make_sender(app, channel), mailing, 0)
    assert channel.times == {1: 1, 3: 1}
    assert counts(app, mailing) == {"sent": 2, "suppressed": 1}


def test_a_withdrawn_item_leaves_mails_that_are_not_sent_yet(app: Application, channel: Scripted) -> None:
    with app.store.write() as tx:
        first, second = add_item(tx, "First of two"), add_item(tx, "Second of two")
    mailing = plan(app.store, [WINDOW + 2], with_people=True, items=(first, second))

    def meanwhile(number: int) -> None:
        if number == 5:
            with app.store.write() as tx:
                withdraw_item(tx, "First of two")

    channel.before = meanwhile
    send_chunk(make_sender(app, channel), mailing, 0)
    assert b"First of two" in channel.handed[0].content
    last = channel.handed[-1].content
    assert b"First of two" not in last
    assert b"Second of two" in last


def test_a_mail_left_empty_is_not_sent(app: Application, channel: Scripted) -> None:
    mailing = planned(app, 3)
    with app.store.write() as tx:
        withdraw_item(tx)
    send_chunk(make_sender(app, channel), mailing, 0)
    assert channel.handed == []
    assert counts(app, mailing) == {"empty": 3}
    assert state(app, mailing) is MailingState.FINISHED


def test_a_second_attempt_is_the_stored_mail_less_what_was_withdrawn(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, 2)
    channel.says = {1: [Retryable("later", code="450")], 2: [Retryable("later", code="450")]}
    sender = make_sender(app, channel)
    send_chunk(sender, mailing, 0)
    with app.store.write() as tx:
        withdraw_item(tx)
        unsubscribe(tx, 2, clock.now())
    clock.move(timedelta(minutes=5))
    send_retries(sender, mailing, 0)
    assert len(channel.handed) == 2
    assert counts(app, mailing) == {"suppressed": 1, "empty": 1}


def test_one_content_that_cannot_be_made_does_not_hold_up_the_others(app: Application, channel: Scripted) -> None:
    with app.store.write() as tx:
        good, broken = add_item(tx, "Fine"), add_item(tx, "broken", "fr")
    mailing = plan(app.store, [2, 2], with_people=True, items=(good,), locales=["en", "fr"])
    with app.store.write() as tx:
        told = tx.ledger.contents(mailing, [1])[1].to_json()
        told["fragments"][0][0] = broken
        tx.connection.execute(update(signatures).where(signatures.c.signature == 1).values(content=told))
    sender = make_sender(app, channel)
    for chunk in (0, 1):
        send_chunk(sender, mailing, chunk)
    assert counts(app, mailing) == {"sent": 2, "quarantined": 2}
    with app.store.read() as tx:
        assert {view.code for view in tx.ledger.deliveries(mailing, states=[S.QUARANTINED])} == {
            "cannot be made: ValueError"
        }
        assert mailing_progress(tx, mailing).languages == {"en": {S.SENT: 2}, "fr": {S.QUARANTINED: 2}}


def test_a_digest_without_settings_holds_its_mailing_up_with_a_clear_word(app: Application, channel: Scripted) -> None:
    with app.store.write() as tx:
        item = add_item(tx)
    mailing = plan(app.store, [2], with_people=True, digest="gone", items=(item,))
    with pytest.raises(NotFound, match="digest 'gone'"):
        send_chunk(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"waiting": 2}
    with app.store.read() as tx:
        assert tx.ledger.chunks(mailing)[0].epoch == 0, "the claim was undone"


def test_a_language_version_that_was_withdrawn_leaves_the_stored_mail(app: Application, channel: Scripted) -> None:
    with app.store.write() as tx:
        item = add_item(tx, "Only in French", "fr")
    mailing = plan(app.store, [1, 1], with_people=True, items=(item,), locales=["en", "fr"])
    sender = make_sender(app, channel)
    for chunk in (0, 1):
        send_chunk(sender, mailing, chunk)
    assert counts(app, mailing) == {"empty": 1, "sent": 1}
