"""Who may call the API: tokens and their scopes, and nothing else that lets anybody in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from tests.api_world import HOST, Api, api_of, problem
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.domain.staff import Permission, Role
from tribune.ports.clock import StoppedClock
from tribune.services.staff.api_tokens import revoke_api_token
from web.api.access import scope_of
from web.api.app import create_api
from web.app import create_app
from web.pages import Pages

PUBLIC = {"/v1/openapi.json", "/v1/docs"}


def routes(app: Application) -> list[APIRoute]:
    return [one for one in create_api(app, Pages(app)).routes if isinstance(one, APIRoute)]


def test_every_route_names_its_scope_but_the_description(app: Application) -> None:
    found = {route.path: scope_of(route) for route in routes(app)}
    assert len(found) > 15
    assert {path for path, scope in found.items() if scope is None} == PUBLIC


def test_every_route_asks_for_a_token_and_refuses_one_that_lacks_its_scope(api: Api, app: Application) -> None:
    tokens = {needed: api.with_scopes(*(scope for scope in Permission if scope is not needed)) for needed in Permission}
    for route in routes(app):
        needed = scope_of(route)
        path = route.path_format.removeprefix("/v1")
        for name in ("item", "mailing", "letter", "person", "number"):
            path = path.replace(f"{{{name}}}", "1")
        for method in route.methods or ():
            if needed is None:
                assert api.client.request(method, f"/api/v1{path}").status_code == 200
                continue
            stranger = api.client.request(method, f"/api/v1{path}")
            assert problem(stranger, 401, "token-needed")
            assert stranger.headers["www-authenticate"] == 'Bearer realm="Tribune"'
            answer = tokens[needed].call(method, path)
            assert problem(answer, 403, "scope-missing")["scope"] == needed.value, path
            assert f'scope="{needed.value}"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    "header",
    ["", "Basic YTpi", "Bearer", "Bearer ", "Bearer a b", "bearer", "trb_x", "Bearer trb_" + "x" * 43, "Token trb_x"],
)
def test_what_is_no_token_lets_nobody_in(api: Api, header: str) -> None:
    answer = api.get("/items", headers={"authorization": header})
    problem(answer, 401, "token-needed")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_token_in_the_address_or_in_a_cookie_lets_nobody_in(api: Api) -> None:
    secret = api.token.secret
    for path in (f"/items?access_token={secret}", f"/items?token={secret}", f"/items?authorization=Bearer+{secret}"):
        problem(api.client.get(f"/api/v1{path}"), 401, "token-needed")
    cookies = {"cookie": f"token={secret}; session={secret}; authorization=Bearer {secret}"}
    problem(api.client.get("/api/v1/items", headers=cookies), 401, "token-needed")


def test_a_revoked_token_and_one_past_its_time_let_nobody_in(api: Api, app: Application, clock: StoppedClock) -> None:
    other = api.with_scopes(Permission.READ_DESK)
    assert other.get("/items").status_code == 200
    with app.store.write() as tx:
        revoke_api_token(tx, other.owner, other.token.token.id, clock.now())
    problem(other.get("/items"), 401, "token-needed")
    clock.move(timedelta(days=30))
    problem(api.get("/items"), 401, "token-needed")


def test_a_token_does_no_more_than_its_owner_may_now(api: Api, app: Application) -> None:
    approver = api.with_roles(Role.APPROVER)
    problem(approver.post("/mailings/1/pause"), 404, "not-found")
    with app.store.write() as tx:
        tx.staff.set_roles(approver.owner.id, [Role.AUTHOR])
    problem(approver.post("/mailings/1/pause"), 403, "scope-missing")
    with app.store.write() as tx:
        tx.staff.set_disabled(approver.owner.id, app.clock.now())
    problem(approver.get("/items"), 401, "token-needed")


def test_nothing_of_a_request_is_read_before_its_token(api: Api) -> None:
    def send(secret: str) -> Any:
        headers = {"content-type": "application/json", "authorization": f"Bearer {secret}"}
        return api.call("POST", "/items", content="{", headers=headers)

    problem(send("x"), 401, "token-needed")
    problem(send(api.with_scopes(Permission.READ_DESK).token.secret), 403, "scope-missing")
    problem(send(api.token.secret), 400, "malformed-request")


def test_the_api_is_reached_from_anywhere_and_through_a_proxy(api: Api) -> None:
    assert api.get("/items", headers={"x-forwarded-for": "203.0.113.9", "via": "1.1 proxy"}).status_code == 200


def test_no_other_site_may_read_it_and_it_sets_no_cookie(api: Api) -> None:
    answer = api.get("/items", headers={"origin": "https://evil.example"})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert "set-cookie" not in answer.headers
    asked = {"origin": "https://evil.example", "access-control-request-method": "GET"}
    preflight = api.client.options("/api/v1/items", headers=asked)
    problem(preflight, 405, "method-not-allowed")
    assert not [name for name in preflight.headers if name.startswith("access-control")]


def test_answers_are_kept_by_nobody_on_the_way(api: Api) -> None:
    assert api.get("/items").headers["cache-control"] == "no-store"
    assert api.get("/codelists/kinds").headers["cache-control"] == "private, no-cache"


@pytest.fixture
def slow(settings: Settings, clock: StoppedClock, app: Application) -> Iterator[Api]:
    """A house that answers four calls of a token at once, and sixteen a minute."""
    web = settings.web.model_copy(update={"api_calls_per_minute": 16})
    house = Application(settings.model_copy(update={"web": web}), clock)
    yield api_of(house, [Role.ADMINISTRATOR], TestClient(create_app(house), base_url=HOST))
    house.close()


def test_too_many_calls_of_a_token_have_to_wait(slow: Api, clock: StoppedClock) -> None:
    other = slow.with_scopes(Permission.READ_DESK)
    assert [slow.get("/items").status_code for _ in range(6)] == [200] * 4 + [429] * 2
    answer = slow.get("/items")
    problem(answer, 429, "too-many-requests")
    assert other.get("/items").status_code == 200, "another token has calls of its own"
    clock.move(timedelta(seconds=int(answer.headers["retry-after"])))
    assert slow.get("/items").status_code == 200
    assert slow.get("/items").status_code == 429
    clock.move(timedelta(hours=1))
    assert [slow.get("/items").status_code for _ in range(5)] == [200] * 4 + [429]


def test_when_a_token_was_used_is_noted_now_and_then(api: Api, app: Application, clock: StoppedClock) -> None:
    def used() -> object:
        with app.store.read() as tx:
            return next(one.last_used_at for one in tx.api_tokens.of(api.owner.id))

    assert used() is None
    api.get("/items")
    first = used()
    assert first == clock.now()
    clock.move(timedelta(minutes=5))
    api.get("/items")
    assert used() == first
    clock.move(timedelta(minutes=11))
    api.get("/items")
    assert used() == clock.now()
