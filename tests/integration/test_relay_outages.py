"""The relay when PostgreSQL crashes, or a relay is killed, while events are written: nothing lost, order kept."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from producers import relay
from tests import postgres_server
from tests.integration.test_up_and_demo import running
from tests.log_world import WALL, event, told
from tests.waiting import until
from tools.postgres.server import Server
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.domain.topics import CATALOGUE
from tribune.log.kafka.cluster import Cluster
from tribune.ports.clock import SystemClock
from tribune.store.outbox import SILENCE_SECONDS

pytestmark = pytest.mark.waits

KEYS = 5


class Writer:
    """Writes events 0, 1, 2, ... of each key, each round in a transaction; the same again where that failed."""

    def __init__(self, app: Application) -> None:
        self.written = 0
        self.failed = 0
        self._app = app
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def more(self, count: int) -> None:
        """Wait until so many more rounds are written."""
        wanted = self.written + count
        until(lambda: self.written >= wanted, 60)

    def _write(self) -> None:
        while not self._stop.is_set():
            try:
                with self._app.store.write() as tx:
                    tx.outbox.add(*(event(f"key-{key}", self.written) for key in range(KEYS)))
            except SQLAlchemyError:
                self.failed += 1
                self._stop.wait(0.1)
                continue  # perhaps it was committed: then it comes twice
            self.written += 1
            self._stop.wait(0.005)


def all_in_order(app: Application, written: int) -> None:
    """Nothing is missing on the log, and what came first of each event came in the order in which it was written."""
    until(lambda: not app.outbox_queue.state().waiting, 60)
    member = app.log.consumer("reader", [CATALOGUE])
    seen: dict[str, list[int]] = defaultdict(list)
    end = WALL.monotonic() + 30
    while sum(map(len, seen.values())) < KEYS * written and WALL.monotonic() < end:
        for key, number in told(member.poll(timeout=0.5)):
            if number not in seen[key]:
                seen[key].append(number)
    member.close()
    assert len(seen) == KEYS and all(numbers == list(range(written)) for numbers in seen.values())


def settings(url: str, cluster: Cluster, folder: Path) -> Settings:
    told = {"kind": "kafka", "bootstrap_servers": cluster.servers, "prefix": cluster.prefix, "session_seconds": 2.0}
    return Settings.model_validate({"data_dir": folder, "store": {"url": url}, "log": told})


def test_postgresql_crashes_and_comes_back(own_postgres: Server, cluster: Cluster, tmp_path: Path) -> None:
    app, other = (Application(settings(own_postgres.url(), cluster, tmp_path), SystemClock()) for _ in range(2))
    app.prepare()
    stop = threading.Event()
    relays = [threading.Thread(target=relay.run, args=(one, stop)) for one in (app, other)]
    for thread in relays:
        thread.start()
    with Writer(app) as writer:
        for how in ("immediate", "fast", "immediate"):
            writer.more(50)
            own_postgres.stop(how=how)
            WALL.sleep(0.7)
            own_postgres.start()
        writer.more(50)
    assert writer.failed >= 3
    all_in_order(app, writer.written)
    stop.set()
    for thread in relays:
        thread.join(15)
    assert not any(thread.is_alive() for thread in relays)
    app.close()
    other.close()


@contextmanager
def house(
    postgres: Server, cluster: Cluster, folder: Path
) -> Iterator[tuple[Application, Callable[[], subprocess.Popen[str]]]]:
    """The house, prepared, and how to start a relay as a process of its own."""
    with postgres_server.database(postgres) as url, ExitStack() as stack:
        (folder / "tribune.toml").write_text(
            f'[store]\nurl = "{url}"\n[log]\nkind = "kafka"\nbootstrap_servers = ["{cluster.servers[0]}"]\n'
            f'prefix = "{cluster.prefix}"\nsession_seconds = 2\n',
            encoding="utf-8",
        )
        app = Application(settings(url, cluster, folder), SystemClock())
        app.prepare()
        command = ("run", "relay", "--metrics-port", "0")
        yield app, lambda: stack.enter_context(running(*command, cwd=folder))[0]
        app.close()


def test_a_relay_that_is_killed_is_followed_by_another(postgres: Server, cluster: Cluster, tmp_path: Path) -> None:
    with house(postgres, cluster, tmp_path) as (app, start):
        relays = [start(), start()]
        with Writer(app) as writer:
            for round in range(4):
                writer.more(40)
                relays[round % 2].send_signal(signal.SIGKILL)  # one of the two turns hits the one that works
                relays[round % 2].wait(10)
                writer.more(40)
                relays[round % 2] = start()
        all_in_order(app, writer.written)
        for process in relays:
            process.send_signal(signal.SIGTERM)
        assert [process.wait(30) for process in relays] == [0, 0]


def test_a_relay_that_hangs_is_followed_by_another(postgres: Server, cluster: Cluster, tmp_path: Path) -> None:
    with house(postgres, cluster, tmp_path) as (app, start):
        first = start()
        with Writer(app) as writer:
            writer.more(20)
            until(lambda: app.outbox_queue.state().waiting < KEYS * 5)
            second = start()
            writer.more(20)
            first.send_signal(signal.SIGSTOP)
            try:
                writer.more(20)
                since = datetime.now(UTC)
                assert app.outbox_queue.state().waiting, "the one that works stands still"
                until(lambda: (app.outbox_queue.state().oldest or datetime.now(UTC)) > since, SILENCE_SECONDS + 15)
                writer.more(40)
            finally:
                first.send_signal(signal.SIGCONT)
            writer.more(40)
        all_in_order(app, writer.written)
        for process in (first, second):
            process.send_signal(signal.SIGTERM)
        assert [process.wait(30) for process in (first, second)] == [0, 0]
