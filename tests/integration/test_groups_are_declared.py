"""The groups that the code runs, the topics that they read, and the events that they act on are those declared."""

from __future__ import annotations

from pathlib import Path

import consumers
from consumers.loop import Consumer
from tests.conftest import ROOT
from tribune.bootstrap import Application
from tribune.commands._parts import Role, parts_of
from tribune.domain.events import TYPES
from tribune.domain.topics import TOPICS, groups, reads


def test_every_group_is_declared_and_every_declared_group_runs(app: Application) -> None:
    built = {one.group: one for one in consumers.all_consumers(app)}
    assert built.keys() == set(groups()) == set(consumers.GROUPS)
    for name, consumer in built.items():
        assert consumer.topics == reads(name), f"{name} reads other topics than tribune/domain/topics.py says"


def test_each_group_is_a_file_and_each_file_a_group(app: Application) -> None:
    files = {path.stem for path in (ROOT / "consumers").glob("*.py")} - {"__init__", "loop", "aftermath"}
    assert files == set(consumers.GROUPS)


def test_the_roles_run_each_group_once(app: Application) -> None:
    run = [name for role in (Role.CONSUMERS, Role.SENDERS) for name in parts_of(app, role)]
    assert sorted(run) == sorted(f"consumer {group}" for group in groups())


def test_a_group_acts_on_events_of_its_topics_only(app: Application) -> None:
    for consumer in consumers.all_consumers(app):
        for type in consumer.handlers:
            assert TYPES[type].topic in consumer.topics, f"{consumer.group} waits in vain for {type}"


def test_every_topic_is_read_and_filled(app: Application) -> None:
    assert {told.topic for told in TYPES.values()} == TOPICS.keys()
    assert all(topic.groups for topic in TOPICS.values())


def test_no_consumer_is_made_elsewhere() -> None:
    """A group that some other file ran would be prepared by nobody."""
    made = {
        path.relative_to(ROOT)
        for folder in ("consumers", "producers", "web", "tribune")
        for path in (ROOT / folder).rglob("*.py")
        if "Consumer(\n" in (text := path.read_text(encoding="utf-8")) or "return Consumer(" in text
    }
    assert made == {Path("consumers") / f"{name}.py" for name in consumers.GROUPS}
    assert Consumer.__module__ == "consumers.loop"
