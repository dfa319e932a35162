"""The pages about people in a real browser: widths, themes, three languages, no JavaScript, axe-core's rules.

With $TRIBUNE_PICTURES a folder, pictures of them are kept there (docs/guides).
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.house import House
from tests.newsroom import browser_cookie
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.domain.staff import Role
from tribune.ports.clock import StoppedClock
from tribune.services.imports.work_on_import import work_on_import
from web.app import create_app

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: apt install chromium")

SIGNED_IN: list[dict[str, Any]] = []
"""The cookies of every browser here."""

FILE = """Courriel;Nom;Langue;Fuseau horaire;Groupe;Remarques
binta.ba@travail.example;Binta Ba;fr;Africa/Dakar;government;conference
moussa@syndicat.example;Moussa Ndiaye;fr|en;Africa/Dakar;workers;conference
not an address;<b>Marie</b>;fr;Africa/Dakar;employers;conference
lea@patronat.example;Léa Favre;fr;Europe/Zurich;employers;conference
kofi@example.com;Kofi Mensah;en;Africa/Acra;academia;conference
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house with some people, a complaint, and a request about data."""
    folder = tmp_path_factory.mktemp("people")
    clock = StoppedClock(datetime(2026, 11, 23, 6, 0, tzinfo=UTC))
    names = {"en": "The Observatory Letter", "fr": "La lettre de l’Observatoire", "es": "El boletín del Observatorio"}
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
    house.subscribe("long@" + "example." * 20 + "com", name="N" * 150, languages="es", cadence="daily", hour=8)
    house.publish("work", titles={"en": "Work", "fr": "Travail"}, kind="brief")
    house.until("2026-11-23 10:00")
    with app.store.write() as tx:
        tx.audience.suppress("complained@travail.example", "complaint", clock.now())
        tx.audience.suppress("gone@travail.example", "hard_bounce", clock.now())
    yield house
    app.close()


@pytest.fixture(scope="module")
def address(house: House) -> Iterator[str]:
    """Where the site answers."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(create_app(house.app), port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        threading.Event().wait(0.02)
    here = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    SIGNED_IN[:] = [browser_cookie(house.app, here, Role.AUDIENCE_MANAGER)]
    yield here
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def visit(browser: Browser, url: str, width: int = 1280, **how: object) -> Page:
    context = browser.new_context(viewport={"width": width, "height": 900}, **how)  # type: ignore[arg-type]
    context.add_cookies(SIGNED_IN)  # type: ignore[arg-type]
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(url)
    return page


def bring(page: Page, address: str, folder: Path, locale: str = "en") -> str:
    """Bring the file; where its page is."""
    file = folder / "abonnés.csv"
    file.write_text(FILE, encoding="utf-8")
    page.goto(f"{address}/{locale}/newsroom/imports")
    page.set_input_files("#file", file)
    page.click("main form button")
    return page.url


def every(address: str, job: str, locale: str = "en") -> list[str]:
    """Every kind of page about people."""
    of = [
        "people",
        "people/new",
        "people/1/change",
        "people/1",
        "people/3",
        "suppressions",
        "data-requests",
        "imports",
    ]
    return [f"{address}/{locale}/newsroom/{path}" for path in of] + [job.replace("/en/", f"/{locale}/")]


def test_staff_bring_a_file_by_hand_without_scripts(
    house: House, address: str, browser: Browser, tmp_path: Path
) -> None:
    page = visit(browser, "about:blank", java_script_enabled=False)
    bring(page, address, tmp_path)
    assert page.locator("select[name=column-0]").input_value() == "address"
    assert page.locator("tr.wrong").count() == 2
    page.click("button[value=check]")
    assert page.locator("#errors").count() == 1
    assert page.locator("select[name=column-0]").input_value() == "address"
    page.check("input[value=public_function]")
    page.fill("#source", "contact points of 2026")
    page.click("button[value=check]")
    assert "is being checked" in page.inner_text("main")
    assert work_on_import(house.app.import_worker)
    page.reload()
    page.click("text=Take in 3 people")
    assert work_on_import(house.app.import_worker)
    page.reload()
    assert page.locator(".badge").first.inner_text() == "taken in"
    page.goto(f"{address}/en/newsroom/people")
    page.fill("#q", "moussa@syndicat.example")
    page.click("text=Find")
    assert page.url.endswith("/newsroom/people"), "no address in the address of a page"
    page.click("a.row")
    assert "They are written to in their function – contact points of 2026" in page.inner_text("main")
    page.context.close()


def test_pages_about_people_keep_the_rules(house: House, address: str, browser: Browser, tmp_path: Path) -> None:
    """WCAG 2.2 AA in both themes; nothing wider than the window; no page of 100 KB; nothing that our policy refuses."""
    from axe_playwright_python.sync_playwright import Axe

    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    page = visit(browser, "about:blank")
    job = bring(page, address, tmp_path)
    refused: list[str] = []
    page.on("console", lambda m: refused.append(m.text) if "Content Security Policy" in m.text else None)
    for scheme, width, locale in (
        ("light", 1280, "en"),
        ("dark", 360, "fr"),
        ("light", 360, "es"),
        ("dark", 1280, "en"),
    ):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        for url in every(address, job, locale):
            answer = page.goto(url)
            assert answer is not None
            assert answer.status == 200, url
            assert len(answer.body()) < 100_000
            found = Axe().run(page, options={"runOnly": tags})
            told = [(v["id"], [n["target"] for n in v["nodes"]][:3]) for v in found.response["violations"]]
            assert not told, (url, width, told)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (url, width)
            keep_picture(page, url, scheme, width, locale)
    assert refused == []
    page.context.close()


def keep_picture(page: Page, url: str, scheme: str, width: int, locale: str) -> None:
    folder = os.environ.get("TRIBUNE_PICTURES")
    if folder:
        name = url.rpartition("/newsroom/")[2].replace("/", "-").replace("?", "-")[:20]
        page.screenshot(path=f"{folder}/{name}-{locale}-{scheme}-{width}.png", full_page=True)
