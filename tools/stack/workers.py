"""A role of Tribune as a process: started, signalled, asked for its health. Pid and log stand in the stack's folder."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ROLES_THAT_SERVE = ("web",)


_given: set[int] = set()


def free_port() -> int:
    """A port of the loopback that nobody listens on, never the same one twice. It lies below those that Linux gives to
    outgoing connections, so that none of them sits on it while its server is being started again."""
    while True:
        port = random.randint(20_000, 31_999)  # noqa: S311 - not a secret
        if port in _given:
            continue
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _given.add(port)
            return port


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def environment(folder: Path) -> dict[str, str]:
    """The variables of a process of the stack in `folder`: its settings, this checkout, nothing else of Tribune's."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("TRIBUNE_")}
    return plain | {"TRIBUNE_CONFIG": str(folder / "tribune.toml"), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def tribune(folder: Path, *arguments: str, seconds: float = 120) -> str:
    """Run a command of `tribune` in the stack; what it printed. Raises RuntimeError with what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "tribune", *arguments],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"tribune {' '.join(arguments)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


@dataclass
class Worker:
    """One process of a role. `name` is the role and a number, such as `senders-1`."""

    folder: Path
    role: str
    number: int
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    @property
    def name(self) -> str:
        return f"{self.role}-{self.number}"

    @property
    def log(self) -> Path:
        return self.folder / "logs" / f"{self.name}.log"

    @property
    def pid(self) -> int:
        return self._running().pid

    def _running(self) -> subprocess.Popen[bytes]:
        if self.process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self.process

    def start(self) -> None:
        """Start it; it is not waited for."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        port = "--port" if self.role in ROLES_THAT_SERVE else "--metrics-port"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tribune", "run", self.role, port, str(self.port)],
                cwd=self.folder,
                env=environment(self.folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.starts += 1
        save_pid(self.folder, self.name, self.process.pid)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def ended(self) -> int | None:
        """Its exit code, or None while it runs."""
        return None if self.process is None else self.process.poll()

    def wait(self, seconds: float) -> int | None:
        """Wait for its end; its exit code, or None where it still runs then."""
        with suppress(subprocess.TimeoutExpired):
            return self._running().wait(seconds)
        return None

    def health(self, seconds: float = 2.0) -> Mapping[str, str]:
        """What `/healthz` answers; empty where nobody does."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=seconds) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            with error, suppress(ValueError):
                return dict(json.load(error))
        except (OSError, ValueError, http.client.HTTPException):
            pass
        return {}

    def healthy(self) -> bool:
        """Whether it says that it is well."""
        return self.health().get("status") == "ok"


def save_pid(folder: Path, name: str, pid: int) -> None:
    """Remember a process of this stack, so that another process can stop it."""
    (folder / "pids").mkdir(parents=True, exist_ok=True)
    (folder / "pids" / name).write_text(str(pid), encoding="ascii")


def stop_remembered(folder: Path, seconds: float = 30.0) -> list[str]:
    """End whatever of this stack still runs: SIGTERM, then SIGKILL; the names. Only processes that run in this folder
    or name it are touched, so a pid that was given anew to somebody else is left alone."""
    running: dict[str, int] = {}
    for file in sorted((folder / "pids").glob("*")):
        pid = int(file.read_text(encoding="ascii"))
        if _is_of(folder, pid):
            running[file.name] = pid
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
                os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + seconds
    while any(_is_of(folder, pid) for pid in running.values()) and time.monotonic() < until:
        time.sleep(0.1)
    for pid in running.values():
        if _is_of(folder, pid):
            os.kill(pid, signal.SIGKILL)
    for file in (folder / "pids").glob("*"):
        file.unlink()
    return list(running)


def _is_of(folder: Path, pid: int) -> bool:
    try:
        if Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0] == "Z":
            return False
        return Path(f"/proc/{pid}/cwd").resolve() == folder.resolve()
    except OSError:
        return False


def alike(roles: Mapping[str, int], folder: Path) -> dict[str, Worker]:
    """Workers by name: so many of each role."""
    workers = [Worker(folder, role, number + 1) for role, copies in roles.items() for number in range(copies)]
    return {worker.name: worker for worker in workers}
