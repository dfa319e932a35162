"""Ask for a notice: its row and its event, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tribune.domain.audience import frame_locale
from tribune.domain.digests import Rules
from tribune.domain.events import event_id
from tribune.domain.notices import Notice, NoticeKind, longest_limit, may_be_requested
from tribune.ports.notices import NewNotice
from tribune.ports.store import Transaction
from tribune.services.notices.notice_events import SOURCE, notice_ready


@dataclass(frozen=True, slots=True)
class Request:
    """A notice that is asked for on behalf of a person whose languages are known."""

    kind: NoticeKind
    subscriber: int
    languages: tuple[str, ...]
    content: Mapping[str, str]


def request_notice(
    tx: Transaction, kind: NoticeKind, subscriber: int, content: Mapping[str, str], rules: Rules, now: datetime
) -> Notice | None:
    """A notice of this kind to a person, in their language; `content` as the kind defines it, without personal data.

    None where there is nobody, or where they were sent enough of them already. A door that strangers can reach gives
    the same answer in either case (threats.md: subscription bombing, enumeration).
    """
    person = tx.audience.one(subscriber)
    if person is None:
        return None
    if not may_be_requested(kind, tx.notices.requested(subscriber, kind, now - longest_limit(kind)), now):
        return None
    (notice,) = request_notices(tx, [Request(kind, subscriber, person.languages, content)], rules, now)
    return notice


def request_notices(tx: Transaction, asked: Sequence[Request], rules: Rules, now: datetime) -> list[Notice]:
    """The same for several at once, by a caller who has counted already what each may be sent."""
    new = [
        NewNotice(
            subscriber=one.subscriber,
            kind=one.kind,
            locale=frame_locale(one.languages, rules.offered, rules.default_language),
            content=one.content,
            correlation_id=event_id(SOURCE, f"{one.subscriber}/{one.kind.value}/{now.isoformat()}", 1),
        )
        for one in asked
    ]
    notices = tx.notices.add_together(new, now)
    tx.outbox.add(*(notice_ready(notice, now) for notice in notices))
    return notices
