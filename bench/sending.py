"""Sending: an edition planned for many people, rendered and sent to smtp-sink by sender processes, the ledger on disk.

Everything that real sending does is on: leases, marks, suppression and withdrawals read again for each window, signed
links and return paths. Beside it, in the same run, what C alone reaches: `smtp-source -d -s 20` into the same sink.

Run: python -m bench.sending [--mails 100000] [--senders 1] [--large] [--throttled] [--postgres | --store postgresql://...]
Needs Postfix's smtp-sink and smtp-source. The store is SQLite unless told otherwise (the database must be empty).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tribune.bootstrap import Application
from tribune.collector import spare_what_stays
from tribune.config import Settings
from tribune.domain.events import CloudEvent, Cohort, EditionDue
from tribune.ports.clock import SystemClock
from tribune.store.bulk import insert_rows
from tribune.store.migrate import migrate
from tribune.store.tables import instant_text, marks, mask_columns, people, rhythms, subscribers, subscriptions

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SMALL = {
    "digest.mjml": "<!DOCTYPE html><html lang='{{ frame.locale }}'><body><p>{{ slot.name }}</p>{{ slot.items }}"
    "<!--cut:lead-->{% if lead is defined %}<h2>{{ lead.title }}</h2>{% endif %}<!--/cut:lead-->"
    "<!--cut:row-->{% if row is defined %}<p>{{ row.title }}</p>{% endif %}<!--/cut:row-->"
    "<p>{{ slot.why }}</p><p><a href='{{ slot.preferences }}'>Preferences</a> "
    "<a href='{{ slot.unsubscribe }}'>Unsubscribe</a></p></body></html>",
    "item.mjml": "",
    "digest.txt": "{{ slot.name }}\n{{ slot.items }}\n{{ slot.why }}\n{{ slot.preferences }}\n{{ slot.unsubscribe }}\n"
    + "This letter tells of what was published.\n" * 14,
    "item.txt": "{{ item.title }}\n",
    "subject.txt": "{{ lead }}",
}
"""Templates of a small mail (2.8 KB): of the house's own only the layout is left out."""


RATE = "TRIBUNE_BENCH_RATE"
"""The variable that tells the senders a rate: mails a second."""


def settings(folder: Path, store: str, port: int) -> Settings:
    return Settings.model_validate(
        {
            "data_dir": folder,
            "store": {"url": store or f"sqlite:///{folder}/bench.sqlite3", "statement_timeout_seconds": 600},
            "log": {"kind": "kafka"} if store else {},
            "email": {"channel": "smtp", "smtp": {"host": "127.0.0.1", "port": port, "security": "none"}}
            | ({"throttle": {"messages_per_second": float(os.environ[RATE])}} if RATE in os.environ else {}),
            "digests": {"letter": {"names": {"en": "Letter"}, "sender": "letter@observatory.example", "max_items": 5}},
            "organisation": {"addresses": {"en": "1 Lake Street, Example City"}},
            "web": {"base_url": "https://letters.observatory.example"},
        }
    )


def application(folder: Path, store: str, port: int, *, small: bool) -> Application:
    app = Application(settings(folder, store, port), SystemClock())
    if small:
        from tribune.rendering.email.templates import Templates

        templates = folder / "templates" / "email"
        (templates / "digest").mkdir(parents=True, exist_ok=True)
        for name, text in SMALL.items():
            (templates / "digest" / name).write_text(text, encoding="utf-8")
        app.composer.templates = Templates(folder / "templates", app.translations)
        app.composer.templates.html = app.composer.templates.render  # type: ignore[method-assign]
        app.composer._fragments._templates = app.composer.templates
    return app


def add_items(app: Application, number: int) -> None:
    """Briefs in English with an abstract of usual length, catalogued as from a source."""
    from tribune.domain.items import ItemRecord, LanguageVersion, Link
    from tribune.services.catalogue.catalogue_item import catalogue_record
    from tribune.services.events.event_codec import new_event

    for n in range(number):
        link = Link(f"https://observatory.example/publications/{n}")
        version = LanguageVersion(
            "en", f"Working time and wages in the regions, part {n}", "An abstract. " * 40, (link,)
        )
        record = ItemRecord(f"item-{n}", "brief", "en", (version,))
        event = new_event("publication.published", record, source="/bench", key=record.record, time=START)
        with app.store.write() as tx:
            catalogue_record(tx, event, app.codelists, START)


def prepare(app: Application, number: int) -> int:
    """People who want everything daily, twenty items, and an edition planned by the house; its mailing."""
    from tribune.services.planning.plan_edition import plan_edition

    migrate(app.store.engine) if app.settings.store.url.startswith("postgresql") else app.prepare()
    add_items(app, 20)
    at = instant_text(START)
    ids = range(1, number + 1)
    wish = json.dumps({"policy_areas": [], "places": [], "kinds": []})
    with app.store.write() as tx:
        c = tx.connection
        insert_rows(c, people, ["id", "address", "address_key", "name"], (
            (n, *[f"reader{n}@ministry{n % 700}.example"] * 2, f"Zoë Ñandú {n}") for n in ids
        ))  # fmt: skip
        facts = ["id", "audience_group", "languages", "fallback", "zone", "domain_group", "status"]
        insert_rows(c, subscribers, [*facts, "confirmed_at", "changed_at"], (
            (n, "government", "en", "source", "Africa/Dakar", "other", "active", at, at) for n in ids
        ))  # fmt: skip
        insert_rows(c, subscriptions, ["subscriber_id", "digest", "cadence", "choice", *mask_columns], (
            (n, "letter", "daily", wish, *([1] * len(mask_columns))) for n in ids
        ))  # fmt: skip
        insert_rows(c, rhythms, ["subscriber_id", "digest", "cadence", "weekday", "hour", "zone", "stopped_at"], (
            (n, "letter", "daily", 0, 8, "Africa/Dakar", None) for n in ids
        ))  # fmt: skip
        insert_rows(c, marks, ["subscriber_id", "digest", "cadence", "mark", "last_date"], (
            (n, "letter", "daily", 0, None) for n in ids
        ))  # fmt: skip
    from tribune.services.audience.refresh_masks import refresh_masks

    refresh_masks(app.store, app.codelists)
    edition = EditionDue("letter", "daily", "2026-11-23", START, (Cohort(0, 8, "Africa/Dakar"),))
    event = CloudEvent("bench", "/bench", "edition.due", START, "letter/daily", {})
    began = time.perf_counter()
    with app.store.write() as tx:
        planned = plan_edition(tx, edition, event, app.digests, app.codelists, app.rules, START)
    print(f"planned {planned.recipients:,} deliveries in {time.perf_counter() - began:.1f} s")
    return planned.mailing or 0


def work(folder: Path, store: str, port: int, small: bool, mailing: int, number: int, of: int) -> None:
    """One sender: its share of the chunks first, then whatever is left. Prints what it took, as JSON."""
    from consumers.deliveries import sender_of
    from tribune.services.sending.send_stream import Stream

    app = application(folder, store, port, small=small)
    with app.store.read() as tx:
        chunks = [view.chunk for view in tx.ledger.chunks(mailing)]
    mine = [chunk for chunk in chunks if chunk % of == number]
    others = [chunk for chunk in chunks if chunk % of != number]
    spare_what_stays()  # as every role does
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.time()
    Stream(sender_of(app), [(mailing, chunk) for chunk in mine + others[::-1]]).run()
    told = resource.getrusage(resource.RUSAGE_SELF)
    result = {"began": began, "ended": time.time(), "cpu": told.ru_utime + told.ru_stime, "mb": peak_memory()}
    print(json.dumps(result), flush=True)
    app.close()


@contextmanager
def sink() -> Iterator[int]:
    """smtp-sink on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    process = subprocess.Popen(["smtp-sink", *user, f"127.0.0.1:{port}", "1000"], stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def source(port: int, number: int, size: int) -> float:
    """Mails a second of C's smtp-source into the same sink."""
    began = time.perf_counter()
    command = ["smtp-source", "-d", "-s", "20", "-l", str(size), "-m", str(number)]
    subprocess.run([*command, "-f", "a@x.example", "-t", "b@x.example", f"127.0.0.1:{port}"], check=True)
    return number / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mails", type=int, default=100_000)
    parser.add_argument("--senders", type=int, default=1)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--throttled", action="store_true", help="with a rate that is never reached: what it costs")
    parser.add_argument("--store", default="", help="an empty PostgreSQL database")
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL server of the measurement's own")
    parser.add_argument("--profile", default="", help="a file for py-spy's raw stacks of the first sender")
    told = parser.parse_args()
    if told.throttled:
        os.environ[RATE] = "1000000"
    if not shutil.which("smtp-sink", path=os.environ["PATH"] + ":/usr/sbin"):
        sys.exit("smtp-sink is missing: it comes with Postfix.")
    os.environ["PATH"] += ":/usr/sbin"
    with tempfile.TemporaryDirectory() as name, ExitStack() as beside:
        port, folder = beside.enter_context(sink()), Path(name)
        if told.postgres:
            from bench.postgres_world import server

            told.store = beside.enter_context(server()).url()
        app = application(folder, told.store, port, small=not told.large)
        mailing = prepare(app, told.mails)
        size = _size(app, mailing)
        references = [source(port, min(told.mails, 30_000), size) for _ in range(2)]
        app.close()
        command = [sys.executable, "-m", "bench.sending", "work", name, told.store, str(port)]
        processes = [
            subprocess.Popen(
                [*command, str(int(not told.large)), str(mailing), str(number), str(told.senders)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(told.senders)
        ]
        before = {name: cpu_of(name) for name in ("smtp-sink", "postgres")}
        results = _race(processes, told.profile)
        others = {name: cpu_of(name) - cpu for name, cpu in before.items()}
        references += [source(port, min(told.mails, 30_000), size) for _ in range(2)]
        reference = statistics.mean(references)
        took = max(one["ended"] for one in results) - min(one["began"] for one in results)
        rate, cpu = told.mails / took, sum(one["cpu"] for one in results)
        print(
            f"{told.senders} sender(s), {size / 1000:.1f} KB: {rate:,.0f} mails/s; smtp-source -d {reference:,.0f}/s "
            f"({min(references):,.0f} to {max(references):,.0f}, twice before and twice after): "
            f"ratio {rate / reference:.2f}; peak memory of a sender {max(one['mb'] for one in results):.0f} MB"
        )
        # PostgreSQL's is that of all servers on the machine: there should be no other.
        each = {"senders": cpu, "sink": others["smtp-sink"]} | ({"database": others["postgres"]} if told.store else {})
        spent = ", ".join(f"{name} {seconds / told.mails * 1000:.3f} ms" for name, seconds in each.items())
        print(f"CPU a mail: {spent}")


def peak_memory() -> float:
    """MB that this process held at most (ru_maxrss would begin with what its parent held)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def cpu_of(name: str) -> float:
    """CPU seconds of all processes of this name, and of their children that have ended."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            program, _, told = stat.read_text().partition(") ")
            if program.endswith(f"({name}"):
                ticks += sum(int(number) for number in told.split()[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def _race(processes: list[subprocess.Popen[str]], profile: str = "") -> list[dict[str, Any]]:
    for process in processes:
        assert process.stdout and process.stdout.readline().strip() == "ready"
    if profile:
        watch = [
            "py-spy",
            "record",
            "-r",
            "200",
            "-f",
            "raw",
            "-d",
            "600",
            "-o",
            profile,
            "-p",
            str(processes[0].pid),
        ]
        subprocess.Popen(watch, stdout=subprocess.DEVNULL)
        time.sleep(1)
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    return [json.loads(process.communicate()[0].splitlines()[-1]) for process in processes]


def _size(app: Application, mailing: int) -> int:
    """The bytes of the mailing's first mail."""
    from consumers.deliveries import sender_of
    from tribune.domain.sending import Claim, Marks
    from tribune.ports.channels import OutgoingMail
    from tribune.services.sending.make_mails import load_window

    with app.store.read() as tx:
        told = tx.ledger.mailing(mailing)
        assert told is not None
        claim = Claim(mailing, 0, 0, "mailing", "other", "en", Marks(1))
        batch = load_window(tx, sender_of(app), told, claim, Marks(1, 0, 1))
    mail = batch.make(batch.slots[0])
    assert isinstance(mail, OutgoingMail)
    return len(mail.content)


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] == "work":
        _, _, folder, store, port, small, mailing, number, of = sys.argv
        work(Path(folder), store, int(port), bool(int(small)), int(mailing), int(number), int(of))
    else:
        main()
