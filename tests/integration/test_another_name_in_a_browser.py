"""The site by plain http under a name of its own, as in a house's own network: browsers say less there than on
localhost or by https (no Sec-Fetch-Site), and every form works all the same. Other sites are told nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.house import House
from tests.browser_world import CHROMIUM, answering, needs_chromium, opened_house, path_in
from tests.newsroom import staff_browser
from tests.web_site import Site, answer, site
from tribune.domain.audience import Status
from tribune.domain.staff import Role

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["site"]
pytestmark = needs_chromium
NAME, ELSEWHERE, AWA = "letters.observatory.example", "elsewhere.example", "awa@work.example.org"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with opened_house(tmp_path, web={"allowed_hosts": [NAME]}) as house:
        yield house


@pytest.fixture
def page(house: House) -> Iterator[tuple[Page, str]]:
    """Chromium, for which these names are this machine; and the address of the site under its name."""
    from playwright.sync_api import sync_playwright

    rules = ", ".join(f"MAP {name} 127.0.0.1" for name in (NAME, ELSEWHERE))
    with answering(house.app) as here, sync_playwright() as started:
        chromium = started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", f"--host-resolver-rules={rules}"]
        )
        yield chromium.new_page(), here.replace("127.0.0.1", NAME)
        chromium.close()


def test_a_reader_subscribes_confirms_and_chooses(house: House, page: tuple[Page, str]) -> None:
    browser, here = page
    browser.goto(f"{here}/en/subscribe")
    assert not browser.evaluate("isSecureContext"), "as a browser sees any name but localhost without https"
    browser.get_by_label("E-mail address").fill(AWA)
    browser.get_by_role("button", name="Subscribe", exact=True).click()
    browser.get_by_role("heading", name="Please look into your mailbox").wait_for()
    house.work()
    browser.goto(here + path_in(house.mails(AWA)[-1], "c") + "?in=en")
    browser.get_by_role("button", name="Confirm my subscription").click()
    browser.get_by_role("heading", name="You are subscribed").wait_for()
    with house.app.store.read() as tx:
        person = tx.audience.by_address(AWA)
    assert person is not None and person.status is Status.ACTIVE


def test_staff_come_in(house: House, page: tuple[Page, str]) -> None:
    browser, here = page
    with staff_browser(house.app, Role.AUTHOR):
        pass
    browser.goto(f"{here}/en/newsroom/sign-in")
    for field, typed in (("address", "no@observatory.example"), ("password", "nobody's own word"), ("code", "123456")):
        browser.locator(f"[name={field}]").fill(typed)
    with browser.expect_navigation() as led:
        browser.keyboard.press("Enter")
    assert led.value.status != 403, "it is looked at, and refused as a wrong password"
    assert "another site" not in browser.content()


def test_other_sites_are_told_nothing_of_where_a_reader_was(house: House, page: tuple[Page, str], site: Site) -> None:
    browser, here = page
    site.pages["/"] = lambda request: answer(request, b"here", Content_Type="text/html")
    house.subscribe(AWA, languages="en", cadence="daily", hour=8)
    house.publish("work")
    for path in ("/en/items/1", f"/p/{house.app.signer.sign('preferences', 1, 'letter', 1)}"):
        browser.goto(here + path)
        browser.evaluate(f"location.href = 'http://{ELSEWHERE}:{site.port}/'")
        browser.wait_for_url(f"http://{ELSEWHERE}:{site.port}/")
    asked = [headers for path, headers in site.requests if path == "/"]
    assert len(asked) == 2
    assert not any("referer" in headers for headers in asked)
