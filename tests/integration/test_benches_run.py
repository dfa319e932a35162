"""The benches still measure something: each that can be made small is run small. How fast is nobody's business here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import BENCHES
from tests.smtp_sink import needs_sink

pytestmark = pytest.mark.waits

ROOT = Path(__file__).parents[2]
SMALL = {
    "catalogue 100": "search",
    "ilostat 2000": "rows/s",
    "rendering --count 100": "two stages against the full way",
    "planning 300": "planning, 20 items",
    "import_rows --sqlite 300": "import, changed",
    "campaigns 300 sqlite": "planned in",
}
SENDING = {
    "notices --number 2": "commit of the request to the mail at the sink",
    "smtp --mails 100 --rounds 1 --sizes 2800": "ratio",
    "sending --mails 300": "CPU a mail",
    "sending --mails 300 --large": "CPU a mail",
    "first_mail --embedded --events 2": "event to first mail on embedded",
}


def run(bench: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *f"bench.{bench}".split()], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(("bench", "says"), SMALL.items())
def test_it_measures(bench: str, says: str) -> None:
    assert says in run(bench)


@needs_sink
@pytest.mark.parametrize(("bench", "says"), SENDING.items())
def test_it_sends_and_measures(bench: str, says: str) -> None:
    assert says in run(bench)


def test_make_bench_names_benches_that_there_are() -> None:
    assert [name for name in BENCHES if not (ROOT / "bench" / f"{name.split()[0]}.py").is_file()] == []
