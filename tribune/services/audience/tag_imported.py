"""The tags that a file tells of people: given once a slice is stored, and never taken away. Of who is refused, never
mailed, or has left, the file says nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from tribune.domain.imports import Outcome, Refusal
from tribune.ports.store import Transaction
from tribune.services.audience.settle_import import Slice
from tribune.services.audience.subscriber_rows import Row
from tribune.services.audience.told_people import Told, Unit


def tag_imported(tx: Transaction, units: Sequence[Unit], found: Slice, *, store: bool) -> None:
    """Give these people their tags; without `store`, only see what would come of it. Who was as the file says but for a
    tag counts as changed: `found` says so then."""
    told = {unit.key: unit for unit in units if not isinstance(unit, Refusal) and unit.facts.tags}
    told = {key: unit for key, unit in told.items() if not isinstance(found.outcomes.get(key), Refusal)}
    told = {key: unit for key, unit in told.items() if key not in found.gone}
    if not told:
        return
    ids = tx.newcomers.known(told)
    kept = tx.segments.tags_of(ids.values())
    missing: dict[str, list[int]] = defaultdict(list)
    changed = []
    for key, id in ids.items():
        unit = told[key]
        lacking = set(unit.facts.tags).difference(kept.get(id, ()))
        for tag in lacking:
            missing[tag].append(id)
        if lacking and found.outcomes.get(key) is Outcome.UNCHANGED:
            changed.append(unit)
    if store:
        for tag, whom in sorted(missing.items()):
            tx.segments.tag(whom, tag)
    _count_as_changed(found, changed)


def _count_as_changed(found: Slice, units: Sequence[Row | Told]) -> None:
    if not units:
        return
    rows = {number for unit in units for number in ([unit.number] if isinstance(unit, Row) else unit.rows)}
    done = found.done
    done.unchanged -= len(units)
    done.changed += len(units)
    for at, result in enumerate(found.results):
        if not isinstance(result, Refusal) and result[0] in rows and result[1] is Outcome.UNCHANGED:
            found.results[at] = (result[0], Outcome.CHANGED)
            done.outcomes[Outcome.UNCHANGED] -= 1
            done.outcomes[Outcome.CHANGED] += 1
