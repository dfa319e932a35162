"""One kept connection: envelope, body, replies (RFC 5321), pipelined where the server offers it (RFC 2920).

At most one message is outstanding. Its body, its final dot and the envelope of the mail that follows go out in one
write (a large body in two, see writing.py); then come four replies: for the message, MAIL, RCPT and DATA. So a mail
costs one write and one read. Nothing of the mail that follows is handed over before its own body is: until then it can
still go over another connection.

    idle --envelope--> asked --354--> accepted --body (and the next envelope)--> asked ...
                         |                                     `--body alone--> idle
                         `--refused: RSET, or a bare dot where the server says 354 all the same--> idle

A connection tells the pool what it learns: `settled` (a mail has its outcome), `ready` (it can go on),
`not_handed_over` (its mail must go another way), `gone`.
"""

from __future__ import annotations

import asyncio
from enum import IntEnum
from typing import TYPE_CHECKING, cast

from tribune.channels.email.replies import judged, ours, told
from tribune.channels.email.smtp.commands import Abilities, ended
from tribune.channels.email.smtp.parser import Reply
from tribune.channels.email.smtp.writing import Writing
from tribune.domain.errors import DeliveryError, Permanent, Retryable, UnknownOutcome
from tribune.ports.channels import OutgoingMail

if TYPE_CHECKING:
    from tribune.channels.email.smtp.pool import Pool


class Step(IntEnum):
    """What a reply is awaited for."""

    BODY = 0
    MAIL = 1
    RCPT = 2
    DATA = 3
    RSET = 4
    DOT = 5


NOTHING: tuple[Step, ...] = ()
ENVELOPE = (Step.MAIL, Step.RCPT, Step.DATA)
FULL = (Step.BODY, Step.MAIL, Step.RCPT, Step.DATA)


class Connection(Writing):
    """A dialogue with a mail server. `alive` is False once it must not be used any more; `accepted`: the server waits
    for the body of the mail that it knows; `served`: how many mails have been answered."""

    def __init__(self, pool: Pool) -> None:
        super().__init__()
        self._pool = pool
        self._steps = NOTHING
        self._at = 0
        self._envelope: list[bytes] = []
        self._answers: list[Reply] = []
        self._body: OutgoingMail | None = None
        self._next: OutgoingMail | None = None
        self.abilities = Abilities()
        self.alive = False
        self.accepted = False
        self.served = 0
        self.idle_since = 0.0
        self.step_end = self.body_end = self.next_end = 0.0

    def opened(self, transport: asyncio.Transport, under_tls: asyncio.Transport | None, abilities: Abilities) -> None:
        """The connection is ready for mails."""
        self.ready_to_write(transport, under_tls)
        self.abilities = abilities
        self.idle_since = self._pool.now
        self.alive = self.clean

    # -- giving it work ---------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a mail, or clearing up after one, is in hand."""
        return self._body is not None or self._next is not None or self._steps is not NOTHING

    @property
    def takes_next(self) -> bool:
        """Whether another envelope may follow the body that the server waits for."""
        return self.abilities.pipelining and self._next is not None

    def ask(self, mail: OutgoingMail, envelope: bytes) -> None:
        """Offer a mail to an idle connection."""
        self._next = mail
        self._answers = []
        patience = self._pool.patience
        self.step_end, self.next_end = self._pool.now + patience.command, self._pool.now + patience.mail
        self._steps, self._at = ENVELOPE, 0
        if self.abilities.pipelining:
            self._envelope = []
            self._write(envelope)
        else:
            first, *self._envelope = envelope.splitlines(keepends=True)
            self._write(first)

    def hand_over(self, mail: OutgoingMail | None, envelope: bytes) -> None:
        """Send the body that the server waits for, and offer the mail that follows, if any."""
        body, pool = cast(OutgoingMail, self._next), self._pool
        content, dot = ended(body)
        if not self.write_body(content, dot + envelope):
            if mail is not None:
                pool.held.appendleft(mail)  # nothing of it has left
            self._lose("it was closed")
            return
        patience, now = pool.patience, pool.now
        self._body, self._next, self._answers = body, mail, []
        self._steps, self._at = ((Step.BODY,), 0) if mail is None else (FULL, 0)
        self.accepted = False
        self.step_end, self.body_end, self.next_end = now + patience.body, self.next_end, now + patience.mail
        if self.held_back and not self.follow():
            self._lose("it was closed")

    def quit(self) -> None:
        """Say goodbye to an idle connection, and wait for the server to close it; it is not used any more."""
        if self.transport is not None and not self.over and not self.transport.is_closing():
            self.transport.write(b"QUIT\r\n")
        self.alive = False

    def leave(self) -> None:
        """Say goodbye and close; nothing is in hand."""
        transport = self.transport
        self.quit()
        self.alive = True
        if transport is not None and not self.over:
            transport.close()
        self._lose("we leave")

    def drop(self) -> None:
        """End it at once, whatever is in hand."""
        self.alive = False
        self._body = self._next = None
        self._steps = NOTHING
        if self.transport is not None and not self.over:
            self.transport.abort()

    def look_at_the_time(self, now: float) -> None:
        """Give up where a step or a whole mail takes too long."""
        if self.held_back and self.moved():
            self.step_end = now + self._pool.patience.body
        end = min(self.step_end, self.body_end if self._body is not None else self.next_end)
        if self._steps is not NOTHING and now > end:
            self._lose("no answer in time")

    def shift(self, seconds: float) -> None:
        """The caller was away: that time is not the server's fault."""
        self.step_end += seconds
        self.body_end += seconds
        self.next_end += seconds

    def _write(self, data: bytes) -> None:
        if not self.write(data):
            self._lose("it was closed")

    # -- what comes in ----------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._steps is FULL and not self._at and self.parser.empty and not self.held_back:
            lines = data.split(b"\r\n")
            if (
                len(lines) == 5
                and lines[0].startswith(b"250 ")
                and lines[1].startswith(b"250 ")
                and lines[2].startswith(b"250 ")
                and lines[3].startswith(b"354 ")
                and not lines[4]
            ):
                # What all but always comes: the message is taken, and the next envelope is accepted.
                body, self._body, self._steps = self._body, None, NOTHING
                self.accepted = True
                self.served += 1
                self._pool.went_well(self, cast(OutgoingMail, body))
                return
        for reply in self.parser.feed(data):
            if not self._take(reply):
                return
        if self.parser.broken:
            self._nonsense()

    def eof_received(self) -> None:
        self._lose("it was closed")

    def connection_lost(self, exc: Exception | None) -> None:
        self.over = True
        self._lose("it was lost")
        self._pool.wake()

    def body_gone(self) -> None:
        self.step_end = self._pool.now + self._pool.patience.body

    def lost(self) -> None:
        self._lose("it was closed")

    def _take(self, reply: Reply) -> bool:
        """One reply; whether to go on reading."""
        if not self.alive:
            return self.hear(reply)
        if self._at >= len(self._steps):
            self._lose("it said something unasked")  # such as 421, idle for too long
            return False
        step = self._steps[self._at]
        self._at += 1
        self.step_end = self._pool.now + self._pool.patience.command
        if step is Step.BODY:
            self._body_answered(reply)
        elif step <= Step.DATA:
            self._envelope_answered(step, reply)
        elif step is Step.RSET and reply.code != 250:
            self._lose("it does not clear the table")
        else:
            self._rest()
        return self.alive

    def _body_answered(self, reply: Reply) -> None:
        body = cast(OutgoingMail, self._body)
        unread = bool(self.held_back)  # it has not seen the final dot
        if not (400 <= reply.code < 600 or (200 <= reply.code < 300 and not unread)):
            self._nonsense(told(*reply))
            return
        self._body = None
        self.served += 1
        error = None if reply.code < 300 else judged(*reply)
        self._pool.settled(body, error)
        if reply.code == 421 or unread:  # it is leaving, or does not want to read to the end
            self._lose("it was closed")
        elif self._next is None:
            self._rest()

    def _envelope_answered(self, step: Step, reply: Reply) -> None:
        self._answers.append(reply)
        mail = cast(OutgoingMail, self._next)
        well = reply.code == (354 if step is Step.DATA else 250) or (step is Step.RCPT and reply.code in (251, 252))
        if reply.code == 421 and not self._refusal_before():
            self._leave(reply, started=step is not Step.MAIL)
        elif step is Step.MAIL and not well and not _too_large(reply):
            # It refuses us rather than this mail.
            self._next = None
            self._pool.settled(mail, ours(*reply, "MAIL"))
            self.leave()
        elif self._at < len(self._steps):
            pass
        elif well and self._refusal_before() is None and not self._envelope:
            self._steps = NOTHING
            self.accepted = True
            self._pool.ready.append(self)
            self._pool.wake()
            return
        else:
            self._refused(mail)
            return
        if self.alive and self._envelope and self._at < len(self._steps):
            # No pipelining: one command, one reply.
            if not well:
                self._refused(mail)
            else:
                self._write(self._envelope.pop(0))

    def _refusal_before(self) -> Reply | None:
        """The first answer of this envelope that was no yes, but for the last one."""
        for place, reply in enumerate(self._answers[:-1]):
            if reply.code not in ((250,) if place == 0 else (250, 251, 252)):
                return reply
        return None

    def _refused(self, mail: OutgoingMail) -> None:
        """A recipient, or a mail that is too large, was refused: clear the table for the next one."""
        answers, asked = self._answers, len(self._answers)
        reply = self._refusal_before() or answers[-1]
        self._next, self._envelope = None, []
        error: DeliveryError
        if answers[0].code != 250:
            error = Permanent("The message is too large for the mail server.", code=told(*reply))
        else:
            error = judged(*reply)
        self._pool.settled(mail, error)
        self._at = 0
        if asked == 3 and answers[2].code == 354:
            # It waits for a message all the same (RFC 2920, 3.1): give it an empty one, for nobody.
            self._steps = (Step.DOT,)
            self._write(b".\r\n")
        elif answers[0].code == 250:
            self._steps = (Step.RSET,)
            self._write(b"RSET\r\n")
        else:
            self._rest()

    # -- ends -------------------------------------------------------------------------------------------------

    def _rest(self) -> None:
        """Nothing is in hand."""
        self._steps, self._at = NOTHING, 0
        self.idle_since = self._pool.now
        self._pool.ready.append(self)
        self._pool.wake()

    def _leave(self, reply: Reply, *, started: bool) -> None:
        """The server says 421 before a body: the mail goes another way."""
        mail, self._next = cast(OutgoingMail, self._next), None
        error = judged(*reply) if started else ours(*reply, "MAIL")
        self._pool.not_handed_over(self, mail, started=started, error=error)
        self.leave()

    def _nonsense(self, code: str = "an answer that makes no sense") -> None:
        """Nobody knows any more which answer belongs to what."""
        body, self._body = self._body, None
        if body is not None:
            kind = Retryable if self.held_back else UnknownOutcome
            self._pool.settled(body, kind("The mail server's answer makes no sense.", code=code))
        self._lose("its answers make no sense")

    def _lose(self, why: str) -> None:
        """The connection is over. What was in hand is settled or goes another way."""
        self.hear_no_more(why)
        if not self.alive:
            return
        self.alive = False
        body, mail, self._body, self._next = self._body, self._next, None, None
        started = self.accepted or (bool(self._answers) and self._answers[0].code == 250)
        self._steps = NOTHING
        pool = self._pool
        if body is not None:
            error: DeliveryError
            if self.held_back:
                error = Retryable(
                    "The connection was lost before the message was complete.",
                    code="connection lost within the message",
                )
            else:
                error = UnknownOutcome(
                    "The connection was lost after the whole message: it may have been accepted.",
                    code="no answer" if why != "no answer in time" else why,
                )
            pool.settled(body, error)
        if mail is not None:
            pool.not_handed_over(self, mail, started=started)
        pool.gone(self)
        if self.transport is not None and not self.over and not self.transport.is_closing():
            self.transport.abort()


def _too_large(reply: Reply) -> bool:
    return reply.code == 552 or b"5.3.4" in reply.words
