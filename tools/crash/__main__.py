"""`python -m tools.crash`: the crash suite (make crash). Exit code 1 where a mail is lost or a bound is passed.

Kills, stops and starves the processes of a stack at random moments while mails flow, and counts at the sink.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import re
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tools.crash.driver import Driver, Plan, say
from tools.crash.reckoning import Reckoning
from tribune import logs

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "reliability.md"
SLUGS = {False: "embedded", True: "real"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.crash", description=__doc__)
    parser.add_argument("--on", choices=["embedded", "real", "both"], default="both", help="which engines")
    parser.add_argument(
        "--rounds", type=int, default=100, help="kills, on each of the engines; half as many others come on top"
    )
    parser.add_argument("--people", type=int, default=2_000, help="readers; each item is due to each of them")
    parser.add_argument("--mails", type=int, default=0, help="mails due at least, on each of the engines")
    parser.add_argument("--rate", type=float, default=1_500, help="mails a second that the sink answers; 0: all it can")
    parser.add_argument("--refuse", type=int, default=50, help="one mail in so many, while the sink says 451; 0: none")
    parser.add_argument("--seed", type=int, help="of the schedule (else random, and printed)")
    parser.add_argument("--only", nargs="*", default=[], help="only faults whose name contains one of these words")
    parser.add_argument("--folder", type=Path, help="where the run keeps its data and logs (else a temporary folder)")
    parser.add_argument("--write", action="store_true", help="put the table into docs/reliability.md")
    told = parser.parse_args()
    logs.configure("error")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever stops us wants the stack gone, too
    seed = told.seed if told.seed is not None else random.SystemRandom().randrange(1_000_000)
    kept = True
    for real in {"embedded": (False,), "real": (True,), "both": (False, True)}[told.on]:
        folder = told.folder or Path(tempfile.mkdtemp(prefix="tribune-crash-"))
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711)  # PostgreSQL, which does not run as root, must find its own folder in it
        plan = Plan(
            folder=(folder / SLUGS[real]).resolve(),
            real=real,
            seed=seed,
            rounds=told.rounds,
            people=told.people,
            mails=told.mails,
            rate=told.rate,
            refuse=told.refuse,
            kinds=tuple(told.only),
        )
        say(f"\nseed {seed}; logs in {plan.folder}/logs")
        with Driver(plan) as driver:
            outcome = driver.run()
        say("")
        for line in (*outcome.table(), "", *outcome.summary()):
            say(line)
        kept = kept and outcome.kept
        if told.write:
            write(PAGE, SLUGS[real], section(outcome, " ".join(sys.argv[1:])))
    return 0 if kept else 1


def section(outcome: Reckoning, arguments: str) -> str:
    """The part of the page that a run writes."""
    machine = f"{os.cpu_count()} cores, {_memory()} GiB, {platform.system()} {platform.release().split('-')[0]}"
    at = datetime.now(UTC).date().isoformat()
    lines = [
        f"`python -m tools.crash {arguments}` with seed {outcome.plan.seed}, {at}, {machine}, everything on the same "
        f"machine, Python {platform.python_version()}; leases of {outcome.plan.lease:g} s.",
        "",
        *outcome.table(),
        "",
        *outcome.summary(),
    ]
    return "\n".join(lines)


def write(page: Path, name: str, text: str) -> None:
    """Replace what stands between the page's two marks of this name."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before = page.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(before):
        raise SystemExit(f"{page}: the marks {begin} ... {end} are missing")
    page.write_text(pattern.sub(lambda _: f"{begin}\n{text}\n{end}", before), encoding="utf-8")


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


if __name__ == "__main__":
    sys.exit(main())
