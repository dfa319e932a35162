"""Time, in the words of those who live in it. Each test says when, on the reader's own clock, a mail came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.acceptance.house import House
from tribune.domain.zones import zone

DAY = timedelta(days=1)


def came(house: House, address: str, where: str) -> list[str]:
    """When this person's mails were there, by their own clock: not what the mails say of themselves."""
    return [f"{mail.came_at.astimezone(zone(where)):%a %Y-%m-%d %H:%M}" for mail in house.mails(address)]


def publish_each_day(house: House, days: int) -> None:
    """Something new each day at noon, UTC."""
    for _ in range(days):
        noon = house.clock.now().replace(hour=12, minute=0)
        house.ticking_until(f"{noon if noon > house.clock.now() else noon + DAY:%Y-%m-%d %H:%M}")
        house.publish(f"item-of-{house.clock.now():%Y-%m-%d}")


def test_a_french_speaking_ministry_in_dakar_gets_it_on_monday_at_eight_local_time(house: House) -> None:
    house.subscribe("m@dakar.example", languages="fr", zone="Africa/Dakar", weekday="monday", hour=8)
    house.publish("wages")
    house.ticking_until("2026-12-01 00:00")
    assert came(house, "m@dakar.example", "Africa/Dakar") == ["Mon 2026-11-23 08:00"]


def test_a_union_in_paris_keeps_its_hour_when_the_clocks_change(house: House) -> None:
    house.clock.set(datetime(2027, 3, 26, 6, 0, tzinfo=UTC))
    house.subscribe("u@paris.example", zone="Europe/Paris", cadence="daily", hour=8)
    publish_each_day(house, 4)
    house.ticking_until("2027-03-30 12:00")
    assert came(house, "u@paris.example", "Europe/Paris") == [
        "Sat 2027-03-27 08:00",
        "Sun 2027-03-28 08:00",
        "Mon 2027-03-29 08:00",
        "Tue 2027-03-30 08:00",
    ]


def test_who_asked_for_half_past_a_night_that_has_no_two_oclock_gets_it_that_night(house: House) -> None:
    house.clock.set(datetime(2027, 3, 26, 6, 0, tzinfo=UTC))
    house.subscribe("n@berlin.example", zone="Europe/Berlin", cadence="daily", hour=2)
    publish_each_day(house, 3)
    house.ticking_until("2027-03-29 12:00")
    assert came(house, "n@berlin.example", "Europe/Berlin") == [
        "Sat 2027-03-27 02:00",
        "Sun 2027-03-28 03:00",
        "Mon 2027-03-29 02:00",
    ]


def test_an_hour_that_comes_twice_brings_one_mail(house: House) -> None:
    house.clock.set(datetime(2026, 10, 23, 6, 0, tzinfo=UTC))
    house.subscribe("n@berlin.example", zone="Europe/Berlin", cadence="daily", hour=2)
    publish_each_day(house, 3)
    house.ticking_until("2026-10-26 12:00")
    assert came(house, "n@berlin.example", "Europe/Berlin") == [
        "Sat 2026-10-24 02:00",
        "Sun 2026-10-25 02:00",
        "Mon 2026-10-26 02:00",
    ]


def test_when_samoa_had_no_friday_the_friday_letter_came_on_saturday(house: House) -> None:
    house.clock.set(datetime(2011, 12, 26, 6, 0, tzinfo=UTC))
    house.subscribe("f@apia.example", zone="Pacific/Apia", weekday="friday", hour=9)
    house.publish("wages")
    house.ticking_until("2012-01-05 00:00")
    assert came(house, "f@apia.example", "Pacific/Apia") == ["Sat 2011-12-31 09:00"]


def test_a_monthly_reader_gets_it_on_the_first_monday(house: House) -> None:
    house.subscribe("m@lima.example", zone="America/Lima", cadence="monthly", weekday="monday", hour=7)
    house.publish("wages")
    house.ticking_until("2026-12-09 00:00")
    assert came(house, "m@lima.example", "America/Lima") == ["Mon 2026-12-07 07:00"]


def test_who_flies_to_tokyo_before_mondays_breakfast_misses_no_monday(house: House) -> None:
    house.subscribe("t@travel.example", zone="Europe/Paris", weekday="monday", hour=8)
    house.publish("wages")
    house.ticking_until("2026-11-30 01:00", "Europe/Paris")
    assert came(house, "t@travel.example", "Europe/Paris") == ["Mon 2026-11-23 08:00"]
    house.publish("skills")
    house.subscribe("t@travel.example", zone="Asia/Tokyo", weekday="monday", hour=8)  # where it is nine o'clock
    house.ticking_until("2026-12-06 00:00", "Asia/Tokyo")
    assert came(house, "t@travel.example", "Asia/Tokyo")[1:] == ["Mon 2026-11-30 09:00"]


def test_who_flies_to_paris_after_breakfast_in_tokyo_has_no_second_monday(house: House) -> None:
    house.subscribe("t@travel.example", zone="Asia/Tokyo", cadence="daily", hour=8)
    house.ticking_until("2026-11-29 22:30")
    house.publish("wages")
    house.ticking_until("2026-11-30 08:30", "Asia/Tokyo")
    house.publish("skills")
    house.subscribe("t@travel.example", zone="Europe/Paris", cadence="daily", hour=8)  # Monday, half past midnight
    house.ticking_until("2026-12-01 12:00", "Europe/Paris")
    assert came(house, "t@travel.example", "Europe/Paris") == ["Mon 2026-11-30 00:00", "Tue 2026-12-01 08:00"]


def test_after_a_week_without_a_scheduler_there_is_one_letter_with_all_of_it(house: House) -> None:
    house.subscribe("d@x.example", cadence="daily", hour=8)
    for day in range(7):
        house.clock.move(DAY)
        house.publish(f"item-{day}")
    house.clock.set(datetime(2026, 11, 30, 20, 0, tzinfo=UTC))
    house.tick()
    house.ticking_until("2026-12-01 12:00")
    (mail,) = house.mails("d@x.example")
    assert all(f"item-{day}" in mail.text for day in range(7))


def test_two_items_within_ten_minutes_are_one_mail_at_once(house: House) -> None:
    house.subscribe("q@x.example", cadence="at_once")
    house.publish("wages")
    house.clock.move(timedelta(minutes=9))
    house.publish("skills")
    house.tick()
    assert house.mails("q@x.example") == []
    house.clock.move(timedelta(minutes=1))
    house.tick()
    (mail,) = house.mails("q@x.example")
    assert "wages" in mail.text and "skills" in mail.text


@pytest.mark.parametrize(("until", "day"), [("2026-11-24T08:00:00Z", "Tue"), ("2026-11-24T08:00:01Z", "Wed")])
def test_what_is_free_at_eight_is_in_the_letter_of_eight(house: House, until: str, day: str) -> None:
    house.subscribe("e@x.example", cadence="daily", hour=8)
    house.publish("wages", embargo_until=until)
    house.ticking_until("2026-11-25 12:00")
    assert [told.split()[0] for told in came(house, "e@x.example", "UTC")] == [day]
