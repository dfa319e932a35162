"""The pages about segments in a real browser: a count that keeps itself live, the keyboard alone, axe-core's rules."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.test_pages_in_a_browser import CHROMIUM, browser
from tests.newsroom import browser_cookie
from tests.segment_world import NOW, Person, settle
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.domain.audience import Cadence, Choice, Status
from tribune.domain.segment_json import read
from tribune.domain.staff import Role
from tribune.ports.clock import StoppedClock
from tribune.services.segments.save_segment import Draft, save_segment
from web.app import create_app

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: apt install chromium")

PATHS = (
    "",
    "/latin-america",
    "/latin-america/why?person=1",
    "/latin-america/why?person=9",
    "/latin-america/edit",
    "/new",
)
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
    import uvicorn

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
    server = uvicorn.Server(uvicorn.Config(create_app(app), port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        threading.Event().wait(0.02)
    here = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    SIGNED_IN[:] = [browser_cookie(app, here, Role.AUDIENCE_MANAGER)]
    yield here
    server.should_exit = True
    thread.join()
    app.close()


@pytest.mark.parametrize("locale", ["en", "fr", "es"])
def test_the_pages_keep_the_rules_of_accessibility(address: str, browser: Browser, locale: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    for scheme in ("light", "dark"):
        page = visit(browser, "about:blank", color_scheme=scheme)
        for width in (360, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            for path in PATHS:
                page.goto(f"{address}/{locale}/newsroom/segments{path}")
                found = Axe().run(page, options={"runOnly": {"type": "tag", "values": tags}})
                wrong = [(one["id"], node["target"]) for one in found.response["violations"] for node in one["nodes"]]
                assert wrong == [], (path, width, scheme)
        page.context.close()


def test_errors_keep_them_too(address: str, browser: Browser) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = visit(browser, f"{address}/en/newsroom/segments/new")
    for kind in ("wants", "seen", "tags", "reads", "any"):
        page.select_option("[id='n.new']", kind)
        page.click("button[value='add:n']")
    page.fill("[id='n-0.place']", "Atlantis")
    page.click("button[value=save]")
    assert page.locator("#errors li").count() >= 5
    assert Axe().run(page).response["violations"] == []
    page.context.close()


@pytest.mark.parametrize("width", [320, 360, 700, 1440])
def test_no_page_is_wider_than_its_window(address: str, browser: Browser, width: int) -> None:
    page = visit(browser, "about:blank", width)
    for locale in ("en", "fr", "es"):
        for path in PATHS:
            page.goto(f"{address}/{locale}/newsroom/segments{path}")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (locale, path)
    page.context.close()


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


@pytest.mark.parametrize("scripts", [True, False])
def test_a_segment_is_built_with_the_keyboard_alone(address: str, browser: Browser, scripts: bool) -> None:
    page = visit(browser, f"{address}/en/newsroom/segments/new", java_script_enabled=scripts)
    reach(page, "[name=name]")
    page.keyboard.type(f"By keyboard {scripts}")
    reach(page, "[id='n.new']")
    page.keyboard.press("T")  # Tags
    reach(page, "button[value='add:n']")
    page.keyboard.press("Enter")
    page.wait_for_selector("[id='n-0.more']")
    assert page.url.endswith("#n-0"), "where the new condition is"
    reach(page, "[name='n-0.codes']")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # in a field: counts, and neither saves nor removes
    page.wait_for_selector("#result .big-number")
    assert count_of(page) == "12"
    assert page.locator("[name='n-0.codes']").is_checked()
    reach(page, "button[value=save]")
    page.keyboard.press("Enter")
    page.wait_for_selector(".notice.success")
    assert "12" in page.locator(".big-number").inner_text()
    page.context.close()


def reach(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(90):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} cannot be reached")
