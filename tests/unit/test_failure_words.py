"""Why an import could not be finished, as staff read it in their language."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tribune.codelists import load
from tribune.domain.errors import InvalidInput
from tribune.rendering.formats import Formats
from tribune.rendering.locales import Translations
from tribune.resources import locate
from tribune.services.audience import csv_file, import_columns
from tribune.services.audience.csv_file import LONGEST_LINE, look_at
from tribune.services.audience.import_columns import columns_of
from web.newsroom.failure_words import FailureWords

LISTS = load(locate("codelists"))
TRANSLATIONS = Translations((locate("locales"),), "en")
GOOD = "address,languages,zone"


def words(locale: str) -> FailureWords:
    return FailureWords(TRANSLATIONS.gettext(locale), Formats(locale, LISTS))


def failure(folder: Path, content: bytes, told: dict[str, str] | None = None) -> str:
    """What a job keeps of a file with this content."""
    file = folder / "people.csv"
    file.write_bytes(content)
    with pytest.raises(InvalidInput) as error:
        columns_of(look_at(file).header, told)
    return str(error.value).replace(str(file), "Années 2025: a.csv")


FILES: list[tuple[bytes, dict[str, str] | None]] = [
    (b"", None),
    (b"\n\n", None),
    (b"a\x01b,c\n", None),
    (b"ad\0dress\n", None),
    (b"address\n" + b"\x81\x8d\n", None),
    ("address\nJosé\n".encode() + "Renée\n".encode("cp1252"), None),
    (b"\xff\xfea\n\0\x01", None),
    (b"x" * (LONGEST_LINE + 2), None),
    (",".join(f"c{n}" for n in range(1_300)).encode(), None),
    (b'"' + b"x" * 200_000, None),
    (b"address,adress\n", None),
    (b"address,zzzz\n", None),
    (b"address,email\n", None),
    (b"zone,zone\n", None),
    (GOOD.encode(), {"zone": "wall clock"}),
    (GOOD.encode(), {"Fuseau": "zone"}),
    (GOOD.encode() + b",a-b,a b", {"A.B": "name"}),
    (GOOD.encode() + b",,x", {"x": ""}),
    (b"name\n", None),
    (b"address,name\n", None),
]


@pytest.mark.parametrize("at", range(len(FILES)))
def test_each_failure_is_told_in_the_language_of_the_page(tmp_path: Path, at: int) -> None:
    reason = failure(tmp_path, *FILES[at])
    assert words("en").told(reason) == (reason, True)
    for locale in ("fr", "es"):
        told, known = words(locale).told(reason)
        assert known, (reason, told)
        left = re.sub(
            r"Possibl\w+.*|Valeurs.*|Valores.*|Años.*|Années 2025: a.csv|[“«].*?[”»]|address|zone|name", "", told
        )
        assert left and not re.search(r"\b(the|is|this|column|row|it|of)\b", left, re.I), told


def test_where_what_and_what_to_do_are_told(tmp_path: Path) -> None:
    reason = failure(tmp_path, b"address\n\x81\x8d\n")
    assert words("fr").told(reason)[0] == (
        "Années 2025: a.csv, ligne 2 – Ce n’est pas un texte en UTF-8, UTF-16 ou Windows-1252. "
        "Rien n’a été importé. Enregistrez-le au format CSV UTF-8."
    )
    assert (
        words("es")
        .told(failure(tmp_path, b"name\n"))[0]
        .startswith("Fila 1 – Columnas que faltan en la primera fila: Dirección de correo electrónico")
    )
    assert words("fr").told("KeyError: see the log.")[0].startswith("Une erreur interne")


def test_what_nobody_foresaw_stays_in_english() -> None:
    assert words("fr").told("Something else.") == ("Something else.", False)
    assert words("fr").told("people.csv: The first row is empty. Something else.")[1] is False


@pytest.mark.parametrize("module", [csv_file, import_columns])
def test_every_error_of_a_file_is_among_them(module: object) -> None:
    """Whoever adds one adds its translation, and a file to the list above."""
    raised = [
        node.args[0]
        for node in ast.walk(ast.parse(inspect.getsource(module)))  # type: ignore[arg-type]
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "InvalidInput"
    ]
    for what in raised:
        if isinstance(what, ast.Name):
            continue  # told by _unreadable, whose two are above
        parts = what.values if isinstance(what, ast.JoinedStr) else [what]
        sample = "".join(str(part.value) if isinstance(part, ast.Constant) else "@" for part in parts)
        tried: list[Callable[[str], str]] = [lambda s: s.replace("@", "'x'"), lambda s: s.replace("@", "7")]
        tried.append(lambda s: s.replace("@", "zone"))
        assert any(words("fr").told(f(sample))[1] for f in tried), sample
    assert len(raised) >= 5
