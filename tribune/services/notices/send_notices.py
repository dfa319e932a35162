"""Send notices: claim them (in doubt, durably), make the mails, hand them over, settle.

A few at a time share the two transactions and the channel's connections; one alone waits for nobody. No transaction is
held while the channel works. Where the process dies in between, the lease ends and another sender takes them, with the
same Message-ID, at most MAX_HANDOVERS times.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from tribune.domain.audience import Subscriber
from tribune.domain.digests import Digest
from tribune.domain.errors import ConfigurationError, DeliveryError, Throttled, TribuneError, UnknownOutcome
from tribune.domain.notices import (
    LEASE,
    REST,
    Notice,
    NoticeState,
    NoticeVerdict,
    given_back,
    judge_notice,
    settled_unsent,
)
from tribune.domain.sending import suppresses
from tribune.ports.channels import EmailChannel, Outcome, OutgoingMail
from tribune.ports.clock import Clock
from tribune.ports.metrics import Metrics, NullMetrics
from tribune.ports.store import Store, Transaction
from tribune.services.notices.notice_links import NoticeLinks

if TYPE_CHECKING:
    from tribune.rendering.email.notice import NoticeComposer

log = structlog.get_logger()

_ADDRESS = re.compile(r"[^\s<>()\"']+@[^\s<>()\"']+")


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
    with sender.store.write() as tx:
        # In the order of ids, here and when settling: two senders never wait for each other in a ring.
        held = [found for id in sorted(set(ids)) if (found := _claim(tx, sender, id, done)) is not None]
    done.tell()
    if not held:
        return done.states
    verdicts: dict[int, NoticeVerdict] = {}
    mails: list[tuple[Notice, OutgoingMail]] = []
    for notice, person in held:
        made = _make(sender, notice, person)
        if isinstance(made, NoticeVerdict):
            verdicts[notice.id] = made
        else:
            mails.append((notice, made))
    outcomes, broken = _hand_over(sender, mails, until)
    with sender.store.write() as tx:
        for notice, person in held:
            done.settle(tx, notice, verdicts.get(notice.id) or outcomes[notice.id], person)
    done.tell()
    if broken is not None:
        raise broken
    return done.states


class _Settled:
    """Settles claimed notices, and tells of it once the transaction is through."""

    def __init__(self, sender: NoticeSender) -> None:
        self.states: dict[int, NoticeState] = {}
        self._sender = sender
        self._untold: list[tuple[Notice, NoticeVerdict]] = []

    def settle(self, tx: Transaction, notice: Notice, verdict: NoticeVerdict, person: Subscriber | None) -> None:
        now = tx.now()
        if not tx.notices.settle(notice, verdict, now):
            log.warning("notice was taken over", notice=notice.id, epoch=notice.epoch)
            return
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


def _claim(tx: Transaction, sender: NoticeSender, id: int, done: _Settled) -> tuple[Notice, Subscriber] | None:
    """A notice that is to be sent now, and to whom. What may not be sent is settled by the way."""
    now = tx.now()
    notice = tx.notices.claim(id, now, sender.lease)
    if notice is None:
        return None
    person = tx.audience.one(notice.subscriber)
    suppressed = tx.audience.suppressed([person.address]).get(person.address, "") if person else ""
    unsent = settled_unsent(notice, sender.channel.in_doubt, now)
    if unsent is None and (person is None or suppressed):
        # Who has unsubscribed is mailed all the same: they asked for this mail themselves.
        code = f"suppressed: {suppressed}" if suppressed else "gone"
        unsent = NoticeVerdict(NoticeState.SUPPRESSED, code, notice.attempts - 1, notice.handovers - 1)
    if unsent is not None or person is None:
        if unsent is not None:
            done.settle(tx, notice, unsent, None)
        return None
    return notice, person


def _make(sender: NoticeSender, notice: Notice, person: Subscriber) -> OutgoingMail | NoticeVerdict:
    try:
        digest = sender.digests.get(notice.content.get("digest", ""))
        link = sender.links.link(notice)
        return OutgoingMail(
            delivery=notice.name,
            sender=sender.links.return_path(notice),
            recipient=person.address,
            content=sender.composer.compose(notice, digest, person.name, person.address, link),
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


def _hand_over(
    sender: NoticeSender, mails: Sequence[tuple[Notice, OutgoingMail]], until: float
) -> tuple[dict[int, NoticeVerdict], Exception | None]:
    """Give the mails to the channel, unless it is too late or this process is to end. What becomes of each notice, and
    what the channel fell over."""
    given: set[str] = set()
    known: dict[str, Outcome] = {}
    broken: Exception | None = None

    def in_time() -> Iterator[OutgoingMail]:
        for _, mail in mails:
            if sender.clock.monotonic() >= until or sender.stopping():
                return
            given.add(mail.delivery)
            yield mail

    try:
        for outcome in sender.channel.send(in_time()):
            if outcome is not None:
                known[outcome.delivery] = outcome
    except Exception as error:
        broken = error
    return {notice.id: _verdict(sender, notice, mail, given, known, broken) for notice, mail in mails}, broken


def _verdict(
    sender: NoticeSender,
    notice: Notice,
    mail: OutgoingMail,
    given: Collection[str],
    known: Mapping[str, Outcome],
    broken: Exception | None,
) -> NoticeVerdict:
    now = sender.clock.now()
    if mail.delivery not in given:
        return given_back(notice, now)
    outcome = known.get(mail.delivery)
    if outcome is None:
        code = f"no answer: {type(broken).__name__}" if broken else "no answer"
        outcome = Outcome(mail.delivery, UnknownOutcome("the channel broke off", code=code))
    error = outcome.error
    word = type(error).__name__.lower() if error else "sent"
    sender.metrics.count("notices_handed_over", channel=sender.channel.name, outcome=word)
    if error is not None:
        error.code = _clean(error, mail)
    if isinstance(error, Throttled):
        log.warning("the channel is throttled or away: a notice waits", notice=notice.id, why=error.code)
    return judge_notice(notice, error, policy=sender.channel.in_doubt, now=now, rest=outcome.wait or REST)


def _clean(error: DeliveryError, mail: OutgoingMail) -> str:
    """The server's words without addresses: the store keeps them in one table only."""
    return _ADDRESS.sub("<...>", (error.code or error.what).replace(mail.recipient, "<...>"))
