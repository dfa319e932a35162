"""Segments where two things happen at once: a colleague, a second press of the button, new code lists."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from tests.acceptance.house import House
from tests.acceptance.test_segments_as_staff_build_them import SEGMENTS, Page, browser, people, plain
from tests.newsroom import staff_browser
from tribune.domain.staff import Role

__all__ = ["browser", "people"]


@pytest.mark.parametrize("button", ["save", "count"])
def test_what_is_typed_stays_where_a_colleague_archives_the_segment(
    people: House, browser: TestClient, button: str
) -> None:
    page = Page(browser, f"{SEGMENTS}/new")
    page.fill("name", "Shared")
    page.add("n", "everyone")
    page.press("save")
    mine = Page(browser, f"{page.address}/edit")
    browser.post(f"{page.address}/archive")
    mine.fill("name", "Mine, typed at length")
    mine.press(button)
    assert mine.status == (409 if button == "save" else 200)
    assert "A colleague has archived this segment in the meantime." in mine.words
    assert ("name", "Mine, typed at length") in mine.fields
    browser.post(f"{page.address}/restore")
    mine.press("save")
    assert "Mine, typed at length" in mine.words and "Version 2" in mine.words


def test_a_button_that_is_pressed_twice_makes_one_segment(people: House, browser: TestClient) -> None:
    page, again = Page(browser, f"{SEGMENTS}/new"), Page(browser, f"{SEGMENTS}/new")
    for one in (page, again):
        one.fill("name", "Double")
        one.add("n", "everyone")
        one.press("save")
    assert page.address == again.address == f"{SEGMENTS}/double"
    first, second = Page(browser, f"{page.address}/edit"), Page(browser, f"{page.address}/edit")
    for one in (first, second):
        one.fill("name", "Doubled")
        one.press("save")
        assert "Doubled" in one.words and "Version 2" in one.words and "in the meantime" not in one.words
    people.clock.move(timedelta(minutes=2))
    later = Page(browser, f"{SEGMENTS}/new")
    later.fill("name", "Double")
    later.add("n", "everyone")
    later.press("save")
    assert later.address == f"{SEGMENTS}/double-2"


@pytest.mark.parametrize("name", ["New", "Live!"])
def test_a_segment_may_be_called_as_a_page_is(people: House, browser: TestClient, name: str) -> None:
    page = Page(browser, f"{SEGMENTS}/new")
    page.fill("name", name)
    page.add("n", "everyone")
    page.press("save")
    assert page.address == f"{SEGMENTS}/{name.lower().strip('!')}-2"
    assert f"<h1>{name}</h1>" in page.html
    with staff_browser(people.app, Role.AUDITOR) as auditor:
        assert name in plain(auditor.get(page.address).text)


def test_why_is_told_in_words_while_code_lists_change(people: House, browser: TestClient) -> None:
    page = Page(browser, f"{SEGMENTS}/new")
    page.fill("name", "Wages")
    page.add("n", "everyone")
    page.press("save")
    with people.app.store.write() as tx:
        tx.connection.execute(text("UPDATE codelist_versions SET version = 'another'"))
    answer = browser.get(f"{page.address}/why?person=1")
    assert answer.status_code == 200
    assert "The code lists have changed and are being brought in step. Ask again in a minute." in plain(answer.text)
