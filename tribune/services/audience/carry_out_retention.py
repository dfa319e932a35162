"""What is past its time goes, a slice at a time: unconfirmed sign-ups and whoever made them, the networks of consent
records, windows of quotas that matter no more, and people who left long ago, with all that there is about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tribune.domain.sign_up import LONGEST_WINDOW
from tribune.ports.store import AUDIENCE, PEOPLE, Transaction
from tribune.services.audience.erase_person import erase_rows

ROWS = 1_000
"""Rows that one transaction takes: some hundredths of a second."""

PEOPLE_AT_ONCE = 50
"""People whom one transaction erases."""

BY_TIME = "time"
"""Who asked for it, where somebody is erased because their time is up."""

YEAR = timedelta(days=365.25)


@dataclass(frozen=True, slots=True)
class Periods:
    """How long each of it stays."""

    unconfirmed: timedelta
    networks: timedelta


@dataclass(frozen=True, slots=True)
class Gone:
    """What a slice took away: sign-ups, people who never confirmed, networks, windows. `mails`: the names of those that
    went to these people, for the channel to forget what it has caught of them."""

    sign_ups: int = 0
    people: int = 0
    networks: int = 0
    windows: int = 0
    mails: tuple[str, ...] = ()

    @property
    def anything(self) -> bool:
        return bool(self.sign_ups or self.networks or self.windows)


def retention_slice(tx: Transaction, periods: Periods, now: datetime, rows: int = ROWS) -> Gone:
    """Take away what is past its time, at most so many rows of each kind. Nothing: all of it is gone."""
    tx.lock(PEOPLE)  # somebody may be confirming at this very moment
    sign_ups, people, mails = tx.sign_ups.forget_before(now - periods.unconfirmed, rows)
    return Gone(
        sign_ups,
        people,
        tx.consents.forget_networks(now - periods.networks, rows),
        tx.quotas.forget_before(now - LONGEST_WINDOW),
        mails,
    )


def erase_left(tx: Transaction, before: datetime, now: datetime, most: int = PEOPLE_AT_ONCE) -> int:
    """Erase people who have received nothing by their own wish since before then; how many. A keyed hash of each
    address stays on the suppression list, so that no import brings back who once said no (docs/adr/0027)."""
    if not tx.audience.left_before(before, 1):
        return 0  # planning need not wait for us
    tx.lock(AUDIENCE)  # who subscribes again at this very moment stays
    gone = tx.audience.left_before(before, most)
    for id in gone:
        erase_rows(tx, id, BY_TIME, now)
    return len(gone)
