"""The public archive in the words of programs that read it: feeds, caches, search engines."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from tests.acceptance.house import House
from tests.archive_world import HOST, Get, links, reader
from tribune.services.archive.own_feed import FEED
from tribune.services.sources.read_feed import read_feed
from web.public import machines


@pytest.fixture
def get(house: House) -> Get:
    return reader(house.app)


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


@pytest.mark.parametrize("query", ["topic=x", "place=x", "kind=x", "topic=wages&place='", "kind=" + "x" * 999])
def test_a_feed_of_a_code_that_no_list_has_is_not_there(get: Get, query: str) -> None:
    assert get(f"/en/feed.atom?{query}").status_code == 404
    assert get(f"/en/items?{query}").status_code == 404


def test_a_feed_reader_that_has_it_is_told_so(house: House, get: Get) -> None:
    house.publish("a", titles={"en": "Wages"})
    for path in ("/en/feed.atom", "/en/feed.json"):
        first = get(path)
        assert first.headers["cache-control"] == "public, max-age=600"
        for known in ({"if-none-match": first.headers["etag"]}, {"if-none-match": f'"x", W/{first.headers["etag"]}'}):
            again = get(path, headers=known)
            assert (again.status_code, again.content) == (304, b""), known
            assert again.headers["etag"] == first.headers["etag"]
    old = get("/en/feed.atom").headers["etag"]
    house.publish("b", titles={"en": "Skills"})
    assert get("/en/feed.atom", headers={"if-none-match": old}).status_code == 200


LATER = "Fri, 01 Jan 2027 00:00:00 GMT"


def held(get: Get, path: str) -> tuple[str, int, str]:
    """ETag, number of entries, and when the feed says that it changed; nobody is told that it is the same by a date."""
    answer = get(path, headers={"if-modified-since": LATER})
    assert answer.status_code == 200 and "last-modified" not in answer.headers, "no date tells what is gone from it"
    told = re.search(r"<updated>(.*?)</updated>", answer.text)
    return answer.headers["etag"], answer.text.count("<entry"), told[1] if told else ""


@pytest.mark.parametrize("change", ["withdrawn", "moved"])
def test_a_feed_that_an_item_has_left_is_another_and_never_older(house: House, get: Get, change: str) -> None:
    for number, name in enumerate(("old", "new")):
        house.publish(name, titles={"en": name}, policy_areas=["wages"])
        house.until(f"2026-11-23 0{7 + number}:00")
    everything, topic = "/en/feed.atom", "/en/feed.atom?topic=wages"
    before = {path: held(get, path) for path in (everything, topic)}
    json = get("/en/feed.json?topic=wages").headers["etag"]
    house.until("2026-11-23 12:00")
    if change == "withdrawn":
        house.withdraw("new")
    else:
        house.publish("new", titles={"en": "new"}, policy_areas=["skills"])
    after = {path: held(get, path) for path in (everything, topic)}
    assert [before[topic][1], after[topic][1]] == [2, 1]
    for path in (everything, topic):
        assert after[path][0] != before[path][0]
        assert get(path, headers={"if-none-match": before[path][0]}).status_code == 200
        assert after[path][2] >= before[path][2]
    assert get("/en/feed.json?topic=wages", headers={"if-none-match": json}).status_code == 200


def test_a_feed_tells_nothing_of_what_waits_under_embargo(house: House, get: Get) -> None:
    house.publish("a", titles={"en": "Wages"})
    before = held(get, "/en/feed.atom")
    house.until("2026-11-23 12:00")
    house.publish("b", titles={"en": "Secret"}, embargo_until="2026-12-24T09:00:00Z")
    assert held(get, "/en/feed.atom") == before


def test_ones_own_feed_is_another_when_one_chooses_less(house: House, get: Get) -> None:
    house.subscribe("awa@travail.example", languages="en", cadence="weekly")
    house.publish("a", titles={"en": "Wages"}, policy_areas=["wages"])
    house.until("2026-11-23 08:00")
    house.publish("b", titles={"en": "Skills"}, policy_areas=["skills"])
    etag, entries, updated = held(get, own(house))
    house.subscribe("awa@travail.example", languages="en", cadence="weekly", policy_areas="wages")
    after = held(get, own(house))
    assert (entries, after[1]) == (2, 1) and after[0] != etag and after[2] >= updated


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


def in_sitemap(get: Get) -> list[str]:
    """The addresses of all parts; no part that the index names is empty, which the protocol does not allow."""
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    found: list[str] = []
    for part in ElementTree.fromstring(get("/sitemap.xml").content).iter(f"{space}loc"):
        of_part = ElementTree.fromstring(get(str(part.text).removeprefix(HOST)).content)
        addresses = [str(url.findtext(f"{space}loc")) for url in of_part.iter(f"{space}url")]
        assert addresses, part.text
        found += addresses
    return found


@pytest.mark.parametrize(
    ("titles", "canonical", "listed"),
    [
        ({"pt": "Trabalho"}, dict.fromkeys(("en", "fr", "es"), "/en/items/1-trabalho"), ["/en/items/1-trabalho"]),
        ({"ar": "العمل"}, dict.fromkeys(("en", "fr", "es"), "/en/items/1"), ["/en/items/1"]),
        (
            {"pt": "Trabalho", "fr": "Travail"},
            dict.fromkeys(("en", "fr", "es"), "/fr/items/1-travail"),
            ["/fr/items/1-travail"],
        ),
        (
            {"pt": "Trabalho", "en": "Work", "es": "Trabajo"},
            {"en": "/en/items/1-work", "fr": "/en/items/1-work", "es": "/es/items/1-trabajo"},
            ["/en/items/1-work", "/es/items/1-trabajo"],
        ),
    ],
)
def test_each_item_has_a_page_that_search_engines_find_and_no_second_one(
    house: House, get: Get, titles: dict[str, str], canonical: dict[str, str], listed: list[str]
) -> None:
    house.publish("a", source_language=next(iter(titles)), titles=titles)
    for locale, wanted in canonical.items():
        page = get(get(f"/{locale}/items/1").headers.get("location", f"/{locale}/items/1")).text
        assert links(page, "canonical") == {"": HOST + wanted}, locale
        others = links(page, "alternate")
        assert others["x-default"] == HOST + listed[0]
        assert {others[tag] for tag in others} == {HOST + one for one in listed}
    assert [one for one in in_sitemap(get) if "/items/" in one] == [HOST + one for one in listed]
    told = get("/sitemap-items-1.xml").text
    assert f'hreflang="x-default" href="{HOST}{listed[0]}"' in told
    assert told.count('hreflang="en"') == ("en" in titles) * len(listed), "no page claims a language that it has not"


def test_no_part_of_the_sitemap_is_empty(house: House, get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "ITEMS", 2)
    get = reader(house.app)
    assert in_sitemap(get)
    for part in ("editions", "items-1"):
        assert f"sitemap-{part}.xml" not in get("/sitemap.xml").text
        assert get(f"/sitemap-{part}.xml").status_code == 404
    for name in "abcde":
        house.publish(name, titles={"en": name})
    for name in "cd":
        house.withdraw(name)
    assert len([one for one in in_sitemap(get) if "/items/" in one]) == 3
    parts = re.findall(r"sitemap-items-(\d)\.xml", get("/sitemap.xml").text)
    assert parts == ["1", "3"], "the second holds nothing any more"
    assert [get(f"/sitemap-items-{number}.xml").status_code for number in (1, 2, 3, 4)] == [200, 404, 200, 404]


def test_titles_of_feeds_are_set_as_their_language_has_it(get: Get) -> None:
    for locale, colon in (("fr", "\u00a0: "), ("en", ": "), ("es", ": ")):
        title = read_feed(get(f"/{locale}/feed.atom?topic=wages").content).title
        assert title.partition(colon)[1] == colon, title
        linked = re.findall(r'title="([^"]*) \((?:Atom|JSON Feed)\)"', get(f"/{locale}/topics/wages").text)
        assert linked == [title, title]


def test_robots_are_told_what_is_not_for_them(get: Get) -> None:
    from urllib.robotparser import RobotFileParser

    told = get("/robots.txt")
    assert told.headers["content-type"].startswith("text/plain")
    rules = RobotFileParser()
    rules.parse([line for line in told.text.splitlines() if "*/" not in line and "?*" not in line])
    for path in ("/u/x", "/p/x", "/c/x", "/f/x.atom", "/m/x", "/a/x", "/n/x", "/api/v1/items", "/metrics"):
        assert not rules.can_fetch("any", path), path
    for path in ("/", "/en/", "/fr/items/1-x", "/en/feed.atom", "/sitemap.xml"):
        assert rules.can_fetch("any", path), path
    assert "Disallow: /*/newsroom" in told.text
    assert rules.site_maps() == [f"{HOST}/sitemap.xml"]
