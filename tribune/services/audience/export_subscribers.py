"""Give the subscribers out as a CSV file that `import_subscribers` takes in again without a change."""

from __future__ import annotations

import csv
from itertools import islice
from typing import TextIO

from tribune.domain.audience import Cadence, Rhythm, Status, Subscriber, Subscription
from tribune.domain.changes import in_order
from tribune.domain.spreadsheet import neutral
from tribune.ports.store import Transaction
from tribune.services.audience.subscriber_rows import COLUMNS, WEEKDAYS

BOM = "\ufeff"
"""Without it a spreadsheet takes UTF-8 for something else."""


def export_subscribers(tx: Transaction, file: TextIO) -> int:
    """Write everybody, one row a subscription, in order of their numbers; how many people. `file` needs newline=""."""
    file.write(BOM)
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    people, everyone = 0, iter(tx.audience.everyone())
    while some := list(islice(everyone, _AT_ONCE)):
        tags = tx.segments.tags_of([person.id for person in some])
        for person in some:
            rhythms = {(r.digest, r.cadence): r for r in person.rhythms}
            told = "|".join(sorted(tags.get(person.id, ())))
            writer.writerows(
                [neutral(cell) for cell in (*_cells(person, wish, rhythms[wish.digest, wish.cadence]), told)]
                for wish in in_order(person.subscriptions)
            )
        people += len(some)
    return people


_AT_ONCE = 500


def _cells(person: Subscriber, wish: Subscription, rhythm: Rhythm) -> tuple[str, ...]:
    has_weekday = wish.cadence in (Cadence.WEEKLY, Cadence.MONTHLY)
    stopped = rhythm.stopped_at is not None or person.status is Status.UNSUBSCRIBED
    return (
        person.address,
        person.name,
        person.group,
        "|".join(person.languages),
        person.zone,
        person.fallback.value,
        wish.digest,
        "|".join(sorted(wish.choice.policy_areas)),
        "|".join(sorted(wish.choice.places)),
        "|".join(sorted(wish.choice.kinds)),
        wish.cadence.value,
        WEEKDAYS[rhythm.weekday] if has_weekday else "",
        "" if wish.cadence is Cadence.AT_ONCE else str(rhythm.hour),
        (Status.UNSUBSCRIBED if stopped else person.status).value,
    )
