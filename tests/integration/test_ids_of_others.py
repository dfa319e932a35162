"""IDOR (threats.md): every id in every address, of something that there is, asked for by every role that may not see
it. What somebody may not see answers word for word as what is not there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from tests.kept import Kept
from tests.newsroom import session_of, staff_member
from tests.threat_world import Route, World
from tribune.domain.staff import Permission, Role, permissions
from tribune.services.audience.list_sent import list_sent
from tribune.services.staff.api_tokens import make_api_token


@pytest.fixture(scope="module")
def browsers(attacked: World) -> dict[Role, TestClient]:
    found = {role: attacked.client(staff_member(attacked.app, role)) for role in Role}
    for browser in found.values():
        browser.get("/en/newsroom/")  # that a session is in use is noted now and then
    return found


def of_one_thing(attacked: World) -> list[Route]:
    """Routes for staff whose address names a thing."""
    return [one for one in attacked.routes() if one.needs and "{" in one.path.removeprefix("/{locale}")]


def test_who_may_not_see_a_thing_cannot_tell_it_from_none(attacked: World, browsers: dict[Role, TestClient]) -> None:
    kept, asked = Kept(attacked.app), 0
    missing = {role: answer(browser.get("/en/newsroom/no-such-page")) for role, browser in browsers.items()}
    for route in of_one_thing(attacked):
        for role, browser in browsers.items():
            if route.api or route.needs in permissions([role]):
                continue
            assert answer(attacked.ask(browser, route)) == missing[role], (route, role)
            asked += 1
    assert asked > 60
    assert kept.changed() == set()


def test_who_lacks_the_scope_hears_the_same_of_what_is_there_and_of_what_is_not(attacked: World) -> None:
    app, asked = attacked.app, 0
    others = {}
    with app.store.write() as tx:
        for needed in Permission:
            scopes = [scope for scope in Permission if scope is not needed]
            made = make_api_token(tx, attacked.api.owner, "x", scopes, timedelta(days=1), app.clock.now())
            others[needed] = made.secret
    nothing = {key: "9" * 32 if key.startswith("imports") else "999999" for key in attacked.given if key[0] != "{"}
    for route in of_one_thing(attacked):
        if not route.api:
            continue
        told = set()
        for path in (attacked.path(route), attacked.path(route, **nothing)):
            headers = {"authorization": f"Bearer {others[Permission(str(route.needs))]}"}
            refused = attacked.api.client.request(route.method, path, headers=headers)
            assert refused.status_code == 403, route
            told.add(refused.text.replace(path, "PATH"))
        assert len(told) == 1, route
        asked += 1
    assert asked > 30


def test_what_is_ones_own_is_not_there_for_an_administrator_either(attacked: World) -> None:
    """Sessions and tokens of the account: a number of somebody else's answers as one of nobody's."""
    other = staff_member(attacked.app, address="second@example.org", name="Second")
    session_of(attacked.app, other)
    browser = attacked.client(other)
    browser.get("/en/newsroom/")
    kept = Kept(attacked.app)
    own = [one for one in attacked.routes() if "/account/" in one.path and "{number}" in one.path]
    assert {one.path.rpartition("/account/")[2] for one in own} == {"sessions/{number}", "tokens/{number}"}
    for route in own:
        key = route.path.rpartition("/account/")[2]
        theirs, nobodys = (
            attacked.ask(browser, route),
            attacked.ask(browser, route, attacked.path(route, **{key: "9999"})),
        )
        assert answer(theirs) == answer(nobodys), route
        assert theirs.headers.get("location") == nobodys.headers.get("location"), route
    assert kept.changed() == set()


def test_a_reader_s_link_opens_no_mail_of_another(attacked: World) -> None:
    with attacked.app.store.read() as tx:
        mine, theirs = (list_sent(tx, number)[0] for number in (1, 2))
    assert mine and theirs and mine[0].name != theirs[0].name
    browser = attacked.client()
    for route in attacked.routes("GET"):
        if "/sent/{name}" in route.path:
            assert attacked.ask(browser, route).status_code == 200
            told = {
                answer(attacked.ask(browser, route, attacked.path(route, **{"sent/{name}": name})))
                for name in (theirs[0].name, "9.9.9", "n.1", "../../etc/passwd")
            }
            assert {status for status, _ in told} == {404}, route


def answer(response: Response) -> tuple[int, str]:
    return response.status_code, response.text
