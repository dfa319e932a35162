"""Send notices: claim them (in doubt, durably), make the mails, hand them over, settle.

A few at a time share the two transactions and the channel's connections; one alone waits for nobody. No transaction is
held while the channel works. Where the process dies in between, the lease ends and another sender takes them, with the
same Message-ID, at most MAX_HANDOVERS times, and each by itself: if one of them kills every sender, it is that one only
which is left to staff.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from tribune.domain.audience import Subscriber
from tribune.domain.digests import Digest
from tribune.domain.errors import ConfigurationError, Throttled, TribuneError, UnknownOutcome
from tribune.domain.notices import (
    LEASE,
    OVER,
    REST,
    Notice,
    NoticeKind,
    NoticeState,
    NoticeVerdict,
    given_back,
    judge_notice,
    settled_unsent,
)
from tribune.domain.sending import suppresses
from tribune.domain.sign_up import LIFTED, NOBODYS
from tribune.ports.channels import EmailChannel, Outcome, OutgoingMail
from tribune.ports.clock import Clock
from tribune.ports.data_requests import RequestKind, RequestState
from tribune.ports.metrics import Metrics, NullMetrics
from tribune.ports.store import Store, Transaction
from tribune.services.notices.notice_links import NoticeLinks
from tribune.services.sending.hand_over import cleaned
from tribune.services.sending.patience import settle_patiently

if TYPE_CHECKING:
    from tribune.rendering.email.notice import NoticeComposer

log = structlog.get_logger()


def _never() -> bool:
    return False


@dataclass(frozen=True)
class NoticeSender:
    """What sending needs. `stopping` is asked before the mail is handed over."""

    store: Store
    clock: Clock
    channel: EmailChannel
    composer: NoticeComposer
    links: NoticeLinks
    digests: Mapping[str, Digest]
    metrics: Metrics = field(default_factory=NullMetrics)
    lease: timedelta = LEASE
    stopping: Callable[[], bool] = _never


def send_notice(sender: NoticeSender, notice_id: int) -> NoticeState | None:
    """Send a notice; what became of it, or None as `send_notices` leaves it out."""
    return send_notices(sender, [notice_id]).get(notice_id)


def send_notices(sender: NoticeSender, ids: Iterable[int]) -> Mapping[int, NoticeState]:
    """Send notices; what became of each. Left out are those that could not be claimed (settled, taken, not due, gone)
    and those that another sender took over meanwhile: their outcome is that sender's.

    Raises what the channel fell over, after the rows have been told.
    """
    # Read before the claim: a process that is stopped (SIGSTOP) in between must see by itself that it is late.
    until = sender.clock.monotonic() + sender.lease.total_seconds() / 2
    done = _Settled(sender)
    # In the order of ids, here and when settling: two senders never wait for each other in a ring.
    wanted = sorted(set(ids))
    with sender.store.write() as tx:
        held = _claim(tx, sender, wanted, done)
        doubtful = [notice for notice, _ in held if notice.handovers > 1 and len(wanted) > 1]
        tx.notices.settle_together([(notice, given_back(notice, tx.now())) for notice in doubtful], tx.now())
    done.tell()
    held = [(notice, person) for notice, person in held if notice not in doubtful]
    if held:
        _send(sender, held, until, done)
    for notice in doubtful:
        if not sender.stopping():
            done.states |= send_notices(sender, [notice.id])
    return done.states


def _send(sender: NoticeSender, held: Sequence[tuple[Notice, Subscriber]], until: float, done: _Settled) -> None:
    """Make the mails of claimed notices, hand them over, settle. Raises what the channel fell over."""
    try:
        made = {notice.id: _make(sender, notice, person) for notice, person in held}
    except ConfigurationError:
        with sender.store.write() as tx:  # none of them was handed over
            rested = [(notice, given_back(notice, tx.now() + REST)) for notice, _ in held]
            tx.notices.settle_together(rested, tx.now())
        raise
    handed = _HandedOver(sender, until)
    handed.give([mail for mail in made.values() if isinstance(mail, OutgoingMail)])
    handed.tell([notice for notice, _ in held])

    def settle(tx: Transaction) -> None:
        done.begin()
        now = tx.now()
        told = []
        for notice, person in held:
            mail = made[notice.id]
            verdict = handed.verdict(notice, mail, now) if isinstance(mail, OutgoingMail) else mail
            told.append((notice, verdict, person))
        done.settle(tx, told)

    settle_patiently(sender.store, settle, sender.stopping)
    done.tell()
    if handed.broken is not None:
        raise handed.broken


class _Settled:
    """Settles claimed notices, and tells of it once the transaction is through."""

    def __init__(self, sender: NoticeSender) -> None:
        self.states: dict[int, NoticeState] = {}
        self._sender = sender
        self._untold: list[tuple[Notice, NoticeVerdict]] = []

    def begin(self) -> None:
        """A transaction begins: what one that came to nothing had settled is not told of."""
        self._untold.clear()

    def settle(self, tx: Transaction, told: Sequence[tuple[Notice, NoticeVerdict, Subscriber | None]]) -> None:
        now = tx.now()
        through = tx.notices.settle_together([(notice, verdict) for notice, verdict, _ in told], now)
        for notice, verdict, person in told:
            if notice.id not in through:
                log.warning("notice was taken over", notice=notice.id, epoch=notice.epoch)
                continue
            self._untold.append((notice, verdict))
            if person is not None and verdict.state is NoticeState.FAILED and suppresses(verdict.code):
                tx.audience.suppress(person.address, "hard_bounce", now)

    def tell(self) -> None:
        for notice, verdict in self._untold:
            kind, state = notice.kind.value, verdict.state
            self.states[notice.id] = state
            self._sender.metrics.count("notices", kind=kind, state=state.value)
            say = log.info if state is NoticeState.SENT else log.warning
            facts = {"attempts": verdict.attempts, "correlation_id": notice.correlation_id}
            say("notice", notice=notice.id, kind=kind, state=state.value, **facts)
        self._untold.clear()


def _claim(
    tx: Transaction, sender: NoticeSender, ids: Sequence[int], done: _Settled
) -> list[tuple[Notice, Subscriber]]:
    """The notices that are to be sent now, and to whom. What may not be sent is settled by the way."""
    now = tx.now()
    notices = tx.notices.claim_together(ids, now, sender.lease)
    known = tx.audience.several({notice.subscriber for notice in notices})
    people = {notice.id: _addressee(tx, notice, known.get(notice.subscriber)) for notice in notices}
    reasons = tx.audience.suppressed([person.address for person in people.values() if person is not None])
    held, unsent = [], []
    for notice in notices:
        person = people[notice.id]
        why = _why_not(notice, person, reasons)
        verdict = settled_unsent(notice, sender.channel.in_doubt, now)
        if verdict is None and why:
            verdict = NoticeVerdict(NoticeState.SUPPRESSED, why, notice.attempts - 1, notice.handovers - 1)
        if verdict is not None:
            unsent.append((notice, verdict, None))
        elif person is not None:
            held.append((notice, person))
    done.settle(tx, unsent)
    return held


def _why_not(notice: Notice, person: Subscriber | None, reasons: Mapping[str, str]) -> str:
    """Why a notice may not be sent; "": it may. Who has unsubscribed is mailed all the same: they asked for this mail
    themselves."""
    if person is None:
        return "gone"
    reason = reasons.get(person.address, "")
    if notice.kind.names_nobody and reason in LIFTED:  # a yes from there takes it away
        return ""
    return f"suppressed: {reason}" if reason else ""


def _addressee(tx: Transaction, notice: Notice, person: Subscriber | None) -> Subscriber | None:
    """Who it goes to, and where: about a change of address to the old one, while any change waits (each warning stops
    them all), or to the new one, while this change waits and nobody is subscribed there."""
    if person is None or notice.kind not in (NoticeKind.ADDRESS_ASKED, NoticeKind.ADDRESS_CONFIRM):
        return person
    waiting = tx.data_requests.recent(kinds=[RequestKind.ADDRESS], states=[RequestState.WAITING], subscriber=person.id)
    if notice.kind is NoticeKind.ADDRESS_ASKED:
        return person if waiting else None
    address = tx.data_requests.new_address(person.id)
    if address is None or OVER in notice.content or notice.content["request"] not in {str(one.id) for one in waiting}:
        return None
    other = tx.audience.by_address(address)
    return replace(person, address=address) if other is None or other.status in NOBODYS else None


def _make(sender: NoticeSender, notice: Notice, person: Subscriber) -> OutgoingMail | NoticeVerdict:
    try:
        digests = [sender.digests[id] for id in notice.digests if id in sender.digests]
        link = sender.links.link(notice, person.address)
        name = "" if notice.kind.names_nobody else person.name
        return OutgoingMail(
            delivery=notice.name,
            sender=sender.links.return_path(notice),
            recipient=person.address,
            content=sender.composer.compose(notice, digests, name, person.address, link),
            locale=notice.locale,
        )
    except ConfigurationError:
        raise
    except Exception as error:
        # No values of it in the log or in the row: they may be a name or an address.
        why = error.what if isinstance(error, TribuneError) else type(error).__name__
        log.error("notice cannot be made", notice=notice.id, kind=notice.kind.value, error=type(error).__name__)
        code = f"cannot be made: {why}"
        return NoticeVerdict(NoticeState.QUARANTINED, code, notice.attempts - 1, notice.handovers - 1)


class _HandedOver:
    """Some mails on their way. `broken`: what the channel fell over."""

    def __init__(self, sender: NoticeSender, until: float) -> None:
        self.broken: Exception | None = None
        self._sender = sender
        self._until = until
        self._given: set[str] = set()
        self._known: dict[str, Outcome] = {}
        self._rest: timedelta | None = None

    def give(self, mails: Sequence[OutgoingMail]) -> None:
        """Give them to the channel, until it is too late, this process is to end, or the channel wants to rest."""
        try:
            for outcome in self._sender.channel.send(self._in_time(mails)):
                if outcome is not None:
                    self._known[outcome.delivery] = outcome
                    if isinstance(outcome.error, Throttled):
                        self._rest = max(self._rest or timedelta(), outcome.wait or REST)
        except Exception as error:
            self.broken = error
        self._answered(mails)

    def _in_time(self, mails: Sequence[OutgoingMail]) -> Iterator[OutgoingMail]:
        for mail in mails:
            if self._sender.clock.monotonic() >= self._until or self._sender.stopping() or self._rest is not None:
                return
            self._given.add(mail.delivery)
            yield mail

    def _answered(self, mails: Sequence[OutgoingMail]) -> None:
        """Every mail that was given has an answer, without addresses in it."""
        for mail in mails:
            if mail.delivery not in self._given:
                continue
            if mail.delivery not in self._known:
                code = f"no answer: {type(self.broken).__name__}" if self.broken else "no answer"
                self._known[mail.delivery] = Outcome(mail.delivery, UnknownOutcome("the channel broke off", code=code))
            error = self._known[mail.delivery].error
            if error is not None:
                cleaned(error, mail.recipient)

    def tell(self, notices: Iterable[Notice]) -> None:
        """Count what was handed over, and log who has to wait."""
        for notice in notices:
            outcome = self._known.get(notice.name)
            if outcome is None:
                continue
            error, channel = outcome.error, self._sender.channel.name
            word = type(error).__name__.lower() if error else "sent"
            self._sender.metrics.count("notices_handed_over", channel=channel, outcome=word)
            if isinstance(error, Throttled):
                log.warning("the channel is throttled or away: a notice waits", notice=notice.id, why=error.code)

    def verdict(self, notice: Notice, mail: OutgoingMail, now: datetime) -> NoticeVerdict:
        """What becomes of a notice whose mail this is."""
        outcome = self._known.get(mail.delivery)
        if outcome is None:
            return given_back(notice, now + (self._rest or timedelta()))
        policy = self._sender.channel.in_doubt
        return judge_notice(notice, outcome.error, policy=policy, now=now, rest=outcome.wait or REST)
