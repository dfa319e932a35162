"""The fields of templates/web/public/choices.html: what stands in them, and what it means.

The subscription form and the preference centre share them. What was typed is kept as it is (`Chosen`), so that nothing
is lost when something is wrong; each `..._of` reads a part of it into the domain's own terms, and puts what is wrong
into `errors`: name of the field -> what to do, in the reader's language.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping
from dataclasses import dataclass

from tribune.domain import zones
from tribune.domain.audience import Cadence, Choice, Fallback, Rhythm, Subscriber, Subscription
from tribune.domain.codelists import Codelists
from tribune.domain.digests import Digest
from tribune.domain.sign_up import OTHER_GROUP
from tribune.rendering.formats import Formats
from tribune.rendering.locales import Texts
from web.forms import Fields

Errors = MutableMapping[str, str]

LANGUAGE_FIELDS = ("language1", "language2", "language3")
MORNING = "8"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What stands in the fields. `languages` in order, as many as there are fields or more."""

    digests: tuple[str, ...] = ()
    topics: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    languages: tuple[str, ...] = ()
    fallback: str = Fallback.SOURCE.value
    cadence: str = Cadence.WEEKLY.value
    weekday: str = "0"
    hour: str = MORNING
    zone: str = ""
    group: str = ""

    @classmethod
    def typed(cls, fields: Fields) -> Chosen:
        """From a form that was sent."""
        return cls(
            digests=tuple(fields.all("digest")),
            topics=frozenset(fields.all("topic")),
            places=frozenset(fields.all("place")),
            kinds=frozenset(fields.all("kind")),
            languages=tuple(dict.fromkeys(filter(None, map(fields.one, LANGUAGE_FIELDS)))),
            fallback=fields.one("fallback") or Fallback.SOURCE.value,
            cadence=fields.one("cadence"),
            weekday=fields.one("weekday") or "0",
            hour=fields.one("hour") or MORNING,
            zone=fields.one("zone").strip(),
            group=fields.one("group"),
        )

    @classmethod
    def of(cls, person: Subscriber, wish: Subscription | None = None, rhythm: Rhythm | None = None) -> Chosen:
        """From a person as they are, and one of their subscriptions with its rhythm."""
        choice = wish.choice if wish is not None else Choice()
        return cls(
            digests=(wish.digest,) if wish is not None else (),
            topics=choice.policy_areas,
            places=choice.places,
            kinds=choice.kinds,
            languages=person.languages,
            fallback=person.fallback.value,
            cadence=wish.cadence.value if wish is not None else Cadence.WEEKLY.value,
            weekday=str(rhythm.weekday) if rhythm is not None else "0",
            hour=str(rhythm.hour) if rhythm is not None else MORNING,
            zone=person.zone,
            group=person.group,
        )


def choice_of(chosen: Chosen, codelists: Codelists, texts: Texts, errors: Errors) -> Choice:
    """Topics, places and kinds; an empty choice means any."""
    wrong = texts.gettext("Please choose from the list.")
    for field, codes, known in (
        ("topic", chosen.topics, codelists.policy_areas),
        ("place", chosen.places, codelists.places),
        ("kind", chosen.kinds, codelists.kinds),
    ):
        if any(code not in known for code in codes):
            errors[field] = wrong
    return Choice(chosen.topics, chosen.places, chosen.kinds)


def digests_of(chosen: Chosen, digests: Mapping[str, Digest], texts: Texts, errors: Errors) -> tuple[str, ...]:
    """The digests that were chosen; the one that there is needs no choosing."""
    if len(digests) == 1:
        return tuple(digests)
    known = tuple(id for id in digests if id in chosen.digests)
    if not known:
        errors["digest"] = texts.gettext("Please choose at least one newsletter.")
    return known


def and_further(languages: tuple[str, ...], person: Subscriber) -> tuple[str, ...]:
    """The languages chosen, with those of a person for which the form has no field: who fills in every field does not
    thereby give them up."""
    further = person.languages[len(LANGUAGE_FIELDS) :] if len(languages) == len(LANGUAGE_FIELDS) else ()
    return (*languages, *(tag for tag in further if tag not in languages))


def languages_of(
    chosen: Chosen, offered: Collection[str], texts: Texts, errors: Errors
) -> tuple[tuple[str, ...], Fallback]:
    """The languages in order, and what to do beyond them. `offered`: those that may be chosen."""
    if not chosen.languages:
        errors[LANGUAGE_FIELDS[0]] = texts.gettext("Please choose a first language.")
    elif any(tag not in offered for tag in chosen.languages):
        errors[LANGUAGE_FIELDS[0]] = texts.gettext("Please choose from the list.")
    try:
        return chosen.languages, Fallback(chosen.fallback)
    except ValueError:
        errors["fallback"] = texts.gettext("Please choose from the list.")
        return chosen.languages, Fallback.SOURCE


def rhythm_of(
    chosen: Chosen, digests: Collection[Digest], texts: Texts, errors: Errors, formats: Formats
) -> tuple[Cadence, int, int]:
    """(cadence, weekday, hour) in which all of these digests come. `formats` of the reader's language."""
    try:
        cadence = Cadence(chosen.cadence)
    except ValueError:
        errors["cadence"] = texts.gettext("Please choose how often it is to come.")
        return Cadence.WEEKLY, 0, 8
    without = [digest for digest in digests if cadence not in digest.cadences]
    if without and len(digests) == 1:
        errors["cadence"] = texts.gettext("This newsletter does not come in this rhythm. Please choose another.")
    elif without:
        told = texts.ngettext(
            "%(letters)s does not come in this rhythm. Please choose another rhythm, or leave this newsletter out.",
            "%(letters)s do not come in this rhythm. Please choose another rhythm, or leave these newsletters out.",
            len(without),
        )
        errors["cadence"] = told % {"letters": letters_of(without, texts, formats)}
    if cadence is Cadence.AT_ONCE:
        return cadence, 0, 0
    weekday, hour = _number(chosen.weekday, 6), _number(chosen.hour, 23)
    if weekday is None:
        errors["weekday"] = texts.gettext("Please choose from the list.")
    if hour is None:
        errors["hour"] = texts.gettext("Please choose from the list.")
    return cadence, (weekday or 0) if cadence is not Cadence.DAILY else 0, hour or 0


def letters_of(digests: Collection[Digest], texts: Texts, formats: Formats) -> str:
    """Newsletters by name, as a list inside a sentence."""
    quoted = texts.pgettext("the name of a newsletter in a sentence", "%(letter)s")
    return formats.list([quoted % {"letter": digest.name(formats.locale)} for digest in digests])


def zone_of(chosen: Chosen, texts: Texts, errors: Errors) -> str:
    """The time zone."""
    if not chosen.zone:
        errors["zone"] = texts.gettext(
            "Please choose the country and the nearest city: mails come at local time there."
        )
    elif chosen.zone not in zones.names():
        errors["zone"] = texts.gettext("Please choose from the list.")
    return chosen.zone


def group_of(chosen: Chosen, codelists: Codelists, texts: Texts, errors: Errors) -> str:
    """The constituent group; who says nothing belongs to none."""
    if chosen.group and chosen.group not in codelists.groups:
        errors["group"] = texts.gettext("Please choose from the list.")
    return chosen.group or OTHER_GROUP


def _number(word: str, most: int) -> int | None:
    return int(word) if word.isascii() and word.isdigit() and len(word) <= 2 and int(word) <= most else None
