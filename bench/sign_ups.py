"""Sign-ups with their confirmation mail, and one-click unsubscribing, through real web processes over PostgreSQL and
Kafka: the web, the relay, the senders of notices, the mail sink and the load generator share this machine.

    python -m bench.sign_ups [--people 20000] [--sign-ups 800] [--stops 1000] [--seconds 20] [--webs 1]

The load comes from networks that vary through the trusted proxy's header, so that the limits stay on. Nothing may be
lost: each form that was answered must be a person who waits and a notice; each notice must be a mail at the sink; each
POST that was answered must be somebody who has stopped, with a record.
"""

from __future__ import annotations

import argparse
import itertools
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from sqlalchemy import text

from bench import load
from bench.postgres_world import fill
from tools.stack.__main__ import start_sink, wait_until_well
from tools.stack.engines import Real
from tools.stack.workers import Worker, alike, free_port, stop_remembered, tribune
from tribune import config, logs
from tribune.bootstrap import Application

SETTINGS = """
data_dir = "{folder}"
{engines}
[digests.letter]
names = {{ en = "The Letter", fr = "La Lettre", es = "El Boletín" }}
sender = "letter@bench.example"
[email]
channel = "smtp"
[email.smtp]
host = "127.0.0.1"
port = {sink}
security = "none"
[web]
trusted_proxies = ["127.0.0.1/32"]
[logging]
level = "warning"
"""
FORM = urlencode(
    [("topic", code) for code in ("wages", "employment", "skills")]
    + [("place", code) for code in ("SEN", "MLI", "CIV", "BFA")]
    + [
        *[("language1", "fr"), ("language2", "en"), ("language3", ""), ("fallback", "source"), ("cadence", "weekly")],
        *[("weekday", "0"), ("hour", "8"), ("zone", "Africa/Dakar"), ("group", "workers"), ("website", "")],
        *[("do", "subscribe")],
    ]
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.sign_ups")
    parser.add_argument("--people", type=int, default=20_000, help="subscribers that there are already")
    parser.add_argument("--sign-ups", type=float, default=800.0, help="a second")
    parser.add_argument("--stops", type=float, default=1000.0, help="a second")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--webs", type=int, default=1, help="web processes")
    parser.add_argument("--without-mail", action="store_true", help="no relay and no sender run beside")
    told = parser.parse_args()
    logs.configure("error")
    with tempfile.TemporaryDirectory(prefix="tribune-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL, which does not run as root, must find its own folder in it
        (folder / "logs").mkdir()
        engines = Real(folder)
        engines.start()
        try:
            return _measure(folder, engines, told)
        finally:
            stop_remembered(folder)
            engines.stop()


def _measure(folder: Path, engines: Real, told: argparse.Namespace) -> int:
    sink = start_sink(folder)
    made = SETTINGS.format(folder=folder, engines=engines.settings(), sink=sink)
    (folder / "tribune.toml").write_text(made, encoding="utf-8")
    tribune(folder, "migrate")
    app = Application(config.load(folder / "tribune.toml"))
    began = time.monotonic()
    fill(app, folder, told.people)
    print(f"{told.people:,} subscribers are there ({time.monotonic() - began:.0f} s)", flush=True)
    beside = {} if told.without_mail else {"relay": 1, "senders": 1}
    workers = alike({"web": told.webs, **beside}, folder)
    port = free_port()
    if told.webs == 1:
        workers["web-1"].port = port
    for worker in workers.values():
        worker.start()
    for worker in workers.values():
        wait_until_well(worker)
    ports = [worker.port for worker in workers.values() if worker.role == "web"]
    failed = 0
    _warm(ports, app)
    for which in ("sign-ups", "unsubscribe POSTs"):
        failed |= _round(which, ports, app, workers, told)
    app.close()
    return failed


def _warm(ports: list[int], app: Application) -> None:
    for port in ports:
        load.run(port, _forms(port, "warm"), 20, 2, connections=8)
    until = time.monotonic() + 30
    while _counted(app)["waiting"] and time.monotonic() < until:
        time.sleep(0.1)


def _round(which: str, ports: list[int], app: Application, workers: dict[str, Worker], told: argparse.Namespace) -> int:
    before = _counted(app)
    spent = {name: _processor(worker.pid) for name, worker in workers.items()}
    if which == "sign-ups":
        done = load.run(ports[0], _forms(ports[0], f"r{time.time_ns() % 10**9}"), told.sign_ups, told.seconds)
        print(done.line(which, told.sign_ups), flush=True)
        wanted = "people", done.statuses.get(303, 0)
    else:
        done = load.run(ports[0], _stops(ports[0], app, told.people), told.stops, told.seconds)
        print(done.line(which, told.stops), flush=True)
        wanted = "stops", done.statuses.get(200, 0)
    after = _counted(app)
    kept = after[wanted[0]] - before[wanted[0]]
    failed = int(kept != wanted[1])
    print(f"  answered {wanted[1]:,}, kept {kept:,}: {'NONE LOST' if not failed else 'LOST OR TOO MANY'}")
    if which == "sign-ups" and not told.without_mail:
        began = time.monotonic()
        while (sent := _counted(app)["sent"] - before["sent"]) < kept and time.monotonic() - began < 180:
            time.sleep(0.5)
        late, all_in = time.monotonic() - began, done.took + time.monotonic() - began
        failed |= int(sent != kept)
        print(
            f"  mails at the sink {sent:,} of {kept:,}: {sent / all_in:,.0f} /s, "
            f"the last {late:.1f} s after the last form"
        )
    for name, worker in workers.items():
        print(f"  {name}: {(_processor(worker.pid) - spent[name]) / done.took:.2f} of a core")
    return failed


def _forms(port: int, run: str) -> Iterator[bytes]:
    for n in itertools.count():
        body = f"{FORM}&address=p{n}-{run}%40reader{n % 977}.example.org".encode()
        yield load.post("/fr/subscribe", body, port, f"10.{n % 251}.{n // 251 % 251}.7")


def _stops(port: int, app: Application, people: int) -> Iterator[bytes]:
    # Spread over the list, each person once.
    step = next(s for s in (7919, 7907, 1) if people % s)
    for n in range(people):
        link = app.reader_links.links(n * step % people + 1, "letter", 1).unsubscribe
        path = re.sub(r"^https?://[^/]+", "", link)
        yield load.post(path, b"List-Unsubscribe=One-Click", port, f"10.{n % 251}.{n // 251 % 251}.7")
    raise SystemExit("everybody has stopped: give more --people")


def _counted(app: Application) -> dict[str, int]:
    asked = {
        "people": "SELECT count(*) FROM people p JOIN subscribers s USING (id) WHERE s.status = 'pending'",
        "stops": "SELECT count(*) FROM consents WHERE act = 'unsubscribed'",
        "sent": "SELECT count(*) FROM notices WHERE state = 'sent'",
        "waiting": "SELECT count(*) FROM notices WHERE state <> 'sent'",
    }
    with app.store.read() as tx:
        return {what: int(tx.connection.scalar(text(query)) or 0) for what, query in asked.items()}


def _processor(pid: int) -> float:
    """Seconds of processor that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


if __name__ == "__main__":
    sys.exit(main())
