"""Nobody of the staff reads names and addresses unseen: lists, their pages, a segment's people are written down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House
from tests.newsroom import staff_browser
from tribune.domain.segments import Rule
from tribune.domain.staff import Role
from tribune.services.people.find_people import MOST
from tribune.services.segments.save_segment import Draft, save_segment

PEOPLE, SEGMENTS = "/en/newsroom/people", "/en/newsroom/segments"


@pytest.fixture
def browser(house: House) -> Iterator[TestClient]:
    for number in range(1, MOST + 4):
        house.subscribe(f"reader{number}@travail.example", name=f"Reader {number}")
    with staff_browser(house.app, Role.AUDIENCE_MANAGER) as client:
        yield client


def listed(house: House) -> list[dict[str, object]]:
    """What is written down of lists of people."""
    with house.app.store.read() as tx:
        return [dict(one.facts) for one in tx.audit.entries() if one.action == "people.listed"]


def test_the_list_and_each_further_page_of_it(house: House, browser: TestClient) -> None:
    page = browser.get(PEOPLE).text
    assert "reader53@travail.example" in page
    after = re.search(r'name="after" value="([^"]+)"', page)
    assert after
    assert "reader1@travail.example" in browser.post(PEOPLE, data={"q": "", "after": after[1]}).text
    assert listed(house) == [{"people": 50, "first": 53, "last": 4}, {"people": 3, "first": 3, "last": 1}]


def test_whom_a_segment_names_on_its_page_and_in_its_builder(house: House, browser: TestClient) -> None:
    with house.app.store.write() as tx:
        save_segment(tx, Draft("Three", "", Rule(None, include=(1, 2, 3)), "three"), "cli", house.app.clock.now())
    for path in ("three", "three/edit"):
        assert "Reader 2" in browser.get(f"{SEGMENTS}/{path}").text
    assert listed(house) == [{"people": 3, "numbers": "1 2 3"}] * 2


def test_whom_the_live_count_names_once_a_minute(house: House, browser: TestClient) -> None:
    def live(include: str) -> str:
        return browser.post(f"{SEGMENTS}/live", data={"include": include}).text

    assert "Reader 5" in live("1 2 3 4 5")
    live("1 2 3 4 5")
    live("1 2")
    live("1 2 3 4 5")
    assert [facts["numbers"] for facts in listed(house)] == ["1 2 3 4 5", "1 2"]
    house.app.clock.sleep(timedelta(minutes=1, seconds=1).total_seconds())
    live("1 2 3 4 5")
    assert len(listed(house)) == 3


def test_who_sees_numbers_only_leaves_no_entry(house: House, browser: TestClient) -> None:
    with house.app.store.write() as tx:
        save_segment(tx, Draft("Three", "", Rule(None, include=(1, 2, 3)), "three"), "cli", house.app.clock.now())
    with staff_browser(house.app, Role.AUTHOR) as author:
        assert "Reader" not in author.get(f"{SEGMENTS}/three").text
    assert listed(house) == []
