"""Extract texts from code and templates into the catalogues of locales/: `make messages`.

New texts come in empty, changed ones are never guessed at (no fuzzy matching), texts that are gone are taken out.
`stale(...)` is what the test asks: nothing may be missing, fuzzy or left over.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
LOCALES = ROOT / "locales"
SOURCE = "en"
"""In this language a msgid is its own translation, so that an empty text is not a missing one."""

KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "N_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}


def extract() -> Catalog:
    """Every text of code and templates, with the files where it stands."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as mapping:
        methods, options = parse_mapping_cfg(mapping)
    catalogue = Catalog(project="Tribune", fuzzy=False)
    found = extract_from_dir(
        ROOT,
        methods,
        options,
        keywords=KEYWORDS,
        comment_tags=("Translators:",),
        strip_comment_tags=True,
        directory_filter=lambda folder: not Path(folder).name.startswith((".", "_")) and Path(folder).name != "var",
    )
    for file, _line, message, comments, context in found:
        # Files without lines: a catalogue should not change when a line moves.
        catalogue.add(message, None, [(file, None)], auto_comments=comments, context=context)  # type: ignore[list-item]
    return catalogue


def read(locale: str) -> Catalog:
    """The catalogue of a locale as it stands."""
    with _file(locale).open("rb") as file:
        return read_po(file, locale=locale)


def update(locale: str, template: Catalog) -> int:
    """Bring a catalogue up to the template. How many texts have no translation yet."""
    catalogue = read(locale) if _file(locale).exists() else Catalog(locale=locale)
    catalogue.update(template, no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    catalogue.fuzzy = False
    catalogue.project, catalogue.version, catalogue.last_translator = "Tribune", "1", "Tribune"
    catalogue.language_team = catalogue.msgid_bugs_address = "Tribune"
    catalogue.creation_date = catalogue.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
    _file(locale).parent.mkdir(parents=True, exist_ok=True)
    with _file(locale).open("wb") as file:
        write_po(file, catalogue, sort_output=True, width=110, omit_header=False, ignore_obsolete=True)
    return sum(1 for _ in untranslated(locale, catalogue))


def untranslated(locale: str, catalogue: Catalog) -> Iterator[Message]:
    """The messages without a text in this language."""
    for message in catalogue:
        texts = message.string if isinstance(message.string, tuple | list) else (message.string,)
        if message.id and not all(texts) and locale != SOURCE:
            yield message


def stale(locale: str, template: Catalog) -> list[str]:
    """What is wrong with a catalogue, one line each: missing, left over, fuzzy, untranslated, a place lost."""
    catalogue = read(locale)
    said = []
    wanted = {key(message): message for message in template if message.id}
    there = {key(message): message for message in catalogue if message.id}
    said += [f"{locale}: missing, run `make messages`: {one!r}" for one in wanted.keys() - there.keys()]
    said += [f"{locale}: no longer used, run `make messages`: {one!r}" for one in there.keys() - wanted.keys()]
    said += [f"{locale}: fuzzy: {message.id!r}" for message in catalogue if message.id and message.fuzzy]
    said += [f"{locale}: no translation: {message.id!r}" for message in untranslated(locale, catalogue)]
    for message in there.values():
        said += [f"{locale}: {error}: {message.id!r}" for error in message.check(catalogue)]
    return sorted(said)


def locales() -> list[str]:
    """The locales that have a folder."""
    return sorted(folder.name for folder in LOCALES.iterdir() if folder.is_dir())


def _file(locale: str) -> Path:
    return LOCALES / locale / "LC_MESSAGES" / "tribune.po"


def key(message: Message) -> tuple[str, ...]:
    """A text's context ("": none), its English, and its plural where it has one."""
    ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
    return (message.context or "", *ids)


def main() -> None:
    """Update every catalogue and say what waits for a translator."""
    template = extract()
    waiting = {locale: update(locale, template) for locale in locales()}
    print(
        f"{len(template)} texts; " + ", ".join(f"{locale}: {count} to translate" for locale, count in waiting.items())
    )
    sys.exit(0)


if __name__ == "__main__":
    main()
