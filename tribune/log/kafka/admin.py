"""Topics and groups: what there is, creating it, and setting a group's offsets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from kafka import OffsetAndMetadata, OffsetSpec, TopicPartition
from kafka import errors as kafka
from kafka.admin import ConfigResource, ConfigResourceType, MemberToRemove

from tribune.domain.errors import InvalidInput
from tribune.log.kafka.cluster import Cluster
from tribune.log.kafka.errors import UNKNOWN_USER, BrokerAway, translated
from tribune.log.partitions import too_many
from tribune.ports.clock import SystemClock

_WALL = SystemClock()
_PAUSE = 0.1
Found = TypeVar("Found")
Span = tuple[int, int]
_UNKNOWN_TOPIC = kafka.UnknownTopicOrPartitionError.errno


class Admin:
    """One admin client for a whole process, made when it is first needed, and anew after a fault."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._client: Any = None
        self._lock = threading.RLock()

    def brokers(self) -> tuple[int, str]:
        """How many brokers there are, and up to which version of Kafka they are understood."""

        def look(client: Any) -> tuple[int, str]:
            version = ".".join(str(part) for part in client._client.get_broker_version())
            return len(client.describe_cluster()["brokers"]), version

        return self._ask("look at the cluster", look)

    # -- topics

    def topics(self) -> dict[str, int]:
        """Every topic of this installation (by our name), and its partitions."""
        found = self._ask("list the topics", lambda client: client.describe_topics())
        prefix = self._cluster.prefix
        return {
            one["name"].removeprefix(prefix): len(one["partitions"])
            for one in found
            if one["name"].startswith(prefix) and not one["error_code"]
        }

    def partitions(self, names: Iterable[str]) -> dict[str, int]:
        """Topic -> partitions, of those of these topics that there are."""
        asked = {self._cluster.topic(name): name for name in names}
        if not asked:
            return {}

        def look(client: Any) -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = client.describe_topics(list(asked))
            for one in found:
                if one["error_code"] not in (0, _UNKNOWN_TOPIC):
                    raise kafka.for_code(one["error_code"])(one["name"])
            return [one for one in found if not one["error_code"]]

        return {asked[one["name"]]: len(one["partitions"]) for one in self._ask("look at topics", look)}

    def leaderless(self, names: Iterable[str]) -> list[str]:
        """Partitions of these topics that no broker leads now, as `topic/partition`."""
        asked = [self._cluster.topic(name) for name in names]
        found = self._ask("look at topics", lambda client: client.describe_topics(asked)) if asked else []
        return [
            f"{topic['name'].removeprefix(self._cluster.prefix)}/{one['partition_index']}"
            for topic in found
            for one in topic["partitions"]
            if one["leader_id"] < 0
        ]

    def create(self, topics: Mapping[str, int], settings: Mapping[str, Mapping[str, str]]) -> dict[str, int]:
        """Create the topics (name -> partitions) that are missing, add partitions, set what is set otherwise; which
        got more partitions, and how many each had. Raises Conflict where there are more than asked for."""
        held = self.partitions(topics)
        for name, partitions in topics.items():
            if partitions < 1:
                raise InvalidInput("A topic needs at least one partition.", where=name)
            if held.get(name, 0) > partitions:
                raise too_many(name, held[name])
        missing = {
            self._cluster.topic(name): {
                "num_partitions": partitions,
                "replication_factor": self._cluster.replicas or -1,
                "configs": dict(settings.get(name, {})),
            }
            for name, partitions in topics.items()
            if name not in held
        }
        fewer = {name: count for name, count in held.items() if count < topics[name]}
        grown = {self._cluster.topic(name): topics[name] for name in fewer}

        def work(client: Any) -> dict[str, Mapping[str, str]]:
            if missing:
                with suppress(kafka.TopicAlreadyExistsError):  # another process was quicker
                    client.create_topics(missing)
            if grown:
                with suppress(kafka.InvalidPartitionsError):
                    client.create_partitions(grown)
            if missing or grown:
                client.wait_for_topics([*missing, *grown])
            return self._set(client, {name: settings[name] for name in held if settings.get(name)})

        changed = self._ask("create topics", work)
        self._until_seen({name: topics[name] for name in fewer}, changed)
        return fewer

    def _until_seen(self, grown: Mapping[str, int], changed: Mapping[str, Mapping[str, str]]) -> None:
        """Wait until the broker tells of new partitions and changed settings: it hears of them from the controller."""
        until = _WALL.monotonic() + self._cluster.request_seconds
        asked = {name: list(told) for name, told in changed.items()}
        while any(held < grown[name] for name, held in self.partitions(grown).items()) or (
            asked and _differing(changed, self.settings(asked))
        ):
            if _WALL.monotonic() > until:
                return
            _WALL.sleep(_PAUSE)

    def _set(self, client: Any, settings: Mapping[str, Mapping[str, str]]) -> dict[str, Mapping[str, str]]:
        """Set what differs, and tell it."""
        if not settings:
            return {}
        there = self._settings(client, {name: list(told) for name, told in settings.items()})
        changed = _differing(settings, there)
        if changed:
            kind = ConfigResourceType.TOPIC
            client.alter_configs(
                [ConfigResource(kind, self._cluster.topic(name), dict(told)) for name, told in changed.items()]
            )
        return changed

    def _settings(self, client: Any, asked: Mapping[str, list[str]]) -> dict[str, dict[str, str]]:
        """These settings of these topics."""
        kind = ConfigResourceType.TOPIC
        found = client.describe_configs(
            [ConfigResource(kind, self._cluster.topic(name), keys) for name, keys in asked.items()],
            config_filter="all",
        )
        return {
            name.removeprefix(self._cluster.prefix): {key: str(told["value"]) for key, told in values.items()}
            for by_name in found.values()
            for name, values in by_name.items()
        }

    def settings(self, asked: Mapping[str, list[str]]) -> dict[str, dict[str, str]]:
        """Topic -> these settings of it."""
        return self._ask("look at topics' settings", lambda client: self._settings(client, asked)) if asked else {}

    def retention(self, names: Iterable[str]) -> dict[str, int]:
        """Topic -> how long its messages are kept, in milliseconds; -1: for good."""
        found = self.settings({name: ["retention.ms"] for name in names})
        return {name: int(told["retention.ms"]) for name, told in found.items()}

    def spans(self, topics: Mapping[str, int]) -> dict[TopicPartition, Span]:
        """The first offset and the next one to be given, of each partition of topics (name -> partitions)."""
        places = [TopicPartition(self._cluster.topic(name), n) for name, count in topics.items() for n in range(count)]
        first = self._offsets_at(dict.fromkeys(places, OffsetSpec.EARLIEST))
        last = self._offsets_at(dict.fromkeys(places, OffsetSpec.LATEST))
        return {place: (first[place], last[place]) for place in places}

    def at(self, times: Mapping[TopicPartition, int]) -> dict[TopicPartition, int | None]:
        """Per partition, the offset of the first message at or after a time in milliseconds."""
        return {place: offset if offset >= 0 else None for place, offset in self._offsets_at(times).items()}

    def _offsets_at(self, asked: Mapping[TopicPartition, Any]) -> dict[TopicPartition, int]:
        if not asked:
            return {}
        found = self._ask("look at offsets", lambda client: client.list_partition_offsets(dict(asked)))
        return {place: told.offset for place, told in found.items()}

    def delete_below(self, cuts: Mapping[TopicPartition, int]) -> None:
        """Delete the messages below these offsets."""
        if cuts:
            self._ask("delete what is too old", lambda client: client.delete_records(dict(cuts)))

    # -- groups

    def groups(self) -> list[str]:
        """Every consumer group of this installation, by our name."""
        prefix = self._cluster.prefix
        found = self._ask("list the groups", lambda client: client.list_groups())
        return sorted(one["group_id"].removeprefix(prefix) for one in found if one["group_id"].startswith(prefix))

    def offsets(self, groups: Iterable[str]) -> dict[str, dict[TopicPartition, OffsetAndMetadata]]:
        """The committed offsets of groups, with their metadata."""
        asked = {self._cluster.prefix + group: None for group in groups}
        if not asked:
            return {}
        found = self._ask("look at committed offsets", lambda client: client.list_group_offsets(dict(asked)))
        return {
            group.removeprefix(self._cluster.prefix): {tp: one for tp, one in told.items() if one.offset >= 0}
            for group, told in found.items()
        }

    def introduce(self, group: str, starts: Mapping[TopicPartition, int]) -> None:
        """Say to the broker where a new group begins. Where the group is at work already, its members do."""
        if starts:
            name = self._cluster.prefix + group
            wanted = {place: OffsetAndMetadata(offset, "", -1) for place, offset in starts.items()}
            self._ask(f"begin the group {group}", lambda client: client.alter_group_offsets(name, wanted))

    def set_offsets(self, group: str, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Set a group's offsets. Kafka does so only for a group without members: they are put out, and fenced by that,
        until it holds. Raises BrokerAway where they come back faster."""
        name = self._cluster.prefix + group
        until = _WALL.monotonic() + self._cluster.request_seconds

        def attempt(client: Any) -> set[Any]:
            told = client.describe_groups([name])[name]
            members = [MemberToRemove(member_id=one["member_id"]) for one in told["members"]]
            if members:
                with suppress(kafka.UnknownMemberIdError):
                    client.remove_group_members(name, members)
            return set(client.alter_group_offsets(name, dict(offsets)).values()) - {kafka.NoError}

        while failed := self._ask(f"set the offsets of {group}", attempt):
            if _WALL.monotonic() > until:
                names = ", ".join(sorted(one.__name__ for one in failed))
                raise BrokerAway(f"The offsets of {group} could not be set: its members are in the way ({names}).")
            _WALL.sleep(0.02)

    # -- the client

    def close(self) -> None:
        """Release the client."""
        with self._lock:
            self._end()

    def _ask(self, doing: str, ask: Callable[[Any], Found]) -> Found:
        """Ask the broker; once more for what passes by itself (a new cluster has no coordinator for a moment)."""
        until = _WALL.monotonic() + self._cluster.request_seconds
        with self._lock, translated(doing, self._cluster.servers):
            while True:
                try:
                    if self._client is None:
                        self._client = self._cluster.admin()
                    return ask(self._client)
                except kafka.KafkaError as error:
                    if isinstance(error, (kafka.KafkaConnectionError, kafka.KafkaTimeoutError, *UNKNOWN_USER)):
                        self._end()  # a client that was cut off, or refused, is not trusted further
                    if not isinstance(error, kafka.RetriableError) or _WALL.monotonic() > until:
                        raise
                _WALL.sleep(_PAUSE)

    def _end(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                client.close()


def _differing(
    wanted: Mapping[str, Mapping[str, str]], there: Mapping[str, Mapping[str, str]]
) -> dict[str, Mapping[str, str]]:
    """The topics of which a setting is not as wanted."""
    return {
        name: told
        for name, told in wanted.items()
        if any(there.get(name, {}).get(key) != value for key, value in told.items())
    }
