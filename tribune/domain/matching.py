"""Who gets which item, in which language and cadence: the rules, person by person (decisions.md, 7-11).

Planning does the same in bulk over masks (tribune.services.match_items); a test holds the two together. The
desk uses these to say why and why not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

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


def in_force(releases: Sequence[Release]) -> tuple[Release, ...]:
    """The releases of an item that count, in order: a language released once more begins the story anew.

    A release comes again only where staff call a revision new (decisions.md, 7); before that everybody's
    history with the item is forgotten, and other languages count again when they are released again.
    """
    current: list[Release] = []
    for release in sorted(releases, key=lambda r: r.sequence):
        if any(release.language == earlier.language for earlier in current):
            current = []
        current.append(release)
    return tuple(current)


@dataclass(frozen=True, slots=True)
class Showing:
    """How an item and a person's mark stand: shown in `language` now (None: left out); `had` is the language in
    which they were shown it up to their mark (None: it had been left out, or was not out yet)."""

    language: str | None
    had: str | None

    @property
    def due(self) -> bool:
        """Whether the person is to be shown the item now (decisions.md, 8)."""
        return self.language is not None and self.had is None


def showing(
    item: Item, releases: Sequence[Release], mark: int, languages: Sequence[str], fallback: Fallback
) -> Showing:
    """How a person with this mark and chain of languages is shown an item that has these releases."""
    counted = in_force(releases)
    before = [r.language for r in counted if r.sequence <= mark]
    now = [r.language for r in counted if item.version_in(r.language) is not None]
    return Showing(
        language=shown_language(languages, now, item.source_language, fallback),
        had=shown_language(languages, before, item.source_language, fallback),
    )


# -- what stands first

_FLAGSHIP = frozenset({"data_release", "report", "standard"})
SOON = timedelta(days=7)


def over(item: Item, at: datetime) -> bool:
    """Whether an item is a live session that has ended: nobody is invited to it any more."""
    return item.session is not None and _starts_at(item) + timedelta(minutes=item.session.minutes) <= at


def importance(item: Item, releases: Sequence[Release], at: datetime) -> tuple[int, float]:
    """The order of items in a mail, the smallest first: live sessions of the next seven days, the soonest first;
    then data releases, reports and standards; then all others; the newest first within each."""
    if item.session is not None and at <= _starts_at(item) <= at + SOON:
        return 0, _starts_at(item).timestamp()
    newest = max((r.sequence for r in releases), default=0)
    return (1 if item.kind in _FLAGSHIP else 2), -newest


def _starts_at(item: Item) -> datetime:
    if item.session is None:
        raise ValueError("only a session starts")
    return item.session.starts_at.replace(tzinfo=zone(item.session.zone))


def mark_after_pause(mark: int, before_reach: int) -> int:
    """The mark of a person who comes back: no further back than `before_reach`, the last catalogue sequence
    number released before the days that are made up for (decisions.md, 10)."""
    return max(mark, before_reach)
