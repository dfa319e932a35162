"""A zero byte, or half of a character, in whatever a request can hold: refused in words, on both stores alike.

PostgreSQL takes neither, and would answer with an error of its own in the middle of a page or of an export."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from tests.api_world import Api
from tests.conftest import ROOT
from tests.integration.test_roles_and_routes import asked, routes_of
from tests.newsroom import staff_browser
from tribune.bootstrap import Application
from tribune.domain.staff import Role
from web.api.app import create_api
from web.pages import Pages

pytestmark = pytest.mark.both_stores
NUL = "a%00b"
FIELDS = ("address", "q", "after", "name", "reason", "include", "do", "actor")


@pytest.fixture
def admin(app: Application) -> TestClient:
    app.store.engine  # noqa: B018 - it is there before the first page
    return staff_browser(app, Role.ADMINISTRATOR, Role.AUDITOR, follow_redirects=False)


def parameters(route: Any) -> list[str]:
    """What a route takes in its query."""
    return [one.alias for one in route.dependant.query_params] or ["q"]


def test_no_parameter_of_a_page(app: Application, admin: TestClient) -> None:
    for route in routes_of(app):
        for name in ("q", "actor", "since", "next"):
            answer = admin.request(route.method, f"{asked(route)}?{name}={NUL}")
            assert answer.status_code == 400, (route, name)
    assert "This cannot be done" in answer.text


def test_no_part_of_an_address(app: Application, admin: TestClient) -> None:
    for route in routes_of(app):
        if "{" in route.path.removeprefix("/{locale}"):
            head, _, _ = route.path.rpartition("{")
            path = head.replace("{locale}", "en").split("{")[0] + NUL
            assert admin.request(route.method, path).status_code == 404, route


def test_no_field_of_a_form(app: Application, admin: TestClient) -> None:
    """Also without sign-in: where staff come in, and on the forms of readers."""
    forms = 0
    for route in routes_of(app):
        if route.method != "POST":
            continue
        for name in FIELDS:
            answer = admin.post(asked(route), data={name: "a\0@b.example"})
            assert answer.status_code < 500, (route, name)
            forms += answer.status_code == 400
        both = {"files": {"file": ("x.csv", b"address\n")}, "data": {"q": "a\0"}}
        assert admin.post(asked(route), **both).status_code < 500, route  # type: ignore[arg-type]
    assert forms > 60
    answer = admin.post("/en/newsroom/sign-in", data={"address": "a\0@b.example", "password": "x"})
    assert answer.status_code == 400 and "This cannot be done" in answer.text


def test_no_export_breaks_off(admin: TestClient) -> None:
    assert admin.post("/en/newsroom/audit/export", params={"actor": "staff/1\0"}).status_code == 400
    whole = admin.post("/en/newsroom/audit/export", params={"actor": "staff/1"})
    assert whole.status_code == 200


def test_no_parameter_of_the_api(app: Application, api: Api) -> None:
    told = 0
    for route in create_api(app, Pages(app)).routes:
        if not isinstance(route, APIRoute):
            continue
        for method in route.methods or ():
            for name in parameters(route):
                path = f"/api{route.path_format.replace('{', '').replace('}', '')}"
                answer = api.client.request(method, f"{path}?{name}={NUL}", headers=head(api))
                assert answer.status_code == 400, (route.path, name)
                assert answer.json()["type"] == "/problems/malformed-request"
                told += 1
    assert told > 60
    assert api.client.get(f"/api/v1/people/{NUL}", headers=head(api)).status_code == 404


def head(api: Api) -> dict[str, str]:
    return {"authorization": f"Bearer {api.token.secret}", "host": "127.0.0.1:8080"}


WRONG = [("\\u0000", 422), ("\\ud800", 422), ("\\udfff", 422), ("x\\ud83d\\ude00", 0), ("\0", 0)]


@pytest.mark.parametrize(("inside", "status"), WRONG)
def test_no_body_of_the_api(api: Api, inside: str, status: int) -> None:
    """Each operation that takes JSON, each property that its description names."""
    document = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
    tried = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            for kind in content.keys() & {"application/json", "application/merge-patch+json"}:
                schema = content[kind]["schema"]
                named = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
                for name in named["properties"]:
                    body = f'{{"{name}": "a{inside}b", "and": [{{"{name}": "{inside}"}}]}}'
                    address = f"/api{path}".format(
                        **dict.fromkeys(["person", "mailing", "letter", "item"], 1),
                        id="x",
                        slug="x",
                        tag="x",
                        name="x",
                        story="x",
                    )
                    answer = api.client.request(
                        method.upper(), address, content=body, headers={**head(api), "content-type": kind}
                    )
                    assert answer.status_code < 500, (path, name)
                    if status:
                        assert answer.status_code == status, (path, name, answer.text)
                        pointers = {one["pointer"] for one in answer.json()["errors"]}
                        assert pointers == {f"#/{name}", f"#/and/0/{name}"}
                    tried += 1
    assert tried > 60
