"""Two releases of a dataflow -> what changed: new, revised, removed observations, and the figures to show."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tribune.domain.items import DataSummary, Observation, Revision
from tribune.services.sources.read_ilostat import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_HEADLINE = 30
MAX_REVISIONS = 30
MAX_LISTED = 300
SAME = 1e-9  # two values that differ by less are one value, written twice
UNRELIABLE = "U"
BREAK = "B"
WORLD = "001"
AGGREGATES = {"X01": "001", "X02": "LIC", "X03": "LMC", "X04": "UMC", "X05": "HIC", "X06": "002", "X21": "019"}
"""ILOSTAT's own codes of areas that stand for a place of ours: the world, income groups, Africa, the Americas. Its
other regions (Arab States, Asia and the Pacific, Europe and Central Asia) are drawn otherwise than those of M49."""


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """Rows of the new table that are new or revised (with the value before), rows of the old one that are gone."""

    new: NDArray[np.int64]
    revised: NDArray[np.int64]
    before: NDArray[np.float64]
    removed: NDArray[np.int64]

    def __bool__(self) -> bool:
        return bool(len(self.new) or len(self.revised) or len(self.removed))


def compare(old: Table, new: Table) -> Changes:
    """An observation without a value counts as absent, in either release."""
    old_key, new_key = _common_keys(old, new)
    place = np.searchsorted(old_key, new_key)
    place_in = np.minimum(place, len(old_key) - 1)
    there = old_key[place_in] == new_key
    before = np.where(there, old.value[place_in], np.nan)
    has, had = ~np.isnan(new.value), ~np.isnan(before)
    # Relative to the size, so that millions are compared as strictly as rates.
    differs = np.abs(new.value - before) > SAME * np.maximum(1.0, np.abs(before))
    kept = np.zeros(len(old_key), bool)
    kept[place_in[there & has]] = True
    revised = np.flatnonzero(has & had & differs)
    return Changes(
        new=np.flatnonzero(has & ~had),
        revised=revised,
        before=before[revised],
        removed=np.flatnonzero(~np.isnan(old.value) & ~kept),
    )


def _common_keys(old: Table, new: Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Both tables' keys in one numbering; names are sorted in both, so the keys stay sorted."""
    names = [
        sorted({*a, *b}) for a, b in ((old.areas, new.areas), (old.series, new.series), (old.periods, new.periods))
    ]
    where = [{name: number for number, name in enumerate(some)} for some in names]
    keys = []
    for table in (old, new):
        area, series, period = (
            np.array([numbers[name] for name in some], np.int64)
            for numbers, some in zip(where, (table.areas, table.series, table.periods), strict=True)
        )
        key = area[table.area] * len(names[1]) + series[table.series_at]
        keys.append(key * len(names[2]) + period[table.period])
    return keys[0], keys[1]


def total_series(series: Sequence[str]) -> int:
    """Which series stands for everyone: both sexes, all ages, every other classification in total.

    Among several (an age band per group of ages) the one with the widest age; the first where none is a total.
    """

    def rank(parts: list[str]) -> tuple[int, ...]:
        worst = [0]
        for part in parts[1:]:
            code = part.upper()
            if not code or code == "SEX_T" or code.endswith(("_TOTAL", "_TOT")):
                worst.append(0)
            elif code.endswith("_YGE15"):
                worst.append(1)
            else:
                worst.append(9)
        return (max(worst), sum(worst))

    return min(range(len(series)), key=lambda at: (rank(series[at].split("|")), at))


def summarise(
    dataflow: str,
    labels: Mapping[str, str],
    unit: str,
    table: Table,
    changes: Changes,
    old: Table,
    *,
    headline_places: Sequence[str],
    places: Mapping[str, str],
    again: Sequence[tuple[str, str]] = (),
) -> DataSummary:
    """The summary of a release. `places` are ILOSTAT's areas that can be shown, with our codes for them.

    `again`: areas and periods of the last headline, shown anew where values changed.
    """
    had = ~np.isnan(old.value)
    old_areas = {old.areas[at] for at in np.unique(old.area[had])}
    old_periods = {old.periods[at] for at in np.unique(old.period[had])}
    periods = [table.periods[at] for at in np.unique(table.period[changes.new])]
    areas = [table.areas[at] for at in np.unique(table.area[changes.new])]
    sizes = np.abs(table.value[changes.revised] - changes.before)
    return DataSummary(
        dataflow=dataflow,
        labels=dict(labels),
        unit=unit,
        observations=table.observations,
        new_count=len(changes.new),
        revised_count=len(changes.revised),
        removed_count=len(changes.removed),
        new_periods=tuple(sorted(p for p in periods if p not in old_periods)[:MAX_LISTED]),
        new_places=tuple(sorted(a for a in areas if a not in old_areas and places.get(a) == a)[:MAX_LISTED]),
        headline=_headline(table, changes, headline_places, places, again),
        revisions=_revisions(table, old, changes, sizes, places),
        largest_revision=round(float(sizes.max()), 10) if len(sizes) else None,
    )


def first_summary(
    dataflow: str,
    labels: Mapping[str, str],
    unit: str,
    table: Table,
    *,
    headline_places: Sequence[str],
    places: Mapping[str, str],
) -> DataSummary:
    """A first load is one piece of news, not thousands: no list of new things, the figures only of chosen places
    and of the world."""
    figures = _Figures(table, places)
    shown = (figures.latest(place) for place in dict.fromkeys((*headline_places[:MAX_HEADLINE], WORLD)))
    return DataSummary(
        dataflow=dataflow,
        labels=dict(labels),
        unit=unit,
        first_load=True,
        observations=table.observations,
        headline=tuple(one for one in shown if one),
    )


class _Figures:
    """The total series of a table, by place (our codes) and period."""

    def __init__(self, table: Table, places: Mapping[str, str]) -> None:
        rows = np.flatnonzero((table.series_at == total_series(table.series)) & ~np.isnan(table.value))
        self.rows = rows
        self.values: dict[str, dict[str, tuple[float, str]]] = {}
        for row in rows.tolist():
            place, period = places.get(table.areas[table.area[row]]), table.periods[table.period[row]]
            if place is None:
                continue
            said = (float(table.value[row]), table.statuses[table.status[row]])
            self.values.setdefault(place, {})[period] = said

    def at(self, place: str, period: str) -> Observation | None:
        """The figure with the one before it, of the same rhythm; none before where the series breaks here."""
        of_place = self.values.get(place, {})
        if period not in of_place:
            return None
        value, status = of_place[period]
        if status == UNRELIABLE:
            return None
        earlier = max((p for p in of_place if rhythm(p) == rhythm(period) and p < period), default=None)
        if earlier is None or status == BREAK or of_place[earlier][1] == UNRELIABLE:
            return Observation(place, period, value)
        return Observation(place, period, value, earlier, of_place[earlier][0])

    def latest(self, place: str) -> Observation | None:
        """The newest reliable figure of a place."""
        for period in sorted(self.values.get(place, {}), reverse=True):
            found = self.at(place, period)
            if found:
                return found
        return None


def rhythm(period: str) -> str:
    """`A`, `Q`, `M` or whatever a period's letter is: 2019, 2019Q1, 2019M01, 2019-Q1."""
    found = re.search(r"[A-Z]", period.upper())
    return found.group() if found else ("A" if len(period) == 4 else "M")


def _headline(
    table: Table,
    changes: Changes,
    headline_places: Sequence[str],
    places: Mapping[str, str],
    again: Sequence[tuple[str, str]],
) -> tuple[Observation, ...]:
    """One figure a place: its newest new period in the total series. Chosen places and the world come first, then the
    newest period, then the largest change, so that what is news stands first."""
    figures = _Figures(table, places)
    changed = changes.new if len(changes.new) else changes.revised
    newest: dict[str, str] = {}
    for row in np.intersect1d(changed, figures.rows).tolist():
        place, period = places.get(table.areas[table.area[row]]), table.periods[table.period[row]]
        if place and figures.at(place, period):
            newest[place] = max(newest.get(place, ""), period)
    shown = list(newest.items()) if len(changes.new) else [*again, *newest.items()]
    found = {(o.place, o.period): o for place, period in shown if (o := figures.at(place, period))}
    chosen = {place: rank for rank, place in enumerate(dict.fromkeys((*headline_places, WORLD)))}

    def order(told: Observation) -> tuple[int, tuple[int, ...], float, str]:
        change = abs(told.value - told.previous_value) if told.previous_value is not None else 0.0
        backwards = tuple(-ord(c) for c in told.period)
        return (chosen.get(told.place, len(chosen)), backwards, -change, told.place)

    return tuple(sorted(found.values(), key=order)[:MAX_HEADLINE])


def _revisions(
    table: Table, old: Table, changes: Changes, sizes: NDArray[np.float64], places: Mapping[str, str]
) -> tuple[Revision, ...]:
    """The largest, those of countries and of the total series first; then what was taken out."""
    total = table.series[total_series(table.series)]
    largest = np.argsort(-sizes, kind="stable")[: MAX_REVISIONS * 20].tolist()
    told = []
    for at in largest:
        row = int(changes.revised[at])
        told.append(_revision(table, row, places, float(changes.before[at]), float(table.value[row])))
    for row in changes.removed[:MAX_REVISIONS].tolist():
        told.append(_revision(old, row, places, float(old.value[row]), None))
    told.sort(key=lambda one: (one.after is None, one.place not in places.values(), one.series != total))
    return tuple(told[:MAX_REVISIONS])


def _revision(table: Table, row: int, places: Mapping[str, str], before: float, after: float | None) -> Revision:
    area = table.areas[table.area[row]]
    series = table.series[table.series_at[row]]
    return Revision(places.get(area, area), table.periods[table.period[row]], before, after, series)


def places_changed(table: Table, old: Table, changes: Changes, countries: Collection[str]) -> tuple[str, ...]:
    """The countries whose observations changed."""
    rows = np.concatenate((changes.new, changes.revised))
    found = {table.areas[at] for at in np.unique(table.area[rows])}
    found |= {old.areas[at] for at in np.unique(old.area[changes.removed])}
    return tuple(sorted(code for code in found if code in countries))
