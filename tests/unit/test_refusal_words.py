"""Why rows of a file are refused, as staff read it in their language."""

from __future__ import annotations

from pathlib import Path

import pytest

from tribune.codelists import load
from tribune.domain.audience import Cadence
from tribune.domain.digests import Digest
from tribune.domain.imports import Refusal
from tribune.rendering.formats import Formats
from tribune.rendering.locales import Translations
from tribune.resources import locate
from tribune.services.imports.preview_import import preview_import
from web.newsroom.refusal_words import RefusalWords

LISTS = load(locate("codelists"))
TRANSLATIONS = Translations((locate("locales"),), "en")
HEADER = "address,name,group,languages,zone,digest,policy_areas,places,cadence,hour,status,tags"
GOOD = ["a@b.example", "A", "government", "fr", "UTC", "letter", "", "", "daily", "8", "", ""]
DIGESTS = {
    id: Digest(id=id, names={"en": id}, sender="a@b.example", cadences=(Cadence.DAILY,)) for id in ("letter", "other")
}


def refusals(folder: Path, **wrong: str) -> list[Refusal]:
    """What is said of a row with these cells."""
    names = HEADER.split(",")
    cells = [wrong.get(name, cell) for name, cell in zip(names, GOOD, strict=True)]
    file = folder / "people.csv"
    file.write_text(f"{HEADER}\n" + ",".join(f'"{cell}"' for cell in cells) + wrong.get("more", "") + "\n")
    return [row.refusal for row in preview_import(file, DIGESTS, LISTS).rows if row.refusal is not None]


WRONG: list[dict[str, str]] = [
    *({"address": cell} for cell in ("", "no address", "a@@b", "a@b", "x" * 300, "a@-b.example")),
    *({"name": cell} for cell in ("a\nb@c", "x" * 301)),
    *({"group": cell} for cell in ("governmint", "zzzzzz", "it's")),
    *({"languages": cell} for cell in ("", "xx1", "|".join(["fr", "en", "de"] + [f"a{c}" for c in "abcdefghij"]))),
    *({"zone": cell} for cell in ("", "Africa/Dakkar", "zzzz", "z" * 200)),
    *({"digest": cell} for cell in ("", "leter", "zzz")),
    *({"policy_areas": cell} for cell in ("wagez", "zzzzz", "x" * 5000)),
    *({"places": cell} for cell in ("Sengal", "zzzzz", "z" * 100)),
    *({"cadence": cell} for cell in ("dayly", "zzz")),
    *({"hour": "25"}, {"status": "gone"}, {"tags": "two words"}, {"more": ",x,y"}),
    {"name": 'A",fr\na@c.example,"B'},
    {"tags": "|".join(f"t{n}" for n in range(60))},
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: next(iter(wrong)))
def test_each_reason_is_told_in_the_language_of_the_page(tmp_path: Path, wrong: dict[str, str]) -> None:
    found = refusals(tmp_path, **wrong)
    assert len(found) == 1
    english, _ = RefusalWords(TRANSLATIONS.gettext("en"), Formats("en", LISTS)).told(found[0])
    assert english == f"{found[0].reason} {found[0].hint}".strip()
    for locale in ("fr", "es"):
        told, known = RefusalWords(TRANSLATIONS.gettext(locale), Formats(locale, LISTS)).told(found[0])
        assert known, found[0]
        assert told and told != english


def test_codes_are_named_and_not_their_english_labels(tmp_path: Path) -> None:
    (found,) = refusals(tmp_path, group="governmint")
    told, _ = RefusalWords(TRANSLATIONS.gettext("fr"), Formats("fr", LISTS)).told(found)
    assert "government" in told and "(" not in told


def test_what_nobody_foresaw_stays_in_english() -> None:
    words = RefusalWords(TRANSLATIONS.gettext("fr"), Formats("fr", LISTS))
    assert words.told(Refusal(2, "", "", "Something else.", "")) == ("Something else.", False)
