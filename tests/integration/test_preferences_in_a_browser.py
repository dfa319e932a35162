"""The preference centre and what is one's own in a real browser, on a phone: a pause, one's data, old mails."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.house import House
from tests.browser_world import answering, browser, needs_chromium
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.ports.clock import StoppedClock
from tribune.services.audience.refresh_masks import refresh_masks

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]
pytestmark = [
    needs_chromium,
    pytest.mark.waits,
]
LOCALES = ("en", "fr", "es")
WORDS = {
    "en": {"topics": "Change topics", "save": "Save these choices", "saved": "Your choices are saved."},
    "fr": {"topics": "Modifier les thèmes", "save": "Enregistrer ces choix", "saved": "Vos choix sont enregistrés."},
    "es": {"topics": "Cambiar los temas", "save": "Guardar estas preferencias", "saved": "Sus preferencias se han"},
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("preferences")
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
    refresh_masks(app.store, app.codelists)
    house = House(app, clock, folder)
    for locale in LOCALES:
        house.subscribe(f"{locale}@travail.example", name="Awa Diop", languages=locale, cadence="daily", hour=8)
    house.subscribe("keys@travail.example", languages="en", cadence="daily", hour=8)
    house.publish("work", titles={"en": "Work", "fr": "Travail", "es": "Trabajo"}, policy_areas=["wages", "skills"])
    house.until("2026-11-23 09:00")
    yield house
    house.close()
    app.close()


@pytest.fixture(scope="module")
def address(house: House) -> Iterator[str]:
    with answering(house.app) as here:
        yield here


def visit(browser: Browser, url: str, width: int = 1280, **how: object) -> Page:
    page = browser.new_context(viewport={"width": width, "height": 800}, **how).new_page()  # type: ignore[arg-type]
    page.goto(url)
    return page


def link(house: House, locale: str, kind: str) -> str:
    """The path of a link in somebody's mails; for `m` they ask for it first."""
    reader = f"{locale}@travail.example"
    house.work()
    (*_, found) = [
        one
        for mail in house.mails(reader)
        if (one := re.search(rf"(/{kind}/\S+)", str(mail.message["List-Unsubscribe"]) + "\n" + mail.text))
    ]
    return found[1].rstrip(">")


def own_link(house: House, page: Page, address: str, locale: str) -> str:
    house.clock.move(timedelta(hours=2))  # nobody is sent too many
    page.goto(address + link(house, locale, "p"))
    page.click("button[value=data-link]")
    return link(house, locale, "m")


@pytest.mark.parametrize(("locale", "script"), [("en", True), ("fr", False), ("es", True)])
def test_a_reader_s_walk(house: House, address: str, browser: Browser, locale: str, script: bool) -> None:
    words = WORDS[locale]
    page = visit(browser, address + link(house, locale, "p"), 360, java_script_enabled=script, accept_downloads=True)
    assert page.locator("html").get_attribute("lang") == locale
    # topics and countries
    page.click(f"text={words['topics']}")
    if script:
        page.fill("#place-find", "sene")
    else:
        page.locator("details.part").first.locator("summary").click()
        page.locator("details:has(input[value=SEN]) summary").click()
    page.check("input[value=SEN]")
    topic = "wages" if script else "skills"
    page.locator("input[name=topic]:checked").evaluate_all("boxes => boxes.forEach(b => b.click())") if script else None
    page.check(f"input[value={topic}]")
    page.click(f"text={words['save']}")
    assert words["saved"] in page.inner_text("[role=status]")
    assert "?" in page.url and "/topics" not in page.url
    # a day of rest, and back
    page.fill("#until", "2026-12-24")
    page.click("button[value=pause]")
    assert "2026" in page.inner_text("[role=status]")
    page.click("button[value=resume]")
    # what is one's own
    page.goto(address + own_link(house, page, address, locale))
    assert f"{locale}@travail.example" in page.inner_text("main")
    with page.expect_download() as download:
        page.click("button[value=export]")
    told = json.loads(download.value.path().read_text())
    assert told["person"]["address"] == f"{locale}@travail.example"
    page.click("h2 + p > a >> nth=0")
    page.locator("h2 a").first.click()
    body = page.frame_locator("iframe").locator("body").inner_text()
    assert {"en": "Work", "fr": "Travail", "es": "Trabajo"}[locale] in body
    page.context.close()


def test_the_keyboard_alone_leaves_a_topic_out(house: House, address: str, browser: Browser) -> None:
    page = visit(browser, f"{address}{link(house, 'keys', 'u')}?in=en")
    for wanted in ("topic", "leave-out"):
        for _ in range(40):
            page.keyboard.press("Tab")
            here = page.evaluate("[document.activeElement.name, document.activeElement.value]")
            if wanted in here:
                break
        page.keyboard.press("Space" if wanted == "topic" else "Enter")
    page.wait_for_selector("[role=status]")
    assert "without:" in page.inner_text("[role=status]")
    page.click("button[value=undo-topics]")
    assert "the same topics as before" in page.inner_text("[role=status]")
    page.context.close()


def test_an_error_is_led_to_by_its_summary(house: House, address: str, browser: Browser) -> None:
    page = visit(browser, f"{address}{link(house, 'keys', 'p')}?in=en", java_script_enabled=False)
    page.click("button[value=pause]")
    page.click("#errors a")
    assert page.evaluate("document.activeElement.id") == "until" or page.url.endswith("#until")
    page.context.close()
