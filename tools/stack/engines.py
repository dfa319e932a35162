"""The engines beneath the roles: one SQLite file, or Kafka and PostgreSQL, which can be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from tools.postgres.server import Server
from tools.stack.workers import ROOT, free_port


class Engines(Protocol):
    """What the roles need beneath them. `killable`: names of the servers that a crash may strike."""

    @property
    def name(self) -> str: ...

    @property
    def killable(self) -> tuple[str, ...]: ...

    def start(self) -> None: ...

    def settings(self) -> str:
        """The sections of tribune.toml that lead to them."""
        ...

    def kill(self, name: str) -> None:
        """kill -9, and wait until it is gone."""
        ...

    def restart(self, name: str) -> None: ...

    def stop(self) -> None: ...


class Embedded:
    """SQLite is store and log: nothing runs."""

    name = "embedded"
    killable: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self) -> None:
        (self.folder / "data").mkdir(parents=True, exist_ok=True)

    def settings(self) -> str:
        return f'[store]\nurl = "sqlite:///{self.folder}/data/tribune.sqlite3"\n[log]\nkind = "embedded"\n'

    def kill(self, name: str) -> None:
        raise ValueError(f"there is no {name} here")

    def restart(self, name: str) -> None:
        raise ValueError(f"there is no {name} here")

    def stop(self) -> None:
        pass


class Real:
    """Apache Kafka and PostgreSQL, with their data in `folder`, durable as in earnest."""

    name = "kafka + postgresql"
    killable = ("kafka", "postgres")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = Server(folder / "pg")
        self.kafka_port = free_port()
        self._controller_port = free_port()

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.restart("postgres")
        self.restart("kafka")

    def settings(self) -> str:
        return (
            f'[store]\nurl = "{self.postgres.url()}"\n'
            f'[log]\nkind = "kafka"\n[log.kafka]\nservers = ["127.0.0.1:{self.kafka_port}"]\n'
        )

    def kill(self, name: str) -> None:
        pid = self._pid(name)
        os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + 30
        while _runs(pid) and time.monotonic() < until:
            time.sleep(0.02)

    def restart(self, name: str) -> None:
        if name == "postgres":
            self._start_postgres()
            return
        told = {"KAFKA_PORT": str(self.kafka_port), "KAFKA_CONTROLLER_PORT": str(self._controller_port)}
        self._kafka("start.sh", **told)

    def stop(self) -> None:
        with suppress(OSError):
            self._kafka("stop.sh")
        self.postgres.stop(how="immediate")

    def _start_postgres(self) -> None:
        # The children of a server that was killed let go of its memory a moment later.
        until = time.monotonic() + 30
        while True:
            try:
                self.postgres.start(settings=("max_connections=300", "shared_buffers=128MB"))
                return
            except Exception:
                if time.monotonic() > until:
                    raise
            time.sleep(0.2)

    def _kafka(self, script: str, **variables: str) -> None:
        with (self.folder / "kafka.start.log").open("ab") as log:
            subprocess.run(
                [ROOT / "tools" / "kafka" / script, self.folder / "kafka"],
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )

    def _pid(self, name: str) -> int:
        file = self.folder / "kafka" / "pid" if name == "kafka" else self.postgres.data / "postmaster.pid"
        return int(file.read_text(encoding="ascii").split()[0])


def _runs(pid: int) -> bool:
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return told.rpartition(")")[2].split()[0] != "Z"
