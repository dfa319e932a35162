"""What the builder of segments offers to choose from, named in one locale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tribune.bootstrap import Application
from tribune.domain.audience import Cadence, Status
from tribune.domain.codelists import fold
from tribune.domain.segments import Moment
from tribune.rendering.formats import Formats
from tribune.rendering.locales import Texts
from tribune.rendering.segment_words import SegmentWords
from web.newsroom.segment_form import Box, split

Option = tuple[str, str]
"""A value and its name."""

MOST_TAGS = 60


@dataclass(frozen=True, slots=True)
class Options:
    """The lists. `places` are countries, regions and groups of countries by name; `ways` are those of each moment."""

    groups: Sequence[Option]
    languages: Sequence[Option]
    policy_areas: Sequence[Option]
    kinds: Sequence[Option]
    places: Sequence[Option]
    digests: Sequence[Option]
    cadences: Sequence[Option]
    statuses: Sequence[Option]
    tags: Sequence[Option]
    ways: Mapping[str, Sequence[Option]]

    def with_gone(self, offered: Sequence[Option], chosen: Sequence[str]) -> Sequence[Option]:
        """What is offered, and what was chosen and is offered no longer: it stays until somebody takes it out."""
        known = {value for value, _ in offered}
        return [*offered, *((value, value) for value in chosen if value not in known)]

    def others(self, box: Box, offered: Sequence[Option]) -> str:
        """What of a box's choice is not offered, as it stands in the field for other values."""
        known = {value for value, _ in offered}
        told = [value for value in box.values.get("codes", ()) if value not in known]
        return ", ".join([*told, *split(box.one("more"))])


def options(app: Application, texts: Texts, formats: Formats, words: SegmentWords, tags: Sequence[str]) -> Options:
    """What can be chosen; lists of names are in the order of the alphabet, others in their own."""
    lists = app.codelists
    languages = app.settings.organisation.languages

    def by_name(codes: list[Option]) -> Sequence[Option]:
        return sorted(codes, key=lambda option: fold(option[1]))

    return Options(
        groups=[(code.code, words.group(code.code)) for code in lists.groups],
        languages=[(tag, formats.capitalised(formats.language(tag))) for tag in languages],
        policy_areas=by_name([(code.code, formats.policy_area(code.code)) for code in lists.policy_areas]),
        kinds=by_name([(code.code, formats.capitalised(formats.kinds(code.code))) for code in lists.kinds]),
        places=by_name([(code, formats.place(code)) for code in lists.places.places]),
        digests=[(id, words.digest(id)) for id in app.digests],
        cadences=[(one.value, formats.capitalised(words.cadence(one))) for one in Cadence],
        statuses=[(one.value, formats.capitalised(words.status(one))) for one in Status],
        tags=[(tag, tag) for tag in tags[:MOST_TAGS]],
        ways={moment.value: _ways(moment, texts) for moment in Moment},
    )


def _ways(moment: Moment, texts: Texts) -> Sequence[Option]:
    """How a date can be asked for."""
    pgettext = texts.pgettext
    told = [
        ("within_days", pgettext("when something happened", "In the last … days")),
        ("not_within_days", pgettext("when something happened", "Not in the last … days, or never")),
        ("after", pgettext("when something happened", "On a day or later")),
        ("before", pgettext("when something happened", "On a day or earlier")),
        ("between", pgettext("when something happened", "Between two days")),
        ("never", pgettext("when something happened", "Never")),
    ]
    return told[:-1] if moment is Moment.CONFIRMED else told
