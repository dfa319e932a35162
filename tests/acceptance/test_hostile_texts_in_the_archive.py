"""What strangers wrote stays text on the public pages, in linked data, feeds and sitemaps, and in every header
(threats.md, stored XSS, header injection)."""

from __future__ import annotations

import json
import re
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House
from tests.acceptance.test_hostile_texts_on_pages import HOSTILE, assert_harmless, item, told
from tribune.services.archive.own_feed import FEED
from tribune.services.sources.read_feed import read_feed
from web.app import create_app

WAYS_OUT = "</script><script>alert(9)</script><!-- ]]> </summary></entry> \x00\x0b\ufffe"


@pytest.fixture
def browser(house: House) -> TestClient:
    house.subscribe("victim@example.com", languages="es", cadence="daily", hour=8)
    told(house, "publication.published", item())
    house.publish("ways-out", titles={"en": f"Ways {WAYS_OUT}"}, kind="report")
    house.until("2026-11-23 09:00")
    return TestClient(create_app(house.app), base_url="http://127.0.0.1:8080", client=("203.0.113.9", 4321))


def test_they_stay_text_on_every_public_page(browser: TestClient) -> None:
    seen: set[str] = set()
    todo = ["/en/", f"/en/items?q={HOSTILE}", "/fr/items", "/es/editions", "/fr/items/1", "/es/items/2"]
    shown = 0
    while todo and len(seen) < 150:
        path = todo.pop()
        if path in seen or path.startswith(("/static", "/en/subscribe")) or "/newsroom" in path or "/places/" in path:
            continue
        seen.add(path)
        answer = browser.get(path)
        assert answer.status_code == 200, path
        if "html" not in answer.headers["content-type"]:
            continue
        assert_harmless(answer.text, path)
        assert not re.search(r"\salert\(\d\)", answer.text), path
        for data in re.findall(r'<script type="application/ld\+json">(.*?)</script>', answer.text, re.DOTALL):
            assert json.loads(data)["@context"] == "https://schema.org", path
        shown += "&lt;script&gt;alert(1)" in answer.text
        todo += [link.replace("&amp;", "&") for link in re.findall(r'href="(/en/[^"]*)"', answer.text)]
    assert any("/editions/letter/daily/" in path for path in seen)
    assert any("/items/1-" in path for path in seen)
    assert shown >= 4


def test_a_script_as_an_address_is_no_link_anywhere(browser: TestClient) -> None:
    for path in ("/en/items/1", "/en/items", "/en/feed.atom", "/en/feed.json", "/sitemap-items-1.xml"):
        assert "javascript:" not in browser.get(path).text.lower(), path


def test_they_stay_text_in_feeds_and_sitemaps(house: House, browser: TestClient) -> None:
    own = house.app.signer.sign(FEED, 1)
    for path in ("/en/feed.atom", "/fr/feed.atom?kind=brief", f"/f/{own}.atom", "/sitemap-items-1.xml", "/sitemap.xml"):
        answer = browser.get(path)
        assert answer.status_code == 200, path
        tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(answer.content).iter()}
        assert not tags & {"script", "img", "svg"}, path
    titles = [entry.title for entry in read_feed(browser.get("/en/feed.json").content).entries]
    assert any("<script>alert(1)</script>" in title for title in titles)
    assert len(titles) == 2


def test_nothing_that_is_asked_comes_back_as_markup(browser: TestClient) -> None:
    for path in (f"/en/items?q={HOSTILE}", f"/en/items?q={quote(WAYS_OUT)}"):
        assert_harmless(browser.get(path).text, path)
    for path in (f"/en/topics/{HOSTILE}", f"/en/items/{HOSTILE}", f"/en/editions/{HOSTILE}/daily/2026-11-23"):
        answer = browser.get(path)
        assert answer.status_code == 404, path
        assert "alert(1)" not in answer.text, path


def test_no_header_holds_what_somebody_wrote(browser: TestClient) -> None:
    for path in ("/en/items/1-%0d%0aset-cookie:%20x=1", "/en/items/2-%0aLocation:%20evil.example"):
        answer = browser.get(path, follow_redirects=False)
        assert answer.status_code == 301
        assert re.fullmatch(r"/en/items/\d+-[a-z0-9-]+", answer.headers["location"])
        assert "set-cookie" not in answer.headers
