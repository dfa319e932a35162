"""Who may open what: a row for each route of the site, and the site is asked. A route without a row fails here.

docs/staff.md shows the same table for readers of the documentation, and is compared too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.conftest import ROOT
from tests.newsroom import anybody, staff_browser
from tribune.bootstrap import Application
from tribune.domain.staff import Permission, Role, permissions
from web.app import create_app
from web.routes import SiteRoute, every_route

ALL, STAFF = "everybody", "signed in"

N = "/{locale}/newsroom"
WHO: dict[str, str] = {
    # for readers and machines
    "GET /": ALL,
    "GET /healthz": ALL,
    "GET /metrics": ALL,  # of some networks: tests/integration/test_web_guard.py
    "GET /{locale}": ALL,
    "GET /{locale}/": ALL,
    "GET /u/{token}": ALL,
    "POST /u/{token}": ALL,
    "GET /p/{token}": ALL,
    "POST /p/{token}": ALL,
    "GET /c/{token}": ALL,
    "POST /c/{token}": ALL,
    "GET /{locale}/subscribe": ALL,
    "POST /{locale}/subscribe": ALL,
    "POST /{locale}/subscribe/preview": ALL,
    "GET /{locale}/subscribe/check-your-mail": ALL,
    "GET /p/{token}/add/{digest}": ALL,
    "POST /p/{token}/add/{digest}": ALL,
    "GET /p/{token}/{section}": ALL,
    "POST /p/{token}/{section}": ALL,
    "GET /m/{token}": ALL,
    "POST /m/{token}": ALL,
    "GET /m/{token}/sent": ALL,
    "GET /m/{token}/sent/{name}": ALL,
    "GET /m/{token}/sent/{name}/body": ALL,
    "GET /m/{token}/delete": ALL,
    "POST /m/{token}/delete": ALL,
    "GET /a/{token}": ALL,
    "POST /a/{token}": ALL,
    "GET /n/{token}": ALL,
    "POST /n/{token}": ALL,
    "GET /problems": ALL,
    "GET /problems/{name}": ALL,
    # the archive
    "GET /robots.txt": ALL,
    "GET /sitemap.xml": ALL,
    "GET /sitemap-pages.xml": ALL,
    "GET /sitemap-editions.xml": ALL,
    "GET /sitemap-items-{number}.xml": ALL,
    "GET /{locale}/feed.{form}": ALL,
    "GET /f/{token}.{form}": ALL,
    "GET /{locale}/items": ALL,
    "GET /{locale}/items/{name}": ALL,
    "GET /{locale}/topics": ALL,
    "GET /{locale}/topics/{code}": ALL,
    "GET /{locale}/places": ALL,
    "GET /{locale}/places/{code}": ALL,
    "GET /{locale}/editions": ALL,
    "GET /{locale}/editions/{digest}/{cadence}/{day}": ALL,
    # where staff come in
    f"GET {N}/sign-in": ALL,
    f"POST {N}/sign-in": ALL,
    f"GET {N}/sign-in/{{token}}": ALL,
    f"POST {N}/sign-in/{{token}}": ALL,
    f"GET {N}/invitation/{{token}}": ALL,
    f"POST {N}/invitation/{{token}}": ALL,
    f"GET {N}/invitation/{{token}}/code.svg": ALL,
    f"GET {N}/provider": ALL,
    "GET /newsroom/callback": ALL,
    # what concerns oneself
    f"POST {N}/sign-out": STAFF,
    f"GET {N}/account": STAFF,
    f"POST {N}/account/language": STAFF,
    f"POST {N}/account/sessions": STAFF,
    f"POST {N}/account/sessions/{{number}}": STAFF,
    f"POST {N}/account/invitation": STAFF,
    f"GET {N}/account/password": STAFF,
    f"POST {N}/account/password": STAFF,
    f"GET {N}/account/second-factor": STAFF,
    f"POST {N}/account/second-factor": STAFF,
    f"GET {N}/account/second-factor.svg": STAFF,
    f"GET {N}/account/tokens": STAFF,
    f"POST {N}/account/tokens": STAFF,
    f"POST {N}/account/tokens/{{number}}": STAFF,
    # the desk
    f"GET {N}": Permission.READ_DESK,
    f"GET {N}/": Permission.READ_DESK,
    f"GET {N}/mailings": Permission.READ_DESK,
    f"GET {N}/mailings/{{number}}": Permission.READ_DESK,
    f"GET {N}/items": Permission.READ_DESK,
    f"GET {N}/items/{{number}}": Permission.READ_DESK,
    f"GET {N}/events": Permission.READ_DESK,
    f"GET {N}/events/{{correlation_id}}": Permission.READ_DESK,
    f"GET {N}/dead-letters": Permission.READ_DESK,
    f"GET {N}/mails": Permission.READ_MAILS,
    f"GET {N}/mails/{{delivery}}": Permission.READ_MAILS,
    f"GET {N}/mails/{{delivery}}/body": Permission.READ_MAILS,
    f"GET {N}/mails/{{delivery}}/message.eml": Permission.READ_MAILS,
    # segments
    f"GET {N}/segments": Permission.READ_SEGMENTS,
    f"GET {N}/segments/{{slug}}": Permission.READ_SEGMENTS,
    f"GET {N}/segments/{{slug}}/why": Permission.READ_SEGMENTS,
    f"GET {N}/segments/new": Permission.CHANGE_SEGMENTS,
    f"POST {N}/segments/new": Permission.CHANGE_SEGMENTS,
    f"POST {N}/segments/live": Permission.CHANGE_SEGMENTS,
    f"GET {N}/segments/{{slug}}/edit": Permission.CHANGE_SEGMENTS,
    f"POST {N}/segments/{{slug}}/edit": Permission.CHANGE_SEGMENTS,
    f"POST {N}/segments/{{slug}}/archive": Permission.CHANGE_SEGMENTS,
    f"POST {N}/segments/{{slug}}/restore": Permission.CHANGE_SEGMENTS,
    # people
    f"GET {N}/people": Permission.READ_PEOPLE,
    f"POST {N}/people": Permission.READ_PEOPLE,
    f"GET {N}/people/new": Permission.CHANGE_PEOPLE,
    f"POST {N}/people/new": Permission.CHANGE_PEOPLE,
    f"GET {N}/people/{{id}}": Permission.READ_PEOPLE,
    f"GET {N}/people/{{id}}/change": Permission.CHANGE_PEOPLE,
    f"POST {N}/people/{{id}}/change": Permission.CHANGE_PEOPLE,
    f"POST {N}/people/{{id}}/export": Permission.CHANGE_PEOPLE,
    f"POST {N}/people/{{id}}/{{act}}": Permission.CHANGE_PEOPLE,
    f"GET {N}/data-requests": Permission.READ_PEOPLE,
    f"GET {N}/imports": Permission.CHANGE_PEOPLE,
    f"POST {N}/imports": Permission.CHANGE_PEOPLE,
    f"GET {N}/imports/{{id}}": Permission.CHANGE_PEOPLE,
    f"POST {N}/imports/{{id}}/check": Permission.CHANGE_PEOPLE,
    f"POST {N}/imports/{{id}}/{{act}}": Permission.CHANGE_PEOPLE,
    f"GET {N}/imports/{{id}}/report": Permission.CHANGE_PEOPLE,
    f"GET {N}/suppressions": Permission.READ_PEOPLE,
    f"GET {N}/suppressions/export": Permission.READ_PEOPLE,
    f"POST {N}/suppressions/look": Permission.READ_PEOPLE,
    f"POST {N}/suppressions/add": Permission.CHANGE_PEOPLE,
    f"POST {N}/suppressions/lift": Permission.CHANGE_PEOPLE,
    # staff and what they did
    f"GET {N}/staff": Permission.MANAGE_STAFF,
    f"GET {N}/staff/new": Permission.MANAGE_STAFF,
    f"POST {N}/staff/new": Permission.MANAGE_STAFF,
    f"GET {N}/staff/{{number}}": Permission.MANAGE_STAFF,
    f"POST {N}/staff/{{number}}/roles": Permission.MANAGE_STAFF,
    f"POST {N}/staff/{{number}}/disable": Permission.MANAGE_STAFF,
    f"POST {N}/staff/{{number}}/enable": Permission.MANAGE_STAFF,
    f"POST {N}/staff/{{number}}/reset": Permission.MANAGE_STAFF,
    f"GET {N}/audit": Permission.READ_AUDIT,
    f"POST {N}/audit/export": Permission.READ_AUDIT,
}

GIVEN = {"locale": "en", "number": "9999", "token": "k1.0.forged", "delivery": "9.9.9", "correlation_id": "0" * 32}


def routes_of(app: Application) -> list[SiteRoute]:
    return [route for route in every_route(create_app(app)) if not route.path.startswith("/api/")]


def who_of(route: SiteRoute) -> str:
    """Who may; a route that has no row is told by the first test."""
    return WHO.get(f"{route.method} {route.path}", ALL)


def asked(route: SiteRoute) -> str:
    return route.path.format_map(_Given())


class _Given(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return GIVEN.get(name, "9999")


@pytest.fixture
def browsers(app: Application) -> Iterator[dict[Role | None, TestClient]]:
    """One browser for each role, and one in which nobody is signed in."""
    app.prepare_if_needed()
    found: dict[Role | None, TestClient] = {role: staff_browser(app, role, follow_redirects=False) for role in Role}
    yield {None: anybody(app, follow_redirects=False), **found}


def test_every_route_has_a_row_and_every_row_a_route(app: Application) -> None:
    assert {f"{route.method} {route.path}" for route in routes_of(app)} == set(WHO)


def test_every_route_asks_for_what_its_row_says(app: Application) -> None:
    for route in routes_of(app):
        who = who_of(route)
        if who == ALL:
            assert not route.staff, route
        elif who == STAFF:
            assert route.staff and set(route.asked) == {None}, route
        else:
            assert route.permission == who, route


def test_every_route_of_the_newsroom_is_for_staff_but_for_its_doors(app: Application) -> None:
    doors = re.compile(r"(/\{locale\})?/newsroom/(sign-in|invitation|provider|callback)(/.*)?")
    for route in routes_of(app):
        inside = "/newsroom" in route.path and not doors.fullmatch(route.path)
        assert inside == route.staff, route


def test_each_role_gets_what_it_may_and_the_same_404_for_all_else(
    app: Application, browsers: dict[Role | None, TestClient]
) -> None:
    """The site is really asked, each route with a session of each role. What somebody may not, is not there: word for
    word the page of an address that nobody has."""
    missing = {role: page_of(client, "GET", "/en/newsroom/nothing-is-here") for role, client in browsers.items()}
    for route in routes_of(app):
        who = who_of(route)
        if who == ALL or route.path.endswith("/sign-out"):
            continue
        for role, client in browsers.items():
            if role is None:
                continue
            may = who == STAFF or who in permissions([role])
            status, page = page_of(client, route.method, asked(route))
            if may:
                assert (status, page) != missing[role] or thing_is_missing(route), (route, role)
            else:
                assert (status, page) == missing[role], (route, role)


def thing_is_missing(route: SiteRoute) -> bool:
    """Routes of one thing that there is not here, and pages of the account that need a password."""
    return "{" in route.path.removeprefix("/{locale}") or "/account/" in route.path


def test_who_is_not_signed_in_is_led_to_the_sign_in_from_every_route_for_staff(
    app: Application, browsers: dict[Role | None, TestClient]
) -> None:
    stranger = browsers[None]
    told: dict[str, str] = {}
    for route in routes_of(app):
        if who_of(route) == ALL:
            continue
        answer = stranger.request(route.method, asked(route))
        if route.method == "POST" and not route.path.endswith("/sign-out"):
            # From there the browser can send it again; an answer that leads away would have it forget the form.
            assert answer.status_code == 403, route
            assert told.setdefault("page", answer.text) == answer.text, route
            assert 'href="/en/newsroom/sign-in"' in answer.text
            continue
        assert answer.status_code == 303, route
        assert answer.headers["location"].startswith("/en/newsroom/sign-in"), route
        assert answer.text == ""


def test_signing_out_is_for_every_role(app: Application, browsers: dict[Role | None, TestClient]) -> None:
    for role, client in browsers.items():
        if role is not None:
            assert client.post("/en/newsroom/sign-out").headers["location"] == "/en/newsroom/sign-in?out=1"


def test_nobody_with_a_cookie_of_their_own_making_is_in(app: Application) -> None:
    client = anybody(app, follow_redirects=False)
    for made in ("", "x", "0" * 43, "staff/1", "' OR 1=1 --"):
        client.cookies.set("tribune-session", made)
        assert client.get("/en/newsroom/").status_code == 303


def test_nothing_that_changes_something_is_done_for_a_page_of_another_site(
    app: Application,
) -> None:
    """CSRF: the cookie comes along, the request is refused, whatever the route."""
    admin = staff_browser(app, follow_redirects=False, headers={})
    elsewhere: list[dict[str, str]] = [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:8080"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8080.evil.example"},
        {},
    ]
    admin.get("/en/newsroom/")
    before = len(entries(app))
    for route in routes_of(app):
        if route.method == "GET" or route.path.startswith("/u/"):
            continue
        for headers in elsewhere:
            answer = admin.request(route.method, asked(route), headers=headers)
            assert answer.status_code == 403, (route, headers)
    assert entries(app)[before:] == []


def entries(app: Application) -> list[str]:
    with app.store.read() as tx:
        return [entry.action for entry in tx.audit.entries()]


def page_of(client: TestClient, method: str, path: str) -> tuple[int, str]:
    answer = client.request(method, path)
    return answer.status_code, answer.text


def test_the_documentation_has_the_same_roles(app: Application) -> None:
    """The table in docs/staff.md: a line for each permission, a mark for each role that has it."""
    text = (ROOT / "docs" / "staff.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| `(\w+)` \|(.*)\|$", text, re.M)
    assert {name for name, _ in lines} == {permission.value for permission in Permission}
    for name, cells in lines:
        marks = [cell.strip() for cell in cells.split("|")][1:]
        has = [role for role, mark in zip(Role, marks, strict=True) if mark == "yes"]
        assert has == [role for role in Role if Permission(name) in permissions([role])], name
