"""What staff do in the newsroom for one person: find them, see them, help them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House
from tests.acceptance.test_desk_as_staff_see_it import page, plain
from tests.newsroom import staff_browser, staff_member
from tests.people_world import WHO, WISHES, actions, change, person_of, posted, two_people
from tribune.domain.audience import Subscriber
from tribune.domain.staff import Role


@pytest.fixture
def browser(house: House) -> Iterator[TestClient]:
    with two_people(house) as client:
        yield client


def search(browser: TestClient, wanted: str, after: str = "") -> str:
    """The page that a search shows. What is looked for travels in the body."""
    answer = browser.post("/en/newsroom/people", data={"q": wanted, "after": after}, follow_redirects=False)
    assert answer.status_code == 200
    return plain(answer.text)


@pytest.mark.parametrize(
    ("wanted", "who"),
    [("AWA@travail.example", "Awa"), ("awa@tra", "Awa"), ("kova", "Olena"), ("olena kov", "Olena"), ("1", "Awa")],
)
def test_people_are_found_by_what_staff_have(browser: TestClient, wanted: str, who: str) -> None:
    told = search(browser, wanted)
    assert who in told
    assert ("Olena" if who == "Awa" else "Awa") not in told


def test_nobody_is_found_by_the_middle_of_a_word(browser: TestClient) -> None:
    assert "Nobody was found." in search(browser, "valenko")
    assert "Nobody was found." in search(browser, "%'\"")


def test_no_address_that_is_looked_for_stands_in_the_address_of_a_page(browser: TestClient) -> None:
    told = browser.get("/en/newsroom/people?q=awa@travail.example").text
    assert "Olena" in told, "what a query says is not looked for"
    found = browser.post("/en/newsroom/people", data={"q": "awa@travail.example"}).text
    assert '<form class="filter" method="post"' in found
    assert not re.search(r'(href|action)="[^"]*(awa|%40|@)', found)


@pytest.mark.parametrize("wanted", ["", "many", "many@", "many1@a.b"])
def test_those_who_come_next_are_a_button_away(house: House, browser: TestClient, wanted: str) -> None:
    with house.app.store.write() as tx:
        for n in range(120):
            address = f"many1@a.b.{n:03}.example" if n < 60 else f"many@{n:03}.example"
            person = Subscriber(0, address, f"Many {n}", "other", ("en",), "UTC")
            tx.audience.add([person], lambda _: (), house.clock.now())
    seen: list[int] = []
    after = ""
    while True:
        page_ = browser.post("/en/newsroom/people", data={"q": wanted, "after": after}).text
        seen += [int(id) for id in re.findall(r'class="row" href="/en/newsroom/people/(\d+)"', page_)]
        found = re.search(r'name="after" value="([^"]+)"', page_)
        if found is None:
            break
        after = found[1]
        assert len(seen) < 1000
    assert len(seen) == len(set(seen)) == {"": 122, "many": 120, "many@": 60, "many1@a.b": 60}[wanted]
    assert browser.post("/en/newsroom/people", data={"q": wanted, "after": "x' OR 1=1:9"}).status_code == 200


def test_looking_at_somebody_is_written_down(house: House, browser: TestClient) -> None:
    told = page(browser, "/en/newsroom/people/1")
    assert "awa@travail.example" in told
    assert "Every day at 8:00 am" in told or "Every day at" in told
    assert actions(house)[-1] == ("person.seen", "subscriber/1")
    assert browser.get("/en/newsroom/people/999").status_code == 404
    assert browser.get("/en/newsroom/people/99999999999").status_code in (404, 422)


def test_staff_change_pause_and_unsubscribe_somebody(house: House, browser: TestClient) -> None:
    status, told = change(browser, 1, **WHO, **WISHES)
    assert (status, "The changes are saved." in told, "Awa Diop Sy" in told) == (200, True, True)
    person = person_of(house, 1)
    assert (person.languages, person.zone, person.fallback.value) == (("en",), "Africa/Accra", "omit")
    (wish,) = person.subscriptions
    assert (wish.cadence.value, *wish.choice.policy_areas, *wish.choice.places) == ("weekly", "employment", "SEN")
    assert [(r.cadence.value, r.weekday, r.hour) for r in person.rhythms] == [("weekly", 2, 7)]
    assert "Nothing has changed" in change(browser, 1, **WHO, **WISHES)[1]
    assert "Paused." in posted(browser, "people/1/pause", until="2026-12-24")
    assert "Unsubscribed." in posted(browser, "people/1/stop", digest="")
    with house.app.store.read() as tx:
        records = tx.consents.of(1)[-3:]
    assert [record.act.value for record in records] == ["changed", "paused", "unsubscribed"]
    assert {(record.by, record.source.value) for record in records} == {("staff:1", "staff")}
    assert records[0].agreed["digests"]["letter"][0]["policy_areas"] == ["employment"]
    done = [action for action, about in actions(house) if about == "subscriber/1" and action != "person.seen"]
    assert done == ["person.changed", "person.paused", "person.unsubscribed"]


def test_who_has_unsubscribed_is_corrected_and_not_brought_back(house: House, browser: TestClient) -> None:
    posted(browser, "people/1/stop", digest="")
    assert "their choices cannot be changed here" in browser.get("/en/newsroom/people/1/change").text
    assert "The changes are saved." in change(browser, 1, **WHO, **WISHES)[1]
    person = person_of(house, 1)
    assert (person.name, person.status.value) == ("Awa Diop Sy", "unsubscribed")
    assert person.subscriptions[0].choice.policy_areas == frozenset()


def test_one_of_several_wishes_is_changed_and_the_others_stay(house: House, browser: TestClient) -> None:
    wishes = [{"cadence": "daily", "policy_areas": "wages"}, {"cadence": "weekly", "policy_areas": "employment"}]
    house.subscribe("binta@travail.example", languages="fr", wishes=wishes)
    told = browser.get("/en/newsroom/people/3").text
    links = re.findall(r'href="/en/newsroom/people/3/change\?of=(\w+)"', told)
    assert len(links) == 2
    form = browser.get(f"/en/newsroom/people/3/change?of={links[1]}").text
    as_of = re.findall(r'name="as_of" value="(\w+)"', form)[0]
    fields = {**WHO, **WISHES, "as_of": as_of, "topic": "skills"}
    assert browser.post(f"/en/newsroom/people/3/change?of={links[1]}", data=fields).status_code == 200
    kept = {(s.cadence.value, *s.choice.policy_areas) for s in person_of(house, 3).subscriptions}
    assert kept == {("daily", "wages"), ("weekly", "skills")}


def test_nobody_s_change_is_overwritten_by_an_older_form(house: House, browser: TestClient) -> None:
    as_of = re.findall(r'name="as_of" value="(\w+)"', browser.get("/en/newsroom/people/1/change").text)[0]
    change(browser, 1, **WHO, **WISHES)
    late = browser.post("/en/newsroom/people/1/change", data={**WHO, **WISHES, "name": "Old", "as_of": as_of})
    assert late.status_code == 409
    assert "Nothing was saved: they, or a colleague of yours" in plain(late.text)
    assert person_of(house, 1).name == "Awa Diop Sy"


def test_a_wrong_change_says_which_field_and_loses_nothing(house: House, browser: TestClient) -> None:
    wrong = {**WHO, **WISHES, "name": "A\r\nBcc: x", "group": "x", "language1": "xx1", "zone": "Nowhere"}
    status, told = change(browser, 1, **wrong)
    assert status == 422
    for field in ("group", "language1", "zone"):
        assert f'href="#{field}"' in told
    assert 'value="employment" checked' in told
    status, told = change(browser, 1, **{**WHO, **WISHES, "name": "A\r\nBcc: x"})
    assert (status, 'href="#name"' in told) == (422, True)
    assert person_of(house, 1).name == "Awa Diop"


def test_a_name_is_corrected_and_a_fourth_language_stays(house: House, browser: TestClient) -> None:
    house.subscribe("ada@travail.example", name="Ada", languages="en|de|fr|es", cadence="daily", hour=8)
    with house.app.store.read() as tx:
        ada = tx.audience.by_address("ada@travail.example")
    assert ada is not None
    form = browser.get(f"/en/newsroom/people/{ada.id}/change").text
    fields = dict(re.findall(r'name="(as_of|of)" value="([^"]*)"', form))
    told = {"name": "Ada L.", "language1": "en", "language2": "de", "language3": "fr", "zone": ada.zone}
    rest = {"fallback": "source", "group": ada.group, "cadence": "daily", "hour": "8", "weekday": "0"}
    answer = browser.post(f"/en/newsroom/people/{ada.id}/change", data=fields | told | rest, follow_redirects=False)
    assert answer.status_code == 303, plain(answer.text)
    with house.app.store.read() as tx:
        after = tx.audience.one(ada.id)
    assert after is not None
    assert (after.name, after.languages) == ("Ada L.", ("en", "de", "fr", "es"))


def test_a_newsletter_that_they_do_not_have_is_no_wrong_day(browser: TestClient) -> None:
    answer = browser.post("/en/newsroom/people/1/stop", data={"digest": "nope"})
    assert answer.status_code == 422
    told = plain(answer.text)
    assert "Please choose from the list." in told
    assert "Choose a day" not in told


def test_one_person_s_data_is_given_out_for_a_request_and_written_down(house: House, browser: TestClient) -> None:
    posted(browser, "people/1/tag", tag="g20-alumni")
    answer = browser.post("/en/newsroom/people/1/export")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="person-1.json"'
    told = answer.json()
    assert (told["person"]["address"], told["tags"]) == ("awa@travail.example", ["g20-alumni"])
    assert "olena" not in answer.text.lower()
    assert actions(house)[-1] == ("person.exported", "subscriber/1")
    requests = plain(browser.get("/en/newsroom/data-requests").text)
    assert "A copy of their data" in requests
    assert "Ada Example" in requests, "one sees one's own name"
    assert browser.get("/en/newsroom/people/1/export").status_code in (404, 405)


def test_tags_are_given_and_taken_on_the_page_of_a_person(house: House, browser: TestClient) -> None:
    assert "The tag is added." in posted(browser, "people/1/tag", tag=" G20-alumni ")
    told = posted(browser, "people/1/tag", tag="jury")
    assert "g20-alumni" in told and "jury" in told
    assert "The tag is removed." in posted(browser, "people/1/untag", tag="jury")
    with house.app.store.read() as tx:
        assert tx.segments.facts([1])[1].tags == {"g20-alumni"}
    wrong = browser.post("/en/newsroom/people/1/tag", data={"tag": "<b>no tag"})
    assert (wrong.status_code, 'href="#tag"' in wrong.text, "<b>no" in wrong.text) == (422, True, False)
    done = [action for action, about in actions(house) if about == "subscriber/1" and action != "person.seen"]
    assert done == ["people.tagged", "people.tagged", "people.untagged"]


def test_histories_name_staff_to_those_who_may_see_the_names(house: House, browser: TestClient) -> None:
    posted(browser, "people/1/pause", until="2026-12-24")
    with staff_browser(house.app, staff=staff_member(house.app, Role.AUDITOR, name="Otto Auditor")) as auditor:
        assert "Ada Example" in auditor.get("/en/newsroom/people/1").text
    other = staff_member(house.app, Role.AUDIENCE_MANAGER, address="other@staff.example", name="Other")
    with staff_browser(house.app, staff=other) as manager:
        told = plain(manager.get("/en/newsroom/people/1").text)
        assert "Member of staff no. 1" in told and "Ada Example" not in told and "staff/1" not in told


def test_who_is_deleted_is_not_brought_back(house: House, browser: TestClient) -> None:
    assert "Deleted." in posted(browser, "people/1/erase")
    assert browser.get("/en/newsroom/people/1").status_code == 404
    assert ("person.erased", "subscriber/1") in actions(house)
    told = posted(browser, "suppressions/look", address="awa@travail.example")
    assert "they had their data deleted" in told
    assert "Only the person themselves can undo this" in told
    assert "To be deleted" in page(browser, "/en/newsroom/data-requests")


def test_an_auditor_looks_and_changes_nothing(house: House, browser: TestClient) -> None:
    with staff_browser(house.app, Role.AUDITOR) as auditor:
        told = auditor.get("/en/newsroom/people/1").text
        assert "awa@travail.example" in told
        assert "/people/1/erase" not in told
        for act in ("export", "tag", "untag", "change"):
            assert f"/people/1/{act}" not in told
            assert auditor.post(f"/en/newsroom/people/1/{act}", data={"tag": "x"}).status_code == 404
        assert auditor.get("/en/newsroom/people/new").status_code == 404
        assert auditor.post("/en/newsroom/people/1/erase", data={"x": ""}).status_code == 404
        assert auditor.post("/en/newsroom/suppressions/add", data={"address": "a@b.example"}).status_code == 404
    with staff_browser(house.app, Role.EDITOR) as editor:
        assert editor.get("/en/newsroom/people").status_code == 404
