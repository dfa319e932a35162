"""The newsroom in a real browser: the keyboard alone, no JavaScript, a phone, scripts in mails. What holds for every
page is asked in test_every_page_in_a_browser.py."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.house import House
from tests.browser_world import answering, browser, needs_chromium
from tests.newsroom import browser_cookie
from tests.staff_world import Person
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.domain.staff import Role
from tribune.ports.clock import StoppedClock

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]
pytestmark = needs_chromium

SIGNED_IN: list[dict[str, object]] = []
"""The cookies of every browser here: an administrator is signed in."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house on a Monday morning, with mails, a mailing that stands, and a dead letter."""
    folder = tmp_path_factory.mktemp("browser")
    clock = StoppedClock(datetime(2026, 11, 23, 6, 0, tzinfo=UTC))
    names = {"en": "The letter", "fr": "La lettre", "es": "El boletín"}
    told = {
        "data_dir": folder,
        "store": {"url": f"sqlite:///{folder}/tribune.sqlite3"},
        "email": {"outbox_folder": folder / "outbox"},
        "digests": {"letter": {"names": names, "sender": "letter@observatory.example"}},
        "organisation": {"names": {"en": "Observatory", "fr": "Observatoire", "es": "Observatorio"}},
    }
    app = Application(Settings.model_validate(told), clock)
    app.prepare()
    house = House(app, clock, folder)
    house.subscribe("awa@travail.example", name="Awa Diop", languages="fr|en", cadence="daily", hour=8)
    house.subscribe("olena@union.example", name="Olena Kovalenko", languages="en", cadence="weekly", hour=9)
    house.subscribe("long@example.com", name="N" * 150, languages="es", cadence="daily", hour=8)
    house.publish("work", titles={"en": "Work " * 20, "fr": "Travail"}, kind="brief")
    house.publish("longest", titles={"en": "Donaudampfschifffahrtsgesellschaft" * 6}, kind="brief")
    house.until("2026-11-23 10:00")
    app.log.publish_raw("publications", "broken" * 30, b'{"specversion": "0.1"}')
    house.work()
    yield house
    app.close()


@pytest.fixture(scope="module")
def address(house: House) -> Iterator[str]:
    """Where the site answers."""
    with answering(house.app) as here:
        boss = Person(house.app, "boss@travail.example", Role.ADMINISTRATOR)
        SIGNED_IN[:] = [browser_cookie(house.app, here, staff=boss.member)]
        yield here


def visit(browser: Browser, url: str, width: int = 1280, **how: object) -> Page:
    context = browser.new_context(viewport={"width": width, "height": 800}, **how)  # type: ignore[arg-type]
    context.add_cookies(SIGNED_IN)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(url)
    return page


def test_the_keyboard_alone_reaches_everything(address: str, browser: Browser) -> None:
    page = visit(browser, f"{address}/en/newsroom/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top >= 0")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page = visit(browser, f"{address}/en/newsroom/")
    reached: list[str] = []
    while len(reached) < 60:
        page.keyboard.press("Tab")
        here = page.evaluate(
            "(() => { const e = document.activeElement; const s = getComputedStyle(e);"
            " return e === document.body ? null : [e.textContent.trim(), s.outlineStyle, s.outlineColor] })()"
        )
        if here is None:
            break
        assert here[1:] == ["solid", "rgb(255, 205, 45)"], here
        reached.append(here[0])
    links = page.evaluate("[...document.querySelectorAll('a, button, input, select')].map(e => e.textContent.trim())")
    assert reached == links
    page.context.close()


def test_keys_lead_through_lists_and_mails(address: str, browser: Browser) -> None:
    page = visit(browser, f"{address}/en/newsroom/mails")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    first = page.evaluate("document.querySelector('a.row').href")
    assert page.evaluate("document.activeElement.href") == first
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.type("jk")
    assert page.input_value("#q") == "jk"
    page.goto(first)
    page.keyboard.press("j")
    page.wait_for_url(lambda url: url != first)
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(first)
    page.context.close()


def test_everything_works_without_javascript(address: str, browser: Browser) -> None:
    page = visit(browser, f"{address}/en/newsroom/mails", java_script_enabled=False)
    page.fill("#q", "awa")
    page.click("text=Show")
    assert page.locator("a.row").count() == 1
    page.click("a.row")
    assert "Awa" in page.frame_locator("iframe").locator("body").inner_text()
    page.click("text=Text only")
    assert page.locator("pre").count() == 1
    page.click("text=Français")
    assert page.locator("html").get_attribute("lang") == "fr"
    page.context.close()


def test_tables_are_cards_on_a_phone(address: str, browser: Browser) -> None:
    page = visit(browser, f"{address}/en/newsroom/mails", 414)
    cells = page.locator("tbody tr:first-child td")
    tops = [cells.nth(n).evaluate("e => e.getBoundingClientRect().top") for n in range(cells.count())]
    assert tops == sorted(set(tops))
    assert (
        page.evaluate("getComputedStyle(document.querySelector('tbody td:nth-child(2)'), '::before').content") == '"To"'
    )
    page.context.close()


def test_a_script_in_a_mail_does_not_run_in_its_frame(house: House, address: str, browser: Browser) -> None:
    file = house.app.settings.email.outbox_folder / "1.0.0.eml"
    kept = file.read_bytes()
    evil = kept.replace(b"</body>", b"<script>parent.document.title=3D'caught'; fetch('/en/newsroom/')</script></body>")
    assert evil != kept
    file.write_bytes(evil)
    try:
        page = visit(browser, f"{address}/en/newsroom/mails/1.0.0")
        page.wait_for_timeout(200)
        assert "script" in page.frames[1].content()
        assert page.title() != "caught"
        page.goto(f"{address}/en/newsroom/mails/1.0.0/body")
        assert page.title() != "caught"
        page.context.close()
    finally:
        file.write_bytes(kept)


def test_a_reader_stops_and_comes_back(house: House, address: str, browser: Browser) -> None:
    token = house.app.reader_links.links(2, "letter", 1).unsubscribe.rpartition("/")[2]
    page = visit(browser, f"{address}/u/{token}", 360, java_script_enabled=False)
    page.click("text=Stop receiving The letter")
    assert "You will no longer receive The letter." in page.inner_text("[role=status]")
    page.click("text=Subscribe again")
    assert "You are subscribed again" in page.inner_text("[role=status]")
    page.context.close()
