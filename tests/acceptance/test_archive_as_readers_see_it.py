"""The public archive in the words of who reads it: people, feed readers, search engines."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House
from tribune.services.archive.own_feed import FEED
from tribune.services.sources.read_feed import read_feed
from web.app import create_app

HOST = "http://127.0.0.1:8080"
Get = Callable[..., Any]


@pytest.fixture
def get(house: House) -> Get:
    client = TestClient(create_app(house.app), base_url=HOST, client=("203.0.113.9", 4321), follow_redirects=False)
    return client.get


def links(html: str, rel: str) -> dict[str, str]:
    """hreflang (or "") -> address of a page's links."""
    found = re.findall(rf'<link rel="{rel}"(?: hreflang="([^"]*)")? href="([^"]*)">', html)
    return dict(found)


def linked_data(html: str) -> dict[str, Any]:
    found = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html, re.DOTALL)
    assert len(found) == 1
    return json.loads(found[0])  # type: ignore[no-any-return]


# -- a person comes in


def test_the_first_page_shows_what_is_new_and_the_ways_in(house: House, get: Get) -> None:
    house.publish("a", titles={"en": "Wages in Senegal", "fr": "Les salaires au Sénégal"}, places=["SEN"])
    house.publish("b", titles={"en": "Only in English"})
    page = get("/fr/")
    assert page.status_code == 200
    text = page.text.replace("\u00a0", " ")
    assert "Les salaires au Sénégal" in text and "Wages in Senegal" not in text
    assert '<span lang="en" dir="ltr">Only in English</span>' in text
    assert "en anglais" in text
    for path in ("/fr/topics/employment", "/fr/places/002", "/fr/subscribe", "/fr/editions", "/fr/feed.atom"):
        assert f'href="{path}"' in page.text, path


def test_an_empty_house_says_so_everywhere(get: Get) -> None:
    for path in ("", "items", "topics", "places", "editions", "topics/wages", "places/SEN", "items?q=nothing"):
        page = get(f"/en/{path}")
        assert page.status_code == 200, path
    assert "Nothing has been published yet." in get("/en/").text
    assert get("/en/feed.atom").status_code == get("/en/feed.json").status_code == 200
    assert read_feed(get("/en/feed.json").content).entries == ()


def test_a_page_in_a_language_that_is_not_offered_is_not_there(get: Get) -> None:
    for path in ("/de/", "/de/items", "/de/feed.atom", "/xx/editions"):
        assert get(path).status_code == 404, path


# -- the page of an item


def test_the_number_decides_and_the_rest_is_decoration(house: House, get: Get) -> None:
    house.publish("a", titles={"en": "Wages: a review", "fr": "Les salaires"})
    for name in ("1", "1-", "1-anything-else", "1-x%0d%0aSet-Cookie:%20a=b", "1-%2F%2Fevil.example"):
        answer = get(f"/en/items/{name}")
        if answer.status_code == 301:
            assert answer.headers["location"] == "/en/items/1-wages-a-review", name
            assert "set-cookie" not in answer.headers
            assert answer.headers["cache-control"] == "public, max-age=300"
        else:
            assert answer.status_code == 404, name  # a slash is another address
    assert get("/en/items/1-wages-a-review").status_code == 200
    assert get("/fr/items/1").headers["location"] == "/fr/items/1-les-salaires"


@pytest.mark.parametrize("name", ["0", "01", "99", "-1", "1e3", "99999999999999999999", "１", "x", "1.5", "%00"])
def test_what_is_no_item_is_not_there(house: House, get: Get, name: str) -> None:
    house.publish("a", titles={"en": "Wages"})
    assert get(f"/en/items/{name}").status_code == 404


def test_an_items_page_names_its_languages_to_machines(house: House, get: Get) -> None:
    house.publish("a", titles={"en": "Wages", "fr": "Les salaires"}, identifiers={"doi": "10.5555/wages"})
    page = get("/fr/items/1-les-salaires").text
    assert links(page, "canonical") == {"": f"{HOST}/fr/items/1-les-salaires"}
    pages = {"en": f"{HOST}/en/items/1-wages", "fr": f"{HOST}/fr/items/1-les-salaires"}
    assert links(page, "alternate") == {**pages, "x-default": pages["en"]}
    assert '<meta property="og:title" content="Les salaires">' in page
    assert '<meta property="og:locale" content="fr_FR">' in page
    data = linked_data(page)
    assert (data["@type"], data["name"], data["inLanguage"]) == ("Report", "Les salaires", "fr")
    assert data["workTranslation"] == [{"@type": "Report", "@id": pages["en"], "inLanguage": "en"}]
    assert data["identifier"][0]["value"] == "10.5555/wages"


def test_a_page_without_its_language_says_so_and_leaves_being_found_to_the_one_that_has_it(
    house: House, get: Get
) -> None:
    house.publish("a", titles={"en": "Wages"})
    page = get("/fr/items/1-wages").text
    assert "Ce contenu n’existe pas en français. Il est présenté en anglais." in page
    assert '<h1 lang="en" dir="ltr">Wages</h1>' in page
    assert links(page, "canonical") == {"": f"{HOST}/en/items/1-wages"}
    assert "fr" not in links(page, "alternate")


def test_arabic_runs_from_right_to_left_inside_a_page_that_does_not(house: House, get: Get) -> None:
    house.publish("a", source_language="ar", titles={"ar": "العمل اللائق"})
    assert get("/en/items/1").status_code == 200, "a title without Latin letters gives no slug"
    page = get("/en/items/1").text
    assert '<h1 lang="ar" dir="rtl">العمل اللائق</h1>' in page
    assert 'dir="ltr"' in page.partition("<head>")[0]
    assert "It is shown in Arabic." in page
    assert '<span lang="ar" dir="rtl">العمل اللائق</span>' in get("/fr/").text


def test_figures_stand_with_their_change(house: House, get: Get) -> None:
    from tests.mails import data_release
    from tribune.domain.items import ItemRecord
    from tribune.services.events.event_codec import new_event

    item = data_release()
    told = ItemRecord(
        record="d", kind="data_release", source_language=item.source_language, versions=item.versions, data=item.data,
        authors=item.authors,
    )  # fmt: skip
    event = new_event("data.released", told, source="/x", key="d", time=house.clock.now(), revision=1)
    house.app.log.publish("publications", [event])
    house.work()
    page = get("/en/items/1", follow_redirects=True).text
    assert re.search(r'<span class="value">[\d.]+%</span>', page)
    assert "percentage point" in page
    assert linked_data(page)["@type"] == "Dataset"


def test_what_is_withdrawn_answers_410_and_tells_nothing_of_it(house: House, get: Get) -> None:
    house.publish("a", titles={"en": "A shameful mistake"})
    assert get("/en/items/1", follow_redirects=True).status_code == 200
    house.withdraw("a", reason="A secret reason.")
    page = get("/en/items/1")
    assert page.status_code == 410
    assert "This has been withdrawn" in page.text and "23 November 2026" in page.text
    assert "shameful" not in page.text and "secret reason" not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert '<meta name="robots" content="noindex">' in page.text


def test_an_embargo_holds_on_every_public_address(house: House, get: Get) -> None:
    house.subscribe("awa@travail.example", languages="en", cadence="daily", hour=8)
    house.publish("free", titles={"en": "Free"})
    house.publish(
        "kept",
        titles={"en": "Unspeakable"},
        embargo_until="2026-11-24T09:00:00Z",
        places=["SEN"],
        policy_areas=["wages"],
    )
    house.until("2026-11-23 09:00")
    feed = house.app.signer.sign(FEED, 1)
    paths = ["/en/", "/en/items", "/en/items?q=Unspeakable", "/en/topics/wages", "/en/places/SEN", "/en/feed.atom"]
    paths += ["/en/feed.json", "/sitemap.xml", "/sitemap-items-1.xml", "/sitemap-pages.xml", f"/f/{feed}.atom"]
    paths += ["/en/editions/letter/daily/2026-11-23", "/en/topics", "/en/places"]
    for path in paths:
        answer = get(path)
        assert answer.status_code == 200, path
        assert "nspeakable" not in answer.text.partition("<main")[2].replace('value="Unspeakable"', ""), path
        assert "unspeakable" not in answer.text, path
    missing, hidden = get("/en/items/999"), get("/en/items/2")
    assert (hidden.status_code, hidden.text) == (missing.status_code, missing.text)
    house.until("2026-11-24 10:00")
    assert "Unspeakable" in get("/en/").text


# -- issues


def test_an_issue_holds_everything_that_anybodys_copy_could_hold(house: House, get: Get) -> None:
    house.subscribe("awa@travail.example", languages="fr", cadence="daily", hour=8, zone="Asia/Tokyo")
    house.subscribe("olena@union.example", languages="en", cadence="daily", hour=8, zone="America/Lima")
    house.publish("a", titles={"en": "Wages", "fr": "Les salaires"})
    house.until("2026-11-24 20:00")
    page = get("/fr/editions/letter/daily/2026-11-24")
    assert page.status_code == 200
    assert "Les salaires" in page.text
    index = get("/en/editions").text
    assert 'href="/en/editions/letter/daily/2026-11-24"' in index
    for address, title in (("awa@travail.example", "Les salaires"), ("olena@union.example", "Wages")):
        (mail,) = house.mails(address)
        assert title in mail.text


def test_an_issue_stays_as_it_is(house: House, get: Get) -> None:
    house.subscribe("awa@travail.example", languages="en", cadence="daily", hour=8)
    house.publish("a", titles={"en": "The first"})
    house.until("2026-11-24 07:00")
    house.publish("b", titles={"en": "The second"})
    house.until("2026-11-24 09:00")
    first = get("/en/editions/letter/daily/2026-11-23").text
    assert "The first" in first and "The second" not in first
    house.until("2026-12-10 09:00")
    house.publish("c", titles={"en": "The third"})
    house.publish("a", titles={"en": "The first", "fr": "Le premier"})
    assert titles(get("/en/editions/letter/daily/2026-11-23").text) == ["The first"]
    assert titles(get("/en/editions/letter/daily/2026-11-24").text) == ["The second"]
    # A version of one's own that comes later takes the place of the fallback, where the item stood.
    assert titles(get("/fr/editions/letter/daily/2026-11-23").text) == ["Le premier"]
    house.withdraw("a")
    assert "1 item of this issue has been withdrawn since." in get("/en/editions/letter/daily/2026-11-23").text


def titles(html: str) -> list[str]:
    return re.findall(r"<h2><a[^>]*><span[^>]*>([^<]*)</span></a></h2>", html)


@pytest.mark.parametrize(
    "path",
    [
        "letter/daily/2026-11-22",
        "letter/daily/2099-01-01",
        "letter/daily/x",
        "letter/daily/2026-13-45",
        "letter/at_once/2026-11-23",
        "letter/yearly/2026-11-23",
        "other/daily/2026-11-23",
        "letter'--/daily/2026-11-23",
    ],
)
def test_what_is_no_issue_is_not_there(house: House, get: Get, path: str) -> None:
    house.subscribe("awa@travail.example", languages="en", cadence="daily", hour=8)
    house.publish("a", titles={"en": "The first"})
    house.until("2026-11-23 09:00")
    assert get(f"/en/editions/{path}").status_code == 404


def test_an_issue_that_nobody_approved_is_not_public(house: House, get: Get) -> None:
    digest = house.app.digests["letter"]
    house.app.digests = {"letter": replace(digest, approval="each")}
    house.subscribe("awa@travail.example", languages="en", cadence="daily", hour=8)
    house.publish("a", titles={"en": "The first"})
    house.until("2026-11-23 09:00")
    assert get("/en/editions/letter/daily/2026-11-23").status_code == 404
    assert "letter/daily" not in get("/en/editions").text


def test_months_of_issues_lead_to_each_other(house: House, get: Get) -> None:
    house.subscribe("awa@travail.example", languages="en", cadence="daily", hour=8)
    house.publish("a", titles={"en": "The first"})
    house.until("2026-11-24 09:00")
    house.until("2027-01-05 07:00", step=timedelta(days=1))
    house.publish("b", titles={"en": "The second"})
    house.until("2027-01-05 09:00")
    newest = get("/en/editions").text
    assert "January 2027" in newest and "?month=2026-11" in newest
    assert "?month=2027-01" in get("/en/editions?month=2026-11").text
    for month in ("2026-12", "2026-13", "x", "2026-11-01"):
        assert get(f"/en/editions?month={month}").status_code == 404, month


def test_the_rest_of_a_mail_stands_in_its_issue(house: House, get: Get) -> None:
    house.subscribe("awa@travail.example", languages="en", cadence="daily", hour=8)
    for number in range(14):
        house.publish(f"r{number}", titles={"en": f"Report {number}"})
    house.until("2026-11-23 09:00")
    (mail,) = house.mails("awa@travail.example")
    assert "2 more items match your choices." in mail.text
    address = "/en/editions/letter/daily/2026-11-23"
    assert address in mail.text.replace("\n", "") and address in mail.html
    assert len(titles(get(address).text)) == 14


# -- feeds


def test_feeds_are_narrowed_and_say_where_they_belong(house: House, get: Get) -> None:
    house.publish("a", titles={"en": "Wages", "fr": "Les salaires"}, policy_areas=["wages"], places=["SEN"])
    house.publish("b", titles={"en": "Skills"}, policy_areas=["skills"], kind="brief")
    everything = read_feed(get("/fr/feed.atom").content)
    assert [(entry.title, entry.language) for entry in everything.entries] == [
        ("Skills [en anglais]", "en"),
        ("Les salaires", "fr"),
    ]
    for query, found in (
        ("topic=wages", ["Wages"]),
        ("place=SEN", ["Wages"]),
        ("kind=brief&topic=skills", ["Skills"]),
        ("place=FRA", []),
    ):
        for form in ("atom", "json"):
            feed = read_feed(get(f"/en/feed.{form}?{query}").content)
            assert [entry.title for entry in feed.entries] == found, (query, form)
    assert [entry.title for entry in read_feed(get("/fr/feed.json?fallback=omit").content).entries] == ["Les salaires"]
    # The address that a feed gives itself has its parameters in one order.
    assert b"feed.atom?topic=wages&amp;place=SEN" in get("/en/feed.atom?place=SEN&topic=wages").content
    assert everything.entries[1].translations == (f"{HOST}/en/items/1-wages",)


@pytest.mark.parametrize(
    "query", ["topic=x", "place=x", "kind=x", "topic=wages&place='", "place=%00", "kind=" + "x" * 999]
)
def test_a_feed_of_a_code_that_no_list_has_is_not_there(get: Get, query: str) -> None:
    assert get(f"/en/feed.atom?{query}").status_code == 404
    assert get(f"/en/items?{query}").status_code == 404


def test_a_feed_reader_that_has_it_is_told_so(house: House, get: Get) -> None:
    house.publish("a", titles={"en": "Wages"})
    for path in ("/en/feed.atom", "/en/feed.json"):
        first = get(path)
        assert first.headers["cache-control"] == "public, max-age=600"
        assert first.headers["last-modified"] == "Mon, 23 Nov 2026 06:00:00 GMT"
        for known in (
            {"if-none-match": first.headers["etag"]},
            {"if-none-match": f'"x", W/{first.headers["etag"]}'},
            {"if-modified-since": first.headers["last-modified"]},
        ):
            again = get(path, headers=known)
            assert (again.status_code, again.content) == (304, b""), known
            assert again.headers["etag"] == first.headers["etag"]
        assert (
            get(path, headers={"if-none-match": '"x"', "if-modified-since": first.headers["last-modified"]}).status_code
            == 200
        )
        assert get(path, headers={"if-modified-since": "yesterday"}).status_code == 200
    old = get("/en/feed.atom").headers["etag"]
    house.publish("b", titles={"en": "Skills"})
    assert get("/en/feed.atom", headers={"if-none-match": old}).status_code == 200


def test_ids_of_entries_stay_when_they_are_corrected(house: House, get: Get) -> None:
    house.publish("a", titles={"en": "Wages"})
    (before,) = read_feed(get("/en/feed.atom").content).entries
    house.until("2026-11-23 12:00")
    house.publish("a", titles={"en": "Wages, corrected"})
    (after,) = read_feed(get("/en/feed.atom").content).entries
    assert (after.id, after.title) == (before.id, "Wages, corrected")
    assert "<updated>2026-11-23T12:00:00Z" in get("/en/feed.atom").text
    assert "<published>2026-11-23T06:00:00Z" in get("/en/feed.atom").text


# -- one's own feed


def own(house: House, form: str = "atom", number: int = 1) -> str:
    return f"/f/{house.app.signer.sign(FEED, number)}.{form}"


def test_ones_own_feed_holds_what_one_chose_and_nothing_about_one(house: House, get: Get) -> None:
    house.subscribe(
        "awa.diop@lago.example",
        name="Awa Diop",
        languages="fr|en",
        cadence="weekly",
        policy_areas="wages",
        places="SEN",
    )
    house.publish("a", titles={"en": "Wages", "fr": "Les salaires"}, policy_areas=["wages"], places=["SEN"])
    house.publish("b", titles={"en": "Skills"}, policy_areas=["skills"])
    house.publish("c", titles={"en": "Wages everywhere"}, policy_areas=["wages"])
    for form in ("atom", "json"):
        answer = get(own(house, form))
        assert answer.status_code == 200
        assert [entry.title for entry in read_feed(answer.content).entries] == [
            "Wages everywhere [en anglais]",
            "Les salaires",
        ]
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-robots-tag"] == "noindex"
        for secret in ("awa", "Awa", "Diop", "lago", own(house, form).split(".")[2]):
            assert secret not in answer.text
        assert get(own(house, form), headers={"if-none-match": answer.headers["etag"]}).status_code == 304


def test_ones_own_feed_ends_with_ones_subscription(house: House, get: Get) -> None:
    house.subscribe("awa@travail.example", languages="en", cadence="weekly")
    assert get(own(house)).status_code == 200
    from tribune.services.audience.unsubscribe import unsubscribe

    with house.app.store.write() as tx:
        unsubscribe(tx, 1, "letter", house.clock.now())
    answer = get(own(house))
    assert (answer.status_code, answer.headers["cache-control"]) == (410, "no-store")
    assert get(own(house, number=77)).status_code == 410, "somebody who has been erased"


def test_the_preferences_page_leads_to_ones_own_feed(house: House, get: Get) -> None:
    house.subscribe("awa@travail.example", languages="en", cadence="weekly")
    link = house.app.reader_links.links(1, "letter", 1).preferences
    (found,) = re.findall(r'href="(/f/[^"]*\.atom)"', get("/p/" + link.rpartition("/")[2]).text)
    assert found == own(house)
    assert get(found).status_code == 200


@pytest.mark.parametrize("purpose", ["unsubscribe", "preferences", "delivery"])
def test_no_other_link_opens_a_feed(house: House, get: Get, purpose: str) -> None:
    house.subscribe("awa@travail.example", languages="en", cadence="weekly")
    for token in (house.app.signer.sign(purpose, 1), house.app.signer.sign(purpose, 1, "letter", 1), "k1.1.0", "x"):
        assert get(f"/f/{token}.atom").status_code == 404
    good = own(house)
    assert get(good.replace(".1.", ".2.")).status_code == 404, "another number under the same seal"


# -- machines


def test_pages_may_be_kept_and_tell_nothing_personal(house: House, get: Get) -> None:
    house.publish("a", titles={"en": "Wages"})
    for path in ("/en/", "/en/items", "/en/items/1-wages", "/en/topics", "/en/topics/wages", "/en/places/SEN"):
        page = get(path)
        assert page.headers["cache-control"] == "public, max-age=300", path
        assert "vary" not in page.headers and "set-cookie" not in page.headers
        assert get(path, headers={"if-none-match": page.headers["etag"]}).status_code == 304
        assert len(page.content) < 100_000
    assert get("/").headers["vary"] == "accept-language"


def test_the_sitemap_leads_to_every_page_in_its_languages(house: House, get: Get) -> None:
    house.subscribe("awa@travail.example", languages="en", cadence="daily", hour=8)
    house.publish("a", titles={"en": "Wages", "fr": "Les salaires"}, places=["SEN"])
    house.publish("b", titles={"en": "Gone"})
    house.withdraw("b")
    house.until("2026-11-23 09:00")
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    index = ElementTree.fromstring(get("/sitemap.xml").content)
    parts = [str(told.text).removeprefix(HOST) for told in index.iter(f"{space}loc")]
    found: dict[str, dict[str, str]] = {}
    for part in parts:
        for url in ElementTree.fromstring(get(part).content).iter(f"{space}url"):
            others = {str(one.get("hreflang")): str(one.get("href")) for one in url if one.tag.endswith("link")}
            found[str(url.findtext(f"{space}loc"))] = others
    for address in found:
        assert get(address.removeprefix(HOST)).status_code == 200, address
    pages = {"en": f"{HOST}/en/items/1-wages", "fr": f"{HOST}/fr/items/1-les-salaires"}
    assert found[pages["fr"]] == {**pages, "x-default": pages["en"]} == found[pages["en"]]
    for path in ("/en/", "/fr/topics/employment", "/es/places/SEN", "/en/editions/letter/daily/2026-11-23"):
        assert HOST + path in found, path
    assert not [address for address in found if "/items/2" in address]
    assert "<lastmod>2026-11-23T06:00:00Z</lastmod>" in get("/sitemap-items-1.xml").text
    for part in ("0", "2", "-1", "x", "1e2", "99999999999"):
        assert get(f"/sitemap-items-{part}.xml").status_code == 404, part


def test_robots_are_told_what_is_not_for_them(get: Get) -> None:
    from urllib.robotparser import RobotFileParser

    told = get("/robots.txt")
    assert told.headers["content-type"].startswith("text/plain")
    rules = RobotFileParser()
    rules.parse([line for line in told.text.splitlines() if "*/" not in line and "?*" not in line])
    for path in ("/u/x", "/p/x", "/c/x", "/f/x.atom", "/api/v1/items", "/metrics"):
        assert not rules.can_fetch("any", path), path
    for path in ("/", "/en/", "/fr/items/1-x", "/en/feed.atom", "/sitemap.xml"):
        assert rules.can_fetch("any", path), path
    assert "Disallow: /*/newsroom" in told.text
    assert rules.site_maps() == [f"{HOST}/sitemap.xml"]
