"""Send a notice: claim it (in doubt, durably), make the mail, hand it over, settle.

No transaction is held while the channel works. Where the process dies in between, the lease ends and another sender
takes it, with the same Message-ID, at most MAX_HANDOVERS times.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
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
from tribune.ports.channels import EmailChannel, OutgoingMail
from tribune.ports.clock import Clock
from tribune.ports.metrics import Metrics, NullMetrics
from tribune.ports.store import Store
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
    """Send a notice; what became of it, or None where there was nothing to claim: settled, taken, not due, gone.

    Raises what the channel fell over, after the row has been told.
    """
    # Read before the claim: a process that is stopped (SIGSTOP) in between must see by itself that it is late.
    until = sender.clock.monotonic() + sender.lease.total_seconds() / 2
    with sender.store.write() as tx:
        now = tx.now()
        notice = tx.notices.claim(notice_id, now, sender.lease)
        if notice is None:
            return None
        person = tx.audience.one(notice.subscriber)
        suppressed = tx.audience.suppressed([person.address]).get(person.address, "") if person else ""
        unsent = settled_unsent(notice, sender.channel.in_doubt, now) or _nobody(notice, person, suppressed)
        if unsent is not None:
            tx.notices.settle(notice, unsent, now)
    if unsent is not None or person is None:
        return _told(sender, notice, unsent) if unsent else None
    mail = _make(sender, notice, person)
    if isinstance(mail, NoticeVerdict):
        return _settle(sender, notice, person, mail)
    broken: Exception | None = None
    try:
        verdict = _hand_over(sender, notice, mail, until)
    except Exception as error:
        broken = error
        unknown = UnknownOutcome("the channel broke off", code=f"no answer: {type(error).__name__}")
        verdict = judge_notice(notice, unknown, policy=sender.channel.in_doubt, now=sender.clock.now())
    state = _settle(sender, notice, person, verdict)
    if broken is not None:
        raise broken
    return state


def _nobody(notice: Notice, person: Subscriber | None, suppressed: str) -> NoticeVerdict | None:
    """Why this person is not mailed. Who has unsubscribed is: they asked for this mail themselves."""
    if person is not None and not suppressed:
        return None
    code = f"suppressed: {suppressed}" if suppressed else "gone"
    return NoticeVerdict(NoticeState.SUPPRESSED, code, notice.attempts - 1, notice.handovers - 1)


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


def _hand_over(sender: NoticeSender, notice: Notice, mail: OutgoingMail, until: float) -> NoticeVerdict:
    """Give the mail to the channel, unless it is too late or this process is to end."""
    given = False

    def mails() -> Iterator[OutgoingMail]:
        nonlocal given
        if sender.clock.monotonic() < until and not sender.stopping():
            given = True
            yield mail

    known, error, rest = False, None, REST
    for outcome in sender.channel.send(mails()):
        if outcome is not None and outcome.delivery == mail.delivery:
            known, error, rest = True, outcome.error, outcome.wait or REST
    now = sender.clock.now()
    if not given:
        return given_back(notice, now)
    if not known:
        error = UnknownOutcome("the channel said nothing", code="no answer")
    word = type(error).__name__.lower() if error else "sent"
    sender.metrics.count("notices_handed_over", channel=sender.channel.name, outcome=word)
    if isinstance(error, Throttled):
        log.warning("the channel is throttled or away: a notice waits", notice=notice.id, why=_clean(error, mail))
    if error is not None:
        error.code = _clean(error, mail)
    return judge_notice(notice, error, policy=sender.channel.in_doubt, now=now, rest=rest)


def _settle(sender: NoticeSender, notice: Notice, person: Subscriber, verdict: NoticeVerdict) -> NoticeState | None:
    """Record what became of it. None where the lease ran out and another sender has it: the outcome is theirs."""
    with sender.store.write() as tx:
        now = tx.now()
        if not tx.notices.settle(notice, verdict, now):
            log.warning("notice was taken over", notice=notice.id, epoch=notice.epoch)
            return None
        if verdict.state is NoticeState.FAILED and suppresses(verdict.code):
            tx.audience.suppress(person.address, "hard_bounce", now)
    return _told(sender, notice, verdict)


def _told(sender: NoticeSender, notice: Notice, verdict: NoticeVerdict) -> NoticeState:
    sender.metrics.count("notices", kind=notice.kind.value, state=verdict.state.value)
    say = log.info if verdict.state is NoticeState.SENT else log.warning
    say("notice", notice=notice.id, kind=notice.kind.value, state=verdict.state.value, attempts=verdict.attempts)
    return verdict.state


def _clean(error: DeliveryError, mail: OutgoingMail) -> str:
    """The server's words without addresses: the store keeps them in one table only."""
    return _ADDRESS.sub("<...>", (error.code or error.what).replace(mail.recipient, "<...>"))
