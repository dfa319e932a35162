"""What there is to choose from, with its names in one language. Made once a locale: the code lists do not change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC as UTC_ZONE
from datetime import datetime
from functools import cache
from importlib import resources

from babel.dates import get_day_names

from tribune.domain.audience import Cadence
from tribune.domain.codelists import Codelists, PlaceType, fold
from tribune.domain.digests import Digest
from tribune.rendering.formats import Formats
from tribune.rendering.locales import Texts
from web.public.choice_form import letters_of

Option = tuple[str, str]
"""A code and its name."""

UTC = "UTC"


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the world: itself as one choice, the parts within it, and its countries by name. Without a code: what
    lies in none."""

    code: str
    name: str
    parts: tuple[Option, ...]
    countries: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class ChoiceOptions:
    """Everything that the fields of templates/web/public/choices.html offer, in one locale."""

    digests: tuple[Option, ...]
    topics: tuple[Option, ...]
    kinds: tuple[Option, ...]
    regions: tuple[Region, ...]
    country_groups: tuple[Option, ...]
    languages: tuple[Option, ...]
    cadences: tuple[tuple[str, str, str], ...]
    weekdays: tuple[Option, ...]
    hours: tuple[Option, ...]
    zones: tuple[Option, ...]
    groups: tuple[Option, ...]
    also: Mapping[str, str]
    """Place -> what else it may be looked for by: its two letters, then other names; between them a bar."""
    limits: Mapping[str, str]
    """Cadence -> which of several digests do not come in it, in a sentence."""

    def for_several(self) -> ChoiceOptions:
        """For a form that chooses one rhythm for several digests: it says of each which do not come in it."""
        told = (
            (code, name, f"{hint}. {self.limits[code]}" if code in self.limits else hint)
            for code, name, hint in self.cadences
        )
        return replace(self, cadences=tuple(told))

    def for_one(self, digest: Digest | None) -> ChoiceOptions:
        """For a form about this digest: the rhythms in which it comes."""
        cadences = digest.cadences if digest is not None else ()
        return replace(self, cadences=tuple(told for told in self.cadences if told[0] in cadences))

    def zones_with(self, zone: str) -> tuple[Option, ...]:
        """The time zones, and this one where it is not among them: a name of before, or one that a person has."""
        if not zone or any(zone == name for name, _ in self.zones):
            return self.zones
        return ((zone, zone.replace("_", " ")), *self.zones)

    def languages_with(self, tags: Iterable[str], formats: Formats) -> tuple[Option, ...]:
        """The languages, and those that a person has beside them."""
        known = {tag for tag, _ in self.languages}
        more = [(tag, formats.capitalised(formats.language(tag))) for tag in tags if tag and tag not in known]
        return (*self.languages, *more)


def choice_options(
    formats: Formats, texts: Texts, codelists: Codelists, digests: Mapping[str, Digest], languages: Sequence[str]
) -> ChoiceOptions:
    """What there is to choose from. `languages`: those in which the organisation publishes."""
    capital = formats.capitalised
    return ChoiceOptions(
        digests=tuple((digest.id, digest.name(formats.locale)) for digest in digests.values()),
        topics=_by_name((code.code, formats.policy_area(code.code)) for code in codelists.policy_areas),
        kinds=tuple(
            (code.code, capital(formats.kinds(code.code)))
            for code in codelists.kinds
            if any(not digest.kinds or code.code in digest.kinds for digest in digests.values())
        ),
        regions=_regions(formats, codelists),
        country_groups=tuple(
            (place.code, capital(formats.place(place.code))) for place in codelists.places.of_type(PlaceType.GROUP)
        ),
        languages=tuple((tag, capital(formats.language(tag))) for tag in languages),
        cadences=_cadences(texts, digests),
        weekdays=tuple(
            (str(day), capital(str(name))) for day, name in sorted(get_day_names("wide", locale=_cldr(formats)).items())
        ),
        hours=tuple((str(hour), formats.time(datetime(2026, 11, 23, hour, tzinfo=UTC_ZONE))) for hour in range(24)),
        zones=_zones(formats, codelists),
        groups=tuple((code.code, code.label(formats.locale)) for code in codelists.groups),
        also={
            place.code: "|".join((place.iso2, *place.name.synonyms))
            for place in codelists.places.places.values()
            if place.iso2 or place.name.synonyms
        },
        limits=_limits(formats, texts, digests),
    )


def _cadences(texts: Texts, digests: Mapping[str, Digest]) -> tuple[tuple[str, str, str], ...]:
    _ = texts.gettext
    told = {
        Cadence.AT_ONCE: (_("At once"), _("Some minutes after it is published, at most a few times a day")),
        Cadence.DAILY: (_("Every day"), _("One mail on each day that brings something new")),
        Cadence.WEEKLY: (_("Every week"), _("One mail a week, on the day that you choose")),
        Cadence.MONTHLY: (_("Every month"), _("One mail a month, on the first such weekday")),
    }
    offered = {cadence for digest in digests.values() for cadence in digest.cadences}
    return tuple((cadence.value, *told[cadence]) for cadence in Cadence if cadence in offered)


def _limits(formats: Formats, texts: Texts, digests: Mapping[str, Digest]) -> dict[str, str]:
    found = {}
    for cadence in Cadence:
        without = [digest for digest in digests.values() if cadence not in digest.cadences]
        if without and len(without) < len(digests):
            told = texts.ngettext(
                "%(letters)s does not come in this rhythm.", "%(letters)s do not come in this rhythm.", len(without)
            )
            found[cadence.value] = told % {"letters": letters_of(without, texts, formats)}
    return found


def _regions(formats: Formats, codelists: Codelists) -> tuple[Region, ...]:
    places = codelists.places
    world = {place.code for place in places.of_type(PlaceType.REGION) if not place.within}
    around = {place.code: places.regions_of(place.code) for place in places.places.values()}
    found = []
    for top in places.of_type(PlaceType.REGION):
        if top.within in world:
            inside = [place for place in places.places.values() if top.code in around[place.code]]
            found.append(
                Region(
                    top.code,
                    formats.place(top.code),
                    tuple((p.code, formats.place(p.code)) for p in inside if p.type is PlaceType.REGION),
                    _by_name((p.code, formats.place(p.code)) for p in inside if p.type is PlaceType.COUNTRY),
                )
            )
    # What lies in no such region (Antarctica) would be found by nobody.
    known = {code for region in found for code, _ in region.countries}
    left = _by_name((p.code, formats.place(p.code)) for p in places.of_type(PlaceType.COUNTRY) if p.code not in known)
    if left:
        found.append(Region("", "", (), left))
    return tuple(found)


def _zones(formats: Formats, codelists: Codelists) -> tuple[Option, ...]:
    """`Senegal – Dakar`: people know their country, and where it has several zones a city near them."""
    iso2 = {place.iso2: place.code for place in codelists.places.of_type(PlaceType.COUNTRY) if place.iso2}
    told = [
        (name, f"{formats.place(iso2[country])} – {formats.city(name)}")
        for country, name in _zone_tab()
        if country in iso2
    ]
    return (*_by_name(told), (UTC, UTC))


@cache
def _zone_tab() -> tuple[tuple[str, str], ...]:
    """(country, zone) as the tzdata package lists them."""
    lines = resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8").splitlines()
    cells = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return tuple((row[0], row[2]) for row in cells)


def _by_name(options: Iterable[Option]) -> tuple[Option, ...]:
    return tuple(sorted(options, key=lambda option: fold(option[1])))


def _cldr(formats: Formats) -> str:
    return formats.locale.replace("-", "_")
