"""A mended way to join a group.

kafka-python leaves a join in flight when a poll's time is up, for the next poll to wait on. But where the broker's
answer comes between the two polls, the next one throws it away and joins anew: everybody shares out once more, and
again, as long as polls are short and far between, as those of a member at long work are. And where the leader joined
because a topic has more partitions, the next one does not see that a join was begun at all: it reads on what it had,
sends no heartbeat, and is put out. So an answer that nobody has taken in is kept, and remembered to be waited for.
"""

from __future__ import annotations

from typing import Any, cast

from kafka.coordinator.base import MemberState


def keep_answers(consumer: Any) -> None:
    """Mend this consumer. Works on kafka-python 3.0 alone: pyproject.toml holds it there."""
    coordinator = consumer._coordinator
    ask = coordinator._do_join_and_sync_async
    kept: list[tuple[Any, bytes]] = []

    async def join() -> bytes:
        if kept and coordinator.state is MemberState.REBALANCING:  # still: nobody has taken the answer in
            generation, answer = kept.pop()
            if generation is coordinator._generation:
                return answer
        kept.clear()
        coordinator.request_rejoin()  # until the answer is taken in
        answer = cast(bytes, await ask())
        kept.append((coordinator._generation, answer))
        return answer

    coordinator._do_join_and_sync_async = join
