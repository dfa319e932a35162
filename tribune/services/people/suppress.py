"""The list of addresses that are never mailed: look one up, put one on it, take one off where the reason allows it."""

from __future__ import annotations

import csv
from datetime import datetime
from typing import TextIO

from tribune.domain.addresses import address_key
from tribune.domain.errors import Conflict, NotFound
from tribune.domain.suppressions import ABOUT_THE_ADDRESS
from tribune.ports.people import Listed
from tribune.ports.store import Transaction
from tribune.services.audience.subscriber_cells import read_address
from tribune.services.people.by import By
from tribune.services.people.help_person import BY_STAFF, stop_person

REASONS = (BY_STAFF, "wrong_address", "hard_bounce")
"""Reasons that staff may give."""

WHYS = ("works_again", "put_there_by_mistake", "other")
"""Why staff take an address off. One of few words: the audit log is kept for ever, and holds no personal data."""

MOST = 100_000


def look_up(tx: Transaction, address: str, actor: str, now: datetime) -> Listed | None:
    """The entry of an address; that somebody asked is written down, without the address. Raises RefusedCell."""
    found = tx.people.listed(address_key(read_address(address.strip())))
    tx.audit.add(actor, "suppression.looked_up", "", {"found": found is not None}, now)
    return found


def put_on_list(tx: Transaction, address: str, reason: str, by: By, now: datetime) -> None:
    """Never mail this address again; the first reason stays, but for one that outweighs it
    (tribune.domain.suppressions). Where its owner wants it so and is a subscriber, they are unsubscribed from
    everything; what is about the address only leaves their choices alone. Raises RefusedCell."""
    address = read_address(address.strip())
    reason = reason if reason in REASONS else REASONS[0]
    person = tx.audience.by_address(address) if reason == BY_STAFF else None
    if person is not None:
        stop_person(tx, person.id, None, by, now)
    tx.audience.suppress(address, reason, now)
    tx.audit.add(by.actor, "suppression.added", "", {"reason": reason}, now)


def take_off_list(tx: Transaction, address: str, why: str, actor: str, now: datetime) -> None:
    """Let this address be mailed again. Raises RefusedCell, NotFound where it is not on the list, and Conflict where
    only the person can do it."""
    address = read_address(address.strip())
    found = tx.people.listed(address_key(address))
    if found is None:
        raise NotFound("This address is not on the list.")
    if found.reason not in ABOUT_THE_ADDRESS:
        raise Conflict("Only the person themselves can undo this, by subscribing again.", where=found.reason)
    tx.audience.lift([address], [found.reason])
    tx.audit.add(
        actor, "suppression.lifted", "", {"reason": found.reason, "why": why if why in WHYS else WHYS[-1]}, now
    )


def export_reasons(tx: Transaction, file: TextIO) -> int:
    """Reasons and dates as CSV, the newest first; how many. No address is in it, nor its hash."""
    writer = csv.writer(file)
    writer.writerow(("reason", "since"))
    entries = tx.people.entries(MOST)
    writer.writerows((entry.reason, entry.since.isoformat(timespec="seconds")) for entry in entries)
    return len(entries)
