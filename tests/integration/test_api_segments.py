"""Segments, tags and the records of what was done, through the API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api_world import Api, all_pages, problem, seed
from tribune.bootstrap import Application
from tribune.domain.staff import Permission, Role

pytestmark = pytest.mark.both_stores

RULE: dict[str, Any] = {"version": 1, "who": {"all": [{"group": ["government"]}]}}
NEW = {"name": "Ministries", "description": "Whom the Monday letter is for.", "rule": RULE}


def test_a_segment_is_created_seen_changed_and_archived(api: Api, app: Application) -> None:
    seed(app)
    made = api.post("/segments", NEW, key="one")
    assert made.status_code == 201, made.text
    assert made.headers["location"] == "/api/v1/segments/ministries"
    assert api.post("/segments", NEW, key="one").json() == made.json()
    assert (made.json()["version"], made.json()["rule"]) == (1, RULE)

    told = api.get("/segments/ministries/people").json()
    assert (told["people"], told["mailable"], sorted(one["id"] for one in told["sample"])) == (2, 2, [1, 2])
    assert "@" not in str(told)
    why = api.get("/segments/ministries/people/1").json()
    assert why["inside"]
    assert why["condition"]["parts"][0] == {
        "holds": True,
        "condition": {"group": ["government"]},
        "seen": ["government"],
    }

    change = NEW | {"rule": {"version": 1, "who": {"none": [{"group": ["government"]}]}}}
    problem(api.call("PUT", "/segments/ministries", json=change), 428, "state-needed")
    read = api.get("/segments/ministries").headers["etag"]
    assert read == made.headers["etag"]
    changed = api.call("PUT", "/segments/ministries", json=change, headers={"if-match": read})
    assert changed.json()["version"] == 2
    problem(api.call("PUT", "/segments/ministries", json=NEW, headers={"if-match": read}), 412, "changed-meanwhile")
    assert api.get("/segments/ministries/people").json()["people"] == 0
    assert [one["version"] for one in api.get("/segments/ministries/versions").json()["data"]] == [2, 1]

    assert api.post("/segments/ministries/archive").json()["archived_at"] is not None
    assert all_pages(api, "/segments") == []
    problem(api.call("PUT", "/segments/ministries", json=NEW, headers={"if-match": "*"}), 409, "conflict")
    assert api.post("/segments/ministries/restore").json()["archived_at"] is None
    who = f"token/{api.token.token.id}"
    actions = [action for actor, action, _ in api.audited() if actor == who]
    assert actions == ["segment.created", "segment.saved", "segment.archived", "segment.restored"]


def test_segments_are_listed_by_their_short_names(api: Api) -> None:
    for name in ("Unions", "Academia", "Ministries"):
        assert api.post("/segments", NEW | {"name": name}).status_code == 201
    assert [one["slug"] for one in all_pages(api, "/segments?limit=2")] == ["academia", "ministries", "unions"]
    problem(api.post("/segments", NEW | {"slug": "unions"}), 409, "conflict")


def test_every_fault_of_a_rule_is_told_by_its_place(api: Api) -> None:
    places_wanted = {"any_of": ["atlantis"], "everywhere": False}
    wrong = {"version": 1, "who": {"all": [{"group": ["governmint"]}, {"wants": {"places": places_wanted}}]}}
    for path, body in (("/segments", NEW | {"rule": wrong}), ("/segments/check", {"rule": wrong})):
        told = problem(api.post(path, body), 422, "invalid")
        places = [one["pointer"] for one in told["errors"]]
        assert places == ["#/rule/who/all/0/group/0", "#/rule/who/all/1/wants/places/any_of/0"]
    nobody = api.post("/segments", NEW | {"rule": RULE | {"include": [999]}})
    assert [one["pointer"] for one in problem(nobody, 422, "invalid")["errors"]] == ["#/rule/include/0"]


def test_a_rule_is_tried_without_being_saved(api: Api, app: Application) -> None:
    seed(app)
    told = api.post("/segments/check?size=1", {"rule": RULE}).json()
    assert (told["people"], len(told["sample"])) == (2, 1)
    assert all_pages(api, "/segments") == []
    assert api.get("/schemas/segment-rule").json()["title"] == "Rule of a segment"


def test_people_are_tagged_and_untagged(api: Api, app: Application) -> None:
    seed(app)
    assert api.post("/tags/g20-alumni/add", {"people": [1, 2, 1]}).json() == {"tag": "g20-alumni", "changed": 2}
    assert api.get("/tags").json()["data"] == [{"tag": "g20-alumni", "people": 2}]
    assert api.get("/people/1").json()["tags"] == ["g20-alumni"]
    assert api.post("/tags/g20-alumni/remove", {"people": [1]}).json()["changed"] == 1
    problem(api.post("/tags/g20-alumni/add", {"people": [1, 999]}), 404, "not-found")
    assert api.get("/tags").json()["data"] == [{"tag": "g20-alumni", "people": 1}]
    problem(api.with_scopes(Permission.CHANGE_SEGMENTS).post("/tags/x/add", {"people": [1]}), 403, "scope-missing")


def test_the_audit_log_is_read_by_auditors_and_found_whole(api: Api, app: Application) -> None:
    seed(app)
    for number in range(3):
        api.post("/segments", NEW | {"name": f"Segment {number}"})
    auditor = api.with_roles(Role.AUDITOR)
    mine = all_pages(auditor, f"/audit?actor=token/{api.token.token.id}&limit=2")
    assert [one["about"] for one in mine] == ["segment/3", "segment/2", "segment/1"]
    assert [one["action"] for one in all_pages(auditor, "/audit?action=segment&limit=100")] == ["segment.created"] * 3
    assert all_pages(auditor, "/audit?until=2026-11-01T00:00:00Z") == []
    problem(auditor.get("/audit?since=yesterday"), 422, "invalid")
    for moment in ("2026", "1764028800", "2026.5", "-1", "2026-11-23"):
        wrong = problem(auditor.get(f"/audit?since={moment}"), 422, "invalid")
        assert wrong["errors"][0]["parameter"] == "since", moment
    assert "2026-11-23T06:00:00Z" in problem(auditor.get("/audit?until=2026"), 422, "invalid")["errors"][0]["detail"]
    verdict = auditor.get("/audit/verification").json()
    assert (verdict["whole"], verdict["broken"]) == (True, None)
    assert auditor.get(f"/audit/verification?expected={verdict['head']}").json()["whole"]
    assert not auditor.get(f"/audit/verification?expected={'0' * 63}1").json()["whole"]
    problem(api.with_roles(Role.EDITOR).get("/audit"), 403, "scope-missing")


def test_requests_about_data_and_staff_are_listed(api: Api, app: Application) -> None:
    seed(app)
    assert api.call("DELETE", "/people/1", headers={"if-match": "*"}).status_code == 204
    (request,) = all_pages(api, "/data-requests?kind=erase&subscriber=1")
    assert (request["subscriber"], request["by"]) == (1, f"token:{api.token.token.id}")
    assert all_pages(api, "/data-requests?kind=export") == []
    (member,) = api.get("/staff").json()["data"]
    assert (member["roles"], member["active"]) == (["administrator"], True)
    problem(api.with_roles(Role.AUDITOR).get("/staff"), 403, "scope-missing")
