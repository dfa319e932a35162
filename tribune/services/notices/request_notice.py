"""Ask for a notice: its row and its event, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tribune.domain.audience import frame_locale
from tribune.domain.digests import Rules
from tribune.domain.events import event_id
from tribune.domain.notices import Notice, NoticeKind, longest_limit, may_be_requested
from tribune.ports.store import Transaction
from tribune.services.notices.notice_events import SOURCE, notice_ready


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
    locale = frame_locale(person.languages, rules.offered, rules.default_language)
    story = event_id(SOURCE, f"{subscriber}/{kind.value}/{now.isoformat()}", 1)
    notice = tx.notices.add(subscriber, kind, locale, content, story, now)
    tx.outbox.add(notice_ready(notice, now))
    return notice
