"""Notices: mails to one person that never wait behind mailings. Their states, their limits, what becomes of one. Pure.

A notice's whole life is one row (docs/adr/0019):

    WAITING     an event asks a sender to take it
    IN_DOUBT    a sender has it, until its lease ends: it may have left
    RETRY       it did not leave; it is tried again at `next_attempt_at`
    SENT, FAILED, SUPPRESSED, QUARANTINED: settled, nothing happens to it by itself any more

Each claim raises `epoch`, so that a sender that lost its lease is fenced.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tribune.domain.errors import DeliveryError, Throttled, UnknownOutcome
from tribune.domain.mailings import DeliveryState
from tribune.domain.sending import MAX_HANDOVERS, InDoubt, judge


class NoticeKind(StrEnum):
    """What a notice says. Its templates stand in the folder templates/email/notice/KIND."""

    PREFERENCES_LINK = "preferences_link"
    DATA_LINK = "data_link"  # opens what is theirs: their data, their address, being erased; for a short time
    ADDRESS_ASKED = "address_asked"  # to the address that they move from: somebody asked; "this was not me"
    ADDRESS_CONFIRM = "address_confirm"  # to the address that they move to
    CONFIRM_SUBSCRIPTION = "confirm_subscription"
    ADD_SUBSCRIPTION = "add_subscription"  # the same to who has other digests of the house
    ALREADY_SUBSCRIBED = "already_subscribed"

    @property
    def names_nobody(self) -> bool:
        """Whether anybody at all may have had it sent, so that it says nothing about the person."""
        return self in (NoticeKind.CONFIRM_SUBSCRIPTION, NoticeKind.ADD_SUBSCRIPTION, NoticeKind.ADDRESS_CONFIRM)


class NoticeState(StrEnum):
    """Where a notice stands."""

    WAITING = "waiting"
    IN_DOUBT = "in_doubt"
    SENT = "sent"
    RETRY = "retry"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    QUARANTINED = "quarantined"

    @property
    def settled(self) -> bool:
        return self not in (NoticeState.WAITING, NoticeState.IN_DOUBT, NoticeState.RETRY)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `number` notices of a kind to one person within this time."""

    number: int
    within: timedelta


@dataclass(frozen=True, slots=True)
class KindRules:
    """`useful_for`: after that time a notice is not sent any more. `limits`: how many one person may be sent."""

    useful_for: timedelta
    limits: tuple[Limit, ...]


RULES: Mapping[NoticeKind, KindRules] = {
    NoticeKind.PREFERENCES_LINK: KindRules(
        useful_for=timedelta(hours=24), limits=(Limit(3, timedelta(hours=1)), Limit(6, timedelta(days=1)))
    ),
    NoticeKind.DATA_LINK: KindRules(
        useful_for=timedelta(hours=1), limits=(Limit(3, timedelta(hours=1)), Limit(6, timedelta(days=1)))
    ),
    NoticeKind.ADDRESS_ASKED: KindRules(
        useful_for=timedelta(hours=24), limits=(Limit(3, timedelta(hours=1)), Limit(5, timedelta(days=1)))
    ),
    # One goes with each ADDRESS_ASKED; how often one address is asked is counted besides (TARGET_LIMITS).
    NoticeKind.ADDRESS_CONFIRM: KindRules(
        useful_for=timedelta(hours=24), limits=(Limit(3, timedelta(hours=1)), Limit(5, timedelta(days=1)))
    ),
    # Strangers can have these sent to any address: few, and fewer still in a week.
    NoticeKind.CONFIRM_SUBSCRIPTION: KindRules(
        useful_for=timedelta(hours=24),
        limits=(Limit(2, timedelta(hours=1)), Limit(4, timedelta(days=1)), Limit(6, timedelta(days=7))),
    ),
    NoticeKind.ADD_SUBSCRIPTION: KindRules(
        useful_for=timedelta(hours=24),
        limits=(Limit(2, timedelta(hours=1)), Limit(4, timedelta(days=1)), Limit(6, timedelta(days=7))),
    ),
    NoticeKind.ALREADY_SUBSCRIBED: KindRules(
        useful_for=timedelta(hours=24), limits=(Limit(1, timedelta(hours=1)), Limit(2, timedelta(days=7)))
    ),
}

TARGET_LIMITS = ((2, timedelta(hours=1)), (4, timedelta(days=1)))
"""How often one address may be asked, within what time, whether a change may lead there, whoever asks for it: strangers
can have as many subscriptions as they like, and type any address."""

OVER = "over"
"""In the content of an ADDRESS_CONFIRM beyond TARGET_LIMITS: it is kept like any other, so that whoever asked sees no
difference, and never sent."""

RETRY_DELAYS = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
)
"""Waits before the second, third ... attempt: somebody sits before the screen and waits for it."""

REST = timedelta(seconds=30)
"""How long a notice rests when the channel is throttled or away, where the provider names no time of its own."""

LEASE = timedelta(minutes=2)
"""How long a claim holds; half of it may pass before the mail is handed over."""

WATCH = timedelta(minutes=2)
"""How long a notice waits for its event to be acted on before it is given out again: no lost event loses a notice."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A mail to one person. `content` is JSON that the kind defines, without personal data. Times are UTC.

    `next_attempt_at` is the end of the lease while it is in doubt, else when it is given out again. `attempts` and
    `handovers` count the present one while it is in doubt.
    """

    id: int
    subscriber: int
    kind: NoticeKind
    locale: str
    content: Mapping[str, str]
    state: NoticeState
    correlation_id: str
    created_at: datetime
    code: str = ""
    attempts: int = 0
    handovers: int = 0
    epoch: int = 0
    next_attempt_at: datetime | None = None
    settled_at: datetime | None = None

    @property
    def name(self) -> str:
        """Its name as a delivery: `n.31`, which no mailing's delivery has."""
        return f"n.{self.id}"

    @property
    def digests(self) -> list[str]:
        """The digests that it is about; none where its kind is about none."""
        return (self.content.get("digests") or self.content.get("digest", "")).split()

    @property
    def unique(self) -> str:
        """For the Message-ID: the same at each attempt, and no other store's."""
        return f"{self.name}.{int(self.created_at.timestamp() * 1000):x}"


@dataclass(frozen=True, slots=True)
class NoticeVerdict:
    """What becomes of a claimed notice. `next_attempt_at` only for RETRY."""

    state: NoticeState
    code: str = ""
    attempts: int = 1
    handovers: int = 0
    next_attempt_at: datetime | None = None


def about_digests(ids: Sequence[str]) -> dict[str, str]:
    """The content of a notice about these digests, as `Notice.digests` reads it. One of them is its sender as well; of
    several it is the organisation that writes."""
    return {"digest": ids[0]} if len(ids) == 1 else {"digest": "", "digests": " ".join(ids)}


def may_be_requested(kind: NoticeKind, earlier: Collection[datetime], now: datetime) -> bool:
    """Whether a person may be sent one more; `earlier` are the instants at which notices of this kind to them were
    asked for (threats.md: no mail to the same address again and again)."""
    return all(sum(1 for at in earlier if at > now - limit.within) < limit.number for limit in RULES[kind].limits)


def longest_limit(kind: NoticeKind) -> timedelta:
    """How far back `may_be_requested` looks."""
    return max(limit.within for limit in RULES[kind].limits)


def settled_unsent(notice: Notice, policy: InDoubt, now: datetime) -> NoticeVerdict | None:
    """What settles a notice that was just claimed without sending it; None: it may be sent.

    Senders that died with it in their hands may have sent it. After MAX_HANDOVERS of them it is left to staff.
    """
    before = notice.handovers - 1
    attempts = notice.attempts - 1
    if before >= MAX_HANDOVERS or (before and policy is InDoubt.QUARANTINE):
        return NoticeVerdict(NoticeState.QUARANTINED, f"no answer after {before} attempts", attempts, before)
    if now >= notice.created_at + RULES[notice.kind].useful_for:
        state = NoticeState.QUARANTINED if before else NoticeState.FAILED
        return NoticeVerdict(state, "expired: too late to be of use", attempts, before)
    return None


def judge_notice(
    notice: Notice, error: DeliveryError | None, *, policy: InDoubt, now: datetime, rest: timedelta = REST
) -> NoticeVerdict:
    """What becomes of a claimed notice after the hand-over: as for a delivery, with shorter waits."""
    told = judge(0, error, policy=policy, now=now, attempts=notice.attempts, handovers=notice.handovers, rest=rest)
    if told is None:
        return NoticeVerdict(NoticeState.SENT, "", notice.attempts, 0)
    verdict = NoticeVerdict(
        NoticeState(told.state.value), told.code, told.attempts, told.handovers, told.next_attempt_at
    )
    if told.state is not DeliveryState.RETRY or (isinstance(error, Throttled) and not error.of_mail):
        return verdict
    if notice.attempts > len(RETRY_DELAYS):
        unknown = isinstance(error, UnknownOutcome)
        state = NoticeState.QUARANTINED if unknown else NoticeState.FAILED
        return NoticeVerdict(state, f"{told.code} (given up)", told.attempts, told.handovers)
    again = now + RETRY_DELAYS[notice.attempts - 1] + (rest if isinstance(error, Throttled) else timedelta())
    return NoticeVerdict(NoticeState.RETRY, told.code, told.attempts, told.handovers, again)


def given_back(notice: Notice, due: datetime) -> NoticeVerdict:
    """A claimed notice that was not handed over: it is as before the claim, and due at this instant."""
    return NoticeVerdict(NoticeState.RETRY, notice.code, notice.attempts - 1, notice.handovers - 1, due)
