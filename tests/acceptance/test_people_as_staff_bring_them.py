"""Whom staff bring into the audience, and whom never again: people added by hand, files, the suppression list."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House
from tests.acceptance.test_desk_as_staff_see_it import page, plain
from tests.newsroom import staff_browser
from tests.people_world import actions, person_of, posted, two_people
from tests.sign_up_world import Door
from tribune.domain.audience import Subscriber
from tribune.domain.consent import ConsentRecord
from tribune.domain.imports import ImportState
from tribune.domain.sign_up import Standing
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
    with two_people(house) as client:
        yield client


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


def added(house: House) -> tuple[Subscriber, ConsentRecord]:
    """Whom staff have added, and the one record of it."""
    with house.app.store.read() as tx:
        person = tx.audience.by_address("new@travail.example")
        assert person is not None
        (record,) = tx.consents.of(person.id)
    assert (person.status.value, *person.subscriptions[0].choice.policy_areas) == ("active", "employment")
    assert (record.act.value, record.source.value, record.by) == ("imported", "staff", "staff:1")
    return person, record


def test_staff_add_somebody_with_the_ground_on_which_they_are_written_to(house: House, browser: TestClient) -> None:
    assert browser.get("/en/newsroom/people/new").status_code == 200
    told = plain(browser.post("/en/newsroom/people/new", data=NEW).text)
    assert "Added." in told and "new@travail.example" in told
    assert "They agreed elsewhere, 2 November 2026 – paper form" in told
    person, record = added(house)
    assert record.basis == "consent, 2026-11-02: paper form"
    assert ("person.added", f"subscriber/{person.id}") in actions(house)
    again = browser.post("/en/newsroom/people/new", data={**NEW, "address": "NEW@travail.example"})
    assert (again.status_code, "is a subscriber’s already" in again.text) == (409, True)


def test_a_stranger_s_form_keeps_nobody_from_being_added(house: House, browser: TestClient) -> None:
    door = Door(house.app)
    door.asks(NEW["address"])
    link = door.link(NEW["address"])
    told = plain(browser.post("/en/newsroom/people/new", data=NEW).text)
    assert "Added." in told and "new@travail.example" in told
    person, record = added(house)
    assert door.confirms(link) is Standing.DONE, "they are told that they are subscribed"
    with house.app.store.read() as tx:
        assert (tx.audience.one(person.id), tx.consents.of(person.id)) == (person, [record])


def test_nobody_is_added_who_is_never_mailed_or_without_a_ground(house: House, browser: TestClient) -> None:
    with house.app.store.write() as tx:
        tx.audience.suppress("never@a.example", "complaint", house.clock.now())
    never = browser.post("/en/newsroom/people/new", data={**NEW, "address": "never@a.example"})
    assert (never.status_code, "is on the suppression list" in never.text) == (409, True)
    for missing, field in (("basis", "basis"), ("given", "given"), ("source", "source"), ("zone", "zone")):
        answer = browser.post("/en/newsroom/people/new", data={**NEW, missing: ""})
        assert (answer.status_code, f'href="#{field}"' in answer.text) == (422, True)
        assert 'value="new@travail.example"' in answer.text
    ahead = browser.post("/en/newsroom/people/new", data={**NEW, "given": "2030-01-01"})
    assert (ahead.status_code, 'href="#given"' in ahead.text, "has not come yet" in ahead.text) == (422, True, True)
    wrong = browser.post("/en/newsroom/people/new", data={**NEW, "address": "<b>no address"})
    assert (wrong.status_code, 'href="#address"' in wrong.text, "<b>no" in wrong.text) == (422, True, False)
    with house.app.store.read() as tx:
        assert sum(tx.audience.count().values()) == 2


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


BASIS = {"basis": "consent", "source": "form of the conference", "given": "2026-03-01", "do": "check"}
COLUMNS = {"column-0": "address", "column-1": "name", "column-2": "languages", "column-3": "zone", "column-4": ""}


def upload(browser: TestClient, content: bytes = FILE.encode(), name: str = "abonnés.csv") -> str:
    answer = browser.post("/en/newsroom/imports", files={"file": (name, content, "text/csv")}, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


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
    ahead = browser.post(f"{at}/check", data={**COLUMNS, **BASIS, "given": "2030-01-01"})
    assert (ahead.status_code, 'href="#given"' in ahead.text, "has not come yet" in ahead.text) == (422, True, True)
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
    done = page(browser, at)
    assert "The file itself is deleted" in done and "Delete the report" in done and "Delete both" not in done
    id = at.rpartition("/")[2]
    assert not house.app.import_files.file(id).exists()
    assert (house.app.import_files.report(id).stat().st_mode & 0o777) == 0o600
    kinds = [action for action, about in actions(house) if about == f"import/{id}"]
    assert kinds == ["import.uploaded", "import.checked", "import.started", "import.done"]


def test_nobody_is_lost_between_two_quotation_marks_of_a_column_that_is_passed_over(
    house: House, browser: TestClient
) -> None:
    notes = {10: '"urgent', 30: '"later', 40: '"a note\nin lines, of its own"'}
    lines = [f"p{n}@example.org,P {n},en,UTC,{notes.get(n, 'x')}" for n in range(1, 51)]
    at = upload(browser, "\n".join(["Address,Name,Languages,Zone,Notes", *lines, ""]).encode())
    why = "A quotation mark may be left open: lines 11 to 31 were read as one row."
    assert why in browser.get(at).text
    browser.post(f"{at}/check", data={**COLUMNS, **BASIS})
    assert work_on_import(house.app.import_worker)
    told = page(browser, at)
    assert "Take in 29 people" in told and why in told
    checked = browser.get(f"{at}/report").text
    browser.post(f"{at}/run")
    assert work_on_import(house.app.import_worker)
    assert browser.get(f"{at}/report").text == checked
    assert [line for line in checked.splitlines() if "refused" in line] == [
        f'11,refused,,,{why},"Close it, or take it out: nothing in these lines was taken in."'
    ]
    with house.app.store.read() as tx:
        there = {n for n in range(1, 51) if tx.audience.by_address(f"p{n}@example.org") is not None}
    assert there == {*range(1, 10), *range(31, 51)}


@pytest.mark.parametrize(("length", "status"), [("²", 400), ("-5", 400), ("9" * 5_000, 413), ("999999999999", 413)])
def test_a_length_that_is_none_is_a_broken_request(browser: TestClient, length: str, status: int) -> None:
    kind = "multipart/form-data; boundary=x"
    told = {"content-type": kind, "content-length": length}
    headers = {name: value.encode("latin-1") for name, value in told.items()}
    assert browser.post("/en/newsroom/imports", content=b"--x--", headers=headers).status_code == status


def test_what_holds_where_a_file_says_nothing_changes_nobody_who_is_here(house: House, browser: TestClient) -> None:
    before = person_of(house, 1)
    at = upload(browser)
    assert "These values are for people who are new" in browser.get(at).text
    told = {"languages": "es", "zone": "Africa/Cairo", "group": "workers", "cadence": "monthly"}
    columns = COLUMNS | {"column-1": "", "column-2": "", "column-3": ""}
    assert browser.post(f"{at}/check", data={**columns, **BASIS, **told}).status_code == 200
    assert work_on_import(house.app.import_worker)
    assert browser.post(f"{at}/run").status_code == 200
    assert work_on_import(house.app.import_worker)
    assert person_of(house, 1) == before
    with house.app.store.read() as tx:
        binta = tx.audience.by_address("binta@travail.example")
    assert binta is not None
    assert (binta.languages, binta.zone, binta.group) == (("es",), "Africa/Cairo", "workers")
    assert [rhythm.cadence.value for rhythm in binta.rhythms] == ["monthly"]


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


def test_no_file_is_shown_to_who_may_not_change_people(house: House, browser: TestClient) -> None:
    at = upload(browser)
    with staff_browser(house.app, Role.AUDITOR) as auditor:
        assert auditor.get(at).status_code == 404
        assert auditor.get(f"{at}/report").status_code == 404
