"""Imports through the API: a file is brought, looked at, checked, run; its report is read, and it goes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api_world import Api, problem
from tribune.bootstrap import Application
from tribune.domain.staff import Permission
from tribune.services.imports.work_on_import import work_on_import

FILE = """address,name,languages,wall clock,digest,cadence
ada@example.org,Ada Diop,fr|en,Africa/Dakar,letter,weekly
no address,Somebody,fr,Africa/Dakar,letter,weekly
"""
PLAN: dict[str, Any] = {
    "basis": {"kind": "transfer", "source": "The system before this one"},
    "columns": {"wall clock": "zone"},
}


def bring(api: Api, text: str = FILE, **headers: str) -> Any:
    told = {"content-type": "text/csv; charset=utf-8", **headers}
    return api.call("POST", "/imports?file_name=people.csv", content=text.encode(), headers=told)


def test_a_file_is_brought_checked_and_run(api: Api, app: Application) -> None:
    brought = bring(api)
    assert brought.status_code == 201, brought.text
    id = brought.json()["id"]
    assert brought.headers["location"] == f"/api/v1/imports/{id}"
    preview = api.get(f"/imports/{id}/preview").json()
    assert preview["header"][0] == "address"
    assert [row["number"] for row in preview["rows"]] == [2, 3]

    problem(api.post(f"/imports/{id}/run"), 409, "conflict")
    assert api.post(f"/imports/{id}/check", PLAN).json()["state"] == "checking"
    problem(api.get(f"/imports/{id}/report"), 404, "not-found")
    assert work_on_import(app.import_worker)
    checked = api.get(f"/imports/{id}").json()
    assert (checked["state"], checked["rows"], checked["added"]) == ("checked", 2, 1)
    assert api.post("/people/find", {"address": "ada@example.org"}).json()["data"] == []

    assert api.post(f"/imports/{id}/run").json()["state"] == "running"
    assert work_on_import(app.import_worker)
    done = api.get(f"/imports/{id}").json()
    assert (done["state"], done["added"]) == ("done", 1)
    assert {outcome: rows for outcome, rows in done["outcomes"].items() if rows} == {"new": 1, "refused": 1}
    (person,) = api.post("/people/find", {"address": "ada@example.org"}).json()["data"]
    (record,) = api.get(f"/people/{person['id']}/consents").json()["data"]
    assert record["basis"] == "transfer: The system before this one"

    report = api.get(f"/imports/{id}/report", headers={"accept": "text/csv"})
    assert report.headers["content-type"] == "text/csv; charset=utf-8"
    assert "This is not an e-mail address" in report.text
    assert api.post(f"/imports/{id}/remove").json()["removed_at"] is not None
    problem(api.get(f"/imports/{id}/report"), 404, "not-found")
    assert [one["id"] for one in api.get("/imports").json()["data"]] == [id]
    actions = [action for _, action, _ in api.audited()]
    assert actions[:3] == ["import.uploaded", "import.checked", "import.started"]
    assert actions[-1] == "import.removed"


def test_a_file_that_is_sent_again_with_its_key_is_there_once(api: Api, app: Application) -> None:
    first, again = (bring(api, **{"idempotency-key": "file"}) for _ in range(2))
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert app.import_files.here() == [first.json()["id"]]
    problem(bring(api, FILE + "\n", **{"idempotency-key": "file"}), 422, "key-used-otherwise")
    assert app.import_files.here() == [first.json()["id"]]


@pytest.mark.parametrize(
    ("text", "kind", "status", "name"),
    [
        ("", "text/csv", 422, "invalid"),
        ("\0\1\2", "text/csv", 422, "invalid"),
        (FILE, "application/json", 415, "wrong-media-type"),
    ],
)
def test_what_is_no_such_file_is_refused_and_not_kept(
    api: Api, app: Application, text: str, kind: str, status: int, name: str
) -> None:
    answer = bring(api, text, **{"content-type": kind})
    told = problem(answer, status, name)
    assert str(app.settings.data_dir) not in str(told), "where our files stand is nobody's business"
    assert app.import_files.here() == []


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"columns": {"wall clock": "zone", "nothing": "name"}}, "#/columns"),
        ({"columns": {"wall clock": "zones"}}, "#/columns"),
        ({"columns": {}}, "#/columns"),
        ({"defaults": {"password": "x"}}, "#/defaults"),
        ({"basis": {"kind": "consent", "source": "a form"}}, "#/basis/given"),
        ({"basis": {"kind": "consent", "source": "a form", "given": "2999-01-01"}}, "#/basis/given"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused(api: Api, change: dict[str, Any], place: str) -> None:
    id = bring(api).json()["id"]
    told = problem(api.post(f"/imports/{id}/check", PLAN | change), 422, "invalid")
    assert [one["pointer"] for one in told["errors"]] == [place]


def test_who_may_only_read_people_brings_none(api: Api) -> None:
    problem(bring(api.with_scopes(Permission.READ_PEOPLE)), 403, "scope-missing")
    problem(api.get(f"/imports/{'0' * 32}"), 404, "not-found")
    problem(api.get("/imports/..%2f..%2fetc"), 404, "not-found")
