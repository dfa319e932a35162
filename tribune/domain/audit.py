"""The audit log: who did what when, each entry sealed with the one before it. Pure.

The seal of an entry is SHA-256 over the seal before it and the entry's own words, so that an entry that is changed,
taken out or slipped in breaks the chain at its place. No personal data: people stand in it by their numbers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

FIRST = "0" * 64
"""What stands before the first entry."""

Facts = Mapping[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """`actor` is `staff/3`, `token/2`, `subscriber/31`, `system` or `cli`; `action` a dotted word such as
    `segment.saved`; `about` what it was done to, such as `segment/4` ("": nothing in particular)."""

    number: int
    at: datetime
    actor: str
    action: str
    about: str
    facts: Facts
    before: str
    seal: str


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries: of one actor, about something (`about` is compared whole), of an action or a group of them
    (`sign_in` is `sign_in.done` and `sign_in.failed`), from an instant on, before an instant. What is empty asks for
    nothing."""

    actor: str = ""
    about: str = ""
    action: str = ""
    since: datetime | None = None
    until: datetime | None = None


def seal(before: str, number: int, at: datetime, actor: str, action: str, about: str, facts: Facts) -> str:
    """The seal of an entry, 64 hexadecimal digits."""
    told = json.dumps(
        [before, number, at.astimezone(UTC).isoformat(timespec="microseconds"), actor, action, about, dict(facts)],
        ensure_ascii=True,
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(told.encode()).hexdigest()


def holds(entry: AuditEntry, before: str) -> bool:
    """Whether an entry is as it was written, and follows the entry whose seal is `before`."""
    own = seal(before, entry.number, entry.at, entry.actor, entry.action, entry.about, entry.facts)
    return entry.before == before and entry.seal == own
