"""The relay when PostgreSQL crashes, or a relay is killed, while events are written: nothing lost, order kept."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from producers import relay
from tests import postgres_server
from tests.contracts.log_contract import WALL, event, take, told
from tests.integration.test_up_and_demo import running, wait_for
from tools.postgres.server import NoPostgres, Server, binaries
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.domain.topics import CATALOGUE
from tribune.log.kafka.cluster import Cluster
from tribune.ports.clock import SystemClock

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
        wait_for(lambda: self.written >= wanted, 60)

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
    wait_for(lambda: not app.outbox_queue.state().waiting, 60)
    member = app.log.consumer("reader", [CATALOGUE])
    seen: dict[str, list[int]] = defaultdict(list)
    for key, number in told(take(member, 1_000_000, 5.0)):
        if number not in seen[key]:
            seen[key].append(number)
    member.close()
    assert len(seen) == KEYS and all(numbers == list(range(written)) for numbers in seen.values())


def settings(url: str, cluster: Cluster, folder: Path) -> Settings:
    told = {"kind": "kafka", "bootstrap_servers": cluster.servers, "prefix": cluster.prefix, "session_seconds": 2.0}
    return Settings.model_validate({"data_dir": folder, "store": {"url": url}, "log": told})


@pytest.fixture
def own_postgres() -> Iterator[Server]:
    """A server that a test may crash. What it acknowledged is on the disk."""
    try:
        binaries()
    except NoPostgres as error:
        pytest.skip(str(error))
    server = Server(postgres_server.short_folder())
    server.start()
    try:
        yield server
    finally:
        server.remove()


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


def test_a_relay_that_is_killed_is_followed_by_another(postgres: Server, cluster: Cluster, tmp_path: Path) -> None:
    with postgres_server.database(postgres) as url, ExitStack() as stack:
        (tmp_path / "tribune.toml").write_text(
            f'[store]\nurl = "{url}"\n[log]\nkind = "kafka"\nbootstrap_servers = ["{cluster.servers[0]}"]\n'
            f'prefix = "{cluster.prefix}"\nsession_seconds = 2\n',
            encoding="utf-8",
        )
        app = Application(settings(url, cluster, tmp_path), SystemClock())
        app.prepare()

        def start() -> subprocess.Popen[str]:
            return stack.enter_context(running("run", "relay", "--metrics-port", "0", cwd=tmp_path))[0]

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
        app.close()
