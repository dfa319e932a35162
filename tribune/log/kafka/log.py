"""The event log on Apache Kafka: retries and dead letters on topics of their own, rewinds by fencing the members."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from kafka import OffsetAndMetadata, TopicPartition

from tribune.domain.errors import InvalidInput, NotFound
from tribune.domain.events import CloudEvent
from tribune.log.kafka import dead_letters
from tribune.log.kafka.admin import Admin
from tribune.log.kafka.cluster import Cluster
from tribune.log.kafka.dead_letters import DeadLetters
from tribune.log.kafka.holdings import done_of, replay_of
from tribune.log.kafka.member import KafkaMember
from tribune.log.kafka.publisher import Publisher, Sending
from tribune.log.kafka.reader import Reader
from tribune.log.kafka.records import EVENT, Retry, milliseconds, retry_headers, retry_of, retry_topic
from tribune.log.kafka.survey import survey
from tribune.ports.clock import Clock
from tribune.ports.log import Backlog, DeadLetter, Lag, Message, MessageTooLarge, Position, TopicSpec, Waiting
from tribune.ports.relay import Outgoing
from tribune.services.events.event_codec import MAX_BYTES, encode

RETRIES_KEPT = timedelta(days=30)
HOUR_MS = 3_600_000
_RETRY = "retry."


class KafkaLog:
    """Implements tribune.ports.log.EventLog. Nothing connects before it is first used."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self.cluster = cluster
        self._clock = clock
        self.publisher = Publisher(cluster)
        self.admin = Admin(cluster)
        self.reader = Reader(cluster)
        self._letters = DeadLetters(cluster, self.admin, self.reader)
        self._topics: dict[str, int] = {}

    def create_topics(self, topics: Iterable[TopicSpec]) -> Mapping[str, int]:
        """Create what is missing, and the topic of dead letters. Retention may change; partitions only grow (keys then
        move). Raises Conflict. The topics that were there and got more partitions: how many each had."""
        partitions, settings = declared(topics)
        grown = self.admin.create(partitions, settings)
        if grown:
            self.publisher.close()  # a producer knows how many partitions there were; another is made when needed
        self._topics |= partitions
        return grown

    def publish(self, topic: str, events: Sequence[CloudEvent]) -> None:
        """Append, durably when it returns. Raises NotFound for a topic that was never created, BrokerAway."""
        messages = [Sending.of(topic, event.key, encode(event), EVENT) for event in events]
        self._known(topic)
        self.publisher.send(messages)

    def publish_raw(self, topic: str, key: str, value: bytes) -> None:
        """Append bytes as they are."""
        if len(value) > MAX_BYTES:
            raise InvalidInput(f"A message of {len(value):,} bytes; the most is {MAX_BYTES:,}.", where=topic)
        self._known(topic)
        self.publisher.send([Sending.of(topic, key, value, [])])

    def publish_all(self, rows: Sequence[Outgoing]) -> list[Exception | None]:
        """For the relay: publish events of any topics; for each None, or why not. See tribune.ports.relay.Publisher."""
        absent: dict[str, Exception] = {}
        for topic in {row.topic for row in rows}:
            try:
                self._known(topic)
            except Exception as error:
                absent[topic] = error
        answers = iter(
            self.publisher.try_all(
                [Sending.of(row.topic, row.key, row.value, EVENT) for row in rows if row.topic not in absent]
            )
        )
        return [absent[row.topic] if row.topic in absent else next(answers) for row in rows]

    def consumer(self, group: str, topics: Sequence[str]) -> KafkaMember:
        """A member of `group`; it joins when it polls first. Raises NotFound for a topic that was never created."""
        self.prepare_group(group, topics)
        return KafkaMember(self.cluster, self._clock, group, topics)

    def prepare_group(self, group: str, topics: Sequence[str]) -> None:
        """Create the retry topics of a group where they are missing, with as many partitions as the topics have. A
        group that has never read begins at the oldest messages, and is from now on seen to be behind. Raises NotFound
        for a topic that was never created."""
        partitions = {topic: self._known(topic) for topic in topics}
        wanted = {retry_topic(group, topic): count for topic, count in partitions.items()}
        if any(self._topics.get(name, 0) < count for name, count in wanted.items()):
            held = self.admin.partitions(wanted)
            fewer = {name: count for name, count in wanted.items() if held.get(name, 0) < count}
            kept = _settings(int(RETRIES_KEPT.days) * 24)
            self.admin.create(fewer, dict.fromkeys(fewer, kept))
            self._topics |= held | fewer
        committed = self.admin.offsets([group]).get(group, {})
        spans = self.admin.spans(partitions | {name: self._topics[name] for name in wanted})
        self.admin.introduce(group, {place: first for place, (first, _) in spans.items() if place not in committed})

    def lag(self, group: str | None = None) -> list[Lag]:
        """How far each group (or this one) is behind, partition by partition. Expired messages do not count."""
        offsets = self.admin.offsets([group] if group is not None else self.admin.groups())
        places = {place for told in offsets.values() for place in told if self._is_of_events(place)}
        spans = self._spans(places)
        return [
            Lag(name, self._name(place), place.partition, max(told[place].offset, spans[place][0]), spans[place][1])
            for name, told in sorted(offsets.items())
            for place in sorted(told)
            if place in spans
        ]

    def rewind(self, group: str, topic: str, *, offset: int | None = None, at: datetime | None = None) -> None:
        """Set a group's committed offsets of a topic to `offset`, or to the first message at or after `at`. Members at
        work are put out of the group, which fences them; they join again by themselves."""
        if (offset is None) == (at is None):
            raise InvalidInput("Rewind to an offset or to an instant: give one of the two.")
        spans = self.admin.spans({topic: self._known(topic)})
        found = self.admin.at({place: milliseconds(at) for place in spans}) if at is not None else {}
        committed = self.admin.offsets([group]).get(group, {})
        wanted = {}
        for place, (first, end) in spans.items():
            to = found[place] if at is not None else offset
            to = end if to is None else min(max(to, first), end)
            held = committed.get(place)
            upto = max(replay_of(held.metadata), held.offset) if held else 0
            wanted[place] = OffsetAndMetadata(to, f"replay={upto}" if upto > to else "", -1)
        self.admin.set_offsets(group, wanted)

    def retry(self, group: str, message: Message, *, not_before: datetime, reason: str) -> None:
        """Bring the message to this group again, not before an instant, with one attempt more on its account."""
        self.publisher.send([self._retry(group, message, message.attempts + 1, not_before, reason)])

    def waiting(self, group: str | None = None) -> list[Waiting]:
        """What waits to be tried again, the next first."""
        names = [group] if group is not None else self.admin.groups()
        found: dict[tuple[str, Position], Waiting] = {}
        for name, offsets in self.admin.offsets(names).items():
            prefix = self.cluster.topic(retry_topic(name, ""))
            mine = {place: told for place, told in offsets.items() if place.topic.startswith(prefix)}
            done = {(p.topic, p.partition, o) for p, told in mine.items() for o in done_of(told.metadata)}

            def see(record: Any, name: str = name, done: set[tuple[str, int, int]] = done) -> None:
                if (record.topic, record.partition, record.offset) not in done:
                    retry: Retry = retry_of(record, record.topic)
                    found[name, retry.message.first_position] = retry.waiting(name)  # the last attempt counts

            spans = self._spans(mine.keys())
            self.reader.read({p: (max(told.offset, spans[p][0]), spans[p][1]) for p, told in mine.items()}, see)
        return sorted(found.values(), key=lambda one: one.not_before)

    def backlog(self) -> list[Backlog]:
        """How much waits to be tried again and how many dead letters there are, for each group that has any. From
        offsets alone: a retry that a crash left twice counts twice."""
        dead = Counter(letter.group for letter in self._letters.all() if letter.replayed_at is None)
        retries: Counter[str] = Counter()
        offsets = self.admin.offsets(self.admin.groups())
        mine = {
            (group, place): told
            for group, places in offsets.items()
            for place, told in places.items()
            if self._name(place).startswith(_RETRY)
        }
        spans = self._spans(place for _, place in mine)
        for (group, place), told in mine.items():
            first, end = spans.get(place, (0, 0))
            retries[group] += max(end - max(told.offset, first) - len(done_of(told.metadata)), 0)
        found = sorted({group for group in retries if retries[group]} | dead.keys())
        return [Backlog(group, retries[group], dead[group]) for group in found]

    def survey(self, topics: Sequence[TopicSpec], groups: Mapping[str, Sequence[str]]) -> str:
        """Look whether all is as declared; what was found. Raises ConfigurationError, BrokerAway."""
        partitions, settings = declared(topics)
        return survey(self.cluster, self.admin, partitions, settings, groups, self.lag)

    def expire(self, now: datetime) -> int:
        """Delete what is older than its topic's retention; how many messages. The broker does so too, but only by whole
        segments. Dead letters, which hold what a source said, go after 90 days."""
        self.publisher.send(
            [
                message
                for letter in self._letters.all()
                if letter.died_at < now - timedelta(days=dead_letters.KEPT_DAYS)
                for message in dead_letters.removal(letter)
            ]
        )
        kept = {name: ms for name, ms in self.admin.retention(self._of_events()).items() if ms >= 0}
        spans = self.admin.spans({name: self._topics[name] for name in kept})
        times = {place: max(milliseconds(now) - kept[self._name(place)], 0) for place in spans}
        found = self.admin.at(times) if times else {}
        cuts = {}
        for place, (first, end) in spans.items():
            oldest = found[place]
            below = end if oldest is None else oldest
            if below > first:
                cuts[place] = below
        self.admin.delete_below(cuts)
        return sum(below - spans[place][0] for place, below in cuts.items())

    def bury(self, group: str, message: Message, reason: str, detail: str, attempts: int) -> None:
        """Put a message among the dead letters. A second burial of the same message renews the first. One that the
        broker does not take with what is said of it becomes a stub."""
        too_large: Exception | None = None
        for burial in dead_letters.burials(group, message, reason, detail, attempts, self._clock.now()):
            try:
                self.publisher.send([burial])
                return
            except MessageTooLarge as error:
                too_large = error
        if too_large is not None:
            raise too_large

    def dead_letters(self, *, group: str | None = None, limit: int = 100) -> list[DeadLetter]:
        """The dead letters of a group, or of all; the newest first."""
        return [one for one in self._letters.all() if group is None or one.group == group][:limit]

    def replay_dead(self, ids: Sequence[int]) -> int:
        """Give dead letters back to their group (only that one) to be handled again; how many. Raises Conflict, once
        the others are given back, for stubs whose whole is gone or too large to be given back."""
        asked = set(ids)
        letters = [letter for letter in self._letters.all() if letter.id in asked]
        found = [(letter, self._letters.whole(letter)) for letter in letters]
        retries = {
            one.id: self._retry(one.group, whole, 0, one.died_at, f"replayed: {one.reason}")
            for one, whole in found
            if whole is not None
        }
        # First back to the group, then noted: a crash between the two gives them back twice, never not at all. Who dies
        # again before the note is written is a dead letter all the same: the note tells of which death it is.
        answers = dict(zip(retries, self.publisher.try_all(list(retries.values())), strict=True))
        back = [one for one in letters if one.id in answers and answers[one.id] is None]
        self.publisher.send([dead_letters.noted_replay(one, self._clock.now()) for one in back])
        for answer in answers.values():
            if answer is not None and not isinstance(answer, MessageTooLarge):
                raise answer
        if len(back) < len(letters):
            raise dead_letters.not_given_back([one for one in letters if one not in back], set(answers), len(back))
        return len(back)

    def discard_dead(self, ids: Sequence[int]) -> int:
        """Throw dead letters away; how many."""
        asked = set(ids)
        letters = [letter for letter in self._letters.all() if letter.id in asked]
        self.publisher.send([message for letter in letters for message in dead_letters.removal(letter)])
        return len(letters)

    def close(self) -> None:
        """Release every connection. Members are closed by who opened them."""
        self.publisher.close()
        self.reader.close()
        self.admin.close()

    # -- inside

    @staticmethod
    def _retry(group: str, message: Message, attempts: int, not_before: datetime, reason: str) -> Sending:
        headers = retry_headers(
            message, attempts=attempts, replayed=message.replayed, not_before=not_before, reason=reason
        )
        return Sending.of(retry_topic(group, message.first_position.topic), message.key, message.value, headers)

    def _known(self, topic: str) -> int:
        """The partitions of a topic. Raises NotFound."""
        if topic not in self._topics:
            self._topics |= self.admin.partitions([topic])
        if topic not in self._topics:
            raise NotFound(f"There is no topic {topic!r}.", hint="Run `tribune migrate`: it creates the topics.")
        return self._topics[topic]

    def _of_events(self) -> list[str]:
        """Every topic of events."""
        self._topics |= self.admin.topics()
        return [name for name in self._topics if not name.startswith(_RETRY) and name != dead_letters.TOPIC]

    def _name(self, place: TopicPartition) -> str:
        return str(place.topic).removeprefix(self.cluster.prefix)

    def _is_of_events(self, place: TopicPartition) -> bool:
        return not self._name(place).startswith(_RETRY)

    def _spans(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        wanted = set(places)
        partitions: dict[str, int] = {}
        for place in wanted:
            partitions[self._name(place)] = max(partitions.get(self._name(place), 0), place.partition + 1)
        return {place: span for place, span in self.admin.spans(partitions).items() if place in wanted}


def declared(topics: Iterable[TopicSpec]) -> tuple[dict[str, int], dict[str, dict[str, str]]]:
    """What is to be on the brokers: partitions and settings of these topics, and of the one of dead letters."""
    topics = list(topics)
    partitions = {topic.name: topic.partitions for topic in topics}
    settings = {topic.name: _settings(topic.retention_hours, topic.compacted) for topic in topics}
    kept = {"retention.ms": str(dead_letters.KEPT_DAYS * 24 * HOUR_MS), "cleanup.policy": "compact,delete"}
    return partitions | {dead_letters.TOPIC: 1}, settings | {dead_letters.TOPIC: kept}


def _settings(retention_hours: int | None, compacted: bool = False) -> dict[str, str]:
    """A topic's settings. Times are the broker's: those of publishers may differ, and a step of one would be kept."""
    return {
        "retention.ms": str(-1 if retention_hours is None else retention_hours * HOUR_MS),
        "cleanup.policy": "compact" if compacted else "delete",
        "message.timestamp.type": "LogAppendTime",
    }
