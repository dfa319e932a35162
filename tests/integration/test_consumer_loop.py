"""The consumer loop, over the real embedded log and store."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from consumers.loop import Acting, Consumer, Handler, Member, drain, run
from tribune.bootstrap import Application
from tribune.domain.errors import BrokenEvent, ConfigurationError, InvalidInput
from tribune.domain.events import CloudEvent, ItemReleased, ItemWithdrawn
from tribune.domain.retry import Backoff
from tribune.ports.clock import StoppedClock
from tribune.ports.log import LogConsumer, TopicSpec
from tribune.ports.store import Transaction
from tribune.services.events.event_codec import encode, new_event

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


class Counted:
    """Metrics in memory."""

    def __init__(self) -> None:
        self.told: dict[tuple[str, ...], float] = {}

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        key = (name, *labels.values())
        self.told[key] = self.told.get(key, 0) + by

    def gauge(self, name: str, value: float, **labels: str) -> None:
        self.told[(name, *labels.values())] = value

    def observe(self, name: str, value: float, **labels: str) -> None:
        self.count(name, 1, **labels)


@pytest.fixture
def counted(app: Application) -> Counted:
    counted = Counted()
    app.__dict__["metrics"] = counted
    return counted


def released(number: int) -> CloudEvent:
    data = ItemReleased(number, "en", number)
    return new_event("item.released", data, source="/tribune/catalogue", key=f"item-{number}", time=NOW)


def publish(app: Application, *events: CloudEvent) -> None:
    with app.store.write() as tx:
        tx.outbox.add(*events)


def group(on_released: Handler | Acting, name: str = "digests", *, projection: bool = False) -> Consumer:
    backoff = Backoff(attempts=3, first=timedelta(seconds=10), spread=0)
    return Consumer(name, ("catalogue",), {"item.released": on_released}, projection, backoff)


class Record:
    """A handler that notes which items it handled, and fails where it is told to."""

    def __init__(self, fail: Callable[[int], Exception | None] = lambda _: None) -> None:
        self.items: list[int] = []
        self._fail = fail

    def __call__(self, tx: Transaction, event: CloudEvent) -> None:
        item = event.data["item"]
        error = self._fail(item)
        if error is not None:
            raise error
        self.items.append(item)


def test_events_are_handled_once_in_effect(app: Application, counted: Counted) -> None:
    handler = Record()
    publish(app, *map(released, range(5)), *map(released, range(5)))  # each one twice
    assert drain([group(handler)], app) == 10
    assert sorted(handler.items) == [0, 1, 2, 3, 4]
    assert counted.told[("events_repeated", "digests")] == 5
    assert drain([group(handler)], app) == 0


def test_the_inbox_belongs_to_the_transaction_of_the_handler(app: Application) -> None:
    def spread(tx: Transaction, event: CloudEvent) -> None:
        data = ItemWithdrawn(event.data["item"])
        tx.outbox.add(new_event("item.withdrawn", data, source="/test", key=event.key, time=NOW, cause=event))
        if event.data["item"] in failing:
            raise RuntimeError("in the middle")

    failing = {2}
    withdrawn: list[int] = []
    reader = Consumer(
        "reader", ("catalogue",), {"item.withdrawn": lambda tx, event: withdrawn.append(event.data["item"])}
    )
    publish(app, *map(released, range(4)))
    drain([group(spread), reader], app)
    assert sorted(withdrawn) == [0, 1, 3]  # what the failed handler had added is gone with it
    failing.clear()
    _move(app, 11)
    drain([group(spread), reader], app)
    assert sorted(withdrawn) == [0, 1, 2, 3]


def test_a_failure_waits_beside_its_partition_and_is_tried_again(app: Application, counted: Counted) -> None:
    broken = {3}
    handler = Record(lambda item: RuntimeError("not now") if item in broken else None)
    publish(app, *map(released, range(6)))
    drain([group(handler)], app)
    assert set(handler.items) == {0, 1, 2, 4, 5}
    assert counted.told[("events_retried", "digests", "item.released")] == 1
    (waiting,) = app.log.waiting("digests")
    assert (waiting.not_before, waiting.attempts) == (NOW + timedelta(seconds=10), 1)
    _move(app, 9)
    assert drain([group(handler)], app) == 0
    broken.clear()
    _move(app, 1)
    assert drain([group(handler)], app) == 1
    assert handler.items[-1] == 3 and not app.log.dead_letters()


def test_after_the_last_attempt_it_is_among_the_dead_letters(app: Application, counted: Counted) -> None:
    handler = Record(lambda item: RuntimeError("never") if item == 1 else None)
    publish(app, *map(released, range(3)))
    for seconds in (0, 10, 50):
        _move(app, seconds)
        drain([group(handler)], app)
    (letter,) = app.log.dead_letters()
    assert (letter.group, letter.attempts, letter.reason) == ("digests", 3, "RuntimeError: never")
    assert "tests/integration/test_consumer_loop.py" in letter.detail and "in __call__" in letter.detail
    assert json.loads(letter.value)["data"]["item"] == 1
    assert counted.told[("events_dead", "digests")] == 1
    assert not app.log.waiting() and set(handler.items) == {0, 2}


def test_a_replayed_dead_letter_is_handled_by_its_group_only(app: Application) -> None:
    broken = {1}
    failing = Record(lambda item: BrokenEvent("It is wrong.") if item in broken else None)
    other = Record()
    groups = [group(failing), group(other, "other")]
    publish(app, *map(released, range(3)))
    drain(groups, app)
    broken.clear()
    assert app.log.replay_dead([letter.id for letter in app.log.dead_letters()]) == 1
    assert drain(groups, app) == 1
    assert set(failing.items) == {0, 1, 2} and sorted(other.items) == [0, 1, 2]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"no json",
        b"[]",
        b'{"specversion":"1.0"}',
        encode(released(1)).replace(b'"item":1', b'"item":"one"'),
        encode(released(1)).replace(b'"specversion":"1.0"', b'"specversion":"0.3"'),
    ],
)
def test_a_broken_event_is_buried_at_once_and_the_partition_moves_on(app: Application, value: bytes) -> None:
    handler = Record()
    publish(app, *map(released, range(10)))
    for key in "abcdefgh":
        app.log.publish_raw("catalogue", key, value)
    publish(app, *map(released, range(10, 20)))
    assert drain([group(handler)], app) == 28
    assert sorted(handler.items) == list(range(20))
    letters = app.log.dead_letters()
    assert len(letters) == 8 and {letter.attempts for letter in letters} == {1}
    assert all(letter.reason.startswith("BrokenEvent: ") for letter in letters)


def test_unknown_types_and_fields_are_passed_over_and_counted(app: Application, counted: Counted) -> None:
    handler = Record()
    told = json.loads(encode(released(1)))
    told["data"]["mood"] = "good"
    app.log.publish_raw("catalogue", "key", json.dumps(told).encode())
    foreign = {"specversion": "1.0", "id": "1", "source": "/x", "type": "com.example.thing", "data_base64": "AA=="}
    app.log.publish_raw("catalogue", "key", json.dumps(foreign).encode())
    withdrawn = new_event("item.withdrawn", ItemWithdrawn(1), source="/x", key="key", time=NOW)
    publish(app, withdrawn)  # known, but not to this group
    assert drain([group(handler)], app) == 3
    assert handler.items == [1] and not app.log.dead_letters()
    assert counted.told == {
        ("events_handled", "digests", "item.released"): 1,
        ("event_fields_unknown", "digests", "item.released"): 1,
        ("events_of_unknown_type", "digests"): 1,
    }


@pytest.mark.parametrize(("projection", "again"), [(True, 4), (False, 0)])
def test_a_rewind_passes_the_inbox_by_for_projections_only(app: Application, projection: bool, again: int) -> None:
    handler = Record()
    consumer = group(handler, projection=projection)
    publish(app, *map(released, range(4)))
    drain([consumer], app)
    app.log.rewind("digests", "catalogue", offset=0)
    assert drain([consumer], app) == 4
    assert len(handler.items) == 4 + again


def test_an_acting_handler_works_outside_of_any_transaction(app: Application) -> None:
    acted: list[int] = []

    def act(event: CloudEvent) -> None:
        with app.store.write():  # would wait for ever inside of one
            acted.append(event.data["item"])

    publish(app, *map(released, range(3)), released(0))
    drain([group(Acting(act))], app)
    assert sorted(acted) == [0, 1, 2]


def test_an_acting_handler_that_fails_is_tried_again(app: Application) -> None:
    calls: list[int] = []

    def act(event: CloudEvent) -> None:
        calls.append(event.data["item"])
        if len(calls) == 1:
            raise OSError("the server went away")

    publish(app, released(7))
    drain([group(Acting(act))], app)
    _move(app, 10)
    drain([group(Acting(act))], app)
    assert calls == [7, 7] and not app.log.waiting()


def test_nothing_of_a_person_is_kept_of_an_error(app: Application) -> None:
    def handler(tx: Transaction, event: CloudEvent) -> None:
        name, address = "Awa Diop", "awa.diop@travail.example"
        try:
            dict[str, str]()[name]
        except KeyError:
            raise ValueError(f"cannot mail {address!r}, write to {address}\nDETAIL: {name}") from None

    publish(app, released(1))
    with structlog.testing.capture_logs() as logged:
        for seconds in (0, 10, 50):
            _move(app, seconds)
            drain([group(handler)], app)
    (letter,) = app.log.dead_letters()
    assert letter.reason == "ValueError: cannot mail '…', write to …@…"
    kept = f"{letter.reason}{letter.detail}{logged}"
    assert "Awa" not in kept and "awa.diop" not in kept and "Diop" not in kept
    assert "test_consumer_loop.py" in letter.detail


def test_the_words_of_our_own_errors_are_kept(app: Application) -> None:
    publish(app, released(1))
    error = InvalidInput("'Genève' is not a policy area.", where="row 3", hint="See codelists.")
    consumer = Consumer("x", ("catalogue",), {"item.released": Record(lambda _: error)}, backoff=Backoff(attempts=1))
    drain([consumer], app)
    (letter,) = app.log.dead_letters()
    assert letter.reason == "InvalidInput: row 3: 'Genève' is not a policy area. See codelists."


def test_a_configuration_error_is_hidden_by_nothing(app: Application) -> None:
    publish(app, released(1))
    consumer = group(Record(lambda _: ConfigurationError("email.smtp.host is wrong")))
    with pytest.raises(ConfigurationError):
        drain([consumer], app)
    with pytest.raises(ConfigurationError):
        run(consumer, app, threading.Event())
    assert not app.log.dead_letters() and not app.log.waiting()


def test_the_logs_of_a_handler_carry_the_story(app: Application) -> None:
    bound: list[dict[str, object]] = []
    publish(app, event := released(1))
    drain([group(lambda tx, event: bound.append(structlog.contextvars.get_contextvars()))], app)
    assert bound == [
        {
            "group": "digests",
            "event_type": "item.released",
            "event_id": event.id,
            "correlation_id": event.correlation_id,
        }
    ]
    assert structlog.contextvars.get_contextvars() == {}


def test_stopping_finishes_the_event_in_hand_and_keeps_the_rest(app: Application) -> None:
    stop = threading.Event()
    items: list[int] = []

    def handler(tx: Transaction, event: CloudEvent) -> None:
        items.append(event.data["item"])
        if len(items) == 2:
            stop.set()

    publish(app, *map(released, range(5)))
    run(group(handler), app, stop)
    assert len(items) == 2
    assert sum(lag.behind for lag in app.log.lag("digests")) == 3
    drain([group(handler)], app)
    assert sorted(items) == [0, 1, 2, 3, 4]


def test_run_ends_when_idle_if_asked(app: Application) -> None:
    handler = Record()
    publish(app, *map(released, range(5)))
    run(group(handler), app, threading.Event(), idle_exit=True)
    assert sorted(handler.items) == [0, 1, 2, 3, 4]


def test_work_resumes_by_itself_when_the_log_comes_back(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = Record()
    consumer = Consumer("late", ("later",), {"item.released": handler})
    stop = threading.Event()
    with structlog.testing.capture_logs() as logged:
        thread = threading.Thread(target=run, args=(consumer, app, stop))
        thread.start()
        try:
            _until(lambda: any("later" in str(line.get("error")) for line in logged))
            app.log.create_topics([TopicSpec("later", 1)])
            app.log.publish("later", [released(1)])
            _until(lambda: handler.items == [1])
        finally:
            stop.set()
            thread.join()


def test_one_bad_event_among_many_costs_the_others_nothing(app: Application) -> None:
    calls: list[int] = []

    def handler(tx: Transaction, event: CloudEvent) -> None:
        calls.append(event.data["item"])
        if event.data["item"] == 50:
            raise RuntimeError("bad")

    publish(app, *map(released, range(100)))
    drain([group(handler)], app)
    with app.store.read() as tx:
        seen = [n for n in range(100) if tx.inbox.seen("digests", "/tribune/catalogue", released(n).id)]
    assert seen == [n for n in range(100) if n != 50]
    assert len(app.log.waiting()) == 1


def test_a_member_that_lost_its_partition_goes_on(app: Application) -> None:
    handler = Record()
    publish(app, *map(released, range(4)))

    def rewinding(tx: Transaction, event: CloudEvent) -> None:
        handler(tx, event)

    member = Member(group(rewinding), app, threading.Event())
    assert member.step(0) == 4
    app.log.rewind("digests", "catalogue", offset=0)
    assert member.step(0) == 4  # all known to the inbox
    assert member.step(0) == 0 and sorted(handler.items) == [0, 1, 2, 3]
    member.close()


def _move(app: Application, seconds: int) -> None:
    assert isinstance(app.clock, StoppedClock)
    app.clock.move(timedelta(seconds=seconds))


def _until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    waited = threading.Event()
    for _ in range(int(seconds * 50)):
        if true():
            return
        waited.wait(0.02)
    raise AssertionError("it did not come to pass")


def test_while_the_log_is_away_it_is_looked_for_every_eight_seconds_at_last(app: Application) -> None:
    waits: list[float] = []

    class Impatient(threading.Event):
        """Does not wait, and is set after the eighth time."""

        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0)
            if len(waits) == 8:
                self.set()
            return self.is_set()

    class Away:
        def consumer(self, *_: object) -> LogConsumer:
            raise ConnectionError("away")

    app.__dict__["log"] = Away()
    run(group(lambda tx, event: None), app, Impatient())
    assert waits == [1, 2, 4, 8, 8, 8, 8, 8]
