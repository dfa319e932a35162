"""What the processes of test_log_processes.py do: `python -m tests.integration.log_worker ROLE URL ...`."""

from __future__ import annotations

import json
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from consumers.loop import Consumer, run
from tribune.bootstrap import Application
from tribune.config import Settings, Store
from tribune.domain.errors import Conflict
from tribune.domain.events import CloudEvent, ItemReleased, ItemWithdrawn
from tribune.log.embedded import EmbeddedLog, EmbeddedOutbox
from tribune.ports.clock import SystemClock
from tribune.ports.store import Transaction
from tribune.services.events.event_codec import decode, new_event
from tribune.store.engine import SqlStore, open_engine

SESSION_SECONDS = 1.5


def released(key: str, number: int) -> CloudEvent:
    data = ItemReleased(number, "en", number)
    time = datetime.now(UTC)
    return new_event("item.released", data, source="/worker", key=key, revision=number + 1, time=time)


def produce(url: str, name: str, count: int) -> None:
    """Append, some by the outbox in a transaction, some straight to the log; keys are this producer's own."""
    clock = SystemClock()
    engine = open_engine(url)
    store, log = SqlStore(engine, clock, EmbeddedOutbox), EmbeddedLog(engine, clock)
    for number in range(0, count, 4):
        events = [released(f"{name}-{key}", number // 4) for key in range(4)]
        if number % 8:
            log.publish("catalogue", events)
        else:
            with store.write() as tx:
                tx.outbox.add(*events)


def consume(url: str, path: str) -> None:
    """Poll, note, commit, until told to stop; a note is one line that is written whole."""
    stop = _stop_on_sigterm()
    log = EmbeddedLog(open_engine(url), SystemClock(), session_seconds=SESSION_SECONDS)
    member = log.consumer("group", ["catalogue"])
    with Path(path).open("a", encoding="utf-8", buffering=1) as notes:
        while not stop.is_set():
            messages = member.poll(20, timeout=0.2)
            for message in messages:
                event = decode(message.value, key=message.key, received_at=message.published_at).event
                delay = (datetime.now(UTC) - message.published_at).total_seconds()
                notes.write(json.dumps([message.key, event.data["item"], message.position.partition, delay]) + "\n")
            try:
                member.commit(message.position for message in messages)
            except Conflict:
                notes.write('["conflict"]\n')
    member.close()


def loop(url: str, path: str) -> None:
    """Run the consumer loop: each released item is withdrawn."""
    stop = _stop_on_sigterm()
    app = Application(Settings(store=Store(url=url)))
    # A killed member is taken for dead after this time; the default would make the tests wait.
    app.__dict__["log"] = EmbeddedLog(app.store.engine, app.clock, session_seconds=SESSION_SECONDS)

    def withdraw(tx: Transaction, event: CloudEvent) -> None:
        data = ItemWithdrawn(event.data["item"])
        record = f"{event.key}/{event.revision}"
        told = new_event(
            "item.withdrawn", data, source="/loop", key=event.key, record=record, time=app.clock.now(), cause=event
        )
        tx.outbox.add(told)
        with Path(path).open("a", encoding="utf-8") as notes:
            notes.write(f"{event.key}\n")

    run(Consumer("withdrawers", ("catalogue",), {"item.released": withdraw}), app, stop)


def _stop_on_sigterm() -> threading.Event:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    return stop


if __name__ == "__main__":
    role, url, *rest = sys.argv[1:]
    if role == "produce":
        produce(url, rest[0], int(rest[1]))
    else:
        {"consume": consume, "loop": loop}[role](url, rest[0])
