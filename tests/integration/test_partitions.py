"""[log] partitions, on both logs: `tribune migrate` adds them and says so, and never takes any away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tribune.bootstrap import Application
from tribune.cli import main
from tribune.config import load
from tribune.domain.errors import Conflict
from tribune.domain.events import ItemReleased
from tribune.domain.topics import TOPICS, groups, reads
from tribune.log.kafka.log import KafkaLog
from tribune.services.events.event_codec import new_event

Migrate = Callable[..., str]
NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
pytestmark = pytest.mark.parametrize("store_kind", ["sqlite", "postgresql+kafka"], indirect=True)


@pytest.fixture
def migrate(
    app: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Migrate:
    """Types `tribune migrate` in the house of the fixture, with so many partitions in its settings; what is told."""
    log, file = app.settings.log, tmp_path / "tribune.toml"
    monkeypatch.setenv("TRIBUNE_CONFIG", str(file))

    def migrate(partitions: int, code: int = 0) -> str:
        servers = ", ".join(f'"{server}"' for server in log.bootstrap_servers)
        file.write_text(
            f'data_dir = "{tmp_path}"\n[store]\nurl = "{app.settings.store.url}"\n'
            f'[log]\nkind = "{log.kind}"\nbootstrap_servers = [{servers}]\nprefix = "{log.prefix}"\n'
            f"partitions = {partitions}\n",
            encoding="utf-8",
        )
        with pytest.raises(SystemExit) as left:
            main(["migrate"])
        told = capsys.readouterr()
        assert left.value.code == code, told
        return told.out if code == 0 else told.err

    return migrate


def published(app: Application, number: int) -> set[int]:
    """Publish as many events, each with a key of its own, for the group `digests`; the partitions that it reads."""
    app.log.publish(
        "catalogue",
        [
            new_event("item.released", ItemReleased(n, "en", n), source="/t", key=f"item-{n}", time=NOW)
            for n in range(number)
        ],
    )
    member = app.log.consumer("digests", ["catalogue"])
    found = []
    for _ in range(200):
        found += list(member.poll(500, 0.1))
        if len(found) >= number:
            break
    member.commit([message.position for message in found])
    member.close()
    assert len(found) == number
    return {message.position.partition for message in found}


def test_more_partitions_are_made_and_told_of(app: Application, migrate: Migrate) -> None:
    assert published(app, 60) == {0, 1, 2, 3}
    assert "had" not in migrate(4), "as it is already"
    told = migrate(7)
    assert all(f"{name} had 4 partitions and has 7." in told for name in TOPICS)
    assert "overtaken" not in told, "nothing waited"
    assert "had" not in migrate(7), "once"
    house = Application(load())
    assert published(house, 120) == set(range(7))
    held = house.log.survey(house.topics, {group: reads(group) for group in groups()})
    assert "wait" in held
    if isinstance(house.log, KafkaLog):
        retries = {name: count for name, count in house.log.admin.topics().items() if name.startswith("retry.")}
        assert retries and set(retries.values()) == {7}
    house.close()


def test_what_waits_while_they_are_made_is_told(app: Application, migrate: Migrate) -> None:
    published(app, 1)
    app.log.publish(
        "catalogue",
        [new_event("item.released", ItemReleased(n, "en", n), source="/t", key="item", time=NOW) for n in (1, 2, 3)],
    )
    assert "3 of all were not handled yet" in migrate(5)


def test_fewer_are_refused_with_what_to_do(app: Application, migrate: Migrate) -> None:
    told = migrate(3, code=1)
    assert "publications: The topic has 4 partitions; their number only grows." in told
    assert "Set [log] partitions to 4 or more." in told
    house = Application(load())
    with pytest.raises(Conflict):
        house.prepare()
    with pytest.raises(Exception, match="publications has 4 partitions, 3 are declared"):
        house.log.survey(house.topics, {})
    house.close()


def test_check_asks_for_migrate(app: Application, migrate: Migrate) -> None:
    migrate(4)
    log = app.settings.log.model_copy(update={"partitions": 6})
    house = Application(app.settings.model_copy(update={"log": log}))
    with pytest.raises(Exception, match=r"publications has 4 partitions of 6: run `tribune migrate`"):
        house.log.survey(house.topics, {})
    house.close()
