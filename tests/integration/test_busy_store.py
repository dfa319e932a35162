"""Somebody else holds what a page, a call or one click needs, for longer than anybody waits: the answer is to try again
in a moment, in the reader's language, and the same request works afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import pytest
import structlog
from httpx2 import Response
from starlette.testclient import TestClient

from tests.api_world import Api, problem
from tests.newsroom import anybody
from tests.planning_world import World
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.domain.audience import Status
from tribune.domain.consent import ConsentSource
from tribune.ports.store import AUDIENCE
from tribune.services.audience.refresh_masks import refresh_masks
from tribune.services.audience.unsubscribe import Stop
from tribune.services.sending.reader_links import PREFERENCES, UNSUBSCRIBE
from tribune.store.engine import SqlTransaction
from web.batches import Batches, TooBusy

pytestmark = pytest.mark.both_stores

FRENCH = {"accept-language": "fr"}
BUSY = {"fr": "veuillez réessayer dans un instant", "es": "vuelva a intentarlo dentro de un momento"}
ASKING = {"address": "new@example.org", "cadence": "daily", "hour": "8", "language1": "fr", "zone": "Africa/Dakar"}
WHEN = {"cadence": "weekly", "weekday": "3", "hour": "17", "zone": "Asia/Kolkata"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Nobody waits long."""
    return settings.model_copy(update={"store": settings.store.model_copy(update={"lock_timeout_seconds": 0.1})})


@pytest.fixture
def browser(app: Application) -> Iterator[TestClient]:
    refresh_masks(app.store, app.codelists)
    with anybody(app) as client:
        yield client


@contextmanager
def held(app: Application) -> Iterator[None]:
    """As an import holds it, in a transaction of another connection: people, and the turn of adding addresses."""
    with app.store.write() as tx:
        tx.lock(AUDIENCE)
        tx.sign_ups.take_turn()
        yield


def link(app: Application, page: str, person: int) -> str:
    purpose = {"u": UNSUBSCRIBE, "p": PREFERENCES}[page]
    return f"/{page}/{app.signer.sign(purpose, person, 'letter', 'c')}"


def busy(answer: Response, says: str) -> None:
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert says in answer.text.replace("\u00a0", " ")
    assert "Traceback" not in answer.text and "locked" not in answer.text


def test_one_click_is_told_to_come_again_and_then_works(app: Application, browser: TestClient) -> None:
    world = World(app)
    person = world.person("daily")

    def ask() -> Response:
        return browser.post(link(app, "u", person), data={"List-Unsubscribe": "One-Click"}, headers=FRENCH)

    with held(app):
        busy(ask(), BUSY["fr"])
    assert ask().text == "OK\n"
    with app.store.read() as tx:
        found = tx.audience.one(person)
    assert found is not None
    assert found.status is Status.UNSUBSCRIBED


def test_many_who_leave_together_wait_once(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    leaving = Batches(app).leaving
    tries: list[int] = []
    write = app.store.write

    def counted() -> AbstractContextManager[SqlTransaction]:
        tries.append(1)
        return write()

    async def rush() -> Sequence[object]:
        asked = [leaving(Stop(n, None, ConsentSource.ONE_CLICK)) for n in range(1, 9)]
        return await asyncio.gather(*asked, return_exceptions=True)

    with held(app):
        monkeypatch.setattr(app.store, "write", counted)
        assert all(isinstance(told, TooBusy) for told in asyncio.run(rush()))
    assert 0 < len(tries) < 4, "halved, each part of them would wait again"


@pytest.mark.parametrize(("path", "form"), [("", {"do": "slower"}), ("/when", WHEN)])
def test_the_page_of_preferences(app: Application, browser: TestClient, path: str, form: dict[str, str]) -> None:
    person = World(app).person("daily")
    address = link(app, "p", person) + path
    with held(app), structlog.testing.capture_logs() as logs:
        busy(browser.post(address, data=form, headers={"accept-language": "es"}), BUSY["es"])
    (line,) = [one for one in logs if one["event"] == "page failed"]
    assert line["log_level"] == "warning"
    assert browser.post(address, data=form, headers=FRENCH).status_code in (200, 303)
    with app.store.read() as tx:
        found = tx.audience.one(person)
    assert found is not None
    assert [rhythm.cadence.value for rhythm in found.rhythms] == ["weekly"]


def test_a_sign_up_keeps_what_was_typed(app: Application, browser: TestClient) -> None:
    def ask() -> Response:
        return browser.post("/fr/subscribe", data=ASKING, follow_redirects=False)

    with held(app):
        answer = ask()
    busy(answer, "renvoyer le formulaire")
    assert "new@example.org" in answer.text
    assert ask().headers["location"] == "/fr/subscribe/check-your-mail"


def test_a_change_through_the_api(app: Application, api: Api) -> None:
    person = World(app).person("daily")
    path = f"/people/{person}"
    api.get(path)  # the token's first use is noted

    def tell() -> Response:
        return api.call("PATCH", path, json={"name": "Ada Diop"}, headers={"if-match": "*"})

    with held(app):
        answer = tell()
    problem(answer, 503, "busy")
    assert answer.headers["retry-after"] == "10"
    assert tell().json()["name"] == "Ada Diop"


@pytest.mark.postgres_only  # a file is not away
def test_pages_of_a_store_that_is_away_say_so_too(app: Application, settings: Settings) -> None:
    nobody = settings.store.model_copy(update={"url": "postgresql://tribune@127.0.0.1:1/nobody"})
    away = Application(settings.model_copy(update={"store": nobody}), app.clock)
    away.codelists = app.codelists
    with anybody(away) as client:
        busy(client.get(link(away, "p", 1), headers=FRENCH), BUSY["fr"])
    away.close()
