"""Reads the code lists from a folder: an organisation's own, and for each file it does not have, the packaged one.

Files: policy_areas.yaml, kinds.yaml, groups.yaml; places.csv (countries and regions); typologies.csv with
typology_members.csv (groups of countries; replaced together). A mistake names file, line and code.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from tribune.domain.codelists import Code, Codelist, Codelists, Place, Places, PlaceType
from tribune.domain.errors import InvalidInput
from tribune.resources import locate

_T = TypeVar("_T")

REQUIRED_LANGUAGES = ("en", "fr", "es")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


@lru_cache(maxsize=4)
def load(folder: Path | None = None, languages: tuple[str, ...] = REQUIRED_LANGUAGES) -> Codelists:
    """The code lists of `folder` (None: the packaged ones). Every code must have a label in each of `languages`.

    Raises InvalidInput.
    """
    if folder is not None and not folder.is_dir():
        raise InvalidInput("There is no such folder.", where=str(folder), hint="Correct the setting `codelists`.")
    return Codelists(
        policy_areas=_yaml_list(_file(folder, "policy_areas.yaml"), "policy area", languages),
        kinds=_yaml_list(_file(folder, "kinds.yaml"), "kind", languages),
        groups=_yaml_list(_file(folder, "groups.yaml"), "group", languages),
        places=_places(folder, languages),
    )


def _file(folder: Path | None, name: str) -> Path:
    if folder is not None and (folder / name).is_file():
        return folder / name
    return locate("codelists") / name


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"This file cannot be read: {error}.", where=str(path), hint="Save it as UTF-8.") from None


def _version(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).replace("\r\n", "\n").encode()).hexdigest()[:16]


# -- YAML: code -> labels, plural, synonyms; read as nodes, so that mistakes have lines and `no` stays a word


@dataclass(frozen=True, slots=True)
class _At:
    """A value of a YAML file and where it stands."""

    value: Any
    where: str


def _yaml_list(path: Path, name: str, languages: Collection[str]) -> Codelist:
    import yaml

    text = _text(path)
    try:
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise InvalidInput(f"This is not YAML: {' '.join(str(error).split())}.", where=str(path)) from None
    codes: dict[str, Code] = {}
    for code, entry in _pairs(_plain(root, path)):
        _check_code(code, entry.where)
        codes[code] = _entry(code, entry, languages)
    if not codes:
        raise InvalidInput("The list is empty.", where=str(path), hint=f"Give at least one {name}.")
    return _named(path, lambda: Codelist(name, codes, _version(text)))


def _plain(node: Any, path: Path) -> _At:
    """Nested lists and string mappings of `_At`. Raises InvalidInput on a repeated key."""
    where = f"{path}, line {node.start_mark.line + 1}" if node is not None else str(path)
    if node is None or node.id == "scalar":
        return _At(node.value if node is not None else "", where)
    if node.id == "sequence":
        return _At([_plain(child, path) for child in node.value], where)
    found: dict[str, _At] = {}
    for key, child in node.value:
        if key.value in found:
            line = key.start_mark.line + 1
            raise InvalidInput(f"{key.value!r} stands here twice.", where=f"{path}, line {line}", hint="Keep one.")
        found[key.value] = _At(_plain(child, path).value, f"{path}, line {key.start_mark.line + 1}")
    return _At(found, where)


def _pairs(at: _At) -> list[tuple[str, _At]]:
    if not isinstance(at.value, dict):
        raise InvalidInput("Here must stand `key: value` pairs.", where=at.where)
    return list(at.value.items())


def _string(at: _At) -> str:
    if not isinstance(at.value, str) or not at.value.strip():
        raise InvalidInput("Here must stand a text.", where=at.where)
    return " ".join(at.value.split(" "))


def _entry(code: str, entry: _At, languages: Collection[str]) -> Code:
    labels: dict[str, str] = {}
    plurals: dict[str, str] = {}
    synonyms: list[str] = []
    for key, at in _pairs(entry):
        if key == "plural":
            plurals = {language: _string(text) for language, text in _pairs(at)}
        elif key == "synonyms":
            synonyms = [_string(word) for _, words in _pairs(at) for word in _list(words)]
        elif _LANGUAGE.fullmatch(key):
            labels[key] = _string(at)
        else:
            raise InvalidInput(
                f"{code}: there is no key {key!r}.", where=at.where, hint="Use a language, `plural` or `synonyms`."
            )
    _check_labels(code, labels, languages, entry.where)
    return Code(code, labels, plurals, tuple(synonyms))


def _list(at: _At) -> list[_At]:
    if not isinstance(at.value, list):
        raise InvalidInput("Here must stand a list such as [one, two].", where=at.where)
    return at.value


# -- CSV: places and typologies


def _rows(path: Path, text: str, columns: Collection[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Where and what each row is. Columns beside `columns` are languages."""
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        head = next(reader, [])
        missing = [column for column in columns if column not in head]
        strange = [column for column in head if column not in columns and not _LANGUAGE.fullmatch(column)]
        if missing or strange:
            wrong = f"lacks {', '.join(missing)}" if missing else f"has the unknown {', '.join(map(repr, strange))}"
            raise InvalidInput(f"The first line {wrong}.", where=f"{path}, line 1", hint=f"Name {', '.join(columns)}.")
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if len(row) != len(head):
                raise InvalidInput(f"{len(row)} values for {len(head)} columns.", where=where, hint="Check the commas.")
            yield where, dict(zip(head, row, strict=True))
    except csv.Error as error:
        raise InvalidInput(f"This is not CSV: {error}.", where=f"{path}, line {reader.line_num}") from None


_PLACE = ("code", "type", "within", "iso2", "m49", "also")
_GROUP = ("code", "typology", "m49", "also")


def _places(folder: Path | None, languages: Collection[str]) -> Places:
    here, groups_here, members_here = _place_files(folder)
    texts = [_text(path) for path in (here, groups_here, members_here)]
    places: dict[str, Place] = {}
    lines: dict[str, str] = {}
    for where, row in _rows(here, texts[0], _PLACE):
        if row["type"] not in (PlaceType.COUNTRY, PlaceType.REGION):
            raise InvalidInput(f"{row['type']!r} is no type of place.", where=where, hint="Use country or region.")
        name = _row_code(row, _PLACE, places, languages, where)
        places[name.code] = Place(name, PlaceType(row["type"]), row["within"], row["iso2"], row["m49"])
        lines[name.code] = where
    for code, place in places.items():
        around = places.get(place.within)
        if place.within and (around is None or around.type is not PlaceType.REGION):
            raise InvalidInput(f"{code} lies within {place.within!r}, which is not a region here.", where=lines[code])
    members: dict[str, set[str]] = {}
    for where, row in _rows(groups_here, texts[1], _GROUP):
        name = _row_code(row, _GROUP, places, languages, where)
        places[name.code] = Place(name, PlaceType.GROUP, m49=row["m49"], typology=row["typology"])
        members[name.code] = set()
    for where, row in _rows(members_here, texts[2], ("group", "member")):
        group, member = row["group"], row["member"]
        if group not in members:
            raise InvalidInput(f"{group!r} is not a group of {groups_here.name}.", where=where)
        if member not in places or places[member].type is not PlaceType.COUNTRY:
            raise InvalidInput(f"{member!r} is not a country of {here.name}.", where=where)
        if member in members[group]:
            raise InvalidInput(f"{member} stands twice in {group}.", where=where, hint="Keep one.")
        members[group].add(member)
    groups = {code: frozenset(found) for code, found in members.items()}
    return _named(here, lambda: Places(places, groups, _version(*texts)))


def _place_files(folder: Path | None) -> tuple[Path, Path, Path]:
    groups, members = _file(folder, "typologies.csv"), _file(folder, "typology_members.csv")
    if groups.parent != members.parent:
        raise InvalidInput(
            "typologies.csv and typology_members.csv belong together.", where=str(folder), hint="Give both or none."
        )
    return _file(folder, "places.csv"), groups, members


def _row_code(
    row: dict[str, str], columns: Collection[str], so_far: Collection[str], languages: Collection[str], where: str
) -> Code:
    code = row["code"]
    _check_code(code, where)
    if code in so_far:
        raise InvalidInput(f"{code!r} stands here twice.", where=where, hint="Keep one.")
    labels = {column: text.strip() for column, text in row.items() if column not in columns and text.strip()}
    _check_labels(code, labels, languages, where)
    return Code(code, labels, synonyms=tuple(word.strip() for word in row["also"].split("|") if word.strip()))


# -- checks that all lists share


def _check_code(code: str, where: str) -> None:
    if not _CODE.fullmatch(code):
        raise InvalidInput(
            f"{code!r} is not a code.", where=where, hint="Use letters, digits, - and _, at most 40 of them."
        )


def _check_labels(code: str, labels: Collection[str], languages: Collection[str], where: str) -> None:
    missing = [language for language in languages if language not in labels]
    if missing:
        raise InvalidInput(f"{code} has no label in {', '.join(missing)}.", where=where, hint="Add it.")


def _named(path: Path, build: Callable[[], _T]) -> _T:
    """What `build` gives; its mistakes name the file."""
    try:
        return build()
    except InvalidInput as error:
        raise InvalidInput(error.what, where=str(path), hint=error.hint) from None
