"""Find people by what staff have: an address or its beginning, a number, or words of a name."""

from __future__ import annotations

from dataclasses import dataclass

from tribune.domain.addresses import address_key
from tribune.domain.audience import Subscriber
from tribune.domain.errors import NotFound
from tribune.ports.people import Found
from tribune.ports.store import Transaction

MOST = 50
_LONGEST = 320


@dataclass(frozen=True, slots=True)
class Search:
    """Whom a search found; `more`: there are others beyond MOST."""

    people: list[Found]
    more: bool


def existing(tx: Transaction, id: int) -> Subscriber:
    """The person of a number. Raises NotFound."""
    person = tx.audience.one(id) if 0 < id < 2**31 else None
    if person is None:
        raise NotFound(f"There is no subscriber {id}.", hint="They may have been erased.")
    return person


def find_people(tx: Transaction, wanted: str) -> Search:
    """Those who fit; the newest where nothing is wanted."""
    wanted = wanted.strip()[:_LONGEST]
    if not wanted:
        return _search(tx.people.newest(MOST + 1))
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 10:
        person = tx.audience.one(int(wanted))
        if person is not None:
            return Search([Found(person.id, person.name, person.address, person.group, person.status)], False)
    if "@" in wanted or "." in wanted.strip("."):
        key = address_key(wanted) if "@" in wanted else wanted.lower()
        found = tx.people.by_address(key, MOST + 1)
        if found or "@" in wanted:
            return _search(found)
    by_name = tx.people.by_name(wanted.split(), MOST + 1)
    if not by_name and " " not in wanted:
        by_name = tx.people.by_address(wanted.lower(), MOST + 1)
    return _search(by_name)


def _search(found: list[Found]) -> Search:
    return Search(found[:MOST], len(found) > MOST)
