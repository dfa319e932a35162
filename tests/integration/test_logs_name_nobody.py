"""The log tells what happened, of nobody by name, and lets nobody in (threats.md: secrets in logs). Lines are looked at
as the code makes them, before tribune/logs.py cuts out what looks like an address or a token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog

from tests.newsroom import session_of
from tests.threat_world import MOVED, NEWCOMER, OTHER, READER, World
from tribune.store.engine import SqlStore

NAMES = (READER, OTHER, NEWCOMER, MOVED, "never@example.com", "Awa", "admin@example.org", "invited@example.org")
SAID = "mangrove anvil tuesday"


def secrets_of(attacked: World) -> set[str]:
    """What lets somebody in, or tells who they are."""
    tokens = {
        value.removesuffix(".atom") for key, value in attacked.given.items() if key.partition("/")[2][:7] == "{token}"
    }
    return {*tokens, *(token.rpartition(".")[2] for token in tokens), attacked.api.token.secret, SAID, *NAMES}


def assert_tells_nothing(logged: list[object], attacked: World, *more: str) -> None:
    for line in map(str, logged):
        for secret in {*secrets_of(attacked), *more}:
            assert secret not in line, line


def test_what_came_about_is_told_without_a_name(attacked: World) -> None:
    """Imports, planning, sending, notices, a dead letter, changes by staff."""
    told = {line["event"] for line in attacked.logged}
    assert {"catalogued", "edition planned", "notice", "event is among the dead letters"} <= told
    assert_tells_nothing(attacked.logged, attacked)


@contextmanager
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A store that fails, and quotes in its error what it was to write."""

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError(f"INSERT INTO people VALUES ('{READER}', 'Awa', '{SAID}') for {READER}")

    with monkeypatch.context() as patch:
        patch.setattr(SqlStore, "read", fails)
        patch.setattr(SqlStore, "write", fails)
        yield


def test_no_route_that_fails_tells_who_asked_with_what(attacked: World, monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_of(attacked.app, attacked.admin).token
    form = {"address": READER, "password": SAID, "name": "Awa", "do": "stop-all", "List-Unsubscribe": "One-Click"}
    failed, client = 0, attacked.client()
    with broken(monkeypatch), structlog.testing.capture_logs() as logged:
        for route in attacked.routes():
            client.cookies.clear()
            client.cookies.set("tribune-session", session)
            body: dict[str, Any] = {"json": form} if route.api else {"data": form}
            more = body if route.method != "GET" else {"params": {"q": READER, "person": "1", "token": session}}
            answer = attacked.ask(client, route, **more)
            if answer.status_code >= 500:
                failed += 1
                for secret in (READER, "INSERT", SAID, session):
                    assert secret not in answer.text, route
    assert failed > 120
    assert len(logged) > 120
    assert_tells_nothing(list(logged), attacked, session)


def test_a_route_that_succeeds_writes_nothing_of_it(attacked: World) -> None:
    admin = attacked.client(attacked.admin)
    with structlog.testing.capture_logs() as logged:
        for route in attacked.routes("GET"):
            attacked.ask(admin, route, f"{attacked.path(route)}?q={READER}")
    assert_tells_nothing(list(logged), attacked)
