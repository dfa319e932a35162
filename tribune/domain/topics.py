"""The topics of the log: the one place that names them, their keys, partitions and how long their messages are kept.

`tribune migrate` creates them; docs/events.md and docs/asyncapi.yaml tell of them. No topic is made by the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MONTH = 24 * 30
PARTITIONS = 4
"""Of each topic, where [log] partitions says nothing else: so many members of a group find work."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of events. The key chooses the partition; `why` says what it keeps in order. `groups` read it.

    A `compacted` topic keeps the last message of each key for good; the others lose what is older than
    `retention_hours` (None: never). The number of partitions may only grow.
    """

    name: str
    key: str
    why: str
    groups: tuple[str, ...]
    partitions: int = PARTITIONS
    retention_hours: int | None = MONTH
    compacted: bool = False


PUBLICATIONS, CATALOGUE, MAILINGS, DELIVERIES = "publications", "catalogue", "mailings", "deliveries"
NOTICES = "notices"

TOPICS: Mapping[str, Topic] = {
    topic.name: topic
    for topic in (
        Topic(PUBLICATIONS, "the source's record", "Its revisions stay in order.", ("catalogue",)),
        Topic(CATALOGUE, "item", "What happens to an item stays in order.", ("digests",)),
        Topic(
            MAILINGS,
            "digest and cadence (`edition.due`), else mailing",
            "Editions of a digest, and the events of a mailing, stay in order.",
            ("mailings",),
        ),
        Topic(DELIVERIES, "chunk", "Chunks spread over all senders.", ("deliveries",)),
        Topic(NOTICES, "notice", "Notices spread over all senders.", ("notices",)),
    )
}


def reads(group: str) -> tuple[str, ...]:
    """The topics that a consumer group reads."""
    return tuple(topic.name for topic in TOPICS.values() if group in topic.groups)


def groups() -> tuple[str, ...]:
    """Every consumer group, in the order in which an event passes through them."""
    return tuple(dict.fromkeys(group for topic in TOPICS.values() for group in topic.groups))
