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
    """Whom a search found; `after`: where those begin that come next ("": there are none)."""

    people: list[Found]
    after: str = ""


def existing(tx: Transaction, id: int) -> Subscriber:
    """The person of a number. Raises NotFound."""
    person = tx.audience.one(id) if 0 < id < 2**31 else None
    if person is None:
        raise NotFound(f"There is no subscriber {id}.", hint="They may have been erased.")
    return person


def find_people(tx: Transaction, wanted: str, after: str = "") -> Search:
    """Those who fit; the newest where nothing is wanted. `after`: as a search before told it."""
    wanted = wanted.strip()[:_LONGEST]
    way, begin = _cursor(after)
    if not wanted:
        return _search(_NEWEST, tx.people.newest(MOST + 1, begin))
    if not begin and wanted.isascii() and wanted.isdigit() and len(wanted) < 10:
        person = tx.audience.one(int(wanted))
        if person is not None:
            return Search([Found(person.id, person.name, person.address, person.group, person.status)])
    if way != _NAME and ("@" in wanted or "." in wanted.strip(".")):
        key = address_key(wanted) if "@" in wanted else wanted.lower()
        found = tx.people.by_address(key, MOST + 1, begin)
        if found or "@" in wanted or way:
            return _search(_ADDRESS, found)
    by_name = tx.people.by_name(wanted.split(), MOST + 1, begin) if way != _ADDRESS else []
    if not by_name and " " not in wanted and way != _NAME:
        return _search(_ADDRESS, tx.people.by_address(wanted.lower(), MOST + 1, begin))
    return _search(_NAME, by_name)


_ADDRESS, _NAME, _NEWEST = "a", "n", "new"


def _cursor(after: str) -> tuple[str, int]:
    """(in which way the search went, the last person that it told); what is no cursor begins anew."""
    way, _, number = after.partition(":")
    known = way in (_ADDRESS, _NAME, _NEWEST) and number.isascii() and number.isdigit() and len(number) < 10
    return (way, int(number)) if known else ("", 0)


def _search(way: str, found: list[Found]) -> Search:
    shown = found[:MOST]
    return Search(shown, f"{way}:{shown[-1].id}" if len(found) > MOST else "")
