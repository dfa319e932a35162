"""Campaigns: a message that staff write, in one or more languages, for the people of a segment. Pure.

It goes out in the name of a digest, to those of them whom that digest may mail, each in the first of their languages
that the message has (docs/adr/0032-campaigns.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tribune.domain.audience import Fallback, shown_language
from tribune.domain.segments import Rule

MAX_NAME = 120
MAX_SUBJECT = 150
MAX_TEXT = 20_000
MAX_ITEMS = 20


@dataclass(frozen=True, slots=True)
class Message:
    """What a campaign says in one language. `text` is plain, with the few marks of tribune.rendering.marked_text."""

    language: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A campaign as it was written: the first message is the one that was written first, the others are its
    translations. `items` are numbers of the catalogue, in the order in which a mail shows them under the text."""

    name: str
    messages: tuple[Message, ...]
    items: tuple[int, ...] = ()

    def shown_to(self, languages: Sequence[str], fallback: Fallback) -> str | None:
        """The language in which a reader with this chain of languages gets it; None: they can read none of it."""
        return shown_language(languages, [one.language for one in self.messages], self.messages[0].language, fallback)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Who is reached. Of the `people` of the segment: `unreachable` may not be mailed at all (not active, or
    suppressed), `not_subscribed` do not have the digest or have stopped it, `no_language` can read none of the
    message. The others are in `languages`, by the language in which they get it; `in_another` of them asked for the
    language in which it was written where there is none of theirs."""

    people: int = 0
    unreachable: int = 0
    not_subscribed: int = 0
    no_language: int = 0
    in_another: int = 0
    languages: Mapping[str, int] = field(default_factory=dict)

    @property
    def recipients(self) -> int:
        return sum(self.languages.values())

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "people": self.people,
            "unreachable": self.unreachable,
            "not_subscribed": self.not_subscribed,
            "no_language": self.no_language,
            "in_another": self.in_another,
            "languages": dict(self.languages),
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Numbers:
        """From what `to_json` gave."""
        return cls(**kept)


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign that was planned. `segment_version` and `rule` are those of the moment in which it was planned;
    `created_by` is a staff member's id, or `cli`."""

    id: int
    digest: str
    draft: Draft
    segment: str
    segment_id: int
    segment_version: int
    rule: Rule
    numbers: Numbers
    created_at: datetime
    created_by: str

    @property
    def name(self) -> str:
        return self.draft.name

    @property
    def messages(self) -> Mapping[str, Message]:
        """By language."""
        return {one.language: one for one in self.draft.messages}
