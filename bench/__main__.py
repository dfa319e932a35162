"""`make bench`: every measurement, one after the other, each in a process of its own, with the machine named."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

BENCHES = (
    *("help", "events", "catalogue", "ilostat", "planning", "rendering", "end_to_end", "notices"),
    *("smtp", "sending", "sending --postgres --senders 2", "sending --postgres --senders 2 --large"),
    *("sending --postgres --senders 2 --mails 1000000", "first_mail", "own_lane", "planning_pg", "explain"),
    *("pages", "newsroom", "sign_ups", "segments", "campaigns", "preferences", "import_rows"),
)


def machine() -> str:
    """The machine in one line: processor, cores, memory, Python."""
    cpu = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor() or "unknown processor",
    )
    cores = sum(line.startswith("processor") for line in _lines("/proc/cpuinfo"))
    kib = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{cpu}, {cores} cores, {kib / 2**20:.0f} GiB, {system}"


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def main(names: list[str]) -> int:
    print(f"Machine: {machine()}\n")
    failed = 0
    for name in names or BENCHES:
        print(f"## {name}", flush=True)
        failed |= subprocess.run([sys.executable, "-m", *f"bench.{name}".split()], check=False).returncode
        print(flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
