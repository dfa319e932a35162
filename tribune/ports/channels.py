"""E-mail channels: where a message leaves.

A channel takes mails one after the other from an iterable and answers with outcomes. It takes a mail only when
it is about to hand it over, so that the caller can look at its lease before each, and stop. A channel that has many
connections answers in the order in which outcomes become known. The iterable may give None: nothing to send at this
moment, but there may be later. The channel then goes on with what it has in hand, and where it has nothing in hand
gives None back, so that the caller can wait. Four ways not to leave are told apart by the error's class
(tribune.domain.errors):

    Throttled       the channel, not this mail: slow down, or it cannot be reached; the caller stops giving mails
    Retryable       this recipient, later
    Permanent       this recipient, never; `code` keeps the server's own words
    UnknownOutcome  the message was complete and then there was no answer: `in_doubt` says what to do
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from tribune.domain.errors import DeliveryError
from tribune.domain.sending import InDoubt


class OutgoingMail(NamedTuple):
    """A message to one recipient. `delivery` is its name (`12.0.37`), `sender` the envelope's return path, `content`
    the complete RFC 5322 message with CRLF line ends. `sound`: whoever made it vouches that it holds no bare CR or LF
    and that no line begins with a dot (tribune.rendering.email.mime), and that the return path is an address (a signed
    token's), so that channels need not look through them again.
    Addresses and content stay out of its repr."""

    delivery: str
    sender: str
    recipient: str
    content: bytes
    locale: str = ""
    sound: bool = False

    def __repr__(self) -> str:
        return f"OutgoingMail(delivery={self.delivery!r}, locale={self.locale!r})"


class Outcome(NamedTuple):
    """What became of one mail: `error` None is sent. `wait`: how long a throttled channel asks us to rest."""

    delivery: str
    error: DeliveryError | None = None
    wait: timedelta | None = None


class EmailChannel(Protocol):
    """One way for mail to leave. Safe to use from several threads."""

    @property
    def name(self) -> str: ...

    @property
    def in_doubt(self) -> InDoubt:
        """What to do with mails of which nobody knows whether they left."""
        ...

    def send(self, mails: Iterable[OutgoingMail | None]) -> Iterator[Outcome | None]:
        """One outcome for each mail that was taken, as each becomes known; None where the iterable gave None and no
        mail is in hand. Closing the iterator drops what is in hand: the caller counts it as unknown."""
        ...

    def forget_before(self, instant: datetime) -> int:
        """Delete what the channel itself keeps of mails since before an instant; how many files."""
        ...

    def forget(self, deliveries: Iterable[str]) -> int:
        """Delete what the channel itself keeps of the mails of these names; how many files."""
        ...

    def check(self) -> str:
        """What works, in plain words. Raises DeliveryError with what does not, and what to do."""
        ...
