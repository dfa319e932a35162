"""Every page that there is, in a real browser: axe-core finds nothing (WCAG 2.2 AA) in light and dark, at 360, 1280 and
1440 px; nothing is wider than its window, in three languages; no page is heavy; our policy refuses nothing.

The table of pages is held against the routes of the site: a new page without a row fails.
With $TRIBUNE_PICTURES a folder, a picture of each page is kept there, to be looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.base import AXE_FILE_PATH

from tests.acceptance.house import House
from tests.axe import broken, wider
from tests.browser_world import LOCALES, answering, browser, needs_chromium
from tests.newsroom import browser_cookie
from tests.pages_world import full_house
from tests.staff_world import Person
from tribune.bootstrap import Application
from tribune.domain.staff import Role
from web.app import create_app
from web.routes import every_route

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]
pytestmark = [needs_chromium, pytest.mark.waits]

N = "/{locale}/newsroom"

PAGES: dict[str, tuple[str, ...]] = {
    # for readers
    "/{locale}/": ("/{locale}/",),
    "/{locale}/subscribe": ("/{locale}/subscribe",),
    "/{locale}/subscribe/check-your-mail": ("/{locale}/subscribe/check-your-mail",),
    "/c/{token}": ("{c}?in={locale}", "/c/forged"),
    "/u/{token}": ("{u}?in={locale}", "/u/forged"),
    "/p/{token}": ("{p}?in={locale}",),
    "/p/{token}/{section}": tuple(f"{{p}}/{one}?in={{locale}}" for one in ("topics", "when", "languages", "you")),
    "/p/{token}/add/{digest}": ("{p}/add/data?in={locale}",),
    "/m/{token}": ("{m}?in={locale}", "{m_over}?in={locale}"),
    "/m/{token}/sent": ("{m}/sent?in={locale}",),
    "/m/{token}/sent/{name}": ("{m}/sent/{sent}?in={locale}",),
    "/m/{token}/delete": ("{m}/delete?in={locale}",),
    "/a/{token}": ("{a}?in={locale}", "{a_over}?in={locale}"),
    "/n/{token}": ("{n}?in={locale}",),
    # the archive
    "/{locale}/items": ("/{locale}/items", "/{locale}/items?q=nothing", "/{locale}/items?topic=wages&place=002"),
    "/{locale}/items/{name}": tuple(f"/{{locale}}/items/{number}" for number in range(1, 6)),
    "/{locale}/topics": ("/{locale}/topics",),
    "/{locale}/topics/{code}": ("/{locale}/topics/wages",),
    "/{locale}/places": ("/{locale}/places",),
    "/{locale}/places/{code}": ("/{locale}/places/SEN",),
    "/{locale}/editions": ("/{locale}/editions",),
    "/{locale}/editions/{digest}/{cadence}/{day}": tuple(
        f"/{{locale}}/editions/{digest}/daily/2026-11-23" for digest in ("letter", "old", "lost")
    ),
    # for developers
    "/api/v1/docs": ("/api/v1/docs",),
    "/problems": ("/problems",),
    "/problems/{name}": ("/problems/invalid",),
    # where staff come in
    f"{N}/sign-in": (f"{N}/sign-in", f"{N}/sign-in?out=1", f"{N}/sign-in?failed=refused"),
    f"{N}/sign-in/{{token}}": (f"{N}/sign-in/{{sign_in}}", f"{N}/sign-in/used-up"),
    f"{N}/invitation/{{token}}": (f"{N}/invitation/{{invitation}}", f"{N}/invitation/used-up"),
    # what concerns oneself
    f"{N}/account": (f"{N}/account",),
    f"{N}/account/password": (f"{N}/account/password",),
    f"{N}/account/second-factor": (f"{N}/account/second-factor",),
    f"{N}/account/tokens": (f"{N}/account/tokens",),
    # the desk
    f"{N}/": (f"{N}/",),
    f"{N}/mailings": (f"{N}/mailings",),
    f"{N}/mailings/{{number}}": (f"{N}/mailings/1",),
    f"{N}/items": (f"{N}/items", f"{N}/items?q=nothing"),
    f"{N}/items/{{number}}": (f"{N}/items/1",),
    f"{N}/events": (f"{N}/events",),
    f"{N}/events/{{correlation_id}}": (f"{N}/events/{{story}}",),
    f"{N}/dead-letters": (f"{N}/dead-letters",),
    f"{N}/mails": (f"{N}/mails", f"{N}/mails?q=nothing"),
    f"{N}/mails/{{delivery}}": tuple(f"{N}/mails/1.0.0{how}" for how in ("", "?as=text", "?as=headers")),
    # segments
    f"{N}/segments": (f"{N}/segments", f"{N}/segments?archived=1"),
    f"{N}/segments/{{slug}}": (f"{N}/segments/latin-america", f"{N}/segments/old-friends"),
    f"{N}/segments/{{slug}}/why": tuple(f"{N}/segments/latin-america/why?person={number}" for number in (1, 2, 9999)),
    f"{N}/segments/new": (f"{N}/segments/new",),
    f"{N}/segments/{{slug}}/edit": (f"{N}/segments/latin-america/edit",),
    # people
    f"{N}/people": (f"{N}/people",),
    f"{N}/people/new": (f"{N}/people/new",),
    f"{N}/people/{{id}}": tuple(f"{N}/people/{number}" for number in (1, 3, 4)),
    f"{N}/people/{{id}}/change": (f"{N}/people/1/change",),
    f"{N}/data-requests": (f"{N}/data-requests",),
    f"{N}/imports": (f"{N}/imports",),
    f"{N}/imports/{{id}}": tuple(
        f"{N}/imports/{{{state}}}" for state in ("uploaded", "checking", "checked", "done", "removed")
    ),
    f"{N}/suppressions": (f"{N}/suppressions",),
    # staff and what they did
    f"{N}/staff": (f"{N}/staff",),
    f"{N}/staff/new": (f"{N}/staff/new",),
    f"{N}/staff/{{number}}": (f"{N}/staff/1",),
    f"{N}/audit": (f"{N}/audit", f"{N}/audit?action=sign_in&who=cli"),
    # of no route
    "errors": ("/{locale}/nothing-is-here", f"{N}/nothing-is-here"),
}

NO_PAGES = {
    "/": "leads to the first page in the browser's language",
    "/{locale}": "leads to the first page",
    N: "leads to Today",
    "/healthz": "for machines",
    "/metrics": "for machines",
    "/robots.txt": "for machines",
    "/sitemap.xml": "for machines",
    "/sitemap-pages.xml": "for machines",
    "/sitemap-editions.xml": "for machines",
    "/sitemap-items-{number}.xml": "for machines",
    "/{locale}/feed.{form}": "a feed",
    "/f/{token}.{form}": "a feed",
    "/m/{token}/sent/{name}/body": "the mail itself: test_mail_layout.py",
    f"{N}/mails/{{delivery}}/body": "the mail itself: test_mail_layout.py",
    f"{N}/mails/{{delivery}}/message.eml": "a file",
    f"{N}/invitation/{{token}}/code.svg": "a picture",
    f"{N}/account/second-factor.svg": "a picture",
    f"{N}/provider": "leads to the provider",
    "/newsroom/callback": "leads on from the provider",
    f"{N}/imports/{{id}}/report": "a file",
    f"{N}/suppressions/export": "a file",
}


# -- pages that answer what somebody did


def subscribe_with_errors(page: Page) -> None:
    page.locator("button[value=subscribe]").click()
    page.locator("#errors").wait_for()


def sign_in_wrongly(page: Page) -> None:
    page.fill("#address", "nobody@travail.example")
    page.fill("#password", "wrong")
    page.fill("#code", "123456")
    page.locator("main form button").first.click()
    page.locator("[role=alert]").wait_for()


def pause_without_a_day(page: Page) -> None:
    page.locator("button[value=pause]").click()
    page.locator("#errors").wait_for()


def leave_out_without_a_topic(page: Page) -> None:
    page.locator("button[value=leave-out]").click()
    page.locator("#errors").wait_for()


def receive_it_less_often(page: Page) -> None:
    page.locator("button[value=slower]").click()
    page.locator("[role=status]").wait_for()


def stop_and_see_the_way_back(page: Page) -> None:
    page.locator("button[value=stop]").click()
    page.locator("button[value=again]").wait_for()


def import_without_a_file(page: Page) -> None:
    page.locator("main form button").click()


def check_without_a_basis(page: Page) -> None:
    page.locator("button[value=check]").click()
    page.locator("#errors").wait_for()


def build_a_segment_with_errors(page: Page) -> None:
    for number, kind in enumerate(("wants", "seen", "tags", "reads", "any")):
        page.select_option("[id='n.new']", kind)
        page.click("button[value='add:n']")
        page.locator(f"[id='n-{number}']").wait_for()
    page.fill("[id='n-0.place']", "Atlantis")
    page.click("button[value=save]")
    page.locator("#errors").wait_for()
    assert page.locator("#errors li").count() >= 5


def pause_somebody_without_a_day(page: Page) -> None:
    page.locator("details:has(#until) summary").click()
    page.locator("form:has(#until) button").click()
    page.locator("#errors").wait_for()


def subscribe_somebody_again_without_a_basis(page: Page) -> None:
    page.locator("details:has(#again) summary").click()
    page.locator("form:has(#again) button").click()
    page.locator("#errors").wait_for()


def accept_an_invitation_with_errors(page: Page) -> None:
    page.fill("#password", "short")
    page.fill("#code", "1")
    page.locator("main form button").click()
    page.locator("#errors").wait_for()


def change_the_password_wrongly(page: Page) -> None:
    page.fill("#current", "wrong")
    page.fill("#password", "short")
    page.locator("main form button").click()
    page.locator("#errors").wait_for()


def make_a_token(page: Page) -> None:
    page.fill("#name", "Website")
    page.locator("input[name=scopes]").first.check()
    page.locator("main form:has(#name) button").click()


def invite_with_errors(page: Page) -> None:
    page.fill("#address", "another@travail.example")
    page.fill("#name", "Another Example")
    page.locator("main form button").click()
    page.locator("#errors").wait_for()


def invite_somebody(page: Page) -> None:
    page.fill("#address", "another@travail.example")
    page.fill("#name", "Another Example")
    page.locator("input[name=roles]").first.check()
    page.locator("main form button").click()


ANSWERS: dict[str, tuple[str, Callable[[Page], None]]] = {
    "the form with errors": ("/{locale}/subscribe", subscribe_with_errors),
    "signing in wrongly": (f"{N}/sign-in", sign_in_wrongly),
    "no day to pause until": ("{p}?in={locale}", pause_without_a_day),
    "no topic to leave out": ("{u}?in={locale}", leave_out_without_a_topic),
    "less often": ("{u}?in={locale}", receive_it_less_often),
    "no file": (f"{N}/imports", import_without_a_file),
    "no basis": (f"{N}/imports/{{uploaded}}", check_without_a_basis),
    "a segment with errors": (f"{N}/segments/new", build_a_segment_with_errors),
    "a pause without a day": (f"{N}/people/1", pause_somebody_without_a_day),
    "no basis to write to somebody again": (f"{N}/people/4", subscribe_somebody_again_without_a_basis),
    "a wrong invitation": (f"{N}/invitation/{{invitation}}", accept_an_invitation_with_errors),
    "a wrong password": (f"{N}/account/password", change_the_password_wrongly),
    "a token, shown once": (f"{N}/account/tokens", make_a_token),
    "an invitation with errors": (f"{N}/staff/new", invite_with_errors),
    "an invitation, shown once": (f"{N}/staff/new", invite_somebody),
    "unsubscribed": ("{u}?in={locale}", stop_and_see_the_way_back),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, dict[str, str]]]:
    with full_house(tmp_path_factory.mktemp("pages")) as made:
        yield made


@pytest.fixture(scope="module")
def address(world: tuple[House, dict[str, str]]) -> Iterator[str]:
    with answering(world[0].app) as here:
        yield here


class Visitor:
    """Two browsers with axe in them: one in which an administrator is signed in, and one in which nobody is."""

    def __init__(self, browser: Browser, address: str, house: House, facts: dict[str, str]) -> None:
        self.address, self.facts = address, facts
        self.refused: list[str] = []
        boss = Person(house.app, "admin@travail.example", Role.ADMINISTRATOR).member
        self.staff, self.anybody = self._open(browser), self._open(browser)
        self.staff.context.add_cookies([browser_cookie(house.app, address, staff=boss)])  # type: ignore[list-item]

    def _open(self, browser: Browser) -> Page:
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.set_default_timeout(20_000)
        page.add_init_script(path=AXE_FILE_PATH)
        page.on("console", lambda m: self.refused.append(m.text) if "Content Security Policy" in m.text else None)
        page.on("pageerror", lambda error: self.refused.append(str(error)))
        return page

    def goes_to(self, path: str, locale: str) -> Page:
        page = self.staff if re.match(f"{re.escape(N)}(?!/(sign-in|invitation))", path) else self.anybody
        there = path.format_map({**self.facts, "locale": locale})
        answer = page.goto(self.address + there)
        assert answer is not None, there
        assert answer.headers["content-type"].startswith("text/html"), there
        assert len(answer.body()) < 100_000, f"{there} is heavy"
        assert page.url.startswith(self.address + there), f"{there} leads elsewhere"
        over = re.search(r"forged|used-up|nothing-is-here|m_over|items/5", path)
        assert answer.status in ((404, 410) if over else (200,)), (there, answer.status)
        return page


@pytest.fixture(scope="module")
def visitor(browser: Browser, address: str, world: tuple[House, dict[str, str]]) -> Visitor:
    return Visitor(browser, address, *world)


def test_every_page_has_a_row_and_every_row_a_route(app: Application) -> None:
    got = {route.path for route in every_route(create_app(app)) if route.method == "GET"}
    pages = {path for path in got if not path.startswith("/api/")} | {"/api/v1/docs"}
    assert pages == (PAGES.keys() - {"errors"}) | NO_PAGES.keys()


@pytest.mark.parametrize("route", PAGES)
def test_a_page_keeps_the_rules(visitor: Visitor, route: str) -> None:
    languages = cycle(LOCALES[list(PAGES).index(route) % 3 :] + LOCALES[: list(PAGES).index(route) % 3])
    found = []
    for path, locale in zip(PAGES[route], languages, strict=False):
        found += broken(visitor.goes_to(path, locale), f"{path} {locale}")
    assert not found, "\n".join(map(str, found))
    assert visitor.refused == []


@pytest.mark.parametrize("locale", LOCALES)
def test_no_page_is_wider_than_its_window_in_any_language(visitor: Visitor, locale: str) -> None:
    wide = []
    for paths in PAGES.values():
        for path in paths:
            page = visitor.goes_to(path, locale)
            for width in (320, 360, 700):
                page.set_viewport_size({"width": width, "height": 800})
                if beyond := wider(page):
                    wide.append((path, width, beyond))
    assert not wide, "\n".join(map(str, wide))


@pytest.mark.parametrize("name", ANSWERS)
def test_what_answers_keeps_them_too(visitor: Visitor, name: str) -> None:
    path, act = ANSWERS[name]
    page = visitor.goes_to(path, LOCALES[list(ANSWERS).index(name) % 3])
    page.set_viewport_size({"width": 1280, "height": 800})
    act(page)
    found = broken(page, f"answer {name}")
    assert not found, "\n".join(map(str, found))
    assert visitor.refused == []
