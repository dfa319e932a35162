"""What staff do in the newsroom for the audience: find people, help them, bring files, mind the suppression list."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House
from tests.acceptance.test_desk_as_staff_see_it import page, plain
from tests.newsroom import staff_browser, staff_member
from tests.sign_up_world import Door
from tribune.domain.audience import Subscriber
from tribune.domain.imports import ImportState
from tribune.domain.staff import Role
from tribune.services.imports.work_on_import import work_on_import

FILE = """Courriel;Nom;Langue;Fuseau horaire;Remarques
binta@travail.example;Binta Ba;fr;Africa/Dakar;=1+1
awa@travail.example;Awa Diop;fr|en;UTC;x
not an address;<script>alert(1)</script>;fr;Africa/Dakar;x
complained@travail.example;C;fr;Africa/Dakar;x
"""


@pytest.fixture
def browser(house: House) -> Iterator[TestClient]:
    house.subscribe("awa@travail.example", name="Awa Diop", languages="fr|en", cadence="daily", hour=8)
    house.subscribe("olena@union.example", name="Olena Kovalenko", languages="en", cadence="weekly", hour=9)
    with staff_browser(house.app, Role.AUDIENCE_MANAGER) as client:
        yield client


def posted(browser: TestClient, path: str, *, follow: bool = True, **fields: str) -> str:
    answer = browser.post(f"/en/newsroom/{path}", data=fields or {"x": ""}, follow_redirects=follow)
    assert answer.status_code in (200, 303), (path, answer.status_code)
    return plain(answer.text)


def actions(house: House) -> list[tuple[str, str]]:
    with house.app.store.read() as tx:
        entries = [(entry.action, entry.about) for entry in tx.audit.entries()]
    return [(action, about) for action, about in entries if not action.startswith(("sign_in", "session", "staff"))]


def upload(browser: TestClient, content: bytes = FILE.encode(), name: str = "abonnés.csv") -> str:
    answer = browser.post("/en/newsroom/imports", files={"file": (name, content, "text/csv")}, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


BASIS = {"basis": "consent", "source": "form of the conference", "given": "2026-03-01", "do": "check"}
COLUMNS = {"column-0": "address", "column-1": "name", "column-2": "languages", "column-3": "zone", "column-4": ""}


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


WHO = {"name": "Awa Diop Sy", "group": "government", "language1": "en", "zone": "Africa/Accra", "fallback": "omit"}
WISHES = {"topic": "employment", "place": "SEN", "cadence": "weekly", "weekday": "2", "hour": "7"}


def change(browser: TestClient, id: int, **fields: str) -> tuple[int, str]:
    """Fill in the form of a person as it stands, with these fields instead."""
    form = browser.get(f"/en/newsroom/people/{id}/change")
    assert form.status_code == 200
    found = re.search(r'action="(/en/newsroom/people/\d+/change[^"]*)"', form.text)
    as_of = re.search(r'name="as_of" value="(\w+)"', form.text)
    assert found is not None and as_of is not None
    answer = browser.post(found[1], data={"as_of": as_of[1], **fields})
    return answer.status_code, answer.text.replace("\u00a0", " ")


def person_of(house: House, id: int) -> Subscriber:
    with house.app.store.read() as tx:
        person = tx.audience.one(id)
    assert person is not None
    return person


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
    assert "only they themselves can choose" in browser.get("/en/newsroom/people/1/change").text
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


NEW = {
    "address": "new@travail.example",
    "name": "Nadia",
    "group": "workers",
    "language1": "fr",
    "zone": "Africa/Dakar",
    "topic": "employment",
    "cadence": "weekly",
    "weekday": "0",
    "hour": "8",
    "fallback": "source",
    "basis": "consent",
    "source": "paper form",
    "given": "2026-11-02",
}


def test_staff_add_somebody_with_the_ground_on_which_they_are_written_to(house: House, browser: TestClient) -> None:
    assert browser.get("/en/newsroom/people/new").status_code == 200
    told = plain(browser.post("/en/newsroom/people/new", data=NEW).text)
    assert "Added." in told and "new@travail.example" in told
    assert "They agreed elsewhere, 2 November 2026 – paper form" in told
    with house.app.store.read() as tx:
        person = tx.audience.by_address("new@travail.example")
        assert person is not None
        (record,) = tx.consents.of(person.id)
    assert (person.status.value, *person.subscriptions[0].choice.policy_areas) == ("active", "employment")
    assert (record.act.value, record.source.value, record.by) == ("imported", "staff", "staff:1")
    assert record.basis == "consent, 2026-11-02: paper form"
    assert ("person.added", f"subscriber/{person.id}") in actions(house)
    again = browser.post("/en/newsroom/people/new", data={**NEW, "address": "NEW@travail.example"})
    assert (again.status_code, "is a subscriber’s already" in again.text) == (409, True)


def test_a_stranger_s_form_keeps_nobody_from_being_added(house: House, browser: TestClient) -> None:
    Door(house.app).asks(NEW["address"])
    told = plain(browser.post("/en/newsroom/people/new", data=NEW).text)
    assert "Added." in told and "new@travail.example" in told
    with house.app.store.read() as tx:
        person = tx.audience.by_address("new@travail.example")
        assert person is not None
        (record,) = tx.consents.of(person.id)
    assert (person.status.value, *person.subscriptions[0].choice.policy_areas) == ("active", "employment")
    assert (record.act.value, record.source.value, record.by) == ("imported", "staff", "staff:1")


def test_nobody_is_added_who_is_never_mailed_or_without_a_ground(house: House, browser: TestClient) -> None:
    with house.app.store.write() as tx:
        tx.audience.suppress("never@a.example", "complaint", house.clock.now())
    never = browser.post("/en/newsroom/people/new", data={**NEW, "address": "never@a.example"})
    assert (never.status_code, "is on the suppression list" in never.text) == (409, True)
    for missing, field in (("basis", "basis"), ("given", "given"), ("source", "source"), ("zone", "zone")):
        answer = browser.post("/en/newsroom/people/new", data={**NEW, missing: ""})
        assert (answer.status_code, f'href="#{field}"' in answer.text) == (422, True)
        assert 'value="new@travail.example"' in answer.text
    wrong = browser.post("/en/newsroom/people/new", data={**NEW, "address": "<b>no address"})
    assert (wrong.status_code, 'href="#address"' in wrong.text, "<b>no" in wrong.text) == (422, True, False)
    with house.app.store.read() as tx:
        assert sum(tx.audience.count().values()) == 2


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


def test_an_address_goes_on_the_list_and_off_where_the_reason_allows(house: House, browser: TestClient) -> None:
    posted(browser, "suppressions/add", address="x@a.example", reason="wrong_address")
    told = posted(browser, "suppressions/look", address="X@a.example")
    assert "the address belongs to somebody else" in told
    assert "may be mailed again" in posted(browser, "suppressions/lift", address="x@a.example", why="typing error")
    assert "It is not on the list." in posted(browser, "suppressions/look", address="x@a.example")
    posted(browser, "suppressions/add", address="x@a.example", reason="asked_by_phone_or_letter")
    refused = browser.post("/en/newsroom/suppressions/lift", data={"address": "x@a.example", "why": "I want to"})
    assert refused.status_code == 409
    table = browser.get("/en/newsroom/suppressions/export").text
    assert table.startswith("reason,since\r\nasked_by_phone_or_letter,2026")
    assert "a.example" not in table
    assert all("a.example" not in str(entry) for entry in actions(house))


def test_a_file_is_looked_at_checked_and_taken_in(house: House, browser: TestClient) -> None:
    with house.app.store.write() as tx:
        tx.audience.suppress("complained@travail.example", "complaint", house.app.clock.now())
    at = upload(browser)
    first = browser.get(at).text
    assert "&lt;script&gt;alert(1)" in first
    assert "<script>alert" not in first
    assert 'value="address" selected' in first
    assert "This is not an e-mail address" in first
    nothing = browser.post(f"{at}/check", data={**COLUMNS, "do": "check"})
    assert nothing.status_code == 422
    assert "Say on which basis" in nothing.text
    assert browser.post(f"{at}/check", data={**COLUMNS, **BASIS}).status_code == 200
    assert "is being checked" in page(browser, at)
    assert work_on_import(house.app.import_worker)
    told = page(browser, at)
    assert "Take in 1 person" in told, told
    with house.app.store.read() as tx:
        assert tx.audience.by_address("binta@travail.example") is None
    assert browser.post(f"{at}/run").status_code == 200
    assert work_on_import(house.app.import_worker)
    assert "taken in" in page(browser, at)
    with house.app.store.read() as tx:
        binta = tx.audience.by_address("binta@travail.example")
        assert binta is not None
        (record,) = tx.consents.of(binta.id)
    assert (record.act.value, record.basis) == ("imported", "consent, 2026-03-01: form of the conference")
    report = browser.get(f"{at}/report")
    assert report.headers["content-type"].startswith("text/csv")
    rows = dict(line.split(",")[:2] for line in report.content.decode("utf-8-sig").splitlines()[1:])
    assert rows == {"2": "new", "3": "unchanged", "4": "refused", "5": "suppressed"}
    id = at.rpartition("/")[2]
    assert not house.app.import_files.file(id).exists()
    assert (house.app.import_files.report(id).stat().st_mode & 0o777) == 0o600
    kinds = [action for action, about in actions(house) if about == f"import/{id}"]
    assert kinds == ["import.uploaded", "import.checked", "import.started", "import.done"]


def test_an_import_can_be_stopped_and_deleted(house: House, browser: TestClient) -> None:
    at = upload(browser)
    id = at.rpartition("/")[2]
    browser.post(f"{at}/check", data={**COLUMNS, **BASIS})
    browser.post(f"{at}/cancel")
    assert "waits for what is in it" in page(browser, at)
    assert not work_on_import(house.app.import_worker)
    browser.post(f"{at}/remove")
    with house.app.store.read() as tx:
        job = tx.imports.one(id)
    assert job is not None
    assert (job.state, job.removed_at is not None) == (ImportState.CANCELLED, True)
    assert not house.app.import_files.holds(id)
    assert browser.get(f"{at}/report").status_code == 404


@pytest.mark.parametrize(
    "content", [b"\0\1\2\xff", b"", b"x" * 1_100_000, b",".join(b"c" for _ in range(1_000)) + b"\n"]
)
def test_what_is_no_csv_file_is_refused_and_not_kept(house: House, browser: TestClient, content: bytes) -> None:
    answer = browser.post("/en/newsroom/imports", files={"file": ("x.csv", content, "text/csv")})
    assert answer.status_code == 422
    assert "not a CSV file that can be read" in plain(answer.text)
    assert house.app.import_files.here() == []


def test_a_file_that_is_too_large_is_refused(house: House, browser: TestClient) -> None:
    object.__setattr__(house.app.settings.imports, "most_megabytes", 1)
    answer = browser.post("/en/newsroom/imports", files={"file": ("x.csv", b"a\n" * 600_000, "text/csv")})
    assert answer.status_code == 413
    assert "larger than 1 MB" in plain(answer.text)
    assert house.app.import_files.here() == []


def test_names_of_files_lead_nowhere(house: House, browser: TestClient) -> None:
    at = upload(browser, name="../../etc/<b>passwd")
    assert "passwd" in browser.get(at).text
    assert "<b>passwd" not in browser.get(at).text
    assert re.fullmatch(r"/en/newsroom/imports/[0-9a-f]{32}", at)
    for guess in ("0" * 32, "..%2f..%2fetc", "x"):
        assert browser.get(f"/en/newsroom/imports/{guess}").status_code in (404, 422)
        assert browser.get(f"/en/newsroom/imports/{guess}/report").status_code in (404, 422)


def test_an_auditor_looks_and_changes_nothing(house: House, browser: TestClient) -> None:
    at = upload(browser)
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
        assert auditor.get(at).status_code == 404
        assert auditor.get(f"{at}/report").status_code == 404
    with staff_browser(house.app, Role.EDITOR) as editor:
        assert editor.get("/en/newsroom/people").status_code == 404


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
