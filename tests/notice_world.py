"""Notices, for tests of them: a channel that does as it is told, who asks, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Table, select

import scheduler
from consumers.loop import drain
from consumers.notices import consumer, sender_of
from tests.planned import add_people
from tribune.bootstrap import Application
from tribune.domain.errors import DeliveryError
from tribune.domain.notices import Notice, NoticeKind
from tribune.domain.sending import InDoubt
from tribune.ports.channels import Outcome, OutgoingMail
from tribune.ports.clock import StoppedClock
from tribune.services.notices.request_notice import request_notice
from tribune.services.notices.send_notices import NoticeSender, send_notice
from tribune.store.tables import log_messages, outbox

KIND = NoticeKind.PREFERENCES_LINK


class Scripted:
    """A channel that says what the test tells it to. `before` runs before the mail is handed over, `after` after."""

    name = "scripted"

    def __init__(self, *says: DeliveryError | BaseException | None, in_doubt: InDoubt = InDoubt.SEND_AGAIN) -> None:
        self.in_doubt = in_doubt
        self.says = list(says)
        self.handed: list[OutgoingMail] = []
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None
        self.wait: timedelta | None = None

    def send(self, mails: Iterable[OutgoingMail | None]) -> Iterator[Outcome | None]:
        self.before()
        for mail in mails:
            assert mail is not None
            self.handed.append(mail)
            self.after()
            answer = self.says.pop(0) if self.says else None
            if answer is not None and not isinstance(answer, DeliveryError):
                raise answer
            yield Outcome(mail.delivery, answer, self.wait)

    def forget_before(self, instant: Any) -> int:
        return 0

    def forget(self, deliveries: Iterable[str]) -> int:
        return 0

    def check(self) -> str:
        return ""


@pytest.fixture
def channel(app: Application) -> Scripted:
    made = Scripted()
    app.email = made
    with app.store.write() as tx:
        add_people(tx, 3)
    return made


def ask(app: Application, person: int = 1) -> Notice:
    with app.store.write() as tx:
        made = request_notice(tx, KIND, person, {"digest": "letter"}, app.rules, app.clock.now())
    assert made is not None
    return made


def refused(app: Application, person: int = 1) -> bool:
    with app.store.write() as tx:
        return request_notice(tx, KIND, person, {"digest": "letter"}, app.rules, app.clock.now()) is None


def one(app: Application, number: int = 1) -> Notice:
    with app.store.read() as tx:
        found = tx.notices.one(number)
    assert found is not None
    return found


def work(app: Application) -> int:
    """Act on every event that waits; how many. On PostgreSQL, without a relay, they are taken from the outbox."""
    if app.store.engine.dialect.name == "sqlite":
        return drain([consumer(app)], app)
    acted: set[str] = vars(app).setdefault("acted", set())
    waiting = [event for event in events(app) if event["id"] not in acted and event["type"] == "notice.ready"]
    for event in waiting:
        with suppress(RuntimeError):
            send_notice(sender_of(app), event["data"]["notice"])
        acted.add(event["id"])
    return len(waiting)


def passes(app: Application, clock: StoppedClock, time: timedelta) -> int:
    """Time passes, the scheduler ticks, what follows is done; how many notices were given out."""
    clock.move(time)
    woken = scheduler.notices(app)
    work(app)
    return woken


def events_of(app: Application) -> Table:
    return log_messages if app.store.engine.dialect.name == "sqlite" else outbox


def events(app: Application) -> list[dict[str, Any]]:
    with app.store.read() as tx:
        return [json.loads(value) for value in tx.connection.scalars(select(events_of(app).c.value))]


def over(app: Application, channel: Scripted) -> NoticeSender:
    """A sender over a channel of the test's."""
    return NoticeSender(
        store=app.store,
        clock=app.clock,
        channel=channel,
        composer=app.notice_composer,
        links=app.notice_links,
        digests=app.digests,
    )
