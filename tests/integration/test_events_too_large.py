"""An event that is too large to be kept with what is said of it stops nobody, on both logs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from kafka import KafkaProducer

from consumers.loop import Consumer, drain
from tribune.bootstrap import Application
from tribune.domain.events import CloudEvent, ItemReleased
from tribune.domain.retry import Backoff
from tribune.ports.store import Transaction
from tribune.services.events.event_codec import MAX_BYTES, encode, new_event

pytestmark = [pytest.mark.both_pairs, pytest.mark.waits]


def released(number: int) -> CloudEvent:
    return new_event(
        "item.released",
        ItemReleased(number, "en", number),
        source="/tribune/catalogue",
        key="key",
        revision=number + 1,
        time=datetime(2026, 11, 23, 6, 0, tzinfo=UTC),
    )


def publish_largest(app: Application, value: bytes) -> bytes:
    """Publish this, made as large (by spaces at its end, which JSON allows) as the log takes it from anybody."""
    if app.settings.log.kind == "embedded":
        whole = value.ljust(MAX_BYTES)
        app.log.publish_raw("catalogue", "key", whole)
        return whole
    log = app.settings.log
    whole = value.ljust(1_048_400)
    producer = KafkaProducer(bootstrap_servers=list(log.bootstrap_servers), max_request_size=2_000_000)
    producer.send(f"{log.prefix}catalogue", whole, b"key").get(20)
    producer.close()
    return whole


def test_a_broken_one_is_buried_and_those_after_it_are_handled(app: Application) -> None:
    handled: list[int] = []

    def handle(tx: Transaction, event: CloudEvent) -> None:
        handled.append(event.data["item"])

    whole = publish_largest(app, b'{"specversion": "1.0", broken')
    app.log.publish("catalogue", [released(1), released(2)])
    drain([Consumer("digests", ("catalogue",), {"item.released": handle})], app)
    assert handled == [1, 2]
    (letter,) = app.log.dead_letters()
    assert "not JSON" in letter.reason and whole.startswith(letter.value)
    assert letter.whole_bytes in (None, len(whole))
    assert app.interruptions.how_is("digests") == "ok"


def test_one_whose_handler_fails_is_tried_again_or_buried_with_the_reason(app: Application) -> None:
    handled: list[int] = []

    def handle(tx: Transaction, event: CloudEvent) -> None:
        if event.data["item"] == 0:
            raise ValueError("It cannot be done.")
        handled.append(event.data["item"])

    whole = publish_largest(app, encode(released(0)))
    app.log.publish("catalogue", [released(1)])
    backoff = Backoff(attempts=2, first=timedelta(seconds=10), spread=0)
    drain([Consumer("digests", ("catalogue",), {"item.released": handle}, backoff=backoff)], app)
    assert handled == [1]
    if app.settings.log.kind == "embedded":
        assert len(app.log.waiting()) == 1
        return
    (letter,) = app.log.dead_letters()
    assert letter.reason.startswith("ValueError: It cannot be done.") and "too large" in letter.reason
    assert (letter.whole_bytes, letter.attempts, app.log.waiting()) == (len(whole), 1, [])
