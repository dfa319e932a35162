"""The same texts on SQLite and on PostgreSQL find the same: real titles in English, French and Spanish and the official
texts of the Sustainable Development Goals, with and without their accents, in singular and plural. Only the order of
what is about equally relevant may differ: the two databases weigh words each in their own way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml
from sqlalchemy import Connection

from tests import postgres_server
from tools.postgres.server import Server
from tribune.domain.codelists import fold
from tribune.domain.items import LanguageVersion
from tribune.domain.merging import Content
from tribune.store import search
from tribune.store.engine import open_engine
from tribune.store.search_words import telling_words

LANGUAGES = ("en", "fr", "es")
OF_ITEMS = 100_000
"""Items from here on are publications; below are the goals' texts."""


@pytest.fixture(scope="module")
def works(shared_data: Path) -> dict[int, list[LanguageVersion]]:
    """Number -> its language versions."""
    found: dict[int, dict[str, str]] = {}
    for name in ("global_goals", "global_targets", "global_indicators"):
        for language in LANGUAGES:
            file = shared_data / "reference" / "open-sdg" / "translations" / language / f"{name}.yml"
            texts = yaml.safe_load(file.read_text(encoding="utf-8"))
            for key in sorted(texts):
                number = hash_of(f"{name}/{key}")
                found.setdefault(number, {})[language] = str(texts[key])
    told = json.loads((shared_data / "publications" / "ilo_items.json").read_text(encoding="utf-8"))
    for number, one in enumerate(told["publications"], start=OF_ITEMS):
        found[number] = one["titles"]
    return {
        number: [LanguageVersion(language, title) for language, title in titles.items() if title]
        for number, titles in found.items()
    }


def hash_of(name: str) -> int:
    """A number below OF_ITEMS that stays the same."""
    return sum(place * ord(sign) for place, sign in enumerate(name, start=1)) % OF_ITEMS


@pytest.fixture(scope="module")
def both(
    works: dict[int, list[LanguageVersion]], migrated: Path, tmp_path_factory: pytest.TempPathFactory, postgres: Server
) -> Iterator[tuple[Connection, Connection]]:
    """A connection to a store of each kind, both filled alike."""
    file = tmp_path_factory.mktemp("search") / "store.sqlite3"
    file.write_bytes(migrated.read_bytes())
    with ExitStack() as stack:
        opened = []
        for url in (f"sqlite:///{file}", stack.enter_context(postgres_server.database(postgres))):
            engine = open_engine(url)
            stack.callback(engine.dispose)
            connection = stack.enter_context(engine.connect())
            stack.enter_context(connection.begin())
            for number, versions in works.items():
                content = Content("report", versions[0].language, tuple(versions))
                search.add(connection, number, content, [version.language for version in versions])
            opened.append(connection)
        yield opened[0], opened[1]


def found_on(both: tuple[Connection, Connection], text: str, language: str, limit: int = 2_000) -> list[list[int]]:
    return [[item for item, _ in search.find(one, text, language, kind=None, limit=limit)] for one in both]


def test_there_is_enough_to_look_through(works: dict[int, list[LanguageVersion]]) -> None:
    assert len(works) > 300
    assert {version.language for versions in works.values() for version in versions} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_of_a_title_find_the_same_on_both(
    both: tuple[Connection, Connection], works: dict[int, list[LanguageVersion]], language: str
) -> None:
    """Each fourth title: its first words as they stand, and the same as somebody types them who has no accents."""
    asked = 0
    for number, versions in list(works.items())[::4]:
        title = next((version.title for version in versions if version.language == language), None)
        words = telling_words(title or "", language)[:3]
        if len(words) < 2:
            continue
        for text in (" ".join(words), fold(" ".join(words))):
            on_sqlite, on_postgresql = found_on(both, text, language)
            assert number in on_sqlite, text
            assert set(on_sqlite) == set(on_postgresql), text
            asked += 1
    assert asked > 20


@pytest.mark.parametrize(
    ("language", "singular", "plural"),
    [
        ("en", "indicator", "indicators"),
        ("en", "country", "countries"),
        ("en", "policy", "policies"),
        ("en", "developing country", "developing countries"),
        ("fr", "pays développé", "pays développés"),
        ("fr", "travailleur", "travailleurs"),
        ("fr", "tendance", "tendances"),
        ("fr", "emploi", "emplois"),
        ("fr", "inegalite", "inégalités"),
        ("fr", "ecosysteme", "écosystèmes"),
        ("es", "país", "países"),
        ("es", "pais", "paises"),
        ("es", "trabajador", "trabajadores"),
        ("es", "perspectiva", "perspectivas"),
        ("es", "pension", "pensiones"),
        ("es", "organización", "organizaciones"),
        ("es", "mujer", "mujeres"),
    ],
)
def test_singular_and_plural_find_the_same_on_both(
    both: tuple[Connection, Connection], language: str, singular: str, plural: str
) -> None:
    # A word after them, so that neither is taken for the beginning of a longer one.
    ones, manys = ([set(found) for found in found_on(both, f"{text} 0", language)] for text in (singular, plural))
    assert ones[0] == ones[1]
    assert manys[0] == manys[1]
    assert ones[0], "nothing found: the test would say nothing"
    assert ones[0] == manys[0]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr", "protection sociale monde"),
        ("fr", "l’emploi tendances mondiales"),
        ("es", "perspectivas sociales empleo mundo"),
        ("es", "políticas nacionales de empleo guía"),
        ("en", "generative AI jobs"),
        ("en", "global wage report"),
    ],
)
def test_the_best_ones_are_the_same_on_both(both: tuple[Connection, Connection], language: str, text: str) -> None:
    on_sqlite, on_postgresql = found_on(both, text, language, limit=50)
    assert on_sqlite[0] >= OF_ITEMS, "a publication whose title it is"
    best = set(on_sqlite[:3])
    assert len(best & set(on_postgresql[:3])) >= min(2, len(best))
