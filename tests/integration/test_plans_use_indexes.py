"""The most frequent queries can all be answered by index: docs/performance.md has their plans at 1 M people, this holds
them to it with few."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import event, make_url

from bench import explain, explain_world, postgres_world
from tests import postgres_server
from tools.postgres.server import Server

FEW = {"EDITIONS": 3, "ITEMS": 200, "INBOX": 5_000, "OUTBOX": 3_000, "NOTICES": 5_000, "QUIET": 2_500}
PEOPLE = 2_500


def test_no_frequent_query_has_to_read_a_large_table_whole(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, few in FEW.items():
        monkeypatch.setattr(explain_world, name, few)
    with postgres_server.database(postgres) as url:
        app = postgres_world.application(url, tmp_path)
        event.listen(app.store.engine, "connect", explain.record)
        try:
            postgres_world.fill(app, tmp_path, PEOPLE)
            explain_world.fill_ledger(app, PEOPLE)
            # With so few rows the planner would rather read them all; so it does only where no index serves.
            with app.store.write() as tx:
                tx.connection.exec_driver_sql(f'ALTER DATABASE "{make_url(url).database}" SET enable_seqscan = off')
            app.store.engine.dispose()
            found = dict(explain.plans(app))
        finally:
            app.close()
    assert len(found) >= 25
    assert sum(len(plans) for plans in found.values()) >= 25, "the statements were not recorded"
    assert {name: plan.text for name, plans in found.items() for plan in plans if plan.whole} == {}
