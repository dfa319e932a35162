"""See the events of the log, decoded: the newest, and those of one story."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from tribune.domain.audience import Fallback, shown_language
from tribune.domain.codelists import fold
from tribune.domain.errors import BrokenEvent
from tribune.domain.events import PUBLICATIONS, TYPES, CloudEvent, topics
from tribune.domain.items import DataSummary
from tribune.ports.log import DeadLetter, Message
from tribune.ports.log_view import LogView
from tribune.services.events.event_codec import decode

MOST = 200


class Title(NamedTuple):
    """A title and its language."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """A message of the log: its event, or None where it is broken, with the reason."""

    event: CloudEvent | None
    topic: str
    key: str
    published_at: datetime
    broken: str = ""

    def title_in(self, locale: str) -> Title:
        """The title of the work that the event carries, for people who read `locale`; empty where it carries none."""
        versions = self.event.data.get("versions") if self.event else None
        titles = {str(told["language"]): str(told["title"]) for told in versions or ()}
        if self.event is None or not titles:
            return Title("", locale)
        best = shown_language([locale], list(titles), self.event.data["source_language"], Fallback.SOURCE)
        return Title(titles[best or next(iter(titles))], best or locale)

    @property
    def news(self) -> DataSummary | None:
        """What a data release brought, or None."""
        told = self.event.data.get("data") if self.event else None
        if not told:
            return None
        return DataSummary(
            str(told.get("dataflow", "")),
            new_periods=tuple(told.get("new_periods") or ()),
            new_count=int(told.get("new_count") or 0),
            revised_count=int(told.get("revised_count") or 0),
        )

    @property
    def words(self) -> str:
        """What it can be found by."""
        if self.event is None:
            return self.key
        titles = (str(told["title"]) for told in self.event.data.get("versions") or ())
        return " ".join((*titles, self.event.key, self.event.source, self.event.id))


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
    return all(word in fold(seen.words) for word in wanted) if wanted else True
