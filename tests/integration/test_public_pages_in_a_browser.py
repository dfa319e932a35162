"""The public archive in a real browser: without scripts, by keyboard, under our own policy; an Arabic item inside a
page that runs the other way. What holds for every page is asked in test_every_page_in_a_browser.py."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.house import House
from tests.acceptance.test_hostile_texts_on_pages import told
from tests.browser_world import answering, browser, needs_chromium
from tests.mails import data_release
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.domain.items import ItemRecord
from tribune.ports.clock import StoppedClock

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]
pytestmark = needs_chromium

PATHS = [
    "",
    "items",
    "items?q=nothing",
    "items?topic=wages&place=002",
    "topics",
    "topics/wages",
    "places",
    "places/SEN",
]
PATHS += ["editions", "editions/letter/daily/2026-11-23", "items/1", "items/2", "items/3", "items/4", "items/5"]
LOCALES = ("en", "fr", "es")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("archive")
    clock = StoppedClock(datetime(2026, 11, 23, 6, 0, tzinfo=UTC))
    names = {"en": "The letter", "fr": "La lettre", "es": "El boletín"}
    settings = {
        "data_dir": folder,
        "store": {"url": f"sqlite:///{folder}/tribune.sqlite3"},
        "email": {"outbox_folder": folder / "outbox"},
        "digests": {"letter": {"names": names, "sender": "letter@observatory.example"}},
        "organisation": {"names": {"en": "Observatory", "fr": "Observatoire", "es": "Observatorio"}},
    }
    app = Application(Settings.model_validate(settings), clock)
    app.prepare()
    house = House(app, clock, folder)
    house.subscribe("awa@travail.example", languages="fr|en", cadence="daily", hour=8)
    page, file = {"url": "https://o.example/a", "format": "html"}, {"url": "https://o.example/a.pdf", "format": "pdf"}
    abstract = "Wages are back at their level of 2021 in most countries. " * 8
    house.publish(
        "wages",
        versions={
            "en": {
                "title": "Global Wage Review",
                "abstract": abstract,
                "pages": 148,
                "links": [dict(page), dict(file)],
            },
            "fr": {"title": "Panorama des salaires", "abstract": "Les salaires.", "links": [dict(page), dict(file)]},
        },
        policy_areas=["wages"],
        places=["SEN", "MLI", "002", "LIC"],
        identifiers={"doi": "10.5555/wages"},
        authors=["Awa Diop"],
    )
    house.publish("arabic", source_language="ar", titles={"ar": "العمل اللائق في العالم العربي (2026)"}, kind="brief")
    house.publish("longest", titles={"en": "Donaudampfschifffahrtsgesellschaft" * 6}, kind="brief")
    figures = data_release()
    record = ItemRecord("d", "data_release", "en", figures.versions, data=figures.data, authors=("ILOSTAT",))
    told(house, "data.released", record)
    house.publish("withdrawn")
    house.withdraw("withdrawn")
    house.until("2026-11-23 09:00")
    yield house
    app.close()


@pytest.fixture(scope="module")
def address(house: House) -> Iterator[str]:
    with answering(house.app) as here:
        yield here


def visit(browser: Browser, url: str, width: int = 1280, **how: object) -> Page:
    page = browser.new_context(viewport={"width": width, "height": 800}, **how).new_page()  # type: ignore[arg-type]
    page.goto(url)
    return page


def test_our_policy_refuses_nothing_not_even_linked_data(address: str, browser: Browser) -> None:
    page = visit(browser, "about:blank")
    refused: list[str] = []
    page.on("console", lambda m: refused.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: refused.append(str(error)))
    for path in PATHS:
        page.goto(f"{address}/en/{path}")
        if path == "items/1":
            assert page.locator('script[type="application/ld+json"]').count() == 1
    assert [text for text in refused if "410" not in text] == []
    page.context.close()


def test_a_reader_finds_their_way_without_scripts(address: str, browser: Browser) -> None:
    page = visit(browser, f"{address}/en/", java_script_enabled=False)
    page.click("text=Everything, newest first")
    page.fill("#q", "wage")
    page.select_option("#place", "SEN")
    page.click("button:text('Search')")
    assert page.locator("article.card").count() == 1
    page.click("text=Global Wage Review")
    assert page.url.endswith("/en/items/1-global-wage-review")
    page.click(".languages >> text=Français")
    assert page.url.endswith("/fr/items/1-panorama-des-salaires")
    assert page.inner_text("h1") == "Panorama des salaires"
    page.click(".tags >> text=Salaires")
    assert page.url.endswith("/fr/topics/wages")
    page.context.close()


def test_the_keyboard_alone_reaches_everything(address: str, browser: Browser) -> None:
    page = visit(browser, f"{address}/en/items/1")
    reached = []
    for _ in range(80):
        page.keyboard.press("Tab")
        here = page.evaluate(
            "(() => { const e = document.activeElement; const s = getComputedStyle(e);"
            " return e === document.body ? null : [e.textContent.trim(), s.outlineStyle] })()"
        )
        if here is None:
            break
        assert here[1] == "solid", here
        reached.append(here[0])
    wanted = page.evaluate("[...document.querySelectorAll('a, button, input, select')].map(e => e.textContent.trim())")
    assert reached == wanted
    page.context.close()


def test_an_arabic_item_runs_its_own_way(address: str, browser: Browser) -> None:
    page = visit(browser, f"{address}/en/items/2", 360)
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).direction") == "rtl"
    assert page.evaluate("getComputedStyle(document.querySelector('main')).direction") == "ltr"
    assert page.evaluate("getComputedStyle(document.querySelector('.abstract')).direction") == "rtl"
    page.context.close()
