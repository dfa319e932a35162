"""Mailings on their way, for tests of sending: a channel that does as it is told, and what became of everybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from tests import outbox_log
from tests.planned import add_item, plan
from tribune.bootstrap import Application
from tribune.domain.errors import DeliveryError, Throttled
from tribune.domain.mailings import MailingState
from tribune.domain.sending import InDoubt
from tribune.ports.channels import Outcome, OutgoingMail
from tribune.services.sending.cancel_mailing import Closed, cancel_mailing
from tribune.services.sending.mailing_progress import mailing_progress
from tribune.services.sending.send_retries import release_retries
from tribune.store.tables import carry_overs, rhythms


class Killed(BaseException):
    """The process dies here."""


class Scripted:
    """A channel that says what the test tells it to. `before` runs before each mail is handed over."""

    name = "scripted"

    def __init__(self, in_doubt: InDoubt = InDoubt.SEND_AGAIN) -> None:
        self.in_doubt = in_doubt
        self.handed: list[OutgoingMail] = []
        self.says: dict[int, list[DeliveryError | BaseException | None]] = {}
        self.before: Callable[[int], None] = lambda number: None

    def send(self, mails: Iterable[OutgoingMail | None]) -> Iterator[Outcome | None]:
        for mail in mails:
            if mail is None:
                yield None  # nothing is in hand: the caller waits
                continue
            number = int(mail.recipient.removeprefix("reader").partition("@")[0])
            self.before(number)
            answers = self.says.get(number, [])
            answer = answers.pop(0) if answers else None
            self.handed.append(mail)
            if answer is not None and not isinstance(answer, DeliveryError):
                raise answer
            yield Outcome(mail.delivery, answer, timedelta(minutes=2) if isinstance(answer, Throttled) else None)

    def forget_before(self, instant: datetime) -> int:
        return 0

    def forget(self, deliveries: Iterable[str]) -> int:
        return 0

    def check(self) -> str:
        return ""

    @property
    def times(self) -> Counter[int]:
        """How often each reader was mailed."""
        return Counter(int(m.recipient.removeprefix("reader").partition("@")[0]) for m in self.handed)


@pytest.fixture
def channel() -> Scripted:
    return Scripted()


def planned(app: Application, *sizes: int, titles: Sequence[str] = ("Work in figures",), **more: Any) -> int:
    """A mailing of new items with these titles to new people, in chunks of these sizes; its id."""
    with app.store.write() as tx:
        items = [add_item(tx, title) for title in titles]
    return plan(app.store, sizes, with_people=True, items=items, **more)


def unsubscribe(tx: Any, who: int, now: datetime) -> None:
    tx.connection.execute(update(rhythms).where(rhythms.c.subscriber_id == who).values(stopped_at=now))


def cancel(app: Application, mailing: int) -> Closed:
    with app.store.write() as tx:
        told, closed = cancel_mailing(tx, mailing, app.clock.now())
    assert told.state is MailingState.CANCELLED
    return closed


def carried(app: Application) -> dict[int, set[int]]:
    """Subscriber -> items that wait for them because a mailing was cancelled."""
    found: dict[int, set[int]] = {}
    with app.store.read() as tx:
        for row in tx.connection.execute(select(carry_overs).where(carry_overs.c.reason == "cancelled")):
            found.setdefault(row.subscriber_id, set()).add(row.item_id)
    return found


def counts(app: Application, mailing: int) -> dict[str, int]:
    with app.store.read() as tx:
        return {state.value: number for state, number in mailing_progress(tx, mailing).states.items()}


def state(app: Application, mailing: int) -> MailingState:
    with app.store.read() as tx:
        found = tx.ledger.mailing(mailing)
    assert found is not None
    return found.state


def events(app: Application) -> list[dict[str, Any]]:
    """All but those of the catalogue."""
    return [event for event in outbox_log.told(app) if not event["type"].startswith("item.")]


def types(app: Application) -> Counter[str]:
    return Counter(event["type"] for event in events(app))


def tick(app: Application) -> list[tuple[int, int]]:
    """What the scheduler does, and what its events ask for."""
    known = {event["id"] for event in events(app)}
    with app.store.write() as tx:
        release_retries(tx, app.clock.now())
    asked = [event["data"] for event in events(app) if event["id"] not in known]
    return sorted((data["mailing"], data["chunk"]) for data in asked)
