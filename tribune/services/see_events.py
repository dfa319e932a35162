"""See the events of the log, decoded: the newest, and those of one story."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from tribune.domain.codelists import fold
from tribune.domain.errors import BrokenEvent
from tribune.domain.events import PUBLICATIONS, TYPES, CloudEvent, topics
from tribune.ports.log import DeadLetter, Message
from tribune.ports.log_view import LogView
from tribune.services.event_codec import decode

MOST = 200


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """A message of the log: its event, or None where it is broken, with the reason. `title` is a work's title."""

    event: CloudEvent | None
    topic: str
    key: str
    published_at: datetime
    broken: str = ""

    @property
    def title(self) -> str:
        """The title in the source language, for events that carry a work; else ""."""
        if self.event is None:
            return ""
        versions = self.event.data.get("versions") or [{}]
        source = self.event.data.get("source_language")
        best = next((v for v in versions if v.get("language") == source), versions[0])
        return str(best.get("title", ""))

    @property
    def language(self) -> str:
        """The language of `title`."""
        return str(self.event.data.get("source_language", "")) if self.event else ""


def incoming_types() -> list[str]:
    """The types of events that come from sources."""
    return [told.name for told in TYPES.values() if told.topic == PUBLICATIONS]


def newest_events(
    view: LogView, *, type: str = "", words: str = "", of: Collection[str] = (PUBLICATIONS,), limit: int = MOST
) -> list[SeenEvent]:
    """The newest events of topics (`of`), of a type, with words in title, record or id; the newest first."""
    containing = type or ""
    wanted = fold(words).split()
    narrow = bool(containing or wanted)
    seen = (see(m) for m in view.newest(of, limit=5_000 if narrow else limit, containing=containing))
    return [one for one in seen if _fits(one, type, wanted)][:limit]


def events_of(view: LogView, correlation_id: str) -> list[SeenEvent]:
    """The events that share a correlation id, the oldest first."""
    found = (see(m) for m in view.newest(tuple(topics()), limit=MOST, containing=correlation_id))
    mine = [one for one in found if one.event is not None and one.event.correlation_id == correlation_id]
    order = {topic: place for place, topic in enumerate(topics())}
    return sorted(mine, key=lambda one: (one.published_at, order[one.topic]))


def see(message: Message | DeadLetter) -> SeenEvent:
    """A message, decoded as far as it can be."""
    at = message.died_at if isinstance(message, DeadLetter) else message.published_at
    told = (message.position.topic, message.key, at)
    try:
        return SeenEvent(decode(message.value, key=message.key, received_at=at).event, *told)
    except BrokenEvent as error:
        return SeenEvent(None, *told, broken=str(error))


def _fits(seen: SeenEvent, type: str, wanted: Sequence[str]) -> bool:
    if type and (seen.event is None or seen.event.type != type):
        return False
    text = seen.key if seen.event is None else f"{seen.title} {seen.event.key} {seen.event.source} {seen.event.id}"
    return all(word in fold(text) for word in wanted)
