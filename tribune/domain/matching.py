"""Who gets which item, in which language and cadence: the rules, person by person (decisions.md, 7-11).

Planning does the same in bulk over masks (tribune.services.planning.match_items); a test holds the two together. The
desk uses these to say why and why not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tribune.domain.audience import Cadence, Choice, Fallback, Subscription, shown_language
from tribune.domain.codelists import Places
from tribune.domain.items import Item, Release
from tribune.domain.masks import countries
from tribune.domain.zones import zone


def mismatch(choice: Choice, item: Item, places: Places) -> tuple[str, ...]:
    """The axes on which a choice and an item have nothing in common: of "topics", "places", "kinds".

    An empty choice means any; an item without places is global; regions and groups stand for their countries.
    """
    apart = []
    if choice.policy_areas and not choice.policy_areas & set(item.policy_areas):
        apart.append("topics")
    if choice.places and item.places and not countries(choice.places, places) & countries(item.places, places):
        apart.append("places")
    if choice.kinds and item.kind not in choice.kinds:
        apart.append("kinds")
    return tuple(apart)


def matches(choice: Choice, item: Item, places: Places) -> bool:
    """Whether a choice asks for an item."""
    return not mismatch(choice, item, places)


def cadence_of(subscriptions: Iterable[Subscription], digest: str, item: Item, places: Places) -> Cadence | None:
    """The cadence to which an item belongs for a person: the quickest among the matching subscriptions."""
    return min(
        (s.cadence for s in subscriptions if s.digest == digest and matches(s.choice, item, places)),
        key=lambda cadence: cadence.rank,
        default=None,
    )


@dataclass(frozen=True, slots=True)
class Showing:
    """How an item and a person's mark stand: shown in `language` now (None: left out); `had` is the language in
    which they were shown it up to their mark (None: it had been left out, or was not out yet); `again`: that
    language has been released once more since their mark, as staff call the revision new."""

    language: str | None
    had: str | None
    again: bool = False

    @property
    def due(self) -> bool:
        """Whether the person is to be shown the item now (decisions.md, 7 and 8)."""
        return self.language is not None and (self.had is None or self.again)


def showing(
    item: Item,
    releases: Sequence[Release],
    mark: int,
    languages: Sequence[str],
    fallback: Fallback,
    again: Collection[int] = (),
) -> Showing:
    """How a person with this mark and chain of languages is shown an item that has these visible releases, in order.

    `again` holds the sequence numbers of releases that took the place of an earlier one of their language.
    """
    seen = sum(release.sequence <= mark for release in releases)
    visible = [release.language for release in releases]
    shown = shown_language(languages, visible, item.source_language, fallback)
    newest = {release.language: release.sequence for release in releases}
    return Showing(
        language=shown,
        had=shown_language(languages, visible[:seen], item.source_language, fallback),
        again=shown is not None and newest[shown] > mark and newest[shown] in again,
    )


# -- what stands first

_FIRST = {kind: place for place, kind in enumerate(("data_release", "report", "standard"), 1)}
SOON = timedelta(days=7)


def over(item: Item, at: datetime) -> bool:
    """Whether an item is a live session that has ended: nobody is invited to it any more."""
    return item.session is not None and _starts_at(item) + timedelta(minutes=item.session.minutes) <= at


def standing(kind: str) -> int:
    """The order of kinds: data releases, reports, standards, all others."""
    return _FIRST.get(kind, len(_FIRST) + 1)


def importance(item: Item, releases: Sequence[Release], at: datetime) -> tuple[int, float, int]:
    """The order of items in a mail, the smallest first: live sessions of the next seven days, the soonest first; then
    data releases, then reports, then standards, then all others. Within each the newest comes first: by its date of
    publication (the day of release where a source tells none, or one to come), then by catalogue sequence number."""
    last = max(releases, key=lambda release: release.sequence, default=None)
    if item.session is not None and at <= _starts_at(item) <= at + SOON:
        return 0, _starts_at(item).timestamp(), item.id
    released = last.released_at.date() if last else date.min
    day = min(item.published_on or released, released)
    return standing(item.kind), -day.toordinal(), -last.sequence if last else 0


def _starts_at(item: Item) -> datetime:
    if item.session is None:
        raise ValueError("only a session starts")
    return item.session.starts_at.replace(tzinfo=zone(item.session.zone))


def mark_after_pause(mark: int, before_reach: int) -> int:
    """The mark of a person who comes back: no further back than `before_reach`, the last catalogue sequence
    number released before the days that are made up for (decisions.md, 10)."""
    return max(mark, before_reach)
