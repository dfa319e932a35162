"""Figures for Prometheus: counters of this process, and what the store says at the moment of asking."""

from __future__ import annotations

import threading
from typing import Any

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


def exposition(app: Application) -> bytes:
    """What Prometheus reads: lag, dead letters, deliveries and subscribers now, then this process's counters."""
    now = PrometheusMetrics()
    for lag in app.log.lag():
        now.gauge("log_lag_events", lag.behind, group=lag.group, topic=lag.topic, partition=str(lag.partition))
        now.gauge("log_end_offset", lag.end, topic=lag.topic, partition=str(lag.partition))
    letters = app.log.dead_letters(limit=10_000)
    now.gauge("dead_letters", sum(letter.replayed_at is None for letter in letters))
    with app.store.read() as tx:
        for status, people in tx.audience.count().items():
            now.gauge("subscribers", people, status=str(status))
        totals: dict[str, int] = {}
        for mailing in tx.ledger.mailings(limit=100):
            for states in tx.ledger.progress(mailing.id).values():
                for state, number in states.items():
                    totals[str(state)] = totals.get(str(state), 0) + number
    for name, number in totals.items():
        now.gauge("deliveries_recent", number, state=name)
    text = generate_latest(now.registry)
    if isinstance(app.metrics, PrometheusMetrics):
        text += generate_latest(app.metrics.registry)
    return text
