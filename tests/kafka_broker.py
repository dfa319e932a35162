"""A real Apache Kafka for tests: one for all worker processes of a run, on a free port, its data in a temporary folder.

Each test has a prefix of its own for topics and groups, so one broker serves all. It is skipped, with the reason, where
java is missing, or mvn while the jars are not in the user's cache yet.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tribune.log.kafka.cluster import Cluster

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "tools" / "kafka"
PREFIX = "tribune-kafka-"


@dataclass(frozen=True)
class Broker:
    """A broker with its data in `folder`."""

    folder: Path
    port: int
    extra: str = ""
    format: str = ""

    @property
    def server(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, or leave it running."""
        told = {
            "KAFKA_PORT": str(self.port),
            "KAFKA_CONTROLLER_PORT": str(self.controller_port),
            "KAFKA_EXTRA": self.extra,
            "KAFKA_FORMAT": self.format,
        }
        done = subprocess.run(
            [TOOLS / "start.sh", self.folder], env={**os.environ, **told}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    @property
    def controller_port(self) -> int:
        file = self.folder / "controller-port"
        if not file.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            file.write_text(str(free_port()))
        return int(file.read_text())

    def stop(self) -> None:
        subprocess.run([TOOLS / "stop.sh", self.folder], check=True, capture_output=True)

    def kill(self) -> None:
        """kill -9; returns when it is gone."""
        pid = int((self.folder / "pid").read_text())
        if not self._is_ours(pid):
            return
        os.kill(pid, signal.SIGKILL)
        while self._is_ours(pid):
            time.sleep(0.02)

    def _is_ours(self, pid: int) -> bool:
        try:
            return str(self.folder / "server.properties").encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def why_not() -> str:
    """Why there can be no broker here; empty where there can."""
    if shutil.which("java") is None:
        return "no java (17 or newer) on this machine"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tribune" / "kafka-jars" / ".pom"
    if not cache.exists() and shutil.which("mvn") is None:
        return "no mvn (Maven) on this machine, which fetches Kafka's jars"
    return ""


@contextmanager
def own_broker(folder: Path, extra: Callable[[Broker], str] = lambda _: "", format: str = "") -> Iterator[Broker]:
    """A broker of a test's own, which it may kill. `extra` gives it more lines of properties, `format` goes to the
    storage tool."""
    if reason := why_not():
        pytest.skip(reason)
    broker = Broker(folder, free_port(), format=format)
    broker = replace(broker, extra=extra(broker))
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def folder_of_run(config: pytest.Config) -> Path:
    """Where this run's broker is: named after the process that began the run, which its workers know too."""
    owner = getattr(config, "workerinput", {}).get("tribune_owner", os.getpid())
    return Path(tempfile.gettempdir()) / f"{PREFIX}{owner}"


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest) -> Broker:
    """The broker that all tests of a run share, in whatever process they are. Started by the first who asks."""
    if reason := why_not():
        pytest.skip(reason)
    folder = folder_of_run(request.config)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        port = folder / "port"
        if not port.exists():
            remove_orphans()
            folder.mkdir(parents=True)
            port.write_text(str(free_port()))
        shared = Broker(folder, int(port.read_text()))
        shared.start()
    return shared


def stop(config: pytest.Config) -> None:
    """End the run's broker: its data goes with it, so there is nothing to wait for."""
    folder = folder_of_run(config)
    remove(folder)
    (folder.parent / f"{folder.name}.lock").unlink(missing_ok=True)


def remove(folder: Path) -> None:
    """Kill the broker of a folder, and delete the folder."""
    if (folder / "pid").exists():
        Broker(folder, 0).kill()
    shutil.rmtree(folder, ignore_errors=True)


def remove_orphans() -> None:
    """End brokers whose run was killed before it could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}[0-9]*"):
        owner = folder.name.removeprefix(PREFIX)
        if folder.is_dir() and owner.isdigit() and not Path(f"/proc/{owner}").exists():
            remove(folder)


@pytest.fixture
def cluster(broker: Broker) -> Cluster:
    """The shared broker, with a prefix of the test's own and little patience."""
    from tribune.log.kafka.cluster import Cluster

    return Cluster((broker.server,), prefix=f"t{uuid.uuid4().hex[:10]}.", session_seconds=2.0)
