"""A pause, from the file that begins it to the mail that ends it (decisions.md, 10)."""

from __future__ import annotations

import pytest

from tests.acceptance.house import House

MONTH_AND_A_HALF = "2027-01-07 07:30"


@pytest.mark.parametrize(("cadence", "first"), [("daily", "01-07 08:00"), ("at_once", "01-07 07:30")])
def test_who_comes_back_has_what_they_missed_of_thirty_days_at_most(house: House, cadence: str, first: str) -> None:
    house.subscribe("p@x.example", cadence=cadence, status="paused")
    house.subscribe("r@x.example", cadence="daily", status="active")
    house.publish("long-ago")
    house.until("2026-12-20 12:00")
    house.publish("not-long-ago")
    house.until(MONTH_AND_A_HALF)
    assert house.mails("p@x.example") == []
    assert len(house.mails("r@x.example")) == 2
    house.subscribe("p@x.example", cadence=cadence, status="active")
    house.tick()
    house.ticking_until("2027-01-12 12:00")
    (mail,) = house.mails("p@x.example")
    assert "not-long-ago" in mail.text
    assert "long-ago" not in mail.text.replace("not-long-ago", "")
    assert f"{mail.came_at:%m-%d %H:%M}" == first


def test_what_waited_for_the_weekly_letter_comes_at_once_for_who_now_wants_it_so(house: House) -> None:
    house.subscribe("p@x.example", cadence="weekly", weekday="friday")
    house.publish("waiting")
    house.subscribe("p@x.example", cadence="at_once")
    house.tick()
    (mail,) = house.mails("p@x.example")
    assert "waiting" in mail.text
    house.until("2026-12-08 12:00")
    assert len(house.mails("p@x.example")) == 1
