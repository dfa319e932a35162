"""`/metrics` of a role, as Prometheus reads it: lag, rate, retries and dead letters of each group, and the outbox."""

from __future__ import annotations

import os
import re
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert, select, update

from tests import postgres_server
from tests.conftest import ROOT
from tests.integration.test_up_and_demo import SETTINGS, get, running, tribune
from tests.kafka_broker import free_port, own_broker
from tests.log_world import event, take
from tests.planned import plan
from tests.waiting import until
from tools.postgres.server import Server
from tribune.bootstrap import Application
from tribune.config import Settings, load
from tribune.domain.topics import CATALOGUE, groups
from tribune.log.kafka.cluster import Cluster
from tribune.store.tables import chunks, delivery_exceptions, mailings, throttles
from web.metrics import Exposition, PrometheusMetrics, exposition
from web.probe import REMEMBERED, Health
from web.soon import SOON

pytestmark = pytest.mark.waits

Figures = dict[tuple[str, ...], float]


def figures(page: str) -> Figures:
    """Name and label values -> value, of a page."""
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def lag(told: Figures, group: str) -> float:
    return sum(value for key, value in told.items() if key[:2] == ("tribune_log_lag_events", group))


def documented(told: Figures) -> bool:
    """Whether docs/metrics.md names every figure of a page."""
    named = set(re.findall(r"`(tribune_\w+)`", (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")))
    return {re.sub(r"_(bucket|sum|count)$", "", key[0]) for key in told if key[0].startswith("tribune_")} <= named


def watched(folder: Path, house: Application) -> None:
    """The pages of `house`'s roles, from an outbox that waits to what was handled, tried again and given up."""
    on_kafka = house.settings.log.kind == "kafka"
    member = house.log.consumer("digests", [CATALOGUE])
    house.log.publish(CATALOGUE, [event("key", number) for number in range(2)])
    first, second = take(member, 2, 20.0)
    later = datetime.now(UTC) + timedelta(hours=1)
    house.log.retry("digests", first, not_before=later, reason="not yet")
    house.log.bury("digests", second, "It failed.", "", 6)
    member.commit([first.position, second.position])
    member.close()
    house.log.publish_raw("publications", "key", b"this is no event")
    with house.store.write() as tx:
        tx.outbox.add(*(event("key", number) for number in range(2, 7)))

    with running("run", "scheduler", "--metrics-port", "0", cwd=folder) as (_, address, _):
        told = figures(get(f"{address}metrics"))
        assert documented(told)
        assert told["tribune_reachable", "log"] == told["tribune_reachable", "store"] == 1
        assert lag(told, "digests") == (0 if on_kafka else 5)
        assert lag(told, "catalogue") == (1 if on_kafka else 0)  # in the embedded log a group is known once it has read
        assert {key[1] for key in told if key[0] == "tribune_dead_letters"} == set(groups())
        assert (told["tribune_log_retries_waiting", "digests"], told["tribune_dead_letters", "digests"]) == (1, 1)
        assert (told["tribune_log_retries_waiting", "mailings"], told["tribune_dead_letters", "catalogue"]) == (0, 0)
        waits = {key[0]: value for key, value in told.items() if key[0].startswith("tribune_outbox")}
        if on_kafka:
            assert (waits["tribune_outbox_waiting_events"], waits["tribune_outbox_set_aside_events"]) == (5, 0)
            assert 0 < waits["tribune_outbox_oldest_seconds"] < 60
            assert told["tribune_reachable", "outbox"] == 1
        else:
            assert not waits

    roles = ["consumers", "relay"] if on_kafka else ["consumers"]
    with running("run", roles[0], "--metrics-port", "0", cwd=folder) as (_, address, _):
        before = figures(get(f"{address}metrics"))
        assert before["tribune_events_handled_total", "digests", "item.released"] in range(6)
        if on_kafka:
            with running("run", roles[1], "--metrics-port", "0", cwd=folder) as (_, relay, _):
                until(lambda: figures(get(f"{relay}metrics"))["tribune_outbox_published_total",] == 5, 30)
                told = figures(get(f"{relay}metrics"))
                assert documented(told)
                assert told["tribune_outbox_waiting_events",] == told["tribune_outbox_oldest_seconds",] == 0
        handled = ("tribune_events_handled_total", "digests", "item.released")
        until(lambda: figures(get(f"{address}metrics"))[handled] == 5, 30)
        until(lambda: figures(get(f"{address}metrics"))["tribune_events_dead_total", "catalogue"] == 1, 30)
        until(lambda: not lag(figures(get(f"{address}metrics")), "digests"), 10)
        told = figures(get(f"{address}metrics"))
        assert documented(told)
        assert (
            told["tribune_dead_letters", "catalogue"] == 1 and told["tribune_events_retried_total", *handled[1:]] == 0
        )
        committed = sum(value for key, value in told.items() if key[:2] == ("tribune_log_committed_offset", "digests"))
        assert committed == 7  # what the group has handled, over all its processes


def test_the_pages_of_roles_on_the_embedded_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tribune.toml").write_text(SETTINGS, encoding="utf-8")
    tribune("migrate", cwd=tmp_path)
    house = Application(load())
    watched(tmp_path, house)
    house.close()


def test_the_pages_of_roles_on_kafka(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: Server, cluster: Cluster
) -> None:
    monkeypatch.chdir(tmp_path)
    with postgres_server.database(postgres) as url:
        told = f'[log]\nkind = "kafka"\nbootstrap_servers = ["{cluster.servers[0]}"]\nprefix = "{cluster.prefix}"\n'
        told += f'session_seconds = 2\n[store]\nurl = "{url}"\n'
        (tmp_path / "tribune.toml").write_text(SETTINGS + told, encoding="utf-8")
        tribune("migrate", cwd=tmp_path)
        house = Application(load())
        watched(tmp_path, house)
        house.close()


def test_a_part_that_is_away_costs_its_own_figures_only(tmp_path: Path, postgres: Server) -> None:
    with postgres_server.database(postgres) as url:
        away = {"kind": "kafka", "bootstrap_servers": [f"127.0.0.1:{free_port()}"], "request_timeout_seconds": 1}
        settings = Settings.model_validate({"data_dir": tmp_path, "store": {"url": url}, "log": away})
        house = Application(settings, metrics=PrometheusMetrics())
        house.metrics.count("events_handled", 3, group="digests", type="item.released")
        told = figures(exposition(house).decode())
        assert [told["tribune_reachable", part] for part in ("log", "outbox", "store")] == [0, 1, 1]
        assert told["tribune_events_handled_total", "digests", "item.released"] == 3
        assert told["tribune_outbox_waiting_events",] == 0
        assert not any(key[0].startswith("tribune_log") for key in told)
        house.close()


def test_a_broker_that_hangs_costs_three_seconds(tmp_path: Path, postgres: Server) -> None:
    with own_broker(tmp_path / "kafka") as broker, postgres_server.database(postgres) as url:
        hangs = {"kind": "kafka", "bootstrap_servers": [broker.server]}
        settings = Settings.model_validate({"data_dir": tmp_path, "store": {"url": url}, "log": hangs})
        house = Application(settings, metrics=PrometheusMetrics())
        house.prepare()
        page, health = Exposition(house), Health(house)
        until(lambda: figures(page().decode())["tribune_reachable", "log"] == 1)
        assert health()[0] == 200
        time.sleep(REMEMBERED)
        pid = int((broker.folder / "pid").read_text())
        os.kill(pid, signal.SIGSTOP)
        try:
            for longest in (SOON + 1, 1):  # the second is told at once
                begin = time.monotonic()
                told = figures(page().decode())
                assert time.monotonic() - begin < longest
                assert [told["tribune_reachable", part] for part in ("log", "outbox", "store")] == [0, 1, 1]
                begin = time.monotonic()
                assert health() == (
                    503,
                    {"status": "failing", "store": "ok", "log": "cannot be reached (TimeoutError)"},
                )
                assert time.monotonic() - begin < longest
        finally:
            os.kill(pid, signal.SIGCONT)
        until(lambda: figures(page().decode())["tribune_reachable", "log"] == 1)
        until(lambda: health()[0] == 200)
        house.close()


def test_what_is_held_back_stands_or_rests_has_figures(tmp_path: Path) -> None:
    settings = {"data_dir": tmp_path, "store": {"url": f"sqlite:///{tmp_path / 'store.sqlite3'}"}}
    house = Application(Settings.model_validate(settings), metrics=PrometheusMetrics())
    house.prepare()
    now = house.clock.now()
    told = figures(exposition(house).decode())
    assert told["tribune_deliveries_held_back",] == told["tribune_mailing_unsent_oldest_seconds",] == 0
    assert not any("rests_until" in key[0] for key in told)
    mailing = plan(house.store, [2, 1], groups=["google", "other"])
    later = now + timedelta(minutes=5)
    with house.store.write() as tx:
        begun = {"state": "running", "started_at": now - timedelta(hours=2)}
        tx.connection.execute(update(mailings).values(**begun))
        facts = {"mailing_id": mailing, "chunk": 0, "place": 1, "state": "quarantined", "changed_at": now}
        tx.connection.execute(insert(delivery_exceptions).values(**facts))
        rest = {"channel": "smtp", "domain_group": "google", "next_at": now, "rest_until": later}
        tx.connection.execute(insert(throttles).values(**rest))
        tx.connection.execute(update(chunks).where(chunks.c.chunk == 0).values(not_before=later))
        # A hundred mailings later, it is held back still.
        (edition,) = tx.connection.execute(select(mailings.c.edition_id)).one()
        empty = {"edition_id": edition, "state": "finished", "approval": "standing", "recipients": 0}
        empty |= {"planned_at": now, "correlation_id": "story-2"}
        tx.connection.execute(
            insert(mailings), [empty | {"due_at": now + timedelta(minutes=number)} for number in range(100)]
        )
    told = figures(exposition(house).decode())
    assert documented(told)
    assert told["tribune_deliveries_held_back",] == 1
    assert 7200 <= told["tribune_mailing_unsent_oldest_seconds",] < 7300
    assert told["tribune_channel_rests_until_seconds", "smtp", "google"] == pytest.approx(later.timestamp())
    assert told["tribune_lane_rests_until_seconds", "google", "mailing"] == pytest.approx(later.timestamp())
    house.close()
