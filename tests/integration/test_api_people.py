"""Subscribers through the API: added on a ground, changed without losing anybody's work, stopped at once, erased."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from tests.api_world import Api, all_pages, problem, seed, seed_mailing
from tests.planning_world import World
from tests.sign_up_world import Door
from tribune.bootstrap import Application
from tribune.domain.audience import Status
from tribune.domain.sign_up import Standing
from tribune.domain.staff import Permission, Role
from tribune.store.tables import idempotency_keys

pytestmark = pytest.mark.both_stores

ADA: dict[str, Any] = {
    "address": "ada@example.org",
    "name": "Ada Diop",
    "group": "government",
    "languages": ["fr", "en"],
    "zone": "Africa/Dakar",
    "subscriptions": [{"digest": "letter", "cadence": "weekly", "policy_areas": ["wages"], "places": ["SEN"]}],
    "rhythms": [{"digest": "letter", "cadence": "weekly", "weekday": 3, "hour": 7}],
    "basis": {"kind": "consent", "source": "Form of the conference in March", "given": "2026-03-01"},
}


def today(api: Api) -> dict[str, Any]:
    return {**ADA["basis"], "given": api.app.clock.now().date().isoformat()}


def add(api: Api, **other: Any) -> int:
    answer = api.post("/people", ADA | other)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def test_a_person_is_added_with_the_ground_on_which_they_are_written_to(api: Api) -> None:
    answer = api.post("/people", ADA)
    assert answer.status_code == 201
    told = answer.json()
    assert told == {"id": told["id"], "status": "active", "changed": True}
    person = api.get(answer.headers["location"].removeprefix("/api/v1"))
    assert person.headers["etag"] == answer.headers["etag"]
    assert person.json() == {
        "id": told["id"],
        "address": "ada@example.org",
        "name": "Ada Diop",
        "group": "government",
        "languages": ["fr", "en"],
        "zone": "Africa/Dakar",
        "fallback": "source",
        "status": "active",
        "paused_until": None,
        "suppressed": None,
        "tags": [],
        "subscriptions": [
            {"digest": "letter", "cadence": "weekly", "policy_areas": ["wages"], "places": ["SEN"], "kinds": []}
        ],
        "rhythms": [{"digest": "letter", "cadence": "weekly", "weekday": 3, "hour": 7, "stopped_at": None}],
    }
    (record,) = api.get(f"/people/{told['id']}/consents").json()["data"]
    assert (record["act"], record["source"]) == ("imported", "api")
    assert record["by"] == f"token:{api.token.token.id}"
    assert record["basis"] == "consent, 2026-03-01: Form of the conference in March"
    assert api.audited() == [(f"token/{api.token.token.id}", "person.added", f"subscriber/{told['id']}")]


def test_what_is_kept_of_answers_and_written_down_holds_nothing_personal(api: Api, app: Application) -> None:
    api.post("/people", ADA, key="ada")
    assert api.post("/people", ADA, key="ada").headers["idempotency-replayed"] == "true"
    with app.store.read() as tx:
        kept = json.dumps([list(map(str, row)) for row in tx.connection.execute(select(idempotency_keys))])
        written = json.dumps([[one.about, dict(one.facts)] for one in tx.audit.entries()])
    for text in (kept, written):
        assert "ada@" not in text.lower()
        assert "Diop" not in text


def test_an_address_is_one_subscriber_s(api: Api) -> None:
    add(api)
    problem(api.post("/people", ADA | {"address": "ADA@example.org"}), 409, "conflict")


def test_a_sign_up_that_nobody_has_confirmed_keeps_nobody_out(api: Api, app: Application) -> None:
    door = Door(app)
    door.asks("ADA@example.org")
    waits, link = door.person("ada@example.org"), door.link("ada@example.org")
    assert waits is not None
    assert waits.status is Status.PENDING
    answer = api.post("/people", ADA)
    assert (answer.status_code, answer.json()) == (201, {"id": waits.id, "status": "active", "changed": True})
    person = door.person("ada@example.org")
    assert person is not None
    assert (person.status, person.address, person.name) == (Status.ACTIVE, "ada@example.org", "Ada Diop")
    assert (person.group, person.languages, person.zone) == ("government", ("fr", "en"), "Africa/Dakar")
    (wish,), (rhythm,) = person.subscriptions, person.rhythms
    assert (wish.choice.places, rhythm.weekday, rhythm.hour) == (frozenset({"SEN"}), 3, 7), "as staff say, not the form"
    (record,) = api.get(f"/people/{waits.id}/consents").json()["data"]
    assert (record["act"], record["source"], record["by"]) == ("imported", "api", f"token:{api.token.token.id}")
    assert api.audited() == [(f"token/{api.token.token.id}", "person.added", f"subscriber/{waits.id}")]
    with app.store.read() as tx:
        assert tx.sign_ups.of(waits.id) == []
        assert tx.schedules.upcoming(5), "their letter has a date"
    assert door.confirms(link) is Standing.DONE
    assert door.person("ada@example.org") == person, "the form's mail changes nothing any more"
    problem(api.post("/people", ADA), 409, "conflict")


def test_who_has_unsubscribed_is_not_added_again_by_a_sign_up_that_waits(api: Api, app: Application) -> None:
    number = add(api)
    assert api.post(f"/people/{number}/unsubscribe", {}).status_code == 200
    Door(app).asks("ada@example.org")
    problem(api.post("/people", ADA), 409, "conflict")


def test_who_is_never_mailed_is_not_added(api: Api) -> None:
    assert api.post("/suppressions", {"address": "ada@example.org", "reason": "hard_bounce"}).status_code == 201
    problem(api.post("/people", ADA), 409, "conflict")
    assert api.post("/suppressions/check", {"address": "Ada@example.org"}).json() == {
        "suppressed": True,
        "reason": "hard_bounce",
    }
    again = api.post("/suppressions", {"address": "ada@example.org", "reason": "wrong_address"})
    assert again.json()["reason"] == "hard_bounce", "the first reason stays"
    problem(api.post("/suppressions", {"address": "ada@example.org", "reason": "Ada Diop asked"}), 422, "invalid")
    told = {"address": "ada@example.org", "why": "The mailbox is there again."}
    problem(api.post("/suppressions/lift", told), 422, "invalid")
    mended = {"address": "ada@example.org", "why": "works_again"}
    assert api.post("/suppressions/lift", mended).json() == {"suppressed": False, "reason": None}
    with api.app.store.read() as tx:
        (lifted,) = [one for one in tx.audit.entries() if one.action == "suppression.lifted"]
    assert lifted.facts == {"reason": "hard_bounce", "why": "works_again"}, "what is kept is what was said"
    problem(api.post("/suppressions/lift", mended), 404, "not-found")
    assert api.post("/people", ADA).status_code == 201


def test_who_asked_never_to_be_mailed_is_unsubscribed_and_comes_back_by_confirming(api: Api, app: Application) -> None:
    number = add(api)
    wish = {"address": "Ada@example.org", "reason": "asked_by_phone_or_letter"}
    assert api.post("/suppressions", wish).status_code == 201
    assert api.get(f"/people/{number}").json()["status"] == "unsubscribed"
    record = api.get(f"/people/{number}/consents").json()["data"][-1]
    assert (record["act"], record["source"], record["by"]) == ("unsubscribed", "api", f"token:{api.token.token.id}")
    problem(api.post(f"/people/{number}/resubscribe", {"basis": ADA["basis"]}), 409, "conflict")
    refused = problem(api.post(f"/people/{number}/link"), 409, "conflict")
    assert "suppression list" in str(refused), "no link is promised that never leaves"
    door = Door(app)
    door.asks("ada@example.org")
    assert door.confirms(door.link("ada@example.org")) is Standing.DONE
    back = api.get(f"/people/{number}").json()
    assert (back["status"], back["suppressed"]) == ("active", None)


def test_every_fault_of_a_person_is_told_by_its_place(api: Api) -> None:
    wrong = {
        "address": "no address",
        "group": "governmint",
        "languages": ["xx"],
        "zone": "Africa/Dakkar",
        "subscriptions": [
            {"digest": "leter", "cadence": "weekly"},
            {"digest": "letter", "cadence": "weekly", "policy_areas": ["wagez"], "places": ["XXX"]},
        ],
        "rhythms": [{"digest": "letter", "cadence": "daily"}],
    }
    told = problem(api.post("/people", ADA | wrong), 422, "invalid")
    assert {one["pointer"] for one in told["errors"]} == {
        *("#/address", "#/group", "#/languages", "#/zone", "#/subscriptions/0/digest"),
        *("#/subscriptions/1/policy_areas", "#/subscriptions/1/places", "#/rhythms/0"),
    }
    assert "Did you mean government" in next(one["detail"] for one in told["errors"] if one["pointer"] == "#/group")


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"basis": {"kind": "consent", "source": "a form"}}, "#/basis/given"),
        ({"basis": {"kind": "because", "source": "a form"}}, "#/basis/kind"),
        ({"subscriptions": [], "rhythms": []}, "#/subscriptions"),
        ({"languages": []}, "#/languages"),
        ({"rhythms": [{"digest": "letter", "cadence": "weekly", "hour": 24}]}, "#/rhythms/0/hour"),
        ({"rhythms": [{"digest": "letter", "cadence": "weekly"}] * 2}, "#/rhythms/1"),
        ({"status": "active"}, "#/status"),
        ({"name": "Ada\r\nBcc: all@example.org"}, "#/name"),
    ],
)
def test_what_is_not_valid_is_refused(api: Api, wrong: dict[str, Any], place: str) -> None:
    told = problem(api.post("/people", ADA | wrong), 422, "invalid")
    assert [one["pointer"] for one in told["errors"]] == [place]


def test_a_change_begins_from_what_was_read(api: Api) -> None:
    person = add(api)
    path = f"/people/{person}"
    problem(api.call("PATCH", path, json={"name": "Ada"}), 428, "state-needed")
    read = api.get(path).headers["etag"]
    first = api.call("PATCH", path, json={"name": "Ada N. Diop"}, headers={"if-match": read})
    assert first.json()["name"] == "Ada N. Diop"
    late = api.call("PATCH", path, json={"name": "Somebody else"}, headers={"if-match": read})
    problem(late, 412, "changed-meanwhile")
    again = api.call("PATCH", path, json={"zone": "Europe/Paris"}, headers={"if-match": first.headers["etag"]})
    assert (again.json()["name"], again.json()["zone"]) == ("Ada N. Diop", "Europe/Paris")
    whatever = api.call("PATCH", path, json={"group": "employers"}, headers={"if-match": "*"})
    assert whatever.status_code in (200, 422)
    assert api.get(path, headers={"if-none-match": api.get(path).headers["etag"]}).status_code == 304


def test_subscriptions_are_replaced_and_rhythms_follow(api: Api) -> None:
    person = add(api)
    wanted = [{"digest": "letter", "cadence": "daily"}, {"digest": "letter", "cadence": "weekly", "kinds": ["brief"]}]
    change = {"subscriptions": wanted, "rhythms": [{"digest": "letter", "cadence": "daily", "hour": 18}]}
    told = api.call("PATCH", f"/people/{person}", json=change, headers={"if-match": "*"}).json()
    assert [(one["cadence"], one["kinds"]) for one in told["subscriptions"]] == [("daily", []), ("weekly", ["brief"])]
    assert [(one["cadence"], one["weekday"], one["hour"]) for one in told["rhythms"]] == [
        ("daily", 0, 18),
        ("weekly", 3, 7),
    ]
    assert [one["act"] for one in api.get(f"/people/{person}/consents").json()["data"]] == ["imported", "changed"]
    same = api.call("PATCH", f"/people/{person}", json={"subscriptions": wanted}, headers={"if-match": "*"})
    assert same.json() == told
    assert [action for _, action, _ in api.audited()] == ["person.added", "person.changed"]


def test_who_has_unsubscribed_is_not_brought_back_by_a_change(api: Api) -> None:
    person = add(api)
    path = f"/people/{person}"
    assert api.post(f"{path}/unsubscribe", {"digest": "letter"}).json()["status"] == "unsubscribed"
    wanted = {"subscriptions": [{"digest": "letter", "cadence": "daily"}]}
    problem(api.call("PATCH", path, json=wanted, headers={"if-match": "*"}), 409, "conflict")
    assert api.call("PATCH", path, json={"name": "Ada"}, headers={"if-match": "*"}).status_code == 200


def test_who_left_in_a_pause_is_back_in_it(api: Api) -> None:
    path = f"/people/{add(api)}"
    api.post(f"{path}/pause", {"until": "2026-12-24"})
    before = api.get(path).json()
    assert before["paused_until"] is not None
    assert api.post(f"{path}/unsubscribe", {}).json()["status"] == "unsubscribed"
    assert api.get(path).json()["paused_until"] is None, "who has left is not on a pause"
    assert api.post(f"{path}/resubscribe", {"basis": today(api)}).json()["status"] == "paused"
    assert api.get(path).json() == before


def test_a_person_stops_comes_back_pauses_and_goes_on(api: Api) -> None:
    person = add(api)
    path = f"/people/{person}"
    steps = [
        ("unsubscribe", {}, "unsubscribed", True),
        ("unsubscribe", {}, "unsubscribed", False),
        ("resubscribe", {"basis": today(api)}, "active", True),
        ("pause", {"until": "2026-12-24"}, "paused", True),
        ("pause", {"until": "2026-12-24"}, "paused", False),
        ("resume", None, "active", True),
        ("resume", None, "active", False),
    ]
    for action, body, status, changed in steps:
        answer = api.post(f"{path}/{action}", body)
        assert answer.json() == {"id": person, "status": status, "changed": changed}, (action, answer.text)
    acts = [(one["act"], one["source"], one["by"]) for one in api.get(f"{path}/consents").json()["data"]]
    mine = ("api", f"token:{api.token.token.id}")
    told = ["imported", "unsubscribed", "resubscribed", "paused", "paused", "resumed"]
    assert [act for act in acts if act[0] != "paused"] == [(act, *mine) for act in told if act != "paused"]
    assert ("paused", *mine) in acts
    problem(api.post(f"{path}/resubscribe", {}), 422, "invalid")
    problem(api.post(f"{path}/unsubscribe", {"digest": "other"}), 422, "invalid")
    past = problem(api.post(f"{path}/pause", {"until": "2020-01-01"}), 422, "invalid")
    assert [one["pointer"] for one in past["errors"]] == ["#/until"]
    for number in (4102444800, "4102444800"):
        wrong = problem(api.post(f"{path}/pause", {"until": number}), 422, "invalid")
        assert [one["pointer"] for one in wrong["errors"]] == ["#/until"], "no seconds of 1970"


@pytest.mark.parametrize(
    ("ground", "place"),
    [
        ({"kind": "transfer"}, "#/basis/kind"),
        ({"kind": "public_function"}, "#/basis/kind"),
        ({"kind": "contract"}, "#/basis/kind"),
        ({"given": None}, "#/basis/given"),
        ({"given": "2026-03-01"}, "#/basis/given"),
        ({"given": "2999-01-01"}, "#/basis/given"),
    ],
)
def test_nobody_comes_back_but_by_a_consent_that_is_newer_than_their_stop(
    api: Api, ground: dict[str, Any], place: str
) -> None:
    person = add(api)
    api.post(f"/people/{person}/unsubscribe", {})
    told = problem(api.post(f"/people/{person}/resubscribe", {"basis": today(api) | ground}), 422, "invalid")
    assert [one["pointer"] for one in told["errors"]] == [place]
    assert api.get(f"/people/{person}").json()["status"] == "unsubscribed"


def test_a_consent_of_the_future_is_none(api: Api) -> None:
    ahead = {"kind": "consent", "source": "a form", "given": "2999-01-01"}
    told = problem(api.post("/people", ADA | {"basis": ahead}), 422, "invalid")
    assert [one["pointer"] for one in told["errors"]] == ["#/basis/given"]


def test_a_person_s_data_is_given_out_and_that_is_written_down(api: Api) -> None:
    person = add(api)
    answer = api.post(f"/people/{person}/export")
    assert answer.headers["cache-control"] == "no-store"
    assert ADA["address"] in answer.text
    assert "consents" in " ".join(answer.json()).lower() or "consent" in answer.text
    assert [(action, about) for _, action, about in api.audited()][-1] == ("person.exported", f"subscriber/{person}")
    problem(api.post("/people/999/export"), 404, "not-found")


def test_a_person_is_sent_a_link_and_not_too_many(api: Api) -> None:
    person = add(api)
    told = [api.post(f"/people/{person}/link").status_code for _ in range(6)]
    assert set(told) == {202, 409}
    assert told == sorted(told), "so many, and then no more for a while"
    problem(api.post("/people/999/link"), 404, "not-found")


def test_a_person_is_erased(api: Api) -> None:
    person = add(api)
    problem(api.call("DELETE", f"/people/{person}"), 428, "state-needed")
    assert api.call("DELETE", f"/people/{person}", headers={"if-match": "*"}).status_code == 204
    problem(api.get(f"/people/{person}"), 404, "not-found")
    problem(api.call("DELETE", f"/people/{person}", headers={"if-match": "*"}), 404, "not-found")
    assert api.post("/suppressions/check", {"address": "ada@example.org"}).json()["reason"] == "erased"
    problem(api.post("/people", ADA), 409, "conflict")
    wanted = {"address": "ada@example.org", "why": "other"}
    problem(api.post("/suppressions/lift", wanted), 409, "conflict")


def test_people_are_listed_and_found(api: Api, app: Application) -> None:
    seed(app)
    person = add(api)
    assert [one["id"] for one in all_pages(api, "/people?limit=1")] == [1, 2, person]
    assert [one["id"] for one in all_pages(api, "/people?status=active&group=government&limit=2")] == [1, 2, person]
    assert all_pages(api, "/people?status=paused") == []
    assert [one["id"] for one in api.post("/people/find", {"address": "ADA@Example.org"}).json()["data"]] == [person]
    assert api.post("/people/find", {"address": "nobody@example.org"}).json() == {"data": []}


def test_who_looks_at_people_is_written_down(api: Api, app: Application) -> None:
    person = add(api)
    api.get(f"/people/{person}")
    api.get("/people")
    api.post("/people/find", {"address": "ada@example.org"})
    api.post("/suppressions/check", {"address": "ada@example.org"})
    api.get(f"/people/{person}/consents")
    api.get(f"/people/{person}/deliveries")
    problem(api.get("/people/999/consents"), 404, "not-found")
    with app.store.read() as tx:
        entries = [(one.action, one.about) for one in tx.audit.entries()][-6:]
    assert entries == [
        ("person.seen", f"subscriber/{person}"),
        ("people.listed", ""),
        ("person.seen", f"subscriber/{person}"),
        ("suppression.looked_up", ""),
        ("person.seen", f"subscriber/{person}"),
        ("person.seen", f"subscriber/{person}"),
    ]


def test_what_a_person_was_sent_is_told_by_numbers(api: Api, app: Application) -> None:
    World(app)
    mailing = seed_mailing(app, 2)
    (sent,) = api.get("/people/1001/deliveries").json()["data"]
    assert sent == {"mailing": mailing, "language": "en", "state": "waiting", "code": ""}


def test_roles_hold(api: Api, app: Application) -> None:
    person = add(api)
    auditor, approver = api.with_roles(Role.AUDITOR), api.with_roles(Role.APPROVER)
    assert auditor.get(f"/people/{person}").status_code == 200
    problem(auditor.post(f"/people/{person}/pause", {"until": "2026-12-24"}), 403, "scope-missing")
    problem(approver.get(f"/people/{person}"), 403, "scope-missing")
    problem(api.with_scopes(Permission.CHANGE_PEOPLE).get("/people"), 403, "scope-missing")


def test_pages_and_api_leave_the_same_marks(api: Api, app: Application) -> None:
    """They call the same services: what is written down differs in who, and through which door."""
    person = add(api)
    answer = api.call("PATCH", f"/people/{person}", json={"name": "A", "zone": "UTC"}, headers={"if-match": "*"})
    assert answer.status_code == 200
    with app.store.read() as tx:
        entry = next(one for one in tx.audit.entries() if one.action == "person.changed")
    assert dict(entry.facts) == {"fields": "name zone"}
