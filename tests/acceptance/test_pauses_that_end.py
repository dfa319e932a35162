"""A pause until a day: nothing comes before it, and then what was missed comes once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from tests.acceptance.house import House
from tests.acceptance.test_subscribing_as_readers_do import reader
from tribune.domain.audience import Status, Subscriber
from tribune.domain.errors import InvalidInput
from tribune.domain.zones import zone
from tribune.services.audience.pause_subscriber import pause_until, resume
from tribune.services.people.by import By
from tribune.services.people.save_person import Told, change_person
from tribune.services.planning.approve_mailing import approve_mailing
from tribune.services.sending.reader_links import PREFERENCES

READER = "awa@travail.example"


def person(house: House) -> Subscriber:
    with house.app.store.read() as tx:
        found = tx.audience.by_address(READER)
    assert found
    return found


def pause(house: House, day: str) -> None:
    with house.app.store.write() as tx:
        pause_until(tx, person(house).id, date.fromisoformat(day), house.clock.now())


def approve(house: House, mailing: int) -> None:
    with house.app.store.write() as tx:
        approve_mailing(tx, mailing, house.clock.now())
    house.work()


def test_the_mail_of_the_day_itself_comes_again(house: House) -> None:
    house.subscribe(READER, cadence="daily", hour=8, zone="Africa/Dakar")
    pause(house, "2026-11-26")
    house.publish("while-away")
    house.until("2026-11-25 23:59")
    assert house.mails(READER) == []
    assert person(house).status is Status.PAUSED
    house.until("2026-11-26 08:05")
    (mail,) = house.mails(READER)
    assert "while-away" in mail.text
    assert f"{mail.came_at:%m-%d %H:%M}" == "11-26 08:00"
    assert (person(house).status, person(house).paused_until) == (Status.ACTIVE, None)
    house.until("2026-11-30 09:00")
    assert len(house.mails(READER)) == 1


def test_the_day_begins_where_the_reader_is(house: House) -> None:
    house.subscribe(READER, cadence="daily", hour=8, zone="Pacific/Auckland")
    pause(house, "2026-11-26")
    assert f"{person(house).paused_until:%m-%d %H:%M}" == "11-25 11:00"


ZURICH, ANGELES, TOKYO = "Europe/Zurich", "America/Los_Angeles", "Asia/Tokyo"


def by_preferences(house: House, to: str) -> None:
    page = f"/p/{house.app.signer.sign(PREFERENCES, person(house).id, 'letter', 'n1')}"
    with reader(house.app) as browser:
        fields = {"cadence": "daily", "weekday": "0", "hour": "8", "zone": to}
        assert browser.post(f"{page}/when", data=fields).status_code == 303


def by_staff(house: House, to: str) -> None:
    with house.app.store.write() as tx:
        person_before, after = change_person(
            *(tx, person(house).id, Told(zone=to), lambda _: None, By("staff/1")),
            *(house.app.digests, house.app.codelists, house.app.rules.pause_reach_back, house.clock.now()),
        )
    assert (person_before.zone, after) == (ZURICH, person(house)), "what is answered is what is kept"


def by_import(house: House, to: str) -> None:
    house.subscribe(READER, cadence="daily", hour=8, zone=to)


@pytest.mark.parametrize("door", [by_preferences, by_staff, by_import])
@pytest.mark.parametrize("to", [ANGELES, TOKYO])
def test_whoever_moves_in_a_pause_keeps_its_day(house: House, door: Callable[[House, str], None], to: str) -> None:
    house.subscribe(READER, cadence="daily", hour=8, zone=ZURICH)
    pause(house, "2026-11-28")
    house.publish("while-away")
    door(house, to)
    assert (person(house).zone, person(house).status) == (to, Status.PAUSED)
    assert person(house).paused_until == datetime(2026, 11, 28, tzinfo=zone(to))
    house.until("2026-11-28 07:55", to)
    assert house.mails(READER) == []
    house.until("2026-11-28 08:05", to)
    assert len(house.mails(READER)) == 1


def test_no_more_than_thirty_days_are_made_up_for_even_if_choices_changed_in_between(house: House) -> None:
    house.subscribe(READER, cadence="daily", hour=8)
    pause(house, "2027-01-15")
    house.publish("long-ago")
    house.until("2026-11-30 12:00")
    house.subscribe(READER, cadence="weekly", weekday="friday", hour=8, status="paused")
    assert person(house).status is Status.PAUSED
    house.until("2027-01-05 12:00")
    house.publish("not-long-ago")
    house.until("2027-01-15 09:00")
    (mail,) = house.mails(READER)
    assert "not-long-ago" in mail.text
    assert "long-ago" not in mail.text.replace("not-long-ago", "")


@pytest.mark.parametrize("cadence", ["daily", "at_once"])
def test_a_mail_that_the_pause_held_back_comes_after_it_and_once(house: House, cadence: str) -> None:
    letter = house.app.digests["letter"]
    house.app.digests = {"letter": replace(letter, approval="each")}
    house.subscribe(READER, cadence=cadence, hour=8 if cadence == "daily" else "")
    house.publish("held-back")
    house.until("2026-11-23 08:30")  # planned, and not sent yet: the pause comes in between
    pause(house, "2026-11-26")
    approve(house, 1)
    assert house.mails(READER) == []
    house.until("2026-11-26 09:00")
    approve(house, 2)
    (mail,) = house.mails(READER)
    assert "held-back" in mail.text
    pause(house, "2026-11-29")
    house.until("2026-12-02 09:00")
    assert len(house.mails(READER)) == 1, "a second pause does not bring it again"


def test_to_go_on_earlier_and_to_pause_twice(house: House) -> None:
    house.subscribe(READER, cadence="daily", hour=8)
    pause(house, "2026-12-24")
    pause(house, "2026-12-01")
    assert f"{person(house).paused_until:%m-%d}" == "12-01", "the later word counts"
    house.publish("while-away")
    with house.app.store.write() as tx:
        assert resume(tx, person(house).id, timedelta(days=30), house.clock.now())
        assert not resume(tx, person(house).id, timedelta(days=30), house.clock.now())
    house.until("2026-11-23 09:00")
    assert len(house.mails(READER)) == 1


@pytest.mark.parametrize("day", ["2026-11-23", "2026-11-01", "2028-01-01"])
def test_a_day_that_is_over_or_too_far_away_is_refused(house: House, day: str) -> None:
    house.subscribe(READER, cadence="daily", hour=8)
    with pytest.raises(InvalidInput):
        pause(house, day)
    assert person(house).status is Status.ACTIVE


def test_a_file_does_not_end_a_pause_that_the_reader_asked_for(house: House) -> None:
    house.subscribe(READER, cadence="daily", hour=8)
    pause(house, "2026-12-24")
    house.subscribe(READER, cadence="daily", hour=9, status="active")
    assert (person(house).status, person(house).rhythms[0].hour) == (Status.PAUSED, 9)
    assert person(house).paused_until is not None
