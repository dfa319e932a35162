"""Tag people, and take tags away. A tag is what staff know of somebody that no other field says."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from tribune.domain.audit import Facts
from tribune.domain.errors import InvalidInput, NotFound
from tribune.domain.segments import TAG
from tribune.ports.store import AUDIENCE, Transaction

MOST_PEOPLE = 100_000
_NAMED = 50


def tag_people(tx: Transaction, people: Collection[int], tag: str, actor: str, now: datetime) -> int:
    """How many did not bear it yet. Raises InvalidInput for what is no tag, NotFound for somebody who is not there."""
    _check(people, tag)
    tx.lock(AUDIENCE)
    missing = sorted(set(people) - tx.segments.facts(people).keys())
    if missing:
        told = ", ".join(map(str, missing[:_NAMED]))
        raise NotFound(f"There is no subscriber {told}.", hint="Nobody was tagged. Look the numbers up.")
    changed = tx.segments.tag(people, tag)
    _write_down(tx, "people.tagged", people, tag, changed, actor, now)
    return changed


def untag_people(tx: Transaction, people: Collection[int], tag: str, actor: str, now: datetime) -> int:
    """How many bore it. Raises InvalidInput for what is no tag."""
    _check(people, tag)
    tx.lock(AUDIENCE)
    changed = tx.segments.untag(people, tag)
    _write_down(tx, "people.untagged", people, tag, changed, actor, now)
    return changed


def _check(people: Collection[int], tag: str) -> None:
    if not TAG.fullmatch(tag):
        hint = "Use a to z, digits and hyphens, at most 60 of them, such as g20-alumni."
        raise InvalidInput(f"{tag!r} is not a tag.", where="tag", hint=hint)
    if len(people) > MOST_PEOPLE:
        raise InvalidInput(f"These are more than {MOST_PEOPLE:,} people.", hint="Tag them in several goes.")


def _write_down(
    tx: Transaction, action: str, people: Collection[int], tag: str, changed: int, actor: str, now: datetime
) -> None:
    if not changed:
        return
    named = sorted(set(people))
    about = f"subscriber/{named[0]}" if len(named) == 1 else ""
    facts: Facts = {"tag": tag, "people": changed, "numbers": ",".join(map(str, named[:_NAMED]))}
    tx.audit.add(actor, action, about, facts, now)
