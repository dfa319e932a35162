"""Lists in pages: whole, stable under what comes in, and with cursors that nobody can make."""

from __future__ import annotations

import pytest

from tests.api_world import Api, all_pages, problem, seed
from tribune.bootstrap import Application
from tribune.domain.staff import Permission

pytestmark = pytest.mark.both_stores


def test_a_list_is_whole_whatever_the_size_of_its_pages(api: Api, app: Application) -> None:
    seed(app)
    whole = [one["id"] for one in api.get("/items?limit=200").json()["data"]]
    assert len(whole) == 3
    for size in (1, 2, 3, 4):
        assert [one["id"] for one in all_pages(api, f"/items?limit={size}")] == whole
    assert whole == sorted(whole, reverse=True)


def test_what_comes_in_meanwhile_moves_nothing(api: Api, app: Application) -> None:
    world = seed(app)
    first = api.get("/items?limit=2").json()
    world.item("es")
    rest = api.get(first["next"].removeprefix("/api/v1")).json()
    assert [one["id"] for one in first["data"] + rest["data"]] == [3, 2, 1]


def test_a_cursor_is_good_for_its_list_and_its_filters_alone(api: Api, app: Application) -> None:
    seed(app)
    address = api.get("/items?limit=1&kind=report").json()["next"].removeprefix("/api/v1")
    cursor = address.partition("cursor=")[2]
    assert api.get(address).status_code == 200
    assert api.get(f"/items?kind=report&limit=2&cursor={cursor}").status_code == 200, "another size is no matter"
    for other in (f"/items?cursor={cursor}", f"/items?kind=brief&cursor={cursor}", f"/mailings?cursor={cursor}"):
        problem(api.get(other), 400, "bad-cursor")


@pytest.mark.parametrize("at", range(0, 50, 7))
def test_a_cursor_that_was_changed_is_refused(api: Api, app: Application, at: int) -> None:
    seed(app)
    cursor = api.get("/items?limit=1").json()["next"].partition("cursor=")[2]
    changed = cursor[:at] + ("1" if cursor[at] != "1" else "2") + cursor[at + 1 :]
    problem(api.get(f"/items?cursor={changed}"), 400, "bad-cursor")


def test_a_cursor_that_was_made_up_is_refused(api: Api, app: Application) -> None:
    forged = app.signer.sign("unsubscribe", "x", 3)
    for cursor in ("3", "0' OR 1=1 --", "k1.x~3.00", forged):
        problem(api.get("/items", params={"cursor": cursor}), 400, "bad-cursor")


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "1e9", ""])
def test_a_page_has_a_size_within_bounds(api: Api, limit: str) -> None:
    told = problem(api.get(f"/items?limit={limit}"), 422, "invalid")
    assert [one["parameter"] for one in told["errors"]] == ["limit"]


def test_filters_narrow_a_list(api: Api, app: Application) -> None:
    world = seed(app)
    world.item("en", kind="brief")
    assert [one["id"] for one in all_pages(api, "/items?kind=brief&limit=1")] == [4]
    assert all_pages(api, "/items?kind=nothing") == []


@pytest.mark.embedded_only
def test_events_that_came_in_at_one_instant_are_all_in_the_list(api: Api) -> None:
    """All of them at the instant of a stopped clock: the place in the log decides."""
    for number in range(7):
        sent = {"record": f"r{number}", "kind": "brief", "source_language": "en", "versions": {"en": {"title": "Hi"}}}
        assert api.post("/items", sent).status_code == 202
    whole = [one["record"] for one in api.get("/events").json()["data"]]
    assert sorted(whole) == [f"r{number}" for number in range(7)]
    assert [one["record"] for one in all_pages(api, "/events?limit=2")] == whole
    assert [one["record"] for one in all_pages(api, "/events?limit=3&type=publication.published")] == whole
    assert all_pages(api, "/events?type=data.released") == []
    assert all_pages(api, "/events?type=no.such") == []


def test_an_auditor_of_nothing_else_reads_no_list(api: Api) -> None:
    problem(api.with_scopes(Permission.READ_AUDIT).get("/items"), 403, "scope-missing")
