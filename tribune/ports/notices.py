"""Notices: mails to one person, one row each. Reached as `tx.notices`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from tribune.domain.notices import Notice, NoticeKind, NoticeState, NoticeVerdict

RequestedBy = dict[tuple[int, NoticeKind], list[datetime]]
"""When notices of each kind to each person were asked for."""


class NewNotice(NamedTuple):
    """A notice that is asked for; `content` as its kind defines it."""

    subscriber: int
    kind: NoticeKind
    locale: str
    content: Mapping[str, str]
    correlation_id: str


class Notices(Protocol):
    """The rows of notices and their moves."""

    # looking
    def one(self, notice_id: int) -> Notice | None: ...

    def recent(
        self,
        *,
        states: Collection[NoticeState] = (),
        kinds: Collection[NoticeKind] = (),
        subscriber: int | None = None,
        limit: int = 50,
    ) -> list[Notice]:
        """The newest first; `states` and `kinds` empty mean any."""
        ...

    def requested(self, subscriber: int, kind: NoticeKind, since: datetime) -> list[datetime]:
        """When notices of a kind to a person were asked for. Whoever asks next waits until this transaction ends, so
        that two at the same moment are counted one after the other."""
        ...

    def requested_by(
        self, subscribers: Collection[int], since: datetime
    ) -> dict[tuple[int, NoticeKind], list[datetime]]:
        """The same of several people and of every kind, for a caller who holds their locks already."""
        ...

    def due(self, now: datetime) -> bool:
        """Whether `wake` has something to do."""
        ...

    # the moves
    def add(
        self,
        subscriber: int,
        kind: NoticeKind,
        locale: str,
        content: Mapping[str, str],
        correlation_id: str,
        now: datetime,
    ) -> Notice:
        """A new notice, waiting."""
        ...

    def add_together(self, new: Sequence[NewNotice], now: datetime) -> list[Notice]:
        """New notices, waiting, in this order."""
        ...

    def claim(self, notice_id: int, now: datetime, lease: timedelta) -> Notice | None:
        """Take a notice that waits, is due again, or was left by a sender whose lease ran out: it is in doubt from now
        on. None where there is nothing to take: settled, taken, not due, or gone."""
        ...

    def claim_together(self, ids: Collection[int], now: datetime, lease: timedelta) -> list[Notice]:
        """The same of several at once: those that there are to take, in order of their numbers."""
        ...

    def settle(self, claimed: Notice, verdict: NoticeVerdict, now: datetime) -> bool:
        """Record what became of a claimed notice. False where the claim is gone: another sender has it."""
        ...

    def settle_together(self, settled: Sequence[tuple[Notice, NoticeVerdict]], now: datetime) -> set[int]:
        """The same of several at once: the numbers of those whose claim was still there."""
        ...

    def call_off(self, subscriber: int, kind: NoticeKind, why: str, now: datetime) -> int:
        """Settle unsent what waits of a kind for a person, in no sender's hands; how many."""
        ...

    # what time does
    def wake(self, now: datetime, limit: int = 1000) -> list[Notice]:
        """Notices that wait for an event again: due for another attempt, left by a sender whose lease ran out, or
        waiting in vain. Each is given out once; a sender that is still at it is fenced."""
        ...

    def forget_before(self, instant: datetime) -> int:
        """Delete what was settled before an instant; how many."""
        ...
