"""Mails to one person: how long from the commit of a request to the mail at the sink, one by one.

    python -m bench.notices                        embedded defaults in a temporary folder, into smtp-sink
    python -m bench.notices --config tribune.toml  the store, the log and the mail server of these settings
    ... --elsewhere                                only asks: a house that runs already does the sending

To see the lane beside a campaign, run it with the settings of a house that is sending one. What is measured ends when
the sender has read the mail server's answer and holds the transaction that says so: a little more than the mail took.
It asks on behalf of people of its own (notice-bench-1@bench.example ...), whom it adds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

from bench.planning import INVENTED
from consumers.loop import run
from consumers.notices import consumer
from tribune import config, logs
from tribune.bootstrap import Application
from tribune.domain.notices import Notice, NoticeKind, NoticeState
from tribune.services.audience.import_subscribers import import_subscribers
from tribune.services.notices.request_notice import request_notice

HEAD = "address,name,group,languages,zone,fallback,digest,cadence\n"
LANGUAGES = ("en", "fr", "es")


def main(words: Sequence[str] = ()) -> int:
    told = argparse.ArgumentParser(prog="bench.notices")
    told.add_argument("--config", type=Path)
    told.add_argument("--number", type=int, default=300)
    told.add_argument("--pause", type=float, default=0.05, help="seconds between two requests")
    told.add_argument("--elsewhere", action="store_true", help="the sending is done by another process")
    asked = told.parse_args(words)
    logs.configure("error")
    with tempfile.TemporaryDirectory() as name, _sink() if asked.config is None else nullcontext(0) as port:
        folder = Path(name)
        settings = config.load(asked.config) if asked.config else _embedded(folder, port)
        app = Application(settings)
        app.prepare_if_needed()
        try:
            return measure(app, folder, asked.number, asked.pause, elsewhere=asked.elsewhere)
        finally:
            app.close()


def measure(app: Application, folder: Path, number: int, pause: float, *, elsewhere: bool) -> int:
    """Ask for `number` notices, wait for them, and print how long each took; 1 where some did not leave."""
    people, digest = _people(app, folder, number), next(iter(app.digests))
    with nullcontext() if elsewhere else _sending(app):
        committed: dict[int, float] = {}
        asking = []
        for person in people:
            began = time.time()
            with app.store.write() as tx:
                kind, content = NoticeKind.PREFERENCES_LINK, {"digest": digest}
                made = request_notice(tx, kind, person, content, app.rules, app.clock.now())
            if made is None:
                print("these people were asked for too often: wait an hour, or give another --number")
                return 1
            committed[made.id] = time.time()
            asking.append(committed[made.id] - began)
            time.sleep(pause)
        done = _settled(app, list(committed))
    took = [
        notice.settled_at.timestamp() - committed[notice.id]
        for notice in done
        if notice.state is NoticeState.SENT and notice.settled_at
    ]
    channel = app.settings.email.channel
    print(f"{_figures('commit of the request to the mail at the sink', took)} ({len(took)} mails, {channel})")
    print(f"{_figures('the request itself, with its commit', asking)}")
    print(f"rendering, warm: {_rendering(app, done[0]) * 1000:.2f} ms a mail")
    if len(took) < number:
        print(f"only {len(took)} of {number} mails left")
    return int(len(took) < number)


def _figures(what: str, seconds: Sequence[float]) -> str:
    told = sorted(seconds) or [float("nan")]
    p99 = told[min(len(told) - 1, int(len(told) * 0.99))]
    return f"{what}: p50 {statistics.median(told) * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, max {told[-1] * 1000:.0f} ms"


def _settled(app: Application, ids: Sequence[int]) -> list[Notice]:
    """These notices, once they are settled, or after a minute."""
    until = time.monotonic() + 60
    while True:
        with app.store.read() as tx:
            found = [notice for id in ids if (notice := tx.notices.one(id)) is not None]
        if all(notice.state.settled for notice in found) or time.monotonic() > until:
            return found
        time.sleep(0.5)


def _people(app: Application, folder: Path, number: int) -> list[int]:
    """One person a notice; their numbers."""
    digest = next(iter(app.digests), None)
    if digest is None:
        sys.exit("the settings have no digest: add [digests.NAME]")
    rows = (
        f"notice-bench-{n}@bench.example,Reader {n},other,{LANGUAGES[n % 3]},UTC,source,{digest},monthly\n"
        for n in range(number)
    )
    file = folder / "people.csv"
    file.write_text(HEAD + "".join(rows), encoding="utf-8")
    import_subscribers(app.store, app.clock, file, app.digests, app.codelists, basis=INVENTED)
    with app.store.read() as tx:
        found = [tx.audience.by_address(f"notice-bench-{n}@bench.example") for n in range(number)]
    return [person.id for person in found if person]


def _rendering(app: Application, notice: Notice) -> float:
    """Seconds for one copy."""
    digest, rounds = next(iter(app.digests.values())), 500
    link = app.notice_links.link(notice)
    began = time.perf_counter()
    for number in range(rounds):
        copy = replace(notice, id=number)
        app.notice_composer.compose(copy, [digest], "Élodie N’Diaye", "elodie@bench.example", link)
    return (time.perf_counter() - began) / rounds


@contextmanager
def _sending(app: Application) -> Iterator[None]:
    """The group `notices` in a thread of its own, as `tribune up` has it."""
    app.notice_composer.warm(app.settings.organisation.languages, app.digests.values())
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(consumer(app), app, stop))
    thread.start()
    try:
        time.sleep(1)  # it joins its group
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def _sink() -> Iterator[int]:
    """Postfix's smtp-sink on a free port; 0 where it is not installed."""
    program = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        yield 0
        return
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    process = subprocess.Popen([program, *user, f"127.0.0.1:{port}", "100"])
    try:
        time.sleep(0.5)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _embedded(folder: Path, port: int) -> config.Settings:
    smtp = {"host": "127.0.0.1", "port": port or 25, "security": "none"}
    email = {"channel": "smtp", "smtp": smtp} if port else {"outbox_folder": folder / "outbox"}
    return config.Settings.model_validate(
        {
            "data_dir": folder,
            "store": {"url": f"sqlite:///{folder / 'tribune.sqlite3'}"},
            "email": email,
            "digests": {"letter": {"names": {"en": "Letter"}, "sender": "letter@bench.example"}},
        }
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
