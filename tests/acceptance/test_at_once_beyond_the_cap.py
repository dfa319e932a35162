"""More at once than a reader may have in a day: what is beyond the cap comes by itself, once (decisions.md, 11)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.acceptance.house import House
from tribune.domain.zones import zone

HALF_HOUR = timedelta(minutes=30)
ITEMS = tuple(f"item-{number}" for number in range(7))


def publish_seven(house: House, **facts: Any) -> None:
    """Seven items, half an hour apart; the cap is five."""
    for record in ITEMS:
        house.publish(record, **facts)
        end = house.clock.now() + HALF_HOUR
        house.until(f"{end:%Y-%m-%d %H:%M}", step=timedelta(minutes=5))


def came(house: House, address: str, where: str = "UTC") -> list[tuple[str, list[str]]]:
    """When each mail was there on the reader's clock, and with which of the items."""
    return [
        (f"{mail.came_at.astimezone(zone(where)):%m-%d %H:%M}", [record for record in ITEMS if record in mail.text])
        for mail in house.mails(address)
    ]


@pytest.mark.parametrize("others", [[], [{"cadence": "weekly", "weekday": "thursday", "policy_areas": "skills"}]])
def test_what_is_beyond_the_cap_comes_the_next_morning_without_anything_new(
    house: House, others: list[dict[str, str]]
) -> None:
    house.clock.set(datetime(2026, 11, 24, 9, 0, tzinfo=zone("UTC")))
    house.subscribe("q@x.example", wishes=[{"cadence": "at_once"}, *others])
    publish_seven(house)
    house.ticking_until("2026-12-21 12:00", every=timedelta(hours=4))
    *first, last = came(house, "q@x.example")
    assert [records for _, records in first] == [[record] for record in ITEMS[:5]]
    assert last == ("11-25 08:00", list(ITEMS[5:]))


def test_with_a_daily_mail_it_is_in_that_one(house: House) -> None:
    house.clock.set(datetime(2026, 11, 24, 9, 0, tzinfo=zone("UTC")))
    house.subscribe("q@x.example", wishes=[{"cadence": "at_once"}, {"cadence": "daily", "hour": 17}])
    publish_seven(house)
    house.ticking_until("2026-11-30 12:00", every=timedelta(hours=1))
    assert came(house, "q@x.example")[5:] == [("11-24 17:00", list(ITEMS[5:]))]


def test_a_new_item_of_the_same_day_neither_waits_for_the_morning_nor_loses_it(house: House) -> None:
    house.clock.set(datetime(2026, 11, 24, 9, 0, tzinfo=zone("UTC")))
    house.subscribe("q@x.example", cadence="at_once")
    publish_seven(house)
    house.subscribe("new@x.example", cadence="at_once")
    house.publish("late-news")
    house.ticking_until("2026-11-26 12:00")
    (mail,) = house.mails("new@x.example")
    assert (f"{mail.came_at:%m-%d %H:%M}", "late-news" in mail.text) == ("11-24 13:00", True)
    assert came(house, "q@x.example")[5:] == [("11-25 08:00", list(ITEMS[5:]))]
    assert "late-news" in house.mails("q@x.example")[-1].text


def test_each_reader_has_a_morning_of_their_own(house: House) -> None:
    house.clock.set(datetime(2026, 11, 24, 0, 30, tzinfo=zone("UTC")))
    house.subscribe("t@x.example", cadence="at_once", zone="Asia/Tokyo")
    house.subscribe("l@x.example", cadence="at_once", zone="Africa/Lagos")
    publish_seven(house)
    house.ticking_until("2026-11-27 12:00")
    assert came(house, "t@x.example", "Asia/Tokyo")[5:] == [("11-25 08:00", list(ITEMS[5:]))]
    # Tokyo's morning is Lagos's midnight: the new day has come there as well, so they need not wait any longer.
    assert came(house, "l@x.example", "Africa/Lagos")[5:] == [("11-25 00:00", list(ITEMS[5:]))]
    assert len(house.mails("t@x.example")) == len(house.mails("l@x.example")) == 6
