"""A mailing is stopped, and nobody misses anything: in the words of those who send and of those who read."""

from __future__ import annotations

import pytest

from tests.acceptance.house import House
from tribune.domain.mailings import MailingState
from tribune.services.planning.approve_mailing import approve_mailing
from tribune.services.sending.cancel_mailing import cancel_mailing
from tribune.services.sending.pause_mailing import pause_mailing, resume_mailing

pytestmark = pytest.mark.both_pairs


def needs_approval(house: House) -> None:
    from dataclasses import replace

    house.app.digests["letter"] = replace(house.app.digests["letter"], approval="each")  # type: ignore[index]


def newest(house: House) -> int:
    with house.app.store.read() as tx:
        return tx.ledger.mailings(limit=1)[0].id


def cancel(house: House, mailing: int) -> None:
    with house.app.store.write() as tx:
        cancel_mailing(tx, mailing, house.clock.now())


def approve(house: House) -> None:
    with house.app.store.write() as tx:
        approve_mailing(tx, newest(house), house.clock.now())
    house.work()


def test_a_mailing_that_was_cancelled_reaches_its_people_with_the_next_edition(house: House) -> None:
    needs_approval(house)
    house.subscribe("awa@travail.example", name="Awa", languages="fr|en", cadence="daily", hour=8)
    house.subscribe("olena@union.example", name="Olena", cadence="daily", hour=8)
    house.publish("wages", titles={"en": "Wages in figures", "fr": "Les salaires en chiffres"})
    house.until("2026-11-23 09:00")
    cancel(house, newest(house))
    house.work()
    assert house.mails("awa@travail.example") == house.mails("olena@union.example") == []
    house.publish("skills", titles={"en": "Skills for tomorrow"})
    house.until("2026-11-24 09:00")
    approve(house)
    (mail,) = house.mails("awa@travail.example")
    assert "Les salaires en chiffres" in mail.text
    assert "Skills for tomorrow" in mail.text
    (mail,) = house.mails("olena@union.example")
    assert "Wages in figures" in mail.text
    house.publish("hours", titles={"en": "Hours of work"})
    house.until("2026-11-25 09:00")
    approve(house)
    last = house.mails("olena@union.example")[-1].text
    assert "Hours of work" in last
    assert "Wages in figures" not in last


def test_what_was_to_come_at_once_comes_with_the_next_mail_at_once(house: House) -> None:
    needs_approval(house)
    house.subscribe("q@x.example", cadence="at_once")
    house.publish("first-news")
    house.until("2026-11-23 06:30")
    cancel(house, newest(house))
    house.until("2026-11-23 12:00")
    assert house.mails("q@x.example") == []
    house.publish("second-news")
    house.until("2026-11-23 13:00")
    approve(house)
    (mail,) = house.mails("q@x.example")
    assert "first-news" in mail.text
    assert "second-news" in mail.text


def test_a_paused_mailing_goes_on_as_if_nothing_had_been(house: House) -> None:
    needs_approval(house)
    house.subscribe("q@x.example", cadence="daily", hour=8)
    house.publish("news")
    house.until("2026-11-23 09:00")
    mailing = newest(house)
    with house.app.store.write() as tx:
        approve_mailing(tx, mailing, house.clock.now())
        pause_mailing(tx, mailing, house.clock.now())
    house.until("2026-11-23 20:00")
    assert house.mails("q@x.example") == []
    with house.app.store.write() as tx:
        resume_mailing(tx, mailing, house.clock.now())
    house.work()
    assert len(house.mails("q@x.example")) == 1
    with house.app.store.read() as tx:
        told = tx.ledger.mailing(mailing)
    assert told is not None
    assert told.state is MailingState.FINISHED
