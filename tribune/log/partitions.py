"""How many partitions topics have, and how many they are to have: what both logs say where the two differ."""

from __future__ import annotations

from collections.abc import Mapping

from tribune.domain.errors import Conflict


def too_many(topic: str, held: int) -> Conflict:
    """A topic has more partitions than it is to have, and none can be taken away."""
    return Conflict(
        f"The topic has {held} partitions; their number only grows.",
        where=topic,
        hint=f"Set [log] partitions to {held} or more.",
    )


def otherwise(wanted: Mapping[str, int], held: Mapping[str, int]) -> list[str]:
    """The topics that have fewer or more than they are to have, each in words, with what to do."""
    wrong = []
    for name, count in held.items():
        if count < wanted[name]:
            wrong.append(f"{name} has {count} partitions of {wanted[name]}: run `tribune migrate`")
        elif count > wanted[name] and not name.startswith("retry."):
            only = "and their number only grows: set [log] partitions to what is there"
            wrong.append(f"{name} has {count} partitions, {wanted[name]} are declared, {only}")
    return wrong
