"""The newsroom with the event log away: pages come, soon, and say so; what is written is written and answered."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.integration.test_roles_and_routes import asked, routes_of
from tests.kafka_broker import Broker, own_broker
from tests.log_world import WALL
from tests.newsroom import staff_browser
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.domain.staff import Role
from tribune.ports.clock import StoppedClock
from tribune.services.desk.ask_log import LogDesk, Patience

pytestmark = [pytest.mark.postgres_only, pytest.mark.waits]
AWAY = "The event log is away"
N = "/en/newsroom"


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that these tests may kill."""
    with own_broker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@contextmanager
def house_on(server: str, settings: Settings, clock: StoppedClock) -> Iterator[Application]:
    told = settings.log.model_copy(update={"bootstrap_servers": (server,), "prefix": "pages."})
    app = Application(settings.model_copy(update={"log": told}), clock)
    try:
        yield app
    finally:
        app.close()


def timed(browser: TestClient, method: str, path: str) -> tuple[int, str, float]:
    begin = WALL.monotonic()
    answer = browser.request(method, path)
    return answer.status_code, answer.text, WALL.monotonic() - begin


def test_every_page_comes_while_the_broker_is_away_and_says_so(
    mine: Broker, settings: Settings, clock: StoppedClock, tmp_path: Path
) -> None:
    with house_on(mine.server, settings, clock) as app:
        app.prepare()
        browsers = [staff_browser(app, role, follow_redirects=False) for role in Role]
        pages = [route for route in routes_of(app) if "/newsroom" in route.path and route.staff]
        assert AWAY not in browsers[0].get(f"{N}/").text
        mine.kill()
        clock.move(timedelta(seconds=1))
        for route in pages:
            if route.path.endswith("/sign-out"):
                continue
            for browser in browsers:
                status, text, seconds = timed(browser, route.method, asked(route))
                assert status < 500 or (status == 503 and AWAY in text), (route, status)
                assert seconds < 5, (route, seconds)
        desk = staff_browser(app)
        for path, status in (("/", 200), ("/events", 503), (f"/events/{'0' * 32}", 503), ("/dead-letters", 503)):
            answer = desk.get(N + path)
            assert (answer.status_code, AWAY in answer.text) == (status, True), path
            assert "No event has come in yet" not in answer.text and "There are no dead letters" not in answer.text
        assert "(the event log is away)" in desk.get(f"{N}/people").text
        assert "Nothing needs your attention" not in desk.get(f"{N}/").text

        added = desk.post(f"{N}/suppressions/add", data={"address": "gone@example.com", "reason": "hard_bounce"})
        assert added.status_code == 200
        with app.store.read() as tx:
            assert tx.audience.suppressed(["gone@example.com"])

        mine.start()
        clock.move(timedelta(seconds=11))
        assert AWAY not in desk.get(f"{N}/").text
        assert desk.get(f"{N}/dead-letters").status_code == 200
        assert "(the event log is away)" not in desk.get(f"{N}/people").text


def test_a_broker_that_does_not_answer_is_waited_for_once_and_briefly(settings: Settings, clock: StoppedClock) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        house_on(f"127.0.0.1:{mute.getsockname()[1]}", settings, clock) as app,
    ):
        desk = staff_browser(app)
        desk.get(f"{N}/account")
        app.desk_log = LogDesk(app.log, app.log_view, app.clock, Patience(soon=1.0))
        first = timed(desk, "GET", f"{N}/")
        again = timed(desk, "GET", f"{N}/")
        clock.move(timedelta(seconds=11))  # no longer remembered, but the first question still hangs
        later = timed(desk, "GET", f"{N}/events")
    assert (first[0], again[0], later[0]) == (200, 200, 503)
    assert all(AWAY in text for _, text, _ in (first, again, later))
    assert first[2] < 4 and again[2] < 1 and later[2] < 1
