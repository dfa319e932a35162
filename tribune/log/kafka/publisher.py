"""Sends to Kafka and waits for the answer of each message.

kafka-python's idempotent producer hangs for good once a batch that was sent has outlived its delivery time-out: its
futures never resolve. So each wait has an end, and a producer that did not answer in time is thrown away. What it had
in hand may be on the log or not; whoever publishes tries again, and the inboxes know a repeat.

Nor does it go on after a message that the broker refuses (larger than this broker or topic takes): whatever it has in
hand then fails, for whichever thread, with that same error. So each that is told to be impossible is tried once more by
itself, and the producer is thrown away.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from kafka import errors as kafka

from tribune.domain.errors import InvalidInput
from tribune.log.kafka.cluster import Cluster
from tribune.log.kafka.errors import BrokerAway, translated
from tribune.log.kafka.records import Headers, key_bytes
from tribune.ports.clock import SystemClock
from tribune.ports.log import MessageTooLarge

_TOO_LARGE = (kafka.MessageSizeTooLargeError, kafka.RecordListTooLargeError)
_WALL = SystemClock()


class Sending(NamedTuple):
    """A message to send: the topic without its prefix; a value of None is a tombstone."""

    topic: str
    key: bytes
    value: bytes | None
    headers: Headers

    @classmethod
    def of(cls, topic: str, key: str, value: bytes, headers: Headers) -> Sending:
        """With the key as text."""
        return cls(topic, key_bytes(key), value, headers)


class Publisher:
    """One producer for all threads of a process, made anew when it stops to answer."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._producer: Any = None
        self._lock = threading.Lock()

    def send(self, messages: Sequence[Sending]) -> None:
        """Send all, durably when it returns. Raises InvalidInput for a message that no broker takes (MessageTooLarge
        where it is for its size), BrokerAway."""
        for failure in self.try_all(messages):
            if failure is not None:
                raise failure

    def try_all(self, messages: Sequence[Sending]) -> list[Exception | None]:
        """Send all; for each, None or why it could not be sent: InvalidInput for one that no broker takes, else
        BrokerAway or ConfigurationError. Messages of one key keep their order."""
        if not messages:
            return []
        try:
            producer = self._current()
        except Exception as error:
            return [error] * len(messages)
        futures, answers = self._try(producer, messages)
        failed = [n for n, answer in enumerate(answers) if answer is not None and answer is not futures[n]]
        if failed:
            self._discard(producer)
        accused = [n for n in failed if isinstance(answers[n], InvalidInput)]
        for n, answer in zip(accused, self._try_alone([messages[n] for n in accused]), strict=True):
            answers[n] = answer
        return answers

    def _try(self, producer: Any, messages: Sequence[Sending]) -> tuple[list[Any], list[Exception | None]]:
        """Send by this producer: what each `send` gave (an error for one that was not sent), and the answers."""
        futures = [self._begin(producer, one) for one in messages]
        until = _WALL.monotonic() + self._cluster.delivery_seconds + self._cluster.request_seconds
        with suppress(kafka.KafkaError):  # each future tells for itself
            producer.flush(max(until - _WALL.monotonic(), 0.1))
        answers = [
            future if isinstance(future, Exception) else self._answer(future, one, max(until - _WALL.monotonic(), 0.0))
            for future, one in zip(futures, messages, strict=True)
        ]
        return futures, answers

    def _try_alone(self, messages: Sequence[Sending]) -> list[Exception | None]:
        """Send one after the other, by a producer that has nothing else in hand: who fails is to blame for it."""
        producer: Any = None
        answers: list[Exception | None] = []
        for one in messages:
            if answers and isinstance(answers[-1], BrokerAway):
                answers.append(answers[-1])
                continue
            try:
                producer = producer or self._cluster.producer()
                answers += self._try(producer, [one])[1]
            except Exception as error:
                answers.append(error)
            if answers[-1] is not None and producer is not None:
                _end(producer)
                producer = None
        if producer is not None:
            _end(producer)
        return answers

    def close(self) -> None:
        """Release the producer. Nothing waits in it: each call has waited for its own."""
        with self._lock:
            producer, self._producer = self._producer, None
        if producer is not None:
            _end(producer)

    def _current(self) -> Any:
        with self._lock:
            if self._producer is None:
                self._producer = self._cluster.producer()
            return self._producer

    def _begin(self, producer: Any, one: Sending) -> Any:
        try:
            return producer.send(self._cluster.topic(one.topic), one.value, one.key, one.headers)
        except (kafka.KafkaError, ValueError, TypeError) as error:
            return self._told(error, one)

    def _answer(self, future: Any, one: Sending, seconds: float) -> Exception | None:
        try:
            future.get(timeout=seconds)
        except kafka.KafkaError as error:
            return self._told(error, one)
        return None

    def _told(self, error: Exception, one: Sending) -> Exception:
        if isinstance(error, _TOO_LARGE):
            size = len(one.key) + len(one.value or b"") + sum(len(name) + len(value) for name, value in one.headers)
            return MessageTooLarge(f"A message of {size:,} bytes is more than the broker takes.", where=one.topic)
        if not isinstance(error, kafka.KafkaError):
            return InvalidInput(f"The message cannot be sent: {error}", where=one.topic)
        if isinstance(error, kafka.InvalidTopicError | kafka.InvalidRecordError):
            return InvalidInput(f"The broker refuses the message: {type(error).__name__}.", where=one.topic)
        try:
            with translated(f"publish to {one.topic}", self._cluster.servers):
                raise error
        except Exception as ours:
            return ours

    def _discard(self, producer: Any) -> None:
        with self._lock:
            if self._producer is producer:
                self._producer = None
        _end(producer)


def _end(producer: Any) -> None:
    """Close a producer that may hang. `close` waits for what will never come and then gives up before it has ended the
    thread, so that is done first, by its inner name."""
    with suppress(Exception):
        producer._sender.force_close()
    with suppress(Exception):
        producer.close(timeout=1.0)
