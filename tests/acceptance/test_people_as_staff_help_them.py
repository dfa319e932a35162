"""What staff do in the newsroom for the audience: find people, help them, bring files, mind the suppression list."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House
from tests.acceptance.test_desk_as_staff_see_it import page, plain
from tests.newsroom import staff_browser
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


@pytest.mark.parametrize(
    ("wanted", "who"),
    [("AWA@travail.example", "Awa"), ("awa@tra", "Awa"), ("kova", "Olena"), ("olena kov", "Olena"), ("1", "Awa")],
)
def test_people_are_found_by_what_staff_have(browser: TestClient, wanted: str, who: str) -> None:
    told = page(browser, f"/en/newsroom/people?q={wanted}")
    assert who in told
    assert ("Olena" if who == "Awa" else "Awa") not in told


def test_nobody_is_found_by_the_middle_of_a_word(browser: TestClient) -> None:
    assert "Nobody was found." in page(browser, "/en/newsroom/people?q=valenko")
    assert "Nobody was found." in page(browser, "/en/newsroom/people?q=%25%27%22")


def test_looking_at_somebody_is_written_down(house: House, browser: TestClient) -> None:
    told = page(browser, "/en/newsroom/people/1")
    assert "awa@travail.example" in told
    assert "Every day at 8:00 am" in told or "Every day at" in told
    assert actions(house)[-1] == ("person.seen", "subscriber/1")
    assert browser.get("/en/newsroom/people/999").status_code == 404
    assert browser.get("/en/newsroom/people/99999999999").status_code in (404, 422)


def test_staff_correct_pause_and_unsubscribe_somebody(house: House, browser: TestClient) -> None:
    told = posted(
        browser, "people/1/facts", name="Awa Diop Sy", group="government", languages="en", zone="Africa/Accra"
    )
    assert "Corrected." in told
    assert "Awa Diop Sy" in told
    assert "Paused." in posted(browser, "people/1/pause", until="2026-12-24")
    assert "Unsubscribed." in posted(browser, "people/1/stop", digest="")
    with house.app.store.read() as tx:
        person = tx.audience.one(1)
        assert person is not None
        records = [record.act.value for record in tx.consents.of(1)]
    assert (person.zone, person.languages, person.status.value) == ("Africa/Accra", ("en",), "unsubscribed")
    assert records[-3:] == ["changed", "paused", "unsubscribed"]
    done = [action for action, about in actions(house) if about == "subscriber/1" and action != "person.seen"]
    assert done == ["person.changed", "person.paused", "person.unsubscribed"]


def test_a_wrong_correction_says_which_field(browser: TestClient) -> None:
    answer = browser.post(
        "/en/newsroom/people/1/facts", data={"name": "A", "group": "x", "languages": "xx1", "zone": "Nowhere"}
    )
    assert answer.status_code == 422
    assert 'href="#languages"' in answer.text


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
        assert auditor.post("/en/newsroom/people/1/erase", data={"x": ""}).status_code == 404
        assert auditor.post("/en/newsroom/suppressions/add", data={"address": "a@b.example"}).status_code == 404
        assert auditor.get(at).status_code == 404
        assert auditor.get(f"{at}/report").status_code == 404
    with staff_browser(house.app, Role.EDITOR) as editor:
        assert editor.get("/en/newsroom/people").status_code == 404
