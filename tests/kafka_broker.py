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
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tribune.log.kafka.cluster import Cluster

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "tools" / "kafka"


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
        """kill -9."""
        pid = int((self.folder / "pid").read_text())
        os.kill(pid, signal.SIGKILL)
        while True:  # until it is gone, so that the port is free
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            if "Z" in Path(f"/proc/{pid}/stat").read_text().split(")")[1][:3]:
                return


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
def own_broker(folder: Path, extra: str = "", format: str = "") -> Iterator[Broker]:
    """A broker of a test's own, which it may kill."""
    if reason := why_not():
        pytest.skip(reason)
    broker = Broker(folder, free_port(), extra, format)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """The broker that all tests of a run share, in whatever process they are."""
    if reason := why_not():
        pytest.skip(reason)
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid.uuid4().hex)
    folder = Path(tempfile.gettempdir()) / f"tribune-kafka-{run}"
    users = folder / "users"
    users.mkdir(parents=True, exist_ok=True)
    me = users / str(os.getpid())
    with _locked(folder):
        me.touch()
        port = folder / "port"
        if not port.exists():
            port.write_text(str(free_port()))
        shared = Broker(folder / "broker", int(port.read_text()))
        shared.start()
    yield shared
    with _locked(folder):
        me.unlink()
        for other in users.iterdir():
            if not Path(f"/proc/{other.name}").exists():
                other.unlink()
        if not any(users.iterdir()):
            shared.stop()
            shutil.rmtree(folder / "broker")
            port.unlink()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def cluster(broker: Broker) -> Cluster:
    """The shared broker, with a prefix of the test's own and little patience."""
    from tribune.log.kafka.cluster import Cluster

    return Cluster((broker.server,), prefix=f"t{uuid.uuid4().hex[:10]}.", session_seconds=2.0)
