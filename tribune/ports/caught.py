"""Mails that were caught instead of sent, so that staff can look at them as a reader would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CaughtMail:
    """What stands on the outside of a caught mail. `delivery` is its name (`12.0.37`); times are UTC."""

    delivery: str
    recipient: str
    name: str
    subject: str
    locale: str
    caught_at: datetime

    @property
    def mailing(self) -> int | None:
        """The mailing that it belongs to; None for a mail that no mailing sent."""
        number = self.delivery.split(".")[0]
        return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else None


class CaughtMails(Protocol):
    """The mails of one outbox."""

    def newest(self) -> Sequence[CaughtMail]:
        """All of them, or the newest where there are very many; the newest first."""
        ...

    def content(self, delivery: str) -> bytes:
        """The complete message. Raises NotFound."""
        ...
