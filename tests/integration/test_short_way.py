"""The short way past the framework answers as the long one does, and goes to routes that there are."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from tribune.bootstrap import Application
from web.app import create_app
from web.short_way import ShortWay

PATHS = ("/u/forged", "/fr/subscribe", "/xx/subscribe")
FORMS: tuple[dict[str, str], ...] = (
    {"List-Unsubscribe": "One-Click"},
    {"do": "subscribe", "address": "nobody"},
    {"do": "preview"},
    {},
)


@pytest.fixture
def ways(app: Application) -> tuple[TestClient, TestClient]:
    """The site as it is, and without the short way."""
    short, long = create_app(app), create_app(app)
    long.user_middleware[:] = [
        one for one in long.user_middleware if getattr(one.cls, "__name__", "") != ShortWay.__name__
    ]
    assert len(long.user_middleware) == len(short.user_middleware) - 1
    made = [TestClient(site, "http://127.0.0.1", raise_server_exceptions=False) for site in (short, long)]
    return made[0], made[1]


@pytest.mark.parametrize("path", PATHS)
def test_both_ways_answer_the_same(path: str, ways: tuple[TestClient, TestClient]) -> None:
    for form in FORMS:
        one, other = (way.post(path, data=form, follow_redirects=False) for way in ways)
        assert (one.status_code, one.text) == (other.status_code, other.text)
        assert dict(one.headers) == dict(other.headers)
    for kind in ("application/x-www-form-urlencoded", "text/plain", ""):
        told: dict[str, Any] = {"content": b"List-Unsubscribe=One-Click\r\n", "headers": {"content-type": kind}}
        one, other = (way.post(path, **told, follow_redirects=False) for way in ways)
        assert (one.status_code, one.text) == (other.status_code, other.text)
    one, other = (way.post(path, content=b"{}", headers={"content-type": "application/json"}) for way in ways)
    assert one.status_code == other.status_code >= 400
    assert one.text == other.text
    assert "Traceback" not in one.text


def test_a_form_that_is_too_long_is_refused_on_both(ways: tuple[TestClient, TestClient]) -> None:
    for way in ways:
        assert way.post("/fr/subscribe", data={"address": "a" * 20_000}).status_code == 413


def test_only_a_route_that_takes_no_more_than_its_request_has_one() -> None:
    site = FastAPI()

    @site.post("/asks/{more}")
    async def asks(more: str, other: int) -> None: ...

    with pytest.raises(LookupError, match="no route"):
        ShortWay(site, site, ("/nowhere",))
    with pytest.raises(TypeError, match="asks for more"):
        ShortWay(site, site, ("/asks/{more}",))
