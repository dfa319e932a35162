"""The page of today: what needs staff stays on it, however many mailings came after."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.mailing_world import Scripted
from tests.planned import DUE, add_item, make_sender, plan
from tribune.bootstrap import Application
from tribune.domain.errors import Permanent, Retryable
from tribune.domain.mailings import DeliveryState, MailingState
from tribune.ports.clock import StoppedClock
from tribune.services.desk.see_today import Today, see_today
from tribune.services.sending.mailing_progress import mailing_progress
from tribune.services.sending.send_chunk import send_chunk
from tribune.store.tables import delivery_exceptions, mailings

MANY = 51
"""More mailings than the page reads of the newest."""


def send(app: Application, item: int, first: int, occasion: str, **refused: Permanent | Retryable) -> int:
    """A mailing to readers `first` and the next one, sent but for those who are refused."""
    mailing = plan(app.store, [2], with_people=True, items=[item], first=first, occasion=occasion)
    channel = Scripted()
    channel.says = {int(reader.removeprefix("reader")): [answer] for reader, answer in refused.items()}
    send_chunk(make_sender(app, channel), mailing, 0)
    return mailing


def today(app: Application) -> Today:
    return see_today(app.store, app.desk_log, app.clock.now())


GONE = Permanent("gone", code="550 5.1.1 unknown")
LATER = Retryable("later", code="450 4.2.2 full")


def test_what_needs_staff_stays_however_many_mailings_follow(app: Application, clock: StoppedClock) -> None:
    with app.store.write() as tx:
        item = add_item(tx)
    paused = plan(app.store, [2], state=MailingState.PAUSED, occasion="paused")
    planned = plan(app.store, [2], state=MailingState.PLANNED, occasion="planned")
    failed = send(app, item, 1, "failed", reader1=GONE)
    held = send(app, item, 3, "held", reader3=GONE)
    with app.store.write() as tx:
        e = delivery_exceptions
        tx.connection.execute(update(e).where(e.c.mailing_id == held).values(state=DeliveryState.QUARANTINED.value))
    for number in range(MANY):
        send(app, item, 100 + 2 * number, f"after {number}")

    seen = today(app)

    assert [mailing.id for mailing in seen.paused] == [paused]
    assert [mailing.id for mailing in seen.to_approve] == [planned]
    assert [(mailing.id, number) for mailing, number in seen.failed] == [(failed, 1)]
    assert [(mailing.id, number) for mailing, number in seen.held_back] == [(held, 1)]
    assert seen.mails == 2 * MANY + 2
    assert not seen.calm

    clock.move(timedelta(days=8))
    later = today(app)
    assert (len(later.paused), len(later.to_approve)) == (1, 1), "they wait for staff, however old they are"
    assert (later.failed, later.held_back, later.mails) == ([], [], 0)
    assert later.went_out, "what went out last is told even where it is older"


def test_an_edition_is_told_with_all_its_mailings(app: Application) -> None:
    plan(app.store, [3], occasion="one")
    with app.store.write() as tx:
        edition = tx.ledger.mailings()[0].edition
    for number in range(MANY):
        other = plan(app.store, [3], occasion=f"also {number}")
        with app.store.write() as tx:
            change = update(mailings).where(mailings.c.id == other)
            tx.connection.execute(change.values(edition_id=edition, due_at=DUE + timedelta(minutes=number + 1)))

    (told,) = today(app).went_out

    assert (len(told.mailings), told.people, told.total) == (MANY + 1, 3 * (MANY + 1), 3 * (MANY + 1))


@pytest.mark.both_stores
def test_numbers_of_recent_mailings_are_those_of_each(app: Application) -> None:
    with app.store.write() as tx:
        item = add_item(tx)
    old = send(app, item, 1, "old")
    whole = send(app, item, 3, "whole", reader3=GONE)
    cut = send(app, item, 5, "cut", reader5=LATER, reader6=LATER)
    cancelled = plan(app.store, [2, 2], state=MailingState.CANCELLED, occasion="cancelled")
    waits = plan(app.store, [2], locales=["en", "fr"], occasion="waits")
    with app.store.write() as tx:
        m, e = mailings, delivery_exceptions.c
        tx.connection.execute(update(m).where(m.c.id == old).values(planned_at=DUE - timedelta(seconds=1)))
        tx.connection.execute(update(m).where(m.c.id == cut).values(state=MailingState.CANCELLED.value))
        one = update(delivery_exceptions).where(e.mailing_id == cut, e.place == 0)
        tx.connection.execute(one.values(handovers=1))
    with app.store.read() as tx:
        numbers = tx.ledger.progress_since(DUE)
        assert set(numbers) == {whole, cut, cancelled, waits}
        assert numbers == {mailing: mailing_progress(tx, mailing).states for mailing in numbers}
    assert numbers[whole] == {DeliveryState.SENT: 1, DeliveryState.FAILED: 1}
    assert numbers[cut] == {DeliveryState.IN_DOUBT: 1, DeliveryState.CANCELLED: 1}
    assert numbers[cancelled] == {DeliveryState.CANCELLED: 4}


@pytest.mark.both_stores
def test_mailings_are_found_by_state_and_by_date(app: Application) -> None:
    paused = plan(app.store, [1], state=MailingState.PAUSED, occasion="a")
    planned = plan(app.store, [1], state=MailingState.PLANNED, occasion="b")
    approved = plan(app.store, [1], occasion="c")
    with app.store.write() as tx:
        change = update(mailings).where(mailings.c.id == paused)
        tx.connection.execute(change.values(planned_at=DUE - timedelta(days=9)))
    waiting = (MailingState.PLANNED, MailingState.PAUSED)
    with app.store.read() as tx:
        find = tx.ledger.mailings
        assert [told.id for told in find(states=waiting, limit=None)] == [planned, paused]
        assert [told.id for told in find(since=DUE, limit=None)] == [approved, planned]
        assert [told.id for told in find(states=waiting, since=DUE)] == [planned]
        assert [told.id for told in find(limit=1)] == [approved]
