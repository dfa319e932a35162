"""Why an import could not be finished, in the language of who looks at it. A job keeps the error's words in English, as
tribune/services/audience/csv_file.py and import_columns.py say them: where, what, and what to do."""

from __future__ import annotations

import re

from tribune.rendering.formats import Formats
from tribune.rendering.locales import Texts
from web.newsroom.import_words import ImportWords
from web.newsroom.refusal_words import KnownSentences, part

_AND = " and no column "


class FailureWords:
    """Sentences in the language of `texts`; a reason that is not known stays as it is."""

    def __init__(self, texts: Texts, formats: Formats) -> None:
        self._formats = formats
        self._columns = ImportWords(texts)
        _ = texts.gettext
        self._what = {
            r"The first row is empty\.": _("The first row is empty."),
            r"The first row cannot be read: .*\.": _("The first row cannot be read."),
            r"This is not a CSV file: its first row is no text\.": _(
                "This is not a CSV file: its first row is no text."
            ),
            r"The first row names (?P<number>[\d,]+) columns\.": _("The first row names %(number)s columns."),
            r"This is not text in UTF-8, UTF-16 or Windows-1252\. Nothing was taken in\.": _(
                "This is not text in UTF-8, UTF-16 or Windows-1252. Nothing was taken in."
            ),
            r"This line is not UTF-8, though others are\. Nothing was taken in\.": _(
                "This line is not UTF-8, though others are. Nothing was taken in."
            ),
            r"This is not a CSV file: it holds bytes that are no text\.": _(
                "This is not a CSV file: it holds bytes that are no text."
            ),
            r"This is not a CSV file: a line is longer than (?P<number>[\d,]+) characters\.": _(
                "This is not a CSV file: a line is longer than %(number)s characters."
            ),
            r"There is no column ['\"](?P<word>.*?)['\"]\.": _("There is no column “%(word)s”."),
            r"The column ['\"](?P<word>.*?)['\"] stands twice\.": _("The column “%(word)s” stands twice."),
            r"The file has no column ['\"](?P<word>.*?)['\"]\.": _("The file has no column “%(word)s”."),
            r"Several columns are like ['\"](?P<word>.*?)['\"]\.": _("Several columns are like “%(word)s”."),
            r"Column (?P<number>\d+) has no heading\.": _("Column %(number)s has no heading."),
            rf"The first row names no column (?P<missing>[a-z_]+(?:{_AND}[a-z_]+)*)\.": _(
                "The first row does not name: %(missing)s."
            ),
            r"The code lists have changed, and subscriptions have not been brought in step with them yet\.": _(
                "The code lists have changed, and subscriptions have not been brought in step with them yet."
            ),
            r"[A-Za-z_]+: see the log\.": _("Something broke. Ask whoever runs Tribune: its log says what it was."),
        }
        self._hints = KnownSentences(
            {
                r"It must name the columns\.": _("It must name the columns."),
                r"Save it as CSV UTF-8\.": _("Save it as CSV UTF-8."),
                r"At most (?P<number>\d+)\.": _("At most %(number)s."),
                r"Did you mean (?P<words>.*)\?": _("Possible: %(words)s."),
                r"Columns are (?P<words>.*?)\.?": _("The columns that there can be: %(words)s."),
                r"Keep one of them\.": _("Keep one of them."),
                r"Keep one of them, or say which to pass over\.": _("Keep one of them, or say which to pass over."),
                r"Give it one in the file, or say which to pass over\.": _(
                    "Give it one in the file, or say which to pass over."
                ),
                r"Write it as the file does: (?P<header>.*?)\.?": _("Write it as the file does: %(header)s."),
                r"It has: (?P<header>.*?)\.?": _("It has: %(header)s."),
                r"Restart Tribune's processes .*": _("Ask whoever runs Tribune to restart it."),
            },
            formats,
        )
        self._places = KnownSentences(
            {
                r"row (?P<number>\d+)": _("Row %(number)s"),
                r"(?P<file>.*), row (?P<number>\d+)": _("%(file)s, row %(number)s"),
                r"(?P<file>.*), line (?P<number>\d+)": _("%(file)s, line %(number)s"),
            },
            formats,
        )
        self._joined = _("%(where)s: %(what)s")

    def told(self, reason: str) -> tuple[str, bool]:
        """The reason, and whether it is in the reader's language."""
        if self._formats.locale.startswith("en"):
            return reason, True
        for pattern, sentence in self._what.items():
            found = re.fullmatch(rf"(?:(?P<where>.+?): )?{pattern}(?: (?P<hint>.*))?", reason, re.S)
            if found is not None:
                return self._of(sentence, found)
        return reason, False

    def _of(self, sentence: str, found: re.Match[str]) -> tuple[str, bool]:
        parts = found.groupdict()
        where, hint = parts.pop("where"), parts.pop("hint")
        told = sentence % {name: self._part(name, text) for name, text in parts.items()}
        if where:
            told = self._joined % {"where": self._places.translated(where)[0], "what": told}
        hint, known = self._hints.translated(hint) if hint else ("", True)
        return f"{told} {hint}".strip(), known

    def _part(self, name: str, text: str) -> str:
        if name == "missing":
            return ", ".join(self._columns.column(one) for one in text.split(_AND))
        return part(name, text, self._formats)
