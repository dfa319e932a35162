"""1,000,000 subscribers on PostgreSQL: segments counted, sampled, and read through for a mailing.

`python -m bench.segments [PEOPLE]`; TRIBUNE_BENCH_POSTGRES=FOLDER keeps the server's data for a next run.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bench.planning import START
from bench.postgres_world import application, fill, server
from tribune.bootstrap import Application
from tribune.domain.segment_json import Known, read
from tribune.domain.segment_matching import Terms
from tribune.domain.segments import Rule
from tribune.ports.segments import Count
from tribune.services.segments.segment_terms import segment_terms
from tribune.store.engine import SqlTransaction

PEOPLE = 1_000_000
ROUNDS = 5

LATIN_AMERICA = {"wants": {"places": {"any_of": ["419"], "everywhere": False}}}
RULES: Mapping[str, Any] = {
    "everyone": {"everyone": True},
    "a constituent group": {"group": ["government"]},
    "reads Spanish": {"reads": {"any_of": ["es"]}},
    "follows Latin America, by name": LATIN_AMERICA,
    "the same, or everywhere": {"wants": {"places": {"any_of": ["419"], "everywhere": True}}},
    "wages or skills in lower-middle-income countries": {
        "wants": {
            "policy_areas": {"any_of": ["wages", "skills"], "everything": False},
            "places": {"any_of": ["LMC"], "everywhere": False},
        }
    },
    "not seen in 90 days": {"seen": {"not_within_days": 90}},
    "mailed within 30 days": {"mailed": {"within_days": 30}},
    "a tag": {"tags": ["g20"]},
    "nested, seven conditions": {
        "all": [
            {"group": ["government", "workers"]},
            {"any": [{"reads": {"any_of": ["es", "pt"], "first": True}}, LATIN_AMERICA]},
            {
                "any": [
                    {"wants": {"policy_areas": {"any_of": ["wages", "skills"], "everything": True}}},
                    {"tags": ["g20"]},
                ]
            },
            {"none": [{"seen": {"not_within_days": 90}}, {"tags": ["press"]}]},
        ]
    },
}


def engage(app: Application) -> None:
    """Half have used a page on one of 365 days, a tenth have a tag, a third were mailed, a thousand are suppressed."""
    with app.store.write() as tx:
        for statement in (
            "INSERT INTO engagement SELECT id, DATE '2026-11-23' - (id * 37 % 365) FROM subscribers WHERE id % 2 = 0",
            "INSERT INTO person_tags SELECT id, CASE WHEN id % 20 = 0 THEN 'g20' ELSE 'press' END FROM subscribers"
            " WHERE id % 10 = 0",
            "UPDATE marks SET last_date = DATE '2026-11-20' - (subscriber_id % 60) WHERE subscriber_id % 3 = 0",
            "UPDATE rhythms SET stopped_at = now() WHERE subscriber_id % 100 = 7",
            "INSERT INTO suppressions SELECT 'h' || id, 'complaint', now(), id FROM subscribers WHERE id % 1000 = 1",
        ):
            tx.connection.execute(text(statement))
    with app.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
        connection.exec_driver_sql("CHECKPOINT")


def measure(app: Application, name: str, rule: Rule) -> None:
    """Count, and count with a sample, several times; prints the line of a rule."""

    def counted(tx: SqlTransaction, terms: Terms) -> Count:
        return tx.segments.count(rule, terms)

    def looked(tx: SqlTransaction, terms: Terms) -> Count:
        return tx.segments.look(rule, terms, 5).numbers

    count, usual, worst, cpu = timed(app, counted)
    _, with_sample, worst_with, _ = timed(app, looked)
    print(
        f"{name}: {count.people:,} people ({count.mailable:,} can be mailed); counted in {usual * 1000:.0f} ms"
        f" (the worst {worst * 1000:.0f}), with a sample of five {with_sample * 1000:.0f} ({worst_with * 1000:.0f});"
        f" the database's processors {cpu:.2f} s a count",
        flush=True,
    )


def timed(app: Application, work: Callable[[SqlTransaction, Terms], Count]) -> tuple[Count, float, float, float]:
    """What it gives; seconds: the median, the longest, and the database's processor time each."""
    took = []
    with app.store.engine.connect() as connection:
        postmaster = int(_stat(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())[1])
    before = _cpu_of_all(postmaster)
    for _ in range(ROUNDS):
        began = time.perf_counter()
        with app.store.read() as tx:
            found = work(tx, segment_terms(tx, app.codelists, START))
        took.append(time.perf_counter() - began)
    return found, statistics.median(took), max(took), (_cpu_of_all(postmaster) - before) / ROUNDS


def _cpu_of_all(postmaster: int) -> float:
    """Processor seconds of a server: of its sessions, and of workers that have ended."""
    ticks = sum(map(int, _stat(postmaster)[11:15]))
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            told = _stat(int(folder.name))
            ticks += sum(map(int, told[11:13])) if int(told[1]) == postmaster else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def main(people: int) -> None:
    with tempfile.TemporaryDirectory() as folder, server() as running:
        app = application(running.url(), Path(folder))
        began = time.perf_counter()
        if not filled(app):
            fill(app, Path(folder), people)
            engage(app)
        load = os.getloadavg()[0]
        print(f"{people:,} people in {time.perf_counter() - began:.0f} s; load of the machine {load:.1f}", flush=True)
        known = Known(app.codelists, app.digests)
        rules = {name: read({"who": who}, known) for name, who in RULES.items()}
        for name, rule in rules.items():
            measure(app, name, rule)
        began = time.perf_counter()
        with app.store.read() as tx:
            terms = segment_terms(tx, app.codelists, START)
            nested = rules["nested, seven conditions"]
            read_through = sum(len(batch) for batch in tx.segments.ids(nested, terms, mailable=True))
        print(f"all numbers of the nested rule, for a mailing: {read_through:,} in {time.perf_counter() - began:.2f} s")
        app.close()


def filled(app: Application) -> bool:
    with app.store.engine.connect() as connection:
        return bool(connection.scalar(text("SELECT to_regclass('engagement') IS NOT NULL")))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) == 2 else PEOPLE)
