"""Sign-ups that wait for their confirmation. Reached as `tx.sign_ups`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from tribune.domain.audience import Status
from tribune.domain.sign_up import Asking, SignUp


class Known(NamedTuple):
    """Whom an address belongs to, as far as a sign-up must know."""

    subscriber: int
    status: Status
    languages: tuple[str, ...]


class Forgotten(NamedTuple):
    """How many sign-ups, how many people who never confirmed any, and the names of the mails that went to these."""

    sign_ups: int
    people: int
    mails: tuple[str, ...]


class SignUps(Protocol):
    """What was asked for, and by whom."""

    def known(self, keys: Collection[str]) -> dict[str, Known]:
        """Folded address -> who has it. Whoever asks for one of them next waits until this transaction ends, so that
        two at the same moment are counted one after the other."""
        ...

    def take_turn(self) -> None:
        """Wait until nobody else is adding people: who is not known then, is new."""
        ...

    def add(self, asked: Sequence[tuple[int, Asking]], now: datetime) -> list[int]:
        """Set aside what these subscribers ask for; their numbers in order."""
        ...

    def those(self, ids: Collection[int]) -> dict[int, SignUp]: ...

    def of(self, subscriber: int) -> list[SignUp]:
        """What waits for a person's confirmation, the oldest first."""
        ...

    def settle(self, subscribers: Collection[int], now: datetime, forms: Collection[int] | None = None) -> None:
        """These have confirmed: these `forms` wait no more (None: nothing of theirs does), and nothing waits for their
        next mail."""
        ...

    def drop(self, ids: Collection[int]) -> None:
        """These wait no more; all else stays as it is."""
        ...

    def forget(self, subscribers: Collection[int]) -> None:
        """Nothing of theirs waits for a confirmation any more; all else stays as it is."""
        ...

    # what time does
    def forget_before(self, instant: datetime, most: int) -> Forgotten:
        """Delete sign-ups that have waited since before an instant, at most so many, and erase people who never
        confirmed any."""
        ...
