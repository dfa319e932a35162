"""Keys under which requests of the API were answered. Reached as `tx.idempotency`."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from tribune.domain.answers import Answer, KeptKey, KeyedRequest


class Idempotency(Protocol):
    """One row a key and token. The row commits with the effect, or is there before it."""

    def take(self, asked: KeyedRequest, now: datetime, *, abandoned_before: datetime) -> KeptKey | None:
        """Take the key; None: it is ours. Otherwise what stands under it; who holds it in a unit of work that has not
        ended is waited for. Work that began before `abandoned_before` and never ended is taken over."""
        ...

    def answered(self, asked: KeyedRequest, answer: Answer) -> None:
        """Keep the answer under the key that was taken."""
        ...

    def let_go(self, asked: KeyedRequest) -> None:
        """Nothing was done: whoever comes with the key begins anew."""
        ...

    def forget_before(self, instant: datetime) -> int:
        """Delete what was taken before; how many."""
        ...
