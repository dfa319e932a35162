"""Figures for Prometheus: counters of this process, and what log and store say at the moment of asking."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from tribune.bootstrap import Application
from tribune.domain.topics import groups
from tribune.failures import reason
from tribune.ports.log import Backlog, Lag
from web.soon import Soon

CONTENT_TYPE = CONTENT_TYPE_LATEST
PREFIX = "tribune_"


class PrometheusMetrics:
    """tribune.ports.metrics.Metrics over a registry of its own. Safe from several threads."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # a series beside each counter that nobody asks for
        self.registry = CollectorRegistry()
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        self._metric(Counter, name, labels).inc(by)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        self._metric(Gauge, name, labels).set(value)

    def observe(self, name: str, value: float, **labels: str) -> None:
        self._metric(Histogram, name, labels).observe(value)

    def _metric(self, kind: type, name: str, labels: dict[str, str]) -> Any:
        with self._lock:
            if name not in self._made:
                told = name.replace("_", " ").capitalize() + "."
                self._made[name] = kind(PREFIX + name, told, sorted(labels), registry=self.registry)
        metric = self._made[name]
        return metric.labels(**labels) if labels else metric


class Exposition:
    """What Prometheus reads: what log, outbox and store say now, then this process's counters. A part that is away, or
    a log that does not answer soon, costs its own figures only, and `tribune_reachable` says so. docs/metrics.md names
    them all."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._log = Soon(lambda: _asked(app), app.clock)

    def __call__(self) -> bytes:
        app, now = self._app, PrometheusMetrics()
        answer = self._log.ask()  # meanwhile the others are looked at
        parts: tuple[tuple[str, Callable[[PrometheusMetrics], None]], ...] = (
            ("outbox", partial(_outbox, app)),
            ("store", partial(_store, app)),
            ("log", lambda now: _log(answer(), now)),
        )
        for part, tell in parts:
            if part == "outbox" and app.settings.log.kind == "embedded":
                continue  # what is added is on the log: nothing waits
            told = True
            try:
                tell(now)
            except Exception as error:
                told = False
                structlog.get_logger().warning("figures cannot be read", part=part, error=reason(error))
            now.gauge("reachable", told, part=part)
        text = generate_latest(now.registry)
        if isinstance(app.metrics, PrometheusMetrics):
            text += generate_latest(app.metrics.registry)
        return text


def exposition(app: Application) -> bytes:
    """The page of one moment. A process that is asked again and again keeps an Exposition."""
    return Exposition(app)()


def _asked(app: Application) -> tuple[Sequence[Lag], Sequence[Backlog]]:
    return app.log.lag(), app.log.backlog()


def _log(asked: tuple[Sequence[Lag], Sequence[Backlog]], now: PrometheusMetrics) -> None:
    """Of each group: how far it is behind, what it tries again, what it gave up."""
    lags, backlog = asked
    for lag in lags:
        place = {"topic": lag.topic, "partition": str(lag.partition)}
        now.gauge("log_lag_events", lag.behind, group=lag.group, **place)
        now.gauge("log_committed_offset", lag.committed, group=lag.group, **place)
        now.gauge("log_end_offset", lag.end, **place)
    found = {one.group: one for one in backlog}
    for group in sorted({*groups(), *found}):
        told = found.get(group, Backlog(group, 0, 0))
        now.gauge("log_retries_waiting", told.retries, group=group)
        now.gauge("dead_letters", told.dead, group=group)


def _outbox(app: Application, now: PrometheusMetrics) -> None:
    """How much waits for the relay, and since when."""
    state = app.outbox_queue.state()
    age = max((app.clock.now() - state.oldest).total_seconds(), 0.0) if state.oldest else 0.0
    now.gauge("outbox_waiting_events", state.waiting)
    now.gauge("outbox_oldest_seconds", age)
    now.gauge("outbox_set_aside_events", state.aside)


def _store(app: Application, now: PrometheusMetrics) -> None:
    """People, what became of the deliveries of the last mailings, and what needs a person or stands."""
    with app.store.read() as tx:
        at = tx.now()
        now.gauge("deliveries_held_back", tx.attention.to_be_decided())
        now.gauge("mailing_unsent_oldest_seconds", tx.attention.longest_unsent(at))
        for rest in tx.attention.resting_channels(at):
            until, group = rest.until.timestamp(), rest.domain_group
            now.gauge("channel_rests_until_seconds", until, channel=rest.where, group=group)
        for rest in tx.attention.resting_lanes(at):
            until, group = rest.until.timestamp(), rest.domain_group
            now.gauge("lane_rests_until_seconds", until, lane=rest.where, group=group)
        for status, people in tx.audience.count().items():
            now.gauge("subscribers", people, status=str(status))
        totals: dict[str, int] = {}
        for mailing in tx.ledger.mailings(limit=100):
            for states in tx.ledger.progress(mailing.id).values():
                for state, number in states.items():
                    totals[str(state)] = totals.get(str(state), 0) + number
    for name, number in totals.items():
        now.gauge("deliveries_recent", number, state=name)
