"""Every error of the API is a problem (RFC 9457), and says no more than it should."""

from __future__ import annotations

import re
import time
from typing import Any

import psycopg
import pytest
import structlog
from markupsafe import escape
from sqlalchemy.exc import OperationalError

from tests.api_world import Api, problem
from tribune.bootstrap import Application
from web.api.problem_kinds import KINDS

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1", "/api/v2/items", "/api/v1/nothing", "/api/v1/items/"])
def test_there_is_nothing(api: Api, path: str) -> None:
    problem(api.client.get(path, headers={"authorization": f"Bearer {api.token.secret}"}), 404, "not-found")


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5", "99999999999999999999", "2147483648", "%00", "1;drop"])
def test_an_object_that_is_missing_and_a_number_that_is_none_are_the_same(api: Api, number: str) -> None:
    for path in ("items", "mailings", "dead-letters"):
        problem(api.get(f"/{path}/{number}"), 404, "not-found")


def test_a_wrong_method_names_the_right_ones(api: Api) -> None:
    answer = api.call("DELETE", "/items")
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, HEAD, POST"


def test_an_answer_in_another_form_is_not_to_be_had(api: Api) -> None:
    problem(api.get("/items", headers={"accept": "text/html"}), 406, "not-acceptable")
    problem(api.get("/items", headers={"accept": "application/json;q=0"}), 406, "not-acceptable")
    for accept in ("application/json", "*/*", "text/html, */*;q=0.1", "application/*", "application/json;q=0.5"):
        assert api.get("/items", headers={"accept": accept}).status_code == 200


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
OPENAPI = "application/vnd.oai.openapi+json"


@pytest.mark.parametrize(
    ("path", "accept", "given"),
    [
        ("/docs", "text/html", "text/html"),
        ("/docs", BROWSER, "text/html"),
        ("/docs", "", "text/html"),
        ("/docs", "text/html;q=0, application/json", None),
        ("/openapi.json", "application/json", "application/json"),
        ("/openapi.json", f"{OPENAPI};version=3.1", OPENAPI),
        ("/openapi.json", f"{OPENAPI};q=0.9, application/json", "application/json"),
        ("/openapi.json", f"{OPENAPI};q=0, application/json", "application/json"),
        ("/openapi.json", BROWSER, "application/json"),
        ("/openapi.json", "text/html", None),
        ("/items", OPENAPI, None),
    ],
)
def test_the_description_is_given_in_the_types_that_it_has(api: Api, path: str, accept: str, given: str | None) -> None:
    answer = api.get(path, headers={"accept": accept})
    if given is None:
        problem(answer, 406, "not-acceptable")
    else:
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, given)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_body_of_another_kind_is_not_read(api: Api, kind: str) -> None:
    problem(
        api.call("POST", "/items", content=b'{"record": "a"}', headers={"content-type": kind}), 415, "wrong-media-type"
    )


@pytest.mark.parametrize("told", [True, False], ids=["said in the header", "sent in pieces"])
def test_a_body_that_is_too_large_is_not_read(api: Api, told: bool) -> None:
    large = b'{"record": "' + b"a" * 1_000_000 + b'"}'
    content = large if told else (large[at : at + 65_536] for at in range(0, len(large), 65_536))
    answer = api.call("POST", "/items", content=content, headers={"content-type": "application/json"})
    problem(answer, 413, "too-large")


@pytest.mark.parametrize(("length", "status"), [("²", 400), ("-5", 400), ("9" * 5_000, 413), ("1000001", 413)])
def test_a_length_that_is_none_or_too_large_is_told(api: Api, length: str, status: int) -> None:
    headers = {"authorization": f"Bearer {api.token.secret}", **JSON, "content-length": length}
    sent = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    answer = api.client.post("/api/v1/items", content=b"{}", headers=sent)
    problem(answer, status, "malformed-request" if status == 400 else "too-large")


@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b'{"a": NaN', b"[" * 100_000, b"9" * 10_000])
def test_a_body_that_is_no_json_is_told(api: Api, body: bytes) -> None:
    answer = api.call("POST", "/items", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
    problem(answer, answer.status_code, "malformed-request" if answer.status_code == 400 else "invalid")


def test_a_key_that_stands_twice_is_told_wherever_a_body_is_read(api: Api) -> None:
    everybody = b'{"rule": {"who": {"group": ["workers"]}, "who": {"everyone": true}}}'
    asked = 0
    for path, methods in api.client.get("/api/v1/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            kinds = operation.get("requestBody", {}).get("content", {}) if isinstance(operation, dict) else {}
            for kind in (kind for kind in kinds if kind.endswith("json")):
                at = re.sub(r"{.*?}", "1", path.removeprefix("/v1"))
                answer = api.call(method.upper(), at, content=everybody, headers={"content-type": kind})
                told = problem(answer, 400, "malformed-request")
                assert "the key 'who' stands twice in one object" in told["detail"], (method, path)
                asked += 1
    assert asked > 10
    long = api.call("POST", "/items", content=b'{"%b": 1, "%b": 2}' % (b"k" * 9_000, b"k" * 9_000), headers=JSON)
    assert len(problem(long, 400, "malformed-request")["detail"]) < 200


def test_a_body_with_very_many_keys_is_read_quickly(api: Api) -> None:
    keys = b",".join(b'"%d":0' % n for n in range(80_000))
    begun = time.process_time()
    problem(api.call("POST", "/items", content=b'{%b,"7":1}' % keys, headers=JSON), 400, "malformed-request")
    assert time.process_time() - begun < 5


def test_every_place_that_is_not_valid_is_named(api: Api) -> None:
    sent = {"record": "", "kin": "brief", "versions": {"en": {"title": "T" * 501}}, "session": {"minutes": "x"}}
    told = problem(api.post("/items?dry_run=perhaps", sent), 422, "invalid")
    places = {one.get("pointer") or one.get("parameter") for one in told["errors"]}
    assert places == {
        *("#/record", "#/kin", "#/versions/en/title", "#/session/starts_at", "#/session/zone", "#/session/minutes"),
        "dry_run",
    }


def test_what_the_house_finds_wrong_is_named_by_its_place_too(api: Api) -> None:
    sent = {"record": "r", "kind": "brif", "source_language": "en", "versions": {"fr": {"title": "Bonjour"}}}
    told = problem(api.post("/items", sent), 422, "invalid")
    assert [one["pointer"] for one in told["errors"]] == ["#/kind", "#/source_language"]
    assert "Did you mean brief" in told["errors"][0]["detail"]


def test_values_are_never_repeated(api: Api) -> None:
    sent = {"record": {"ada@example.org": 1}, "kind": ["ada@example.org"]}
    assert "ada@" not in api.post("/items", sent).text


def break_it(app: Application, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def broken(*_: object, **__: object) -> Any:
        raise error

    monkeypatch.setattr("tribune.store.catalogue.SqlCatalogue.page", broken)


def test_what_nobody_expected_tells_nothing_but_a_number_of_the_log(
    api: Api, app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_it(app, monkeypatch, RuntimeError("ada@example.org has the password 'hunter2'"))
    with structlog.testing.capture_logs() as logs:
        answer = api.get("/items")
    told = problem(answer, 500, "failed")
    assert set(told) == {"type", "title", "status", "instance"}
    (line,) = [one for one in logs if one["event"] == "call failed"]
    assert told["instance"] == f"urn:tribune:{line['number']}"
    assert "ada@" not in str(line)
    assert "hunter2" not in str(line)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionError("broker"), "away"),
        (OperationalError("SELECT 1", {}, psycopg.OperationalError("server closed the connection")), "away"),
        (OperationalError("SELECT 1", {}, psycopg.errors.QueryCanceled("statement timeout")), "busy"),
    ],
)
def test_a_part_that_is_away_is_told_apart(
    api: Api, app: Application, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: str
) -> None:
    break_it(app, monkeypatch, error)
    answer = api.get("/items")
    problem(answer, 503, kind)
    assert int(answer.headers["retry-after"]) > 0


def test_each_kind_of_problem_is_explained_at_its_address(api: Api) -> None:
    overview = api.client.get("/problems").text
    for kind in KINDS.values():
        page = api.client.get(kind.type)
        assert page.status_code == 200
        assert escape(kind.title) in page.text
        assert f'href="{kind.type}"' in overview
    assert api.client.get("/problems/nothing").status_code == 404
