"""Which column of a file is which: by its name in three languages, or as somebody says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence

from tribune.domain.errors import InvalidInput
from tribune.services.audience.subscriber_rows import COLUMNS, REQUIRED

_NAMES: Mapping[str, str] = {
    "address": "address|email|e-mail|mail|email address|e-mail address|courriel|adresse|adresse courriel"
    "|adresse électronique|adresse e-mail|adresse email|adresse de courriel|mél|correo|correo electrónico|dirección"
    "|dirección de correo|dirección de correo electrónico|dirección electrónica",
    "name": "name|full name|contact|nom|nom complet|nom et prénom|prénom et nom|nombre|nombre completo"
    "|nombre y apellidos|apellidos y nombre",
    "group": "group|constituent|constituent group|audience|groupe|mandant|groupe de mandants|catégorie|grupo|mandante"
    "|grupo de mandantes|categoría",
    "languages": "languages|language|lang|preferred language|langues|langue|langue préférée|idiomas|idioma"
    "|idioma preferido|lengua|lenguas",
    "zone": "zone|time zone|timezone|tz|fuseau horaire|fuseau|zona horaria|huso horario",
    "fallback": "fallback|otherwise|if not in these languages|langue de repli|repli|sinon"
    "|idioma alternativo|alternativa",
    "digest": "digest|newsletter|list|lettre d'information|lettre|infolettre|liste|boletín|lista",
    "policy_areas": "policy areas|policy area|topics|topic|themes|subjects|domaines d'action|domaine d'action|thèmes"
    "|thème|sujets|ámbitos de política|ámbito de política|temas|tema",
    "places": "places|place|countries|country|regions|pays|régions|lieux|países|país|regiones|lugares",
    "kinds": "kinds|kind|types|content types|types de contenu|genres|tipos|tipos de contenido|clases",
    "cadence": "cadence|frequency|how often|rhythm|fréquence|périodicité|rythme|frecuencia|periodicidad|ritmo",
    "weekday": "weekday|day|day of the week|jour|jour de la semaine|día|día de la semana",
    "hour": "hour|time|heure|hora",
    "status": "status|state|statut|état|estado|situación",
    "tags": "tags|tag|labels|label|étiquettes|étiquette|mots-clés|etiquetas|etiqueta",
}
"""Each column's names, as files call it in English, French and Spanish."""


def folded(name: str) -> str:
    """A name without case, accents, and marks between its words."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    return " ".join(re.findall(r"\w+", bare.replace("_", " ")))


_BY_NAME = {folded(name): column for column, names in _NAMES.items() for name in names.split("|")}
_BY_NAME |= {folded(column): column for column in COLUMNS}


def suggested(header: Sequence[str]) -> list[str]:
    """For each of the file's columns which one it is by its name ("": none). The first of two alike counts."""
    found: list[str] = []
    for name in header:
        column = _BY_NAME.get(folded(name[:100]), "")
        found.append("" if column in found else column)
    return found


Told = Mapping[str, str] | Sequence[str]
"""What columns are said to be: the file's name -> ours, or ours in the order of the file's columns. "": passed over."""


def columns_of(header: Sequence[str], told: Told | None, given: Collection[str] = ()) -> list[str]:
    """For each of the file's columns which one it is ("": it is passed over). A column is named in `told` as the file
    writes it, or nearly so where no other is like it, or by its place: `#3`. Columns that are not named there go by
    their names. `given`: columns that need not be there, as they have a value for all. Raises InvalidInput, as a name
    that nobody knows may be a column that somebody misses later.
    """
    told = told or {}
    said = _by_place(header, told) if isinstance(told, Mapping) else dict(enumerate(told))
    found = []
    for place, name in enumerate(header):
        column = said.get(place)
        if column is None:
            column = _BY_NAME.get(folded(name[:100]))
            if column is None:
                _refuse(name, place)
        elif column and column not in COLUMNS:
            raise InvalidInput(f"There is no column {column!r}.", hint=f"Columns are {', '.join(COLUMNS)}.")
        if column and column in found:
            raise InvalidInput(f"The column {column!r} stands twice.", where="row 1", hint="Keep one of them.")
        found.append(column or "")
    missing = [name for name in REQUIRED if name not in found and name not in given]
    if missing:
        raise InvalidInput(
            f"The first row names no column {' and no column '.join(missing)}.",
            where="row 1",
            hint=f"Columns are {', '.join(COLUMNS)}.",
        )
    return found


def _by_place(header: Sequence[str], told: Mapping[str, str]) -> dict[int, str]:
    """What is said of columns by their names, for their places from 0. Names as the file writes them go first, so that
    `País` is not taken for `Pais` beside it."""
    places = {name: place for place, name in enumerate(header) if name}
    found = {places[name]: column for name, column in told.items() if name in places}
    for name, column in told.items():
        if name in places:
            continue
        if (number := re.fullmatch(r"#([1-9]\d{0,3})", name)) and int(number[1]) <= len(header):
            like = [int(number[1]) - 1]
        else:
            key = folded(name)
            like = [n for n, other in enumerate(header) if key and n not in found and folded(other) == key]
        if not like:
            raise InvalidInput(f"The file has no column {name!r}.", where="row 1", hint=f"It has: {', '.join(header)}.")
        if len(like) > 1:
            hint = f"Write it as the file does: {', '.join(header[n] for n in like)}."
            raise InvalidInput(f"Several columns are like {name!r}.", where="row 1", hint=hint)
        found[like[0]] = column
    return found


def _refuse(name: str, place: int) -> None:
    import difflib

    if not name:
        hint = "Give it one in the file, or say which to pass over."
        raise InvalidInput(f"Column {place + 1} has no heading.", where="row 1", hint=hint)
    twice = re.fullmatch(r"(.+) \(\d+\)", name)
    if twice and folded(twice[1]) in _BY_NAME:
        hint = "Keep one of them, or say which to pass over."
        raise InvalidInput(f"The column {twice[1]!r} stands twice.", where="row 1", hint=hint)
    near = difflib.get_close_matches(name[:60].lower(), COLUMNS, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Columns are {', '.join(COLUMNS)}."
    raise InvalidInput(f"There is no column {name[:60]!r}.", where="row 1", hint=hint)
