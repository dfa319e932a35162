"""Why a row of a file is refused, in the language of who looks at it. Services tell reasons in English, in the few
sentences of tribune/services/audience/subscriber_cells.py and csv_file.py; the report to download keeps those."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

from tribune.domain.imports import Refusal
from tribune.rendering.formats import Formats
from tribune.rendering.locales import Texts

_LABEL = re.compile(r" \([^)]*\)")
"""The English name that follows a code."""


class KnownSentences:
    """Sentences that services tell in English, as `told` has them in the language of the page: a pattern of what can be
    said -> the translation, with a place for each of its named groups."""

    def __init__(self, told: Mapping[str, str], formats: Formats) -> None:
        self._told = [(re.compile(pattern, re.S), sentence) for pattern, sentence in told.items()]
        self._formats = formats

    def translated(self, english: str) -> tuple[str, bool]:
        """The sentence, and whether it is known; one that is not stays as it is."""
        for pattern, sentence in self._told:
            found = pattern.fullmatch(english)
            if found is not None:
                return sentence % {
                    name: part(name, told, self._formats) for name, told in found.groupdict().items()
                }, True
        return english, False


def part(name: str, told: str, formats: Formats) -> str:
    """What a sentence has in a place of this name, as the reader writes it."""
    if name in ("number", "other"):
        return formats.number(int(told.replace(",", "")))
    if name == "words":
        return ", ".join(re.split(r", | or ", _LABEL.sub("", told.removesuffix(" ..."))))
    return told


class RefusalWords:
    """Sentences in the language of `texts`; one that is not known stays as it is."""

    def __init__(self, texts: Texts, formats: Formats) -> None:
        self._texts = texts
        self._formats = formats

    def told(self, refusal: Refusal) -> tuple[str, bool]:
        """Reason and hint, and whether both are in the reader's language."""
        if self._formats.locale.startswith("en"):
            return f"{refusal.reason} {refusal.hint}".strip(), True
        reason, known = self._sentences.translated(refusal.reason)
        hint, hint_known = self._sentences.translated(refusal.hint) if refusal.hint else ("", True)
        return f"{reason} {hint}".strip(), known and hint_known

    @cached_property
    def _sentences(self) -> KnownSentences:
        _ = self._texts.gettext
        told = {
            r"There is no address\.": _("There is no address."),
            r"This is not an e-mail address(\.|: .*)": _("This is not an e-mail address."),
            r"Use the form name@example\.org\.": _("Use the form name@example.org."),
            r"The name holds a line break or a control character\.": _(
                "The name holds a line break or a control character."
            ),
            r"Is a quotation mark left open\?": _("Is a quotation mark left open?"),
            r"The name has (?P<number>\d+) characters\.": _("The name has %(number)s characters."),
            r"At most (?P<number>\d+)\.": _("At most %(number)s."),
            r"At most (?P<number>\d+) characters\.": _("At most %(number)s characters."),
            r"This is not a language\.": _("This is not a language."),
            r"Use codes such as fr\|en, the first first\.": _("Use codes such as fr|en, the first one first."),
            r"These are too many languages\.": _("These are too many languages."),
            r"Keep the first few\.": _("Keep the first few."),
            r"['\"](?P<word>.*)['\"] is not a time zone\.": _("“%(word)s” is not a time zone."),
            r"Use an IANA name such as Africa/Dakar\.": _("Use the name of a time zone such as Africa/Dakar."),
            r"['\"](?P<word>.*)['\"] is not (a .*|one of them)\.": _("“%(word)s” is not in the list."),
            r"This is not an hour\.": _("This is not an hour."),
            r"Use a full hour, 0 to 23\.": _("Use a full hour, from 0 to 23."),
            r"The cell is empty\.": _("The cell is empty."),
            r"Fill it in, or give a value for empty cells\.": _("Fill it in, or give a value for empty cells."),
            r"The cell is too long\.": _("The cell is too long."),
            r"Did you mean (?P<words>.*)\?": _("Possible: %(words)s."),
            r"Use one of: (?P<words>.*)": _("Possible: %(words)s."),
            r"This is not a tag\.": _("This is not a tag."),
            r"These are too many tags\.": _("These are too many tags."),
            r"Use a to z, digits and hyphens, .*": _(
                "Use small letters, digits and hyphens, at most 60 of them, such as g20-alumni."
            ),
            r"The row has (?P<number>[\d,]+) cells, the first row (?P<other>[\d,]+)\.": _(
                "The row has %(number)s cells, the first row %(other)s."
            ),
            r"Put cells that hold separators in quotation marks\.": _(
                "Put cells that hold separators in quotation marks."
            ),
            r"A quotation mark may be left open: lines (?P<number>\d+) to (?P<other>\d+) were read as one row\.": _(
                "A quotation mark may be left open: lines %(number)s to %(other)s were read as one row."
            ),
            r"Close it, or take it out: nothing in these lines was taken in\.": _(
                "Close it, or take it out: nothing in these lines was taken in."
            ),
            r"From here on the file cannot be read: .*": _("From here on the file cannot be read."),
            r"A quotation mark may be left open; nothing after it could be read\.": _(
                "A quotation mark may be left open; nothing after it could be read."
            ),
        }
        return KnownSentences(told, self._formats)
