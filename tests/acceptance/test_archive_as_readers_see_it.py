"""The public archive in the words of people who read it: items, issues, what is not there."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.acceptance.house import House
from tests.archive_world import HOST, Get, linked_data, links, reader
from tribune.domain.codelists import fold
from tribune.services.archive.own_feed import FEED
from tribune.services.sources.read_feed import read_feed


@pytest.fixture
def get(house: House) -> Get:
    return reader(house.app)


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


def test_who_meets_a_page_that_is_not_there_finds_the_way_in_their_language(get: Get) -> None:
    page = get("/p/nothing-like-this/at-all")
    assert page.status_code == 404
    for locale in ("en", "fr", "es"):
        assert f'href="/{locale}/"' in page.text, locale
    assert "/items" in page.text and 'href="mailto:' in page.text and "noindex" in page.text
    assert get("/fr/").status_code == 200


# -- the page of an item


def test_a_place_comes_first_on_its_own_page(house: House, get: Get) -> None:
    house.publish("a", titles={"fr": "Salaires"}, source_language="fr", places=["002", "MLI", "SEN", "TGO"])
    assert "Sénégal, Afrique et 2\u00a0autres" in get("/fr/places/SEN").text
    assert "Afrique, Mali et 2\u00a0autres" in get("/fr/items").text


def test_topics_stand_in_the_order_of_the_alphabet(get: Get) -> None:
    for locale in ("fr", "es"):
        names = re.findall(rf'<a href="/{locale}/topics/[a-z_]+">([^<]+)</a>', get(f"/{locale}/topics").text)
        assert len(names) > 10 and names == sorted(names, key=fold), names


def test_an_item_of_which_no_more_is_known_has_no_empty_part(house: House, get: Get) -> None:
    house.publish("a", titles={"en": "Wages"}, policy_areas=[], places=[])
    text = get("/en/items/1-wages").text
    assert "Languages and files" in text and "About this item" not in text


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
    gone = "Everything that stood in this issue has been withdrawn since"
    assert gone in get("/en/editions/letter/daily/2026-11-23").text


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
