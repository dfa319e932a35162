"""What is committed in SQLite is on the disk: as it is shipped, not as the tests have it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

ASKED = """
import sys
from sqlalchemy import make_url
from tribune.store.sqlite import open_sqlite
with open_sqlite(make_url(f"sqlite:///{sys.argv[1]}")).connect() as connection:
    print(*(connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("synchronous", "journal_mode")))
"""


def test_a_commit_waits_for_the_disk(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", ASKED, str(tmp_path / "store.sqlite3")],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=60,
    )
    assert told.stdout.split() == ["2", "wal"]  # 2: FULL
