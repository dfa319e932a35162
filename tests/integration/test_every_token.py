"""Each token is for one purpose: every kind there is, at every door that takes one (threats.md). A new kind, or a new
door, without a row here fails."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.conftest import ROOT
from tests.kept import Kept
from tests.newsroom import session_of
from tests.threat_world import READER, Route, World
from tribune.domain.errors import InvalidInput
from tribune.domain.staff import Permission
from tribune.services.archive.own_feed import FEED
from tribune.services.notices.notice_links import CONFIRM, CONFIRM_ADDRESS, DATA, NOTICE, STOP_ADDRESS
from tribune.services.sending.reader_links import DELIVERY, PREFERENCES, UNSUBSCRIBE
from tribune.services.staff.api_tokens import make_api_token
from tribune.services.staff.sign_in import DEVICE, SECOND_FACTOR
from web.api.cursors import PURPOSE as CURSOR
from web.newsroom.provider import SEAL
from web.public import less
from web.public.less import UNDO, UNDO_TOPICS

MADE_UP = "k1.7~letter~1.00112233445566778899aabbccddeeff"

PAGES: dict[str, dict[str, str]] = {
    "/u/{token}": {"List-Unsubscribe": "One-Click"},
    "/p/{token}": {"do": "stop-all"},
    "/p/{token}/{section}": {"topic": "wages"},
    "/p/{token}/add/{digest}": {"cadence": "weekly"},
    "/c/{token}": {"name": ""},
    "/m/{token}": {"do": "export"},
    "/m/{token}/sent": {},
    "/m/{token}/sent/{name}": {},
    "/m/{token}/sent/{name}/body": {},
    "/m/{token}/delete": {"do": "delete"},
    "/a/{token}": {"do": "yes"},
    "/n/{token}": {"do": "yes"},
    "/f/{token}.{form}": {},
    "/{locale}/newsroom/sign-in/{token}": {},
    "/{locale}/newsroom/invitation/{token}": {"password": "mangrove anvil tuesday", "code": "000000"},
    "/{locale}/newsroom/invitation/{token}/code.svg": {},
}
"""Every page whose address holds a token, and what its form would send."""

SIGNED = {
    "u": UNSUBSCRIBE,
    "p": PREFERENCES,
    "c": CONFIRM,
    "m": DATA,
    "a": CONFIRM_ADDRESS,
    "n": STOP_ADDRESS,
    "f": FEED,
    "return path of a mail": DELIVERY,
    "return path of a notice": NOTICE,
    "a browser that staff have signed in with": DEVICE,
    "cursor": CURSOR,
    "undo": UNDO,
    "undo topics": UNDO_TOPICS,
}
"""Kinds that carry a signature: name (of a page, its letter) -> purpose."""

SEALED = {"second factor": SECOND_FACTOR, "sign-in by the provider": SEAL}
"""Kinds that nobody but this house can read."""

KEPT_AS_HASHES = ("sign-in", "invitation", "session", "api")
"""Kinds that mean nothing but what the store says of them."""

IN_CODE = {
    *("UNSUBSCRIBE", "PREFERENCES", "DELIVERY", "NOTICE", "DATA", "CONFIRM_ADDRESS", "STOP_ADDRESS", "CONFIRM"),
    *("FEED", "DEVICE", "PURPOSE", "UNDO", "UNDO_TOPICS", "SECOND_FACTOR", "SEAL"),
    "'mailbox'",  # no token: a mark within one, which only DATA carries
    *("PURPOSES[page]", "purpose"),  # one of the above
}
"""How the code names purposes where it signs, checks, seals and opens."""


@pytest.fixture(scope="module")
def tokens(attacked: World) -> dict[str, str]:
    """A good one of each kind."""
    app, given = attacked.app, attacked.given
    sign, now = app.signer.sign, app.clock.now()
    with app.store.write() as tx:
        api = make_api_token(tx, attacked.admin, "x", list(Permission), timedelta(days=1), now).secret
    return {
        **{page: given[f"{page}/{{token}}"] for page in ("u", "p", "c", "m", "a", "n", "sign-in", "invitation")},
        "f": sign(FEED, 1),
        "return path of a mail": app.reader_links.return_path(1, 1, 1).partition("@")[0].removeprefix("b+"),
        "return path of a notice": sign(NOTICE, 1),
        "a browser that staff have signed in with": sign(DEVICE, attacked.admin.id, "number"),
        "cursor": sign(CURSOR, "x", 1),
        "undo": sign(UNDO, 1, "letter", "daily", "weekly"),
        "undo topics": sign(UNDO_TOPICS, 1, "letter", "", ""),
        "second factor": app.vault.seal(SECOND_FACTOR, "secret"),
        "sign-in by the provider": app.vault.seal(SEAL, json.dumps({"state": "x", "until": 9e12})),
        "session": session_of(app, attacked.admin).token,
        "api": api,
    }


def test_every_kind_and_every_page_has_its_row(attacked: World, tokens: dict[str, str]) -> None:
    assert set(tokens) == {*SIGNED, *SEALED, *KEPT_AS_HASHES}
    assert {route.path for route in attacked.routes() if "{token}" in route.path} == set(PAGES)
    assert set(purposes_in_code()) == IN_CODE
    assert len(set(SIGNED.values()) | set(SEALED.values())) == len(SIGNED) + len(SEALED)


def purposes_in_code() -> Iterator[str]:
    """The first argument wherever something signs or seals, checks or opens."""
    makers = {"sign", "sealed", "verify", "seal", "open"}
    for folder in ("tribune", "web", "consumers", "producers"):
        for file in (ROOT / folder).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            if not re.search(r"(signer|vault)\.|\bsign\(|\bsealed\(", text):
                continue
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Call) and node.args:
                    called = ast.unparse(node.func)
                    owner, _, does = called.rpartition(".")
                    ours = re.search(r"(signer|vault)$", owner) or called in ("sign", "sealed")
                    if ours and (does or called) in makers:
                        yield ast.unparse(node.args[0])


def own_kind(page: str) -> str:
    """The kind that a page is for."""
    return next(part for part in ("sign-in", "invitation", *SIGNED) if f"/{part}/" in f"{page}/")


def test_a_page_opens_for_its_own_kind_and_for_every_other_as_for_one_that_is_made_up(
    attacked: World, tokens: dict[str, str]
) -> None:
    stranger = attacked.client()
    for route in attacked.routes("GET"):
        if "{token}" not in route.path:
            continue
        own = own_kind(route.path)
        refused = told(attacked, stranger, route, own, MADE_UP)
        assert refused[0] == 404, route
        for kind, token in tokens.items():
            answer = told(attacked, stranger, route, own, token)
            if kind == own:
                assert answer[0] == 200, (route, answer)
            else:
                assert answer == refused, (route, kind)


def test_nor_does_its_form_do_anything_for_another_kind(attacked: World, tokens: dict[str, str]) -> None:
    stranger, kept = attacked.client(), Kept(attacked.app)
    for route in attacked.routes("POST"):
        if "{token}" not in route.path:
            continue
        own = own_kind(route.path)
        for kind, token in {**tokens, "made up": MADE_UP}.items():
            if kind != own:
                assert told(attacked, stranger, route, own, token)[0] == 404, (route, kind)
    assert kept.changed() == set()


def told(attacked: World, client: TestClient, route: Route, own: str, token: str) -> tuple[int, str]:
    """Status and page, without the token itself."""
    key = "f/{token}.{form}" if own == "f" else f"{own}/{{token}}"
    path = attacked.path(route, **{key: f"{token}.atom" if own == "f" else token})
    data = PAGES[route.path] if route.method == "POST" else None
    answer = attacked.ask(client, route, path, data=data)
    return answer.status_code, answer.text.replace(token, "TOKEN")


def test_a_signature_is_good_for_its_purpose_alone(attacked: World, tokens: dict[str, str]) -> None:
    for kind, token in tokens.items():
        for name, purpose in SIGNED.items():
            if kind == name:
                assert attacked.app.signer.verify(purpose, token)
                continue
            with pytest.raises(InvalidInput):
                attacked.app.signer.verify(purpose, token)
        for name, purpose in SEALED.items():
            if kind == name:
                assert attacked.app.vault.open(purpose, token)
                continue
            with pytest.raises(InvalidInput):
                attacked.app.vault.open(purpose, token)


def test_only_a_session_opens_the_newsroom_and_only_a_token_of_the_api_the_api(
    attacked: World, tokens: dict[str, str]
) -> None:
    browser = attacked.client()
    for kind, token in tokens.items():
        browser.cookies.set("tribune-session", token)
        assert browser.get("/en/newsroom/").status_code == (200 if kind == "session" else 303), kind
        browser.cookies.clear()
        answer = browser.get("/api/v1/people", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == (200 if kind == "api" else 401), kind


def test_only_its_own_list_takes_a_cursor(attacked: World, tokens: dict[str, str]) -> None:
    api = attacked.api
    cursor = api.get("/people?limit=1").json()["next"].partition("cursor=")[2]
    assert api.get(f"/people?limit=1&cursor={cursor}").status_code == 200
    described = api.get("/openapi.json").json()["paths"]
    lists = [route for route in attacked.routes("GET") if route.api and takes_a_cursor(described, route)]
    assert len(lists) > 5
    for route in lists:
        path = attacked.path(route)
        for kind, token in {**tokens, "made up": MADE_UP, "of another list": cursor}.items():
            if (path, kind) != ("/api/v1/people", "of another list"):
                assert attacked.ask(api.client, route, path, params={"cursor": token}).status_code == 400, (path, kind)


def takes_a_cursor(described: dict[str, Any], route: Route) -> bool:
    operation = described.get(route.path.removeprefix("/api"), {}).get("get", {})
    return "cursor" in [one["name"] for one in operation.get("parameters", ())]


def test_only_an_undo_of_ones_own_is_undone(attacked: World, tokens: dict[str, str]) -> None:
    stranger = attacked.client()
    sign = attacked.app.signer.sign
    before = state_of(attacked)
    foreign = {"of another": sign(UNDO, 2, "letter", "daily", "weekly"), **tokens}
    for do, own in (("undo-slower", "undo"), ("undo-topics", "undo topics")):
        for kind, token in foreign.items():
            if kind != own:
                assert do in less._ACTS
                form = {"do": do, "undo": token}
                assert stranger.post(f"/u/{tokens['u']}", data=form).status_code == 200, kind
    assert state_of(attacked) == before


def state_of(attacked: World) -> object:
    with attacked.app.store.read() as tx:
        return tx.audience.one(1), tx.audience.one(2)


def test_a_fresh_link_is_of_one_mailbox_and_one_hour(attacked: World, tokens: dict[str, str]) -> None:
    subscriber, digest, until, mark = attacked.app.signer.verify(DATA, tokens["m"])
    assert READER not in tokens["m"]
    browser = attacked.client()
    for token in (
        attacked.app.signer.sign(DATA, 2, digest, until, mark),  # another person's mailbox
        attacked.app.signer.sign(DATA, subscriber, digest, int(until) - 7200, mark),
    ):
        assert browser.get(f"/m/{token}").status_code == 410
