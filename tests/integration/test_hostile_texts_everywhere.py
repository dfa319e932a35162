"""What an attacker wrote, in every place that shows something: every page and answer of every route, and every form of
every page filled with it (threats.md: stored XSS, header injection, CSV formulas, open redirect). The names of the
organisation, its letter, people, staff, segments, tokens, files and columns are all hostile (tests/threat_world.py)."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from tests.acceptance.test_hostile_texts_on_pages import HOSTILE, assert_harmless
from tests.conftest import ROOT
from tests.newsroom import HERE
from tests.staff_world import PASSWORD, Person
from tests.threat_world import FORMULA, World, threatened
from tribune.domain.codelists import Codelists
from tribune.domain.spreadsheet import TRIGGERS
from tribune.domain.staff import Role
from tribune.services.audience.export_consents import export_consents
from tribune.services.audience.export_subscribers import export_subscribers
from tribune.services.people.suppress import export_reasons

FILE_NAME = re.compile(r'attachment; filename="[A-Za-z0-9][A-Za-z0-9.-]*"')
WORDS = "Awa =1+1 " + HOSTILE
ELSEWHERE = ("https://evil.example/en/newsroom/", "//evil.example/en/newsroom/", "/\\evil.example/newsroom/")


@pytest.fixture(scope="module")
def trampled(tmp_path_factory: pytest.TempPathFactory, migrated: Path, codelists: Codelists) -> Iterator[World]:
    """A world of one's own, whose forms are all sent."""
    with threatened(tmp_path_factory.mktemp("trampled"), migrated, codelists) as made:
        yield made


def assert_safe(answer: Response, where: str) -> None:
    """Whatever kind of answer it is."""
    assert answer.status_code < 500, where
    for name, value in answer.headers.items():
        assert value.isascii() and value.isprintable() and "alert(" not in value, (where, name)
    if "content-disposition" in answer.headers:
        assert FILE_NAME.fullmatch(answer.headers["content-disposition"]), where
    if "location" in answer.headers:
        assert re.match(r"/(?![/\\])", answer.headers["location"]), where
    kind = answer.headers.get("content-type", "").partition(";")[0]
    assert answer.headers["x-content-type-options"] == "nosniff", where
    if kind == "text/html":
        assert_harmless(answer.text, where)
        for data in re.findall(r'<script type="application/ld\+json">(.*?)</script>', answer.text, re.DOTALL):
            assert json.loads(data)["@context"] == "https://schema.org", where
    elif kind.endswith("xml"):
        tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(answer.content).iter()}
        assert not tags & ({"script", "img", "foreignObject"} | ({"svg"} if "svg" not in kind else set())), where
    elif kind == "text/csv":
        assert_no_formula(answer.text, where)
    else:
        assert kind in (
            "application/json",
            "application/feed+json",
            "application/problem+json",
            "text/plain",
            "application/x-ndjson",
            "message/rfc822",
            "",
        ), (where, kind)


def assert_no_formula(text: str, where: str) -> None:
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert len(rows) > 1, where
    for cell in (cell for row in rows for cell in row):
        assert cell[:1] not in TRIGGERS or cell == "", (where, cell)


def test_every_get_shows_it_as_text(attacked: World) -> None:
    admin, shown, hostile = attacked.client(attacked.admin), 0, set()
    for route in attacked.routes("GET"):
        for path in (attacked.path(route), f"{attacked.path(route)}?q={HOSTILE}&in={HOSTILE}&done={HOSTILE}"):
            answer = attacked.ask(admin, route, path)
            assert_safe(answer, path)
            shown += "text/html" in answer.headers.get("content-type", "")
            if "&lt;script&gt;alert(1)" in answer.text:
                hostile.add(route.path)
    assert shown > 100
    assert len(hostile) > 45, sorted(hostile)


def test_every_example_that_is_a_text_may_be_an_attack(attacked: World) -> None:
    """What stands in an address in the place of each of its parts."""
    admin = attacked.client(attacked.admin)
    for text in ("%3Cscript%3Ealert(1)%3C%2Fscript%3E", "1%0d%0aset-cookie:%20a=b", "..%2F..%2Fetc", "%00", "x'--"):
        instead = {key: text for key in attacked.given if key not in ("{locale}", "sessions/{number}")}
        for route in attacked.routes("GET"):
            if "{" in route.path.removeprefix("/{locale}"):
                answer = attacked.ask(admin, route, attacked.path(route, **instead))
                assert_safe(answer, f"{route} {text}")
                assert "set-cookie" not in answer.headers, route


class Forms(HTMLParser):
    """The forms of a page: (method, action, fields)."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, list[tuple[str, str, str]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append((told.get("method", "get"), told.get("action", ""), []))
        elif tag in ("input", "textarea", "select", "button") and told.get("name") and self.found:
            kind = told.get("type", tag)
            self.found[-1][2].append((kind, told["name"], told.get("value", "")))


def forms_of(page: str) -> list[tuple[str, str, list[tuple[str, str, str]]]]:
    parser = Forms()
    parser.feed(page)
    return parser.found


def filled(fields: list[tuple[str, str, str]], *, everywhere: bool) -> dict[str, Any]:
    """What is typed in every field; `everywhere`: and in those too that no browser would let one type in."""
    typed = ("text", "email", "search", "textarea", "password", "url", "input", "date", "number", "tel")
    return {name: WORDS if everywhere or kind in typed else value for kind, name, value in fields}


def test_every_form_of_every_page_filled_with_it_shows_it_as_text(trampled: World) -> None:
    client, sent = trampled.client(trampled.admin), set()
    pages = []
    for route in trampled.routes("GET"):
        answer = trampled.ask(client, route)
        html = answer.headers.get("content-type", "").startswith("text/html")
        if html and not route.path.endswith("/body"):
            pages.append((trampled.path(route), answer.text))
    for path, page in pages:
        for method, action, fields in forms_of(page):
            target = action.partition("#")[0] or path
            if target.endswith("/sign-out"):
                continue
            for everywhere in (False, True):
                data = filled(fields, everywhere=everywhere)
                key = (method, target, everywhere, tuple(sorted(data)))
                if key in sent:
                    continue
                sent.add(key)
                trampled.sign_in(client, trampled.admin)
                if method.lower() == "post":
                    answer = client.post(unescape(target), data=data, headers={"sec-fetch-site": "same-origin"})
                else:
                    answer = client.get(unescape(target), params=data)
                assert_safe(answer, f"{method} {target} {sorted(data)}")
                for following in follow(client, answer):
                    assert_safe(following, f"after {method} {target}")
    assert len(sent) > 60


def follow(client: TestClient, answer: Response) -> Iterator[Response]:
    if "location" in answer.headers:
        yield client.get(answer.headers["location"])


def test_no_route_leads_elsewhere_whatever_it_is_asked(attacked: World) -> None:
    """Open redirect: `next` and its cousins, of every route, for staff and for strangers; and with a path that looks
    like another host."""
    led: set[str] = set()
    admin, stranger = attacked.client(attacked.admin), attacked.client()
    for route in attacked.routes("GET"):
        path = attacked.path(route)
        asked = [(admin, f"{path}?{leading_to(ELSEWHERE[0])}"), (stranger, f"//evil.example{path}")]
        if route.needs is not None:
            asked.append((stranger, f"{path}?{leading_to(ELSEWHERE[0])}"))
        while asked and not route.api:
            client, address = asked.pop(0)
            to = client.get(f"{HERE}{address}").headers.get("location", "")
            assert urlsplit(to).hostname in (None, "127.0.0.1") and not to.startswith(("//", "/\\")), (address, to)
            assert "evil" not in to.partition("?")[0].replace("//evil.example/", ""), (address, to)
            if to and route.path not in led:
                asked += [(client, f"{path}?{leading_to(wanted)}") for wanted in ELSEWHERE[1:]]
                led.add(route.path)
    assert len(led) > 30


def leading_to(wanted: str) -> str:
    names = ("next", "to", "url", "redirect", "return", "continue", "in", "done", "locale", "state", "iss")
    return "&".join(f"{name}={wanted}" for name in names)


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_a_sign_in_that_succeeds_leads_to_the_newsroom(attacked: World, wanted: str) -> None:
    somebody = Person(attacked.app, f"in-{ELSEWHERE.index(wanted)}@example.org", Role.EDITOR)
    form = {"address": somebody.address, "password": PASSWORD, "code": somebody.code(), "next": wanted}
    answer = attacked.client().post("/en/newsroom/sign-in", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/fr/newsroom/")


def test_no_csv_that_is_written_holds_a_formula(attacked: World) -> None:
    made = {"export_consents": export_consents, "export_subscribers": export_subscribers, "suppress": export_reasons}
    for name, export in made.items():
        out = io.StringIO(newline="")
        with attacked.app.store.read() as tx:
            export(tx, out)
        assert_no_formula(out.getvalue(), name)
    id = attacked.given["imports/{id}"]
    report = attacked.app.import_files.report(id).read_text(encoding="utf-8")
    assert_no_formula(report, "report")
    assert "'=1+1" in report and FORMULA not in report.replace(f"'{FORMULA}", "")
    writers = {
        file.stem
        for folder in ("tribune", "web", "consumers", "producers")
        for file in (ROOT / folder).rglob("*.py")
        if "csv" in (text := file.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("csv.writer", "csv.DictWriter")
    }
    assert writers == {*made, "import_report"}
