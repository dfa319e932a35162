"""Whether a process is caught in the middle of a write is told by the system itself."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tools.crash.faults import How, Kind, in_a_write
from tools.crash.locks import writes

HOLD = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute(sys.argv[2]); "
HOLD += "c.execute('SELECT * FROM t').fetchall(); print('there', flush=True); sys.stdin.read()"


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="only Linux tells who holds a lock")
@pytest.mark.parametrize(("begin", "held"), [("BEGIN IMMEDIATE", True), ("BEGIN", False)])
def test_who_writes_is_told_from_who_reads(tmp_path: Path, begin: str, held: bool) -> None:
    file = tmp_path / "a.sqlite3"
    with sqlite3.connect(file) as made:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("CREATE TABLE t (a)")
    made.close()
    command = [sys.executable, "-c", HOLD, str(file), begin]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdin
        assert process.stdout.readline() == b"there\n"
        assert writes(process.pid) is held
        process.stdin.close()


def test_only_a_stop_in_a_write_hits_senders() -> None:
    stop = Kind(How.STALL, "consumers", 1)
    assert stop.bound == 0
    assert in_a_write(stop, 2).bound == 1_000 and in_a_write(stop, 2).name != stop.name
