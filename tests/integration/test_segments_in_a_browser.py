"""The builder of segments in a real browser: a count that keeps itself live, the fields needed, Enter in a field."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser_world import answering, browser, needs_chromium
from tests.newsroom import browser_cookie
from tests.segment_world import NOW, Person, settle
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.domain.audience import Cadence, Choice, Status
from tribune.domain.segment_json import read
from tribune.domain.staff import Role
from tribune.ports.clock import StoppedClock
from tribune.services.segments.save_segment import Draft, save_segment

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]
pytestmark = needs_chromium

RULE = {
    "who": {
        "all": [
            {"group": ["government"]},
            {"wants": {"places": {"any_of": ["419"], "everywhere": False}, "cadence": ["weekly"]}},
            {"any": [{"reads": {"any_of": ["es", "pt"], "first": True}}, {"seen": {"within_days": 90}}]},
            {"none": [{"tags": ["press"]}, {"mailed": {"on_or_after": "2026-01-01", "before": "2026-02-01"}}]},
        ]
    },
    "exclude": [3],
}


SIGNED_IN: list[dict[str, Any]] = []
"""The cookie of a member of staff who is signed in."""


def visit(browser: Browser, url: str, width: int = 1280, **how: Any) -> Page:
    context = browser.new_context(viewport={"width": width, "height": 800}, **how)
    context.add_cookies(SIGNED_IN)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(url)
    return page


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the site of a house with twelve people and one segment answers."""
    folder: Path = tmp_path_factory.mktemp("segments")
    told = {
        "data_dir": folder,
        "store": {"url": f"sqlite:///{folder}/tribune.sqlite3"},
        "digests": {"letter": {"names": {"en": "The letter"}, "sender": "letter@observatory.example"}},
        "organisation": {"names": {"en": "Observatory", "fr": "Observatoire", "es": "Observatorio"}},
    }
    app = Application(Settings.model_validate(told), StoppedClock(NOW))
    app.prepare()
    wish = ((Cadence.WEEKLY, Choice(frozenset({"wages"}), frozenset({"PER"}))),)
    paused = (Status.ACTIVE, Status.PAUSED)
    settle(app, [Person(languages=("es",), wishes=wish, status=paused[n == 4], tags=("g20",)) for n in range(12)])
    with app.store.write() as tx:
        save_segment(tx, Draft("Latin America", "For March.\nTwice.", read(RULE)), "staff/1", NOW)
    with answering(app) as here:
        SIGNED_IN[:] = [browser_cookie(app, here, Role.AUDIENCE_MANAGER)]
        yield here
    app.close()


def count_of(page: Page) -> str:
    return page.locator("#result .big-number strong").inner_text()


def test_the_count_follows_what_is_chosen(address: str, browser: Browser) -> None:
    from playwright.sync_api import expect

    page = visit(browser, f"{address}/en/newsroom/segments/latin-america/edit")
    assert count_of(page) == "11"
    number = page.locator("#result .big-number strong")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.check("[name='n-0.codes'][value=media]")
    page.uncheck("[name='n-0.codes'][value=government]")
    expect(number).to_have_text("0")
    page.check("[name='n-0.codes'][value=government]")
    expect(number).to_have_text("11")
    page.fill("#exclude", "")
    page.type("#exclude", "1, 2, 3, 4", delay=5)
    expect(number).to_have_text("8")
    assert 3 <= len(asked) <= 6, "typing is waited for"
    page.uncheck("[name='n-0.codes'][value=media]")
    page.uncheck("[name='n-0.codes'][value=government]")
    page.wait_for_selector("#result :text('as soon as each condition is complete')")
    page.context.close()


def test_the_fields_of_a_date_are_those_that_are_needed(address: str, browser: Browser) -> None:
    page = visit(browser, f"{address}/en/newsroom/segments/new", java_script_enabled=False)
    page.select_option("[id='n.new']", "seen")
    page.click("button[value='add:n']")
    shown = {
        "within_days": ["days"],
        "not_within_days": ["days"],
        "after": ["from"],
        "before": ["to"],
        "between": ["from", "to"],
        "never": [],
    }
    for way, fields in shown.items():
        page.select_option("[id='n-0.way']", way)
        seen = [name for name in ("days", "from", "to") if page.locator(f"[id='n-0.{name}']").is_visible()]
        assert seen == fields, way
    page.context.close()


def test_enter_in_a_field_counts_and_neither_saves_nor_removes(address: str, browser: Browser) -> None:
    page = visit(browser, f"{address}/en/newsroom/segments/new", java_script_enabled=False)
    reach(page, "[name=name]")
    page.keyboard.type("By keyboard")
    reach(page, "[id='n.new']")
    page.keyboard.press("T")  # Tags
    reach(page, "button[value='add:n']")
    page.keyboard.press("Enter")
    page.wait_for_selector("[id='n-0.more']")
    assert page.url.endswith("#n-0"), "where the new condition is"
    reach(page, "[name='n-0.codes']")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#result .big-number")
    assert count_of(page) == "12"
    assert page.locator("[name='n-0.codes']").is_checked()
    assert page.locator(".notice.success").count() == 0
    page.context.close()


def signs_in_elsewhere(page: Page) -> None:
    page.context.add_cookies(SIGNED_IN)  # type: ignore[arg-type]


def test_who_is_signed_out_meanwhile_goes_on_where_they_were(address: str, browser: Browser) -> None:
    from playwright.sync_api import expect

    page = visit(browser, f"{address}/en/newsroom/segments/new")
    page.fill("#name", "Typed at length")
    page.select_option("[id='n.new']", "tags")
    page.click("button[value='add:n']")
    page.wait_for_selector("[name='n-0.codes']")
    page.context.clear_cookies()
    page.check("[name='n-0.codes']")
    result = page.locator("#result")
    expect(result).to_contain_text("You are signed out.")
    assert "Password" not in result.inner_text(), "the page to sign in has no place in it"
    page.click("button[value=save]")
    expect(page.locator("form.builder .builder-form [data-signed-out]")).to_be_visible()
    assert page.input_value("#name") == "Typed at length"
    signs_in_elsewhere(page)
    page.uncheck("[name='n-0.codes']")
    page.check("[name='n-0.codes']")
    expect(result.locator(".big-number strong")).to_have_text("12")
    expect(page.locator("form.builder .builder-form [data-signed-out]")).to_be_hidden()
    page.click("button[value=save]")
    page.wait_for_url("**/segments/typed-at-length?done=saved")
    page.context.close()


def test_without_scripts_the_browser_sends_it_again(address: str, browser: Browser) -> None:
    page = visit(browser, f"{address}/en/newsroom/segments/new", java_script_enabled=False)
    page.fill("#name", "Typed without scripts")
    page.select_option("[id='n.new']", "everyone")
    page.click("button[value='add:n']")
    page.wait_for_selector("button[value='remove:n-0']")
    page.context.clear_cookies()
    page.click("button[value=save]")
    assert page.locator("h1").inner_text() == "You are signed out"
    signs_in_elsewhere(page)
    page.reload()
    assert page.url.endswith("/segments/typed-without-scripts?done=saved")
    page.context.close()


def reach(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(90):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} cannot be reached")
