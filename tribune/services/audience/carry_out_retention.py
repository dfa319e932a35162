"""What is past its time goes, a slice at a time: unconfirmed sign-ups and whoever made them, the networks of consent
records, the records of people who left long ago, and windows of quotas that matter no more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tribune.domain.sign_up import LONGEST_WINDOW
from tribune.ports.store import PEOPLE, Transaction

ROWS = 1_000
"""Rows that one transaction takes: some hundredths of a second."""

YEAR = timedelta(days=365.25)


@dataclass(frozen=True, slots=True)
class Periods:
    """How long each of it stays."""

    unconfirmed: timedelta
    networks: timedelta
    consents: timedelta


@dataclass(frozen=True, slots=True)
class Gone:
    """What a slice took away: sign-ups, people who never confirmed, networks, consent records, windows."""

    sign_ups: int = 0
    people: int = 0
    networks: int = 0
    consents: int = 0
    windows: int = 0

    @property
    def anything(self) -> bool:
        return bool(self.sign_ups or self.networks or self.consents or self.windows)


def retention_slice(tx: Transaction, periods: Periods, now: datetime, rows: int = ROWS) -> Gone:
    """Take away what is past its time, at most so many rows of each kind. Nothing: all of it is gone."""
    tx.lock(PEOPLE)  # somebody may be confirming at this very moment
    sign_ups, people = tx.sign_ups.forget_before(now - periods.unconfirmed, rows)
    return Gone(
        sign_ups,
        people,
        tx.consents.forget_networks(now - periods.networks, rows),
        tx.consents.forget_ended(now - periods.consents, rows),
        tx.quotas.forget_before(now - LONGEST_WINDOW),
    )
