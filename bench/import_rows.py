"""Import of 1,000,000 rows of CSV, with a report of every row: all new, then all unchanged, then all changed.

Each import is a process of its own, so that its peak of memory is its own. 10,000 addresses are suppressed beforehand.
`python -m bench.import_rows [--sqlite] [--distinct] [ROWS]`: with --distinct nearly every row has a choice of its own.
"""

from __future__ import annotations

import csv
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.planning import INVENTED, START, ZONES, write_people
from bench.planning import application as sqlite_application
from bench.postgres_world import application, server
from tribune.bootstrap import Application
from tribune.domain.codelists import PlaceType
from tribune.services.audience.import_report import Report
from tribune.services.audience.import_subscribers import import_subscribers
from tribune.store.migrate import migrate

ROWS = 1_000_000
SUPPRESSED = 10_000
HABITS = 2_000
"""People's choices follow interests: so many different ones."""
HEADER = ("address", "name", "group", "languages", "zone", "policy_areas", "places", "cadence", "weekday", "hour")


def write_rows(app: Application, path: Path, rows: int) -> None:
    """One row a person; a thousandth of the addresses are wrong."""
    dice = random.Random(1)
    areas = [code.code for code in app.codelists.policy_areas]
    places = [place.code for place in app.codelists.places.of_type(PlaceType.COUNTRY)]
    hosts = ["gmail.com", "outlook.com", "yahoo.fr", *(f"ministry{n}.example" for n in range(2_000))]
    groups = [code.code for code in app.codelists.groups]
    habits = [
        (
            "|".join(dice.sample(areas, dice.choice((0, 1, 2, 3)))),
            "|".join(dice.sample(places, dice.choice((0, 1, 2)))),
            *dice.choice((("weekly", "monday", 8), ("daily", "", 7), ("weekly", "thursday", 9))),
        )
        for _ in range(HABITS)
    ]
    kinds = [
        (group, languages, zone)
        for group in groups
        for languages in ("fr|en", "en", "es|en", "en|fr", "fr", "es")
        for zone in ZONES
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for number in range(rows):
            name = "Zoë Ñandú" if number % 4 == 0 else "Awa Diop"
            letters = f"{dice.getrandbits(40):010x}"
            address = f"{letters}.{number}@{dice.choice(hosts)}" if number % 1_000 else f"{letters}.@nowhere"
            writer.writerow((address, f"{name} {number}", *dice.choice(kinds), *dice.choice(habits)))


def change(path: Path) -> None:
    """Everybody wants it at another hour."""
    part = path.with_suffix(".part")
    with path.open(encoding="utf-8", newline="") as old, part.open("w", encoding="utf-8", newline="") as new:
        rows, writer = csv.reader(old), csv.writer(new)
        writer.writerow(next(rows))
        writer.writerows([*row[:-1], "11"] for row in rows)
    part.replace(path)


def suppress(app: Application, path: Path) -> None:
    """Addresses that are never mailed: every hundredth of the file is among them, the others are strangers."""
    with path.open(encoding="utf-8", newline="") as file, app.store.write() as tx:
        for number, row in zip(range(SUPPRESSED), csv.reader(file), strict=False):
            address = row[0] if number % 100 == 1 and "@" in row[0] else f"stranger{number}@example.org"
            tx.audience.suppress(address, "complaint", START)


def run(app: Application, path: Path, what: str) -> None:
    """One import; prints its line."""
    before = _peak()
    own, began = time.process_time(), time.perf_counter()
    with Report(path.with_name(f"report-{what}.csv")) as report:
        done = import_subscribers(app.store, app.clock, path, app.digests, app.codelists, basis=INVENTED, report=report)
    took, own = time.perf_counter() - began, time.process_time() - own
    print(
        f"import, {what}: {done.rows:,} rows in {took:.1f} s = {done.rows / took:,.0f} a second"
        f" ({done.added:,} new, {done.changed:,} changed, {done.unchanged:,} unchanged, {done.refused:,} refused),"
        f" CPU of the importer {own:.1f} s, peak {_peak()} MB ({before} MB before)",
        flush=True,
    )


def main(arguments: list[str]) -> int:
    """Run all."""
    told = [int(word) for word in arguments if word.isdigit()]
    rows = told[0] if told else ROWS
    distinct = "--distinct" in arguments
    folder = Path(tempfile.mkdtemp(prefix="tribune-bench-"))
    if "--sqlite" in arguments:
        return _measure(f"sqlite:///{folder}/bench.sqlite3", folder, rows, distinct)
    with server() as made:
        return _measure(made.url(), folder, rows, distinct)


def _measure(url: str, folder: Path, rows: int, distinct: bool) -> int:
    app = _open(url, folder)
    migrate(app.store.engine)
    path = folder / "people.csv"
    (write_people if distinct else write_rows)(app, path, rows)
    suppress(app, path)
    app.close()
    for what in ("new", "unchanged", "changed"):
        if what == "changed":
            change(path)
        subprocess.run([sys.executable, "-m", "bench.import_rows", "one", url, str(folder), what], check=True)
    return 0


def _open(url: str, folder: Path) -> Application:
    return sqlite_application(folder) if url.startswith("sqlite") else application(url, folder)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        of = Path(sys.argv[3])
        opened = _open(sys.argv[2], of)
        run(opened, of / "people.csv", sys.argv[4])
        opened.close()
        sys.exit(0)
    sys.exit(main(sys.argv[1:]))
