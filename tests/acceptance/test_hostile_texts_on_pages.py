"""Titles, abstracts, names and reasons that strangers wrote stay text: on every page, in the frame of a mail, as a file
name (threats.md, stored XSS)."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House
from tests.newsroom import staff_browser
from tribune.domain.items import ItemRecord, LanguageVersion, Link, Withdrawal
from tribune.services.events.event_codec import new_event

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><svg/onload=alert(3)>{{ 7*7 }}%(x)s{% raw %}"


class Found(HTMLParser):
    """Every element and attribute of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


@pytest.fixture
def browser(house: House) -> TestClient:
    house.subscribe("victim@example.com", name=f"Awa {HOSTILE}"[:120], languages="es", cadence="daily", hour=8)
    house.subscribe("other@example.com", name=f"Omit {HOSTILE}"[:120], languages="es", fallback="omit", hour=8)
    told(house, "publication.published", item())
    house.until("2026-11-23 09:00")
    told(house, "publication.withdrawn", Withdrawal("hostile", f"Because {HOSTILE}"), revision=2)
    house.app.log.publish_raw("publications", HOSTILE, b'{"specversion": "<script>alert(4)</script>"}')
    house.work()
    return staff_browser(house.app)


def item() -> ItemRecord:
    """As a source might tell it that nobody has looked at."""
    links = (Link("javascript:alert(5)"), Link("JAVASCRIPT:alert(5)"), Link(f"https://example.org/{HOSTILE}"))
    return ItemRecord(
        record="hostile",
        kind="brief",
        source_language="en",
        versions=(LanguageVersion("en", f"Work {HOSTILE}", f"Abstract {HOSTILE}", links),),
        policy_areas=("employment",),
        categories=(HOSTILE,),
        series=HOSTILE,
        authors=(HOSTILE, "Ana"),
    )


def told(house: House, type: str, data: object, revision: int = 1) -> None:
    """An event comes in."""
    now = house.clock.now()
    event = new_event(type, data, source="/feeds/hostile", key="hostile", time=now, revision=revision)
    house.app.log.publish("publications", [event])
    house.work()


def assert_harmless(html: str, where: str) -> None:
    found = Found()
    found.feed(html)
    for tag, attributes in found.elements:
        assert tag not in ("svg", "object", "embed", "math"), where
        data = attributes.get("type") == "application/ld+json"  # which no browser runs
        assert tag != "script" or data or (attributes.get("src") or "").startswith("/static/"), where
        assert tag != "img" or attributes.get("src") != "x", where
        for name, value in attributes.items():
            assert not name.startswith("on"), (where, name)
            if name in ("href", "src", "action"):
                assert not (value or "").strip().lower().startswith(("javascript:", "data:text", "vbscript:")), where
    assert "&gt;49" not in html, where  # no template ran inside a text


def test_hostile_texts_stay_text_on_every_page(browser: TestClient) -> None:
    seen: set[str] = set()
    todo = [
        "/en/newsroom/",
        "/fr/newsroom/items/1",
        "/es/newsroom/dead-letters",
        f"/en/newsroom/mails?q={HOSTILE}",
        f"/en/newsroom/items?q={HOSTILE}",
    ]
    shown = 0
    while todo:
        path = todo.pop()
        if path in seen or path.startswith("/static") or path.endswith(".eml"):
            continue
        seen.add(path)
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert_harmless(answer.text, path)
        shown += "&lt;script&gt;alert(1)" in answer.text
        todo += [link.replace("&amp;", "&") for link in re.findall(r'(?:href|src)="(/en/newsroom/[^"]*)"', answer.text)]
    assert any(re.fullmatch(r"/en/newsroom/mails/[\d.]+/body", path) for path in seen)
    assert shown >= 6


def test_a_script_as_an_address_is_no_link(house: House, browser: TestClient) -> None:
    again = replace(item(), record="again")
    told(house, "publication.published", again)
    for path in ("/en/newsroom/items/1", "/en/newsroom/items/2"):
        page = unquote(browser.get(path).text)
        assert "javascript:" not in page.lower()


def test_the_frame_of_a_mail_runs_nothing(browser: TestClient) -> None:
    mail = re.search(r'href="(/en/newsroom/mails/[^"]+)"', browser.get("/en/newsroom/mails").text)
    assert mail
    body = browser.get(f"{mail[1]}/body")
    assert "alert(1)" in body.text
    assert_harmless(body.text, "body")
    policy = body.headers["content-security-policy"]
    assert "script-src" not in policy and "default-src 'none'" in policy and "allow-scripts" not in policy
