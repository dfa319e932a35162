"""The catalogues of texts: one .po file per language, read as it is and compiled in memory.

How a text gets into a catalogue. The msgid is a whole English sentence with named places, `%(number)s`. In Python
take `texts = translations.gettext(locale)` and call `texts.gettext("...")`, `texts.ngettext("one", "many", n)`,
`texts.pgettext("where it stands", "...")`; in templates `_("...", name=value)`, `ngettext(...)`, `pgettext(...)` and
`{% trans %}` of Jinja's i18n extension. A text that is only named in one place and translated in another is marked
with `N_("...")`. `make messages` extracts; a test fails on a missing, fuzzy or stale message.

A further language is a folder `LANGUAGE/LC_MESSAGES/tribune.po`, in `locales/` or in a folder that the setting
`locales` names. Interface texts fall back exact locale -> base language -> the organisation's default (decisions, 28).
"""

from __future__ import annotations

import gettext
import io
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from tribune.domain.errors import ConfigurationError

DOMAIN = "tribune"

Texts = gettext.NullTranslations
"""What `Translations.gettext` gives: gettext, ngettext, pgettext, npgettext."""

_RIGHT_TO_LEFT = frozenset(["ar", "arc", "ckb", "dv", "fa", "he", "ks", "nqo", "ps", "sd", "ug", "ur", "yi"])
_RTL_SCRIPT = re.compile(r"-(Arab|Hebr|Thaa|Nkoo|Syrc|Adlm)\b", re.IGNORECASE)


def N_(message: str) -> str:
    """Mark a text for extraction that is translated elsewhere."""
    return message


def base(locale: str) -> str:
    """The base language of a BCP 47 tag: `pt` of `pt-BR`."""
    return locale.replace("_", "-").split("-")[0].lower()


def direction(language: str) -> str:
    """`rtl` or `ltr`, by the tag's script where it has one, else by its language."""
    tag = language.replace("_", "-")
    if re.search(r"-[A-Za-z]{4}\b", tag):
        return "rtl" if _RTL_SCRIPT.search(tag) else "ltr"
    return "rtl" if base(tag) in _RIGHT_TO_LEFT else "ltr"


class Translations:
    """The catalogues of `folders`; for a language that two folders have, the later folder's texts go first."""

    def __init__(self, folders: Iterable[Path], default: str = "en") -> None:
        self._files: dict[str, list[Path]] = {}
        self._default = default
        for folder in folders:
            if not folder.is_dir():
                raise ConfigurationError(f"locales: there is no folder {folder}.")
            for file in sorted(folder.glob(f"*/LC_MESSAGES/{DOMAIN}.po")):
                self._files.setdefault(file.parts[-3].replace("_", "-"), []).insert(0, file)
        self._loaded: dict[str, Texts] = {}

    @property
    def offered(self) -> tuple[str, ...]:
        """The locales that have a catalogue (BCP 47), the default one first."""
        return tuple(sorted(self._files, key=lambda locale: (locale != self._default, locale)))

    def gettext(self, locale: str) -> Texts:
        """The texts for `locale`: each in the exact locale, else its base language, else the default, else English."""
        found = self._loaded.get(locale)
        if found is None:
            found = self._loaded[locale] = self._chain(locale)
        return found

    def load(self) -> None:
        """Read every catalogue now, not when somebody is waiting for a text. Raises ConfigurationError with the file
        that cannot be read."""
        for file in (file for files in self._files.values() for file in files):
            _read(file)

    def _chain(self, locale: str) -> Texts:
        wanted = dict.fromkeys((locale.replace("_", "-"), base(locale), self._default))
        by_tag = {tag.lower(): tag for tag in self._files}
        tags = [by_tag[tag.lower()] for tag in wanted if tag.lower() in by_tag]
        if "en" in tags:
            # An English msgid is its own translation: what stands behind English is never asked.
            tags = tags[: tags.index("en") + 1]
        first: Texts | None = None
        for catalogue in [_read(file) for tag in tags for file in self._files[tag]]:
            if first is None:
                first = catalogue
            else:
                first.add_fallback(catalogue)
        return first or gettext.NullTranslations()


def _read(file: Path) -> gettext.GNUTranslations:
    """A catalogue's texts, without what stands behind them. Raises ConfigurationError."""
    from babel.messages.pofile import PoFileError

    try:
        return gettext.GNUTranslations(io.BytesIO(_compiled(file, file.stat().st_mtime_ns)))
    except OSError as error:
        raise ConfigurationError(
            f"{file}: this catalogue of texts cannot be read: {error.strerror or error}."
        ) from None
    except UnicodeError as error:
        raise ConfigurationError(
            f"{file}: this is not a catalogue of texts: not in the encoding that it names ({error}). Save it as UTF-8."
        ) from None
    except (PoFileError, ValueError, LookupError) as error:
        raise ConfigurationError(f"{file}: this is not a catalogue of texts: {error}.") from None


@lru_cache(maxsize=64)
def _compiled(file: Path, _changed: int) -> bytes:
    """The .mo form of a .po file. Fuzzy and empty messages are left out, so that they fall back."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with file.open("rb") as source:
        catalogue = read_po(source, locale=None, abort_invalid=True)
    target = io.BytesIO()
    write_mo(target, catalogue)
    return target.getvalue()
