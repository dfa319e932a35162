"""Move events from the outbox to the log: one round of the relay."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from tribune.domain.errors import InvalidInput, NotFound
from tribune.ports.relay import HeldOutbox, Outgoing, Publisher

BATCH = 500


@dataclass(frozen=True, slots=True)
class Relayed:
    """What a round did. `refused` were set aside, each with the reason; `missing` are topics that do not exist;
    `failure` is why the rest has to wait."""

    read: int = 0
    published: int = 0
    refused: tuple[tuple[Outgoing, Exception], ...] = ()
    missing: tuple[str, ...] = ()
    failure: Exception | None = None


def relay_outbox(
    outbox: HeldOutbox, publisher: Publisher, *, passing_over: Collection[str] = (), limit: int = BATCH
) -> Relayed:
    """Publish the first events of the outbox, then delete them there.

    An event that came after one of its key that failed stays too: both are published again, in order. One that can
    never be published is set aside, so that it does not stop the others; those of a missing topic wait for it.
    """
    rows = outbox.first(limit, passing_over)
    if not rows:
        return Relayed()
    answers = publisher.publish_all(rows)
    published: list[int] = []
    refused: list[tuple[Outgoing, Exception]] = []
    missing: dict[str, None] = {}
    held_back: set[tuple[str, str]] = set()
    failure: Exception | None = None
    for row, answer in zip(rows, answers, strict=True):
        if isinstance(answer, InvalidInput):
            refused.append((row, answer))
        elif isinstance(answer, NotFound):
            missing[row.topic] = None
        elif answer is not None:
            failure = failure or answer
            held_back.add((row.topic, row.key))
        elif (row.topic, row.key) not in held_back:
            published.append(row.id)
    outbox.delete(published)
    outbox.set_aside([row.id for row, _ in refused])
    return Relayed(len(rows), len(published), tuple(refused), tuple(missing), failure)
