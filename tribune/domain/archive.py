"""The public archive: what is listed of the catalogue, how it is asked for, and the names in its addresses."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from tribune.domain.audience import Cadence, Choice, Fallback
from tribune.domain.codelists import Places, fold
from tribune.domain.masks import countries

SLUG = 60
"""The longest slug. The item's number decides; a slug only tells people where an address leads."""

ISSUES = (Cadence.DAILY, Cadence.WEEKLY, Cadence.MONTHLY)
"""Cadences with public editions: a message at once is one item, which has a page of its own."""

EVERYWHERE = ""
"""The place under which an item without places is listed."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A visible language version of an item as lists show it.

    `version` is the item's; `sequence` and `released_at` are of the release that made it visible, `updated_at` of the
    last change of what is shown of it (a page's Last-Modified; Atom's `updated`).
    """

    item_id: int
    language: str
    version: int
    sequence: int
    released_at: datetime
    updated_at: datetime
    kind: str
    slug: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Items of these kinds, on one of these topics and on one of these places, as items name them. Empty means any;
    `everywhere`: items that name no place count as on any."""

    kinds: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    everywhere: bool = False


class Order(StrEnum):
    """How lists are ordered, the newest first: by the day that items bear, for people; by release, for feeds, whose
    readers miss nothing that way."""

    DAY = "day"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Reading:
    """Who reads: languages in order, and what to do with an item that has none of them."""

    languages: tuple[str, ...]
    fallback: Fallback = Fallback.SOURCE


@dataclass(frozen=True, slots=True)
class PublicEdition:
    """A dated issue that went out: when the first of its mailings was due, and until when they were planned: what was
    released later, none of them holds. `withdrawn`: everything in it has been since; told by lists only."""

    digest: str
    cadence: Cadence
    occasion: str
    first_due: datetime
    planned_until: datetime
    withdrawn: bool = False

    def since(self, went: datetime | None) -> datetime:
        """The first instant of the issue before: when it `went`, or, for zones in which nobody had it then, the same
        hour."""
        day = date.fromisoformat(self.occasion)
        same_hour = self.first_due - (day - one_before(self.cadence, day))
        return min(went, same_hour) if went else same_hour

    @property
    def before(self) -> tuple[str, Cadence, str]:
        """Which issue was the one before: digest, cadence, local date."""
        return self.digest, self.cadence, one_before(self.cadence, date.fromisoformat(self.occasion)).isoformat()


def one_before(cadence: Cadence, day: date) -> date:
    """The date of the issue before, for those whose issue this is: the day before, the same weekday of the week before,
    or the first such weekday of the month before."""
    if cadence is not Cadence.MONTHLY:
        return day - timedelta(days=7 if cadence is Cadence.WEEKLY else 1)
    earlier = day - timedelta(days=28)
    return earlier if earlier.month != day.month and earlier.day <= 7 else day - timedelta(days=35)


def for_the_shelf(editions: Iterable[PublicEdition]) -> list[PublicEdition]:
    """The issues that the archive lists, the newest first: every daily one, the first weekly one of each week and the
    first monthly one of each month. People choose their weekday, and all of a week's issues hold about the same."""
    first: dict[tuple[object, ...], PublicEdition] = {}
    for edition in sorted(editions, key=lambda one: one.occasion):
        day = date.fromisoformat(edition.occasion)
        span: tuple[object, ...] = (day,)
        if edition.cadence is Cadence.WEEKLY:
            span = tuple(day.isocalendar())[:2]
        elif edition.cadence is Cadence.MONTHLY:
            span = (day.year, day.month)
        first.setdefault((edition.digest, edition.cadence, *span), edition)
    kept = sorted(first.values(), key=lambda one: (one.digest, one.cadence.rank))
    return sorted(kept, key=lambda one: one.occasion, reverse=True)


def day_of(published_on: date | None, released_at: datetime) -> date:
    """The day that an item bears: of its publication, or of its release where that was first or nothing is told."""
    released = released_at.date()
    return min(published_on or released, released)


def slug(title: str) -> str:
    """A title as a part of an address: a-z, 0-9 and hyphens, whole words, at most 60 characters; "" where it has no
    such letters."""
    kept = "-".join(word for word in fold(title[:400]).split() if word.isascii())
    if len(kept) <= SLUG:
        return kept
    cut = kept[: SLUG + 1].rpartition("-")[0] or kept[:SLUG]
    return cut.rstrip("-")


def address_name(number: int, slug: str) -> str:
    """The last part of an item's address: `12-global-wage-review`."""
    return f"{number}-{slug}" if slug else str(number)


def places_about(code: str, places: Places) -> frozenset[str]:
    """The places that an item on the page of `code` may name: `code`, what lies within it, and regions and groups that
    hold the whole of it. Raises InvalidInput if unknown."""
    own = places.countries(code)
    return frozenset(
        other for other in places.places if (theirs := places.countries(other)) and (theirs <= own or own <= theirs)
    ) | {code}


def places_shared(codes: Collection[str], places: Places) -> frozenset[str]:
    """The places that share a country with one of `codes`: what a subscription to them matches (decisions.md, 9)."""
    wanted = countries(codes, places)
    return frozenset(codes) | frozenset(other for other in places.places if places.countries(other) & wanted)


def asks_for(choice: Choice, places: Places, kinds: Collection[str] = ()) -> Selection | None:
    """What a subscription asks for, of a digest with these kinds (empty: any). None where the two have none in common.
    The rules are those of tribune.domain.matching."""
    wanted = frozenset(choice.kinds)
    if kinds:
        wanted = wanted & frozenset(kinds) if wanted else frozenset(kinds)
        if not wanted:
            return None
    return Selection(
        kinds=wanted,
        topics=choice.policy_areas,
        places=places_shared(choice.places, places) if choice.places else frozenset(),
        everywhere=True,
    )


def base_language(tag: str) -> str:
    """The base language of a tag, in lower case: `pt` of `pt-BR`."""
    return tag.replace("_", "-").partition("-")[0].lower()


def locale_of_page(language: str, offered: Collection[str]) -> str | None:
    """The locale whose pages show a language version as their own, or None where none does."""
    if language in offered:
        return language
    return next((locale for locale in offered if base_language(locale) == base_language(language)), None)


def alternates(listings: Mapping[str, Listing], offered: Collection[str]) -> dict[str, Listing]:
    """Locale -> the language version that its page shows as its own, of an item's `listings` per base language."""
    found = {locale: listings.get(base_language(locale)) for locale in offered}
    return {locale: listing for locale, listing in found.items() if listing is not None}
