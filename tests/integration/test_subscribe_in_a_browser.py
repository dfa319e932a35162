"""Subscribing in a real browser: with and without JavaScript, by keyboard, at phone width, by axe-core's rules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.house import House
from tests.browser_world import answering, browser, needs_chromium
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.domain.audience import Status
from tribune.ports.clock import StoppedClock

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("browser")
    clock = StoppedClock(datetime(2026, 11, 23, 6, 0, tzinfo=UTC))
    told = {
        "data_dir": folder,
        "store": {"url": f"sqlite:///{folder}/tribune.sqlite3"},
        "email": {"outbox_folder": folder / "outbox"},
        "digests": {
            "letter": {"names": {"en": "The letter", "fr": "La lettre"}, "sender": "letter@observatory.example"},
            "data": {"names": {"en": "Data news"}, "sender": "letter@observatory.example", "cadences": ["weekly"]},
        },
        "organisation": {"names": {"en": "Observatory", "fr": "Observatoire", "es": "Observatorio"}},
    }
    app = Application(Settings.model_validate(told), clock)
    app.prepare()
    house = House(app, clock, folder)
    house.publish("work", titles={"en": "Wages in Senegal"}, policy_areas=["wages"], places=["SEN"])
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


def status(house: House, who: str) -> Status | None:
    with house.app.store.read() as tx:
        person = tx.audience.by_address(who)
    return person.status if person else None


def test_the_filter_finds_a_country_by_a_part_of_its_name_without_accents(address: str, browser: Browser) -> None:
    page = visit(browser, f"{address}/fr/subscribe")
    find = page.get_by_label("Rechercher un pays ou une région")
    find.fill("cote d'iv")
    assert page.get_by_text("Asie", exact=True).is_hidden()
    find.fill("senegal")
    page.get_by_label("Sénégal", exact=True).check()
    find.fill("zzzz")
    assert page.get_by_text("Aucun résultat.").is_visible()
    find.fill("")
    assert page.get_by_label("Sénégal", exact=True).is_checked()
    assert page.get_by_text("Asie", exact=True).is_visible()
    page.context.close()


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("UK", "United Kingdom"),
        ("u.k.", "United Kingdom"),
        ("Britain", "United Kingdom"),
        ("USA", "United States of America"),
        ("us", "United States of America"),
        ("Turkey", "Türkiye"),
        ("Turquía", "Türkiye"),
        ("Ivory", "Côte d’Ivoire"),
        ("cote d'iv", "Côte d’Ivoire"),
        ("Holland", "Netherlands (Kingdom of the)"),
        ("Laos", "Lao People’s Democratic Republic"),
        ("Swaziland", "Eswatini"),
        ("Corée du Sud", "Republic of Korea"),
        ("UAE", "United Arab Emirates"),
        ("che", "Switzerland"),
        ("St Lucia", "Saint Lucia"),
        ("guinea bissau", "Guinea-Bissau"),
        ("England", "United Kingdom"),
    ],
)
def test_the_filter_finds_a_country_by_its_other_names_and_codes(
    address: str, browser: Browser, typed: str, found: str
) -> None:
    page = visit(browser, f"{address}/en/subscribe")
    page.get_by_label("Find a country or region").fill(typed)
    assert page.get_by_label(found, exact=True).is_visible()
    assert page.get_by_text("Nothing of that name.").is_hidden()
    assert page.get_by_label("Senegal", exact=True).is_hidden()


def test_by_keyboard_alone(house: House, address: str, browser: Browser) -> None:
    page = visit(browser, f"{address}/en/subscribe", timezone_id="Europe/Paris")
    page.get_by_label("E-mail address").focus()
    page.keyboard.type("keys@work.example.org")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").strip() == "Subscribe", "the trap is passed over"
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Please look into your mailbox").wait_for()
    assert status(house, "keys@work.example.org") is Status.PENDING
    page.context.close()
