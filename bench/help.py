"""How long `tribune --help` takes, as a whole process."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time


def main() -> None:
    took = []
    for _ in range(11):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "tribune", "--help"], check=True, stdout=subprocess.DEVNULL)
        took.append(time.perf_counter() - began)
    median, slowest = statistics.median(took[1:]) * 1000, max(took[1:]) * 1000
    print(f"tribune --help: median {median:.0f} ms, slowest {slowest:.0f} ms (10 runs)")


if __name__ == "__main__":
    main()
