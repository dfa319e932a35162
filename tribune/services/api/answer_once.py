"""Answer a request once: the effect and the key under which it is known commit together (ADR 31).

A request that comes again gets the answer that was given, and changes nothing. One that failed left nothing behind,
not even its key: whoever sends it again has it tried again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from tribune.domain.answers import ABANDONED, Answer, KeyedRequest, known_answer
from tribune.ports.clock import Clock
from tribune.ports.store import Store, Transaction


class Given(NamedTuple):
    """An answer; `again`: it was given before, and nothing was done now."""

    answer: Answer
    again: bool


def answer_once(
    store: Store, clock: Clock, asked: KeyedRequest | None, work: Callable[[Transaction, datetime], Answer]
) -> Given:
    """Do `work` in one unit of work, with the key if there is one. Raises KeyUsedOtherwise, and what `work` raises."""
    with store.write() as tx:
        now = clock.now()
        if asked is not None:
            kept = tx.idempotency.take(asked, now, abandoned_before=now - ABANDONED)
            if kept is not None:
                return Given(known_answer(kept, asked), again=True)
        answer = work(tx, now)
        if asked is not None:
            tx.idempotency.answered(asked, answer)
        return Given(answer, again=False)


def answer_once_outside(store: Store, clock: Clock, asked: KeyedRequest | None, work: Callable[[], Answer]) -> Given:
    """The same for work that has units of work of its own (the log's, a large import): the key is taken before, and
    answered after. Who comes meanwhile is told so. Raises KeyUsedOtherwise, StillAtWork, and what `work` raises."""
    if asked is None:
        return Given(work(), again=False)
    with store.write() as tx:
        now = clock.now()
        kept = tx.idempotency.take(asked, now, abandoned_before=now - ABANDONED)
    if kept is not None:
        return Given(known_answer(kept, asked), again=True)
    try:
        answer = work()
    except BaseException:
        with store.write() as tx:
            tx.idempotency.let_go(asked)
        raise
    with store.write() as tx:
        tx.idempotency.answered(asked, answer)
    return Given(answer, again=False)
