"""Roles as processes on Kafka and PostgreSQL: SIGTERM finishes what is in hand and leaves the group; kill -9 loses
nothing."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres_server
from tests.integration.test_up_and_demo import BASIS, ITEM, PEOPLE, SETTINGS, running, tribune
from tests.waiting import until
from tools.postgres.server import Server
from tribune.bootstrap import Application
from tribune.config import load
from tribune.log.kafka.cluster import Cluster

pytestmark = pytest.mark.waits


@pytest.fixture
def folder(postgres: Server, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A house's folder; migrated."""
    with postgres_server.database(postgres) as url:
        told = f'[log]\nkind = "kafka"\nbootstrap_servers = ["{cluster.servers[0]}"]\nprefix = "{cluster.prefix}"\n'
        told += f'session_seconds = 2\n[store]\nurl = "{url}"\n[ledger]\nlease_seconds = 3\n'
        (tmp_path / "tribune.toml").write_text(SETTINGS + told, encoding="utf-8")
        (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8")
        (tmp_path / "item.yaml").write_text(ITEM, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        assert "are as declared" in tribune("migrate", cwd=tmp_path)
        yield tmp_path


def members(house: Application, group: str) -> int:
    """How many members the broker knows of a group."""
    admin = house._kafka.admin
    name = house.settings.log.prefix + group
    return len(admin._ask("look at a group", lambda client: client.describe_groups([name]))[name]["members"])


def test_sigterm_leaves_the_groups_and_ends_well(folder: Path) -> None:
    house = Application(load())
    with running("run", "consumers", "--metrics-port", "0", cwd=folder) as (process, _, _):
        until(lambda: members(house, "catalogue") == members(house, "mailings") == 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert members(house, "catalogue") == members(house, "digests") == members(house, "mailings") == 0
    house.close()


def test_an_event_becomes_a_mail_though_its_consumers_are_killed(folder: Path) -> None:
    tribune("subscribers", "import", "people.csv", *BASIS, cwd=folder)
    house = Application(load())
    with (
        running("run", "relay", "--metrics-port", "0", cwd=folder),
        running("run", "senders", "--metrics-port", "0", cwd=folder),
        running("run", "scheduler", "--metrics-port", "0", cwd=folder),
    ):
        with running("run", "consumers", "--metrics-port", "0", cwd=folder) as (process, _, _):
            tribune("publish", "item.yaml", cwd=folder)
            until(lambda: members(house, "catalogue") == 1)
            process.send_signal(signal.SIGKILL)
            process.wait(10)
        with running("run", "consumers", "--metrics-port", "0", cwd=folder):
            until(lambda: list((folder / "var" / "outbox").rglob("*.eml")), 60)
    assert len(list((folder / "var" / "outbox").rglob("*.eml"))) == 1
    house.close()
