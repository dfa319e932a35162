"""Throw away events that nobody wants any more: dead letters, and what can never be published."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tribune.commands._asking import agreed
from tribune.commands._rows import cut, plain, shown_time
from tribune.commands._written import write_down

if TYPE_CHECKING:
    from tribune.bootstrap import Application
    from tribune.ports.log import DeadLetter
    from tribune.ports.relay import SetAside


def discard_letter(house: Application, letter: DeadLetter, yes: bool) -> None:
    """Name a dead letter, ask, write down that it was thrown away, and do it. Raises InvalidInput where nobody can be
    asked."""
    print(
        f"Dead letter {letter.id}: {plain(_type(letter.value))} of {plain(cut(letter.key))}, given up by "
        f"{letter.group} at {shown_time(letter.died_at)}. {plain(letter.reason)}"
    )
    if not agreed(f"Throw it away? The group {letter.group} will never handle it", yes):
        return
    facts = {"group": letter.group, "type": _type(letter.value)}
    with house.store.write() as tx:
        write_down(tx, "dead_letter.discarded", f"dead-letter/{letter.id}", facts)
    count = house.log.discard_dead([letter.id])
    print(f"{count} dead letter {'is' if count == 1 else 'are'} thrown away.")


def discard_aside(house: Application, events: Sequence[SetAside], yes: bool) -> None:
    """The same of events that the relay has set aside."""
    for one in events:
        print(
            f"Event {one.id}: {plain(_type(one.value))} of {plain(cut(one.key))} for {one.topic}, "
            f"{len(one.value):,} bytes, added at {shown_time(one.added_at)}."
        )
    which = "it" if len(events) == 1 else f"these {len(events):,}"
    if not agreed(f"Throw {which} away? Nobody will ever read {'it' if len(events) == 1 else 'them'}", yes):
        return
    with house.store.write() as tx:
        for one in events:
            write_down(tx, "event.discarded", f"outbox/{one.id}", {"topic": one.topic, "type": _type(one.value)})
    count = house.outbox_queue.discard([one.id for one in events])
    print(f"{count:,} event{' is' if count == 1 else 's are'} thrown away.")


def _type(value: bytes) -> str:
    """The event's type, as far as it can be read: it may be broken."""
    try:
        told = json.loads(value)["type"]
    except (ValueError, RecursionError, KeyError, TypeError, IndexError):
        return "a broken message"
    return str(told)[:60]
