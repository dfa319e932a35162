"""The catalogues of texts: complete, not stale, and set as the house sets its texts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from tests.arabic import write_arabic
from tests.said import Said
from tools import messages
from tribune.domain.errors import ConfigurationError
from tribune.rendering.locales import Translations, direction
from tribune.rendering.typography import faults
from tribune.resources import locate

HEADER = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'


@cache
def template() -> Catalog:
    return messages.extract()


def test_texts_are_found_in_code_and_in_templates() -> None:
    found = {file for message in template() for file, _ in message.locations}
    assert {
        "templates/email/digest/digest.mjml",
        "templates/email/digest/subject.txt",
        "tribune/rendering/wording.py",
    } <= found


@pytest.mark.parametrize("locale", messages.locales())
def test_no_text_is_missing_fuzzy_or_left_over(locale: str) -> None:
    assert messages.stale(locale, template()) == []


def test_what_is_wrong_with_a_catalogue_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "LOCALES", tmp_path)
    wanted = Catalog()
    for text in ("Read more", "See the data", "%(number)s left"):
        wanted.add(text)
    file = tmp_path / "fr" / "LC_MESSAGES" / "tribune.po"
    file.parent.mkdir(parents=True)
    file.write_text(
        HEADER + '#, fuzzy\nmsgid "Read more"\nmsgstr "Lire"\n\n'
        'msgid "Old"\nmsgstr "Vieux"\n\n#, python-format\nmsgid "%(number)s left"\nmsgstr "%(nombre)s"\n',
        encoding="utf-8",
    )
    told = "\n".join(messages.stale("fr", wanted))
    for fault in (
        "missing, run `make messages`: ('', 'See the data')",
        "no longer used",
        "fuzzy: 'Read more'",
        "unknown named",
    ):
        assert fault in told
    assert messages.update("fr", wanted) == 1  # one has no translation: nothing is guessed
    assert messages.stale("fr", wanted)[0].startswith("fr: ")


@pytest.mark.parametrize("locale", ["en", "fr", "es"])
def test_a_text_that_nothing_says_any_more_is_noticed_by_the_tests_that_look_for_it(locale: str) -> None:
    said = Said(Translations((locate("locales"),), "en").gettext(locale))
    assert said.one("Row") == {"en": "Row", "fr": "Ligne", "es": "Fila"}[locale]
    assert said.within("rows of an import", "refused")
    assert "%(number)s" in said.many("Take in %(number)s person", "Take in %(number)s people", 2)
    gone = "no code or template says"
    with pytest.raises(AssertionError, match=gone):
        said.one("Nobody says this any more")
    with pytest.raises(AssertionError, match=gone):
        said.within("rows", "refused")
    with pytest.raises(AssertionError, match=gone):
        said.many("Take in %(number)s person", "Take in people", 2)


VERB = ("A choisi", "a choisi")
"""« A » is the verb here, which has no accent; elsewhere a capital « A » is nearly always the preposition « À »."""


@pytest.mark.parametrize("locale", ["en", "fr", "es"])
def test_texts_keep_the_house_s_typography(locale: str) -> None:
    broken = {}
    for message in messages.read(locale):
        if not message.id:
            continue
        ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
        texts = message.string if isinstance(message.string, tuple | list) else (message.string,)
        for text in ids if locale == "en" else texts:
            if text and (found := faults(text.replace(*VERB), locale)):
                broken[text] = found
    assert broken == {}


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr", "« Bonjour »"),
        ("fr", "«\u00a0Bonjour »"),
        ("fr", "Que faire ?"),
        ("fr", "Que faire?"),
        ("fr", "Source : OIT"),
        ("fr", "Source: OIT"),
        ("fr", "un ; deux"),
        ("fr", "Bravo\u00a0!"),
        ("fr", "5,4 %"),
        ("fr", "l'emploi"),
        ("fr", '"emploi"'),
        ("fr", "10 000 personnes"),
        ("fr", "10.000 personnes"),
        ("fr", "1 mars 2026"),
        ("fr", "à suivre..."),
        ("fr", "A propos"),
        ("fr", "“emploi”"),
        ("es", "Qué hacer?"),
        ("es", "¿ Qué hacer?"),
        ("es", "Bravo!"),
        ("es", "Fuente : OIT"),
        ("es", "5,4 %"),
        ("es", "« empleo »"),
        ("es", "“empleo”"),
        ("es", "10.000 personas"),
        ("es", "el 3 de Marzo"),
        ("es", "continuará..."),
        ("en", "Workers' rights"),
        ("en", '"work"'),
        ("en", "Why ?"),
        ("en", "«work»"),
        ("en", "to be continued..."),
        ("en", "two  spaces"),
        ("en", "this - that"),
    ],
)
def test_a_fault_of_typography_is_found(language: str, text: str) -> None:
    assert faults(text, language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr", "«\u00a0Que faire\u202f?\u00a0»"),
        ("fr", "Source\u00a0: OIT\u202f; 5,4\u00a0% de 10\u202f000 personnes à 15:30"),
        ("fr", "le 1er mars, l’emploi… https://x.example/?a=1;b"),
        ("fr", "%(what)s\u00a0: %(value)s"),
        ("fr", "15\u00a0h\u00a030"),
        ("es", "¿Qué hacer? ¡Nada!"),
        ("es", "«empleo»: 5,4\u00a0% de 10\u00a0000 personas el 3 de marzo"),
        ("es", "En «“empleo” decente»"),
        ("en", '“Workers’ rights”: what – and why? 10,000 people; `tribune up "x"`'),
        ("en", "employers’ and workers’"),
    ],
)
def test_good_typography_passes(language: str, text: str) -> None:
    assert faults(text, language) == []


# -- falling back (decisions.md, 28)


def test_a_text_falls_back_from_locale_to_base_language_to_the_default(tmp_path: Path) -> None:
    canada = tmp_path / "fr_CA" / "LC_MESSAGES" / "tribune.po"
    canada.parent.mkdir(parents=True)
    canada.write_text(
        HEADER + 'msgid "Unsubscribe"\nmsgstr "Se désinscrire"\n',
        encoding="utf-8",
    )
    translations = Translations((locate("locales"), tmp_path), "es")
    assert translations.offered == ("es", "en", "fr", "fr-CA")
    assert translations.gettext("fr-CA").gettext("Unsubscribe") == "Se désinscrire"
    assert translations.gettext("fr-CA").gettext("Read more") == "Lire la suite"
    assert translations.gettext("fr-BE").gettext("Read more") == "Lire la suite"
    assert translations.gettext("sw").gettext("Read more") == "Leer más"
    assert translations.gettext("en").gettext("Read more") == "Read more"
    assert translations.gettext("en-GB").ngettext("%(number)s page", "%(number)s pages", 2) == "%(number)s pages"
    assert translations.gettext("fr").gettext("Nobody wrote this") == "Nobody wrote this"


def test_a_later_folder_goes_first(tmp_path: Path) -> None:
    own = tmp_path / "fr" / "LC_MESSAGES" / "tribune.po"
    own.parent.mkdir(parents=True)
    own.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "Read more"\nmsgstr "Lire"\n',
        encoding="utf-8",
    )
    texts = Translations((locate("locales"), tmp_path)).gettext("fr")
    assert texts.gettext("Read more") == "Lire"
    assert texts.gettext("See the data") == "Voir les données"


def test_arabic_has_its_six_plurals(tmp_path: Path) -> None:
    texts = Translations((locate("locales"), write_arabic(tmp_path / "more"))).gettext("ar")
    forms = [texts.ngettext("%(number)s publication", "%(number)s publications", n) for n in (1, 2, 3, 11, 100)]
    assert forms == ["منشور واحد", "منشوران", "%(number)s منشورات", "%(number)s منشورًا", "%(number)s منشور"]


def test_a_broken_catalogue_and_a_missing_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no folder"):
        Translations((tmp_path / "none",))
    file = tmp_path / "fr" / "LC_MESSAGES" / "tribune.po"
    file.parent.mkdir(parents=True)
    file.write_bytes(b'msgid "\xff"\nmsgstr "x"\n')
    with pytest.raises(ConfigurationError, match=r"tribune\.po"):
        Translations((tmp_path,)).gettext("fr")


@pytest.mark.parametrize(
    "broken",
    [
        'msgid "Read more"\nmsgstr "Lire \xe0 la suite"\n'.encode("latin-1"),
        b'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-9\\n"\n\nmsgid "a"\nmsgstr "b"\n',
        None,
    ],
    ids=["not UTF-8", "no such encoding", "a folder"],
)
def test_a_broken_catalogue_is_found_before_anybody_asks_for_its_texts(tmp_path: Path, broken: bytes | None) -> None:
    file = tmp_path / "sw" / "LC_MESSAGES" / "tribune.po"
    if broken is None:
        file.mkdir(parents=True)
    else:
        file.parent.mkdir(parents=True)
        file.write_bytes(broken)
    translations = Translations((locate("locales"), tmp_path))
    with pytest.raises(ConfigurationError) as caught:
        translations.load()
    assert str(file) in str(caught.value)


def test_good_catalogues_are_loaded(tmp_path: Path) -> None:
    Translations((locate("locales"), write_arabic(tmp_path / "more"))).load()


@pytest.mark.parametrize(
    ("tag", "runs"),
    [
        ("en", "ltr"),
        ("ar", "rtl"),
        ("ar-EG", "rtl"),
        ("he", "rtl"),
        ("az-Arab", "rtl"),
        ("ar-Latn", "ltr"),
        ("pt-BR", "ltr"),
    ],
)
def test_the_direction_of_a_language(tag: str, runs: str) -> None:
    assert direction(tag) == runs
