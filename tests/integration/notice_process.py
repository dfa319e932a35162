"""The consumer of notices, with the scheduler's tick, in a process of its own, for tests that kill it.

Usage: python -m tests.integration.notice_process FOLDER STORE_URL SMTP_PORT NOW

NOW (ISO 8601) is the instant at which its clock begins. It ends when every notice is settled.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select

import scheduler
from consumers.loop import ActingTogether, run
from consumers.notices import consumer
from tests.outbox_log import rows
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.domain.events import NOTICES, CloudEvent
from tribune.ports.clock import SystemClock
from tribune.services.events.event_codec import decode
from tribune.store.tables import notices


def main(folder: Path, store: str, port: int, now: datetime) -> None:
    clock = SystemClock(now - datetime.now(UTC))
    app = Application(
        Settings.model_validate(
            {
                "data_dir": folder,
                "store": {"url": store},
                "log": {"kind": "embedded" if store.startswith("sqlite") else "kafka"},  # then read from the outbox
                "email": {
                    "channel": "smtp",
                    "smtp": {"host": "127.0.0.1", "port": port, "security": "none", "connections": 4},
                },
                "digests": {"letter": {"names": {"en": "The letter"}, "sender": "letter@observatory.example"}},
            }
        ),
        clock,
    )
    embedded = store.startswith("sqlite")
    stop = threading.Event()
    working = threading.Thread(target=run if embedded else from_the_outbox, args=(consumer(app), app, stop))
    working.start()
    while True:
        scheduler.notices(app)
        with app.store.read() as tx:
            if not tx.connection.scalar(select(func.count()).where(notices.c.settled_at.is_(None))):
                break
        time.sleep(0.1)
    stop.set()
    working.join()
    app.close()


def from_the_outbox(group: object, app: Application, stop: threading.Event) -> None:
    """What a log would give, from the start again after each death: at least once."""
    handler = group.handlers["notice.ready"]  # type: ignore[attr-defined]
    assert isinstance(handler, ActingTogether)
    done = 0
    while not stop.is_set():
        with app.store.read() as tx:
            told = rows(tx.connection, NOTICES)[done:]
        events: list[CloudEvent] = [
            decode(value, key=key, received_at=app.clock.now()).event for key, value in told if json.loads(value)
        ]
        while events and not stop.is_set():
            taken = len(handler.act(events, lambda: None))
            events, done = events[taken:], done + taken
        time.sleep(0.02)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), datetime.fromisoformat(sys.argv[4]))
