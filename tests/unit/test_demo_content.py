"""The sample organisation: every file parses, every code exists, each language is complete and well set."""

from __future__ import annotations

import csv
import re
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tribune import config
from tribune.codelists import load
from tribune.commands._demo_story import UNEMPLOYMENT
from tribune.domain import zones
from tribune.domain.audience import Cadence, Fallback
from tribune.resources import locate

DEMO = locate("demo")
LISTS = load()
LANGUAGES = {"en", "fr", "es"}
NO_BREAK, NARROW = "\u00a0", "\u202f"

FILES = sorted((DEMO / "items").glob("*.yaml"))
ITEMS: dict[str, dict[str, Any]] = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in FILES}

KEYS = {
    "record", "kind", "source_language", "versions", "identifiers", "policy_areas", "places", "series", "authors",
    "published_on", "embargo_until", "reviewed_on", "maintained", "session",
}  # fmt: skip


def _each() -> list[Any]:
    return [pytest.param(item, id=name) for name, item in ITEMS.items()]


def _texts() -> list[tuple[str, str, str]]:
    """(where, language, text) of everything that a reader of the sample sees."""
    found = [
        (f"{name} {key}", language, version[key])
        for name, item in ITEMS.items()
        for language, version in item["versions"].items()
        for key in ("title", "abstract")
    ]
    told = config.load(DEMO / "tribune.toml")
    digest = told.digests["observatory-letter"]
    for where, texts in (
        ("names", told.organisation.names),
        ("addresses", told.organisation.addresses),
        ("digest", digest.names),
        ("indicator", UNEMPLOYMENT["labels"]),
    ):
        found += [(f"tribune.toml {where}", language, text) for language, text in texts.items()]
    for codelist in (LISTS.policy_areas, LISTS.kinds, LISTS.groups, LISTS.places.codelist):
        found += [
            (f"{codelist.name} {c.code}", language, text) for c in codelist for language, text in c.labels.items()
        ]
    return found


# -- the items


def test_all_kinds_of_publication_and_two_sessions_are_there() -> None:
    kinds = Counter(item["kind"] for item in ITEMS.values())
    assert set(kinds) == set(LISTS.kinds.codes) - {"data_release"}
    assert kinds["session"] == 2 and sum(kinds.values()) == 18


def test_languages_are_mixed() -> None:
    sets = Counter(frozenset(item["versions"]) for item in ITEMS.values())
    assert sets[frozenset(LANGUAGES)] == 8
    for some in ({"en", "fr"}, {"es", "en"}, {"en"}, {"fr"}, {"es"}):
        assert sets[frozenset(some)] >= 1, some


@pytest.mark.parametrize("item", _each())
def test_an_item_is_well_formed(item: dict[str, Any]) -> None:
    assert set(item) <= KEYS
    assert item["source_language"] in item["versions"]
    assert set(item["versions"]) <= LANGUAGES
    LISTS.kinds[item["kind"]]
    for area in item["policy_areas"]:
        LISTS.policy_areas[area]
    for place in item.get("places", ()):
        assert isinstance(place, str), "quote M49 codes: 011 is a number in YAML"
        LISTS.places[place]
    assert isinstance(item["published_on"], date)
    assert item["kind"] == "faq" or item["kind"] == "session" or all(v["pages"] > 0 for v in item["versions"].values())


@pytest.mark.parametrize("item", _each())
def test_every_version_is_complete(item: dict[str, Any]) -> None:
    for language, version in item["versions"].items():
        assert set(version) <= {"title", "abstract", "pages", "links"}
        assert 20 < len(version["title"]) < 140
        sentences = re.findall(r"[^.!?…]+[.!?…]+(?=\s|$|[»”])", version["abstract"])
        assert 2 <= len(sentences) <= 5, sentences
        assert "\n" not in version["abstract"]
        assert version["links"][0]["format"] == "html"
        for link in version["links"]:
            parts = urlsplit(link["url"])
            assert (parts.scheme, parts.netloc) == ("https", "observatory.example")
            assert f"/{language}/" in parts.path or f"-{language}." in parts.path


def test_records_are_named_as_their_files_and_identifiers_are_unique() -> None:
    dois: list[str] = []
    isbns: list[str] = []
    for name, item in ITEMS.items():
        assert item["record"] == name
        identifiers = item.get("identifiers", {})
        assert set(identifiers) <= {"doi", "isbn"}
        dois += [identifiers["doi"]] if "doi" in identifiers else []
        isbn = identifiers.get("isbn", [])
        isbns += [isbn] if isinstance(isbn, str) else isbn
    assert all(doi.startswith("10.5555/oww.") for doi in dois) and len(dois) == len(set(dois)) >= 10
    assert len(isbns) == len(set(isbns)) >= 10
    for isbn in isbns:
        digits = [int(c) for c in isbn if c.isdigit()]
        assert len(digits) == 13 and sum(d * (1, 3)[i % 2] for i, d in enumerate(digits)) % 10 == 0, isbn


def test_one_is_under_embargo_and_some_are_global() -> None:
    embargoed = [item for item in ITEMS.values() if "embargo_until" in item]
    assert [item["record"] for item in embargoed] == ["global-wage-review-2026"]
    until = embargoed[0]["embargo_until"]
    assert isinstance(until, datetime) and until.isoformat() == "2026-11-30T09:00:00+00:00"
    assert any(not item.get("places") for item in ITEMS.values())
    types = {LISTS.places[place].type.value for item in ITEMS.values() for place in item.get("places", ())}
    assert types == {"country", "region", "group"}


def test_sessions_say_when_and_where() -> None:
    for item in ITEMS.values():
        if item["kind"] != "session":
            assert "session" not in item
            continue
        session = item["session"]
        zones.zone(session["zone"])
        assert datetime.fromisoformat(str(session["starts_at"])).date() > item["published_on"]
        assert set(session["languages"]) <= LANGUAGES and session["minutes"] > 0 and session["capacity"] > 0
        assert set(item["versions"]) == LANGUAGES


# -- settings, people, figures


def test_the_settings_are_valid_and_speak_three_languages() -> None:
    told = config.load(DEMO / "tribune.toml")
    assert set(told.organisation.names) == set(told.organisation.addresses) == LANGUAGES
    assert told.organisation.names["fr"] == "Observatoire du monde du travail"
    assert set(told.digests["observatory-letter"].names) == LANGUAGES
    source = config.IlostatSource.model_validate(UNEMPLOYMENT)
    assert set(source.labels) == LANGUAGES
    for area in source.policy_areas:
        LISTS.policy_areas[area]
    for place in source.headline_places:
        LISTS.places[place]


def _people() -> list[dict[str, str]]:
    with (DEMO / "subscribers.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_subscribers_use_codes_and_zones_that_exist() -> None:
    digests = config.load(DEMO / "tribune.toml").digests
    weekdays = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", ""}
    for row in _people():
        LISTS.groups[row["group"]]
        zones.zone(row["zone"])
        Fallback(row["fallback"])
        cadence = Cadence(row["cadence"])
        assert row["digest"] in digests
        assert row["languages"] and set(row["languages"].split("|")) <= LANGUAGES
        for column, codelist in (("policy_areas", LISTS.policy_areas), ("kinds", LISTS.kinds)):
            for code in filter(None, row[column].split("|")):
                codelist[code]
        for place in filter(None, row["places"].split("|")):
            LISTS.places[place]
        assert row["weekday"] in weekdays
        assert bool(row["hour"]) == (cadence is not Cadence.AT_ONCE)
        assert bool(row["weekday"]) == (cadence in (Cadence.WEEKLY, Cadence.MONTHLY))
        assert not row["hour"] or 0 <= int(row["hour"]) <= 23


def test_subscribers_are_of_every_group_cadence_and_many_zones() -> None:
    people = _people()
    assert 28 <= len({row["address"] for row in people}) < len(people)
    assert {row["group"] for row in people} == set(LISTS.groups.codes)
    assert {row["cadence"] for row in people} == {cadence.value for cadence in Cadence}
    assert {row["fallback"] for row in people} == {"source", "omit"}
    assert {row["languages"].split("|")[0] for row in people} == LANGUAGES
    assert len({row["zone"] for row in people}) >= 15
    kept = {"Africa/Dakar", "Europe/Zurich", "Europe/Madrid", "America/Bogota", "Africa/Nairobi", "Asia/Bangkok"}
    assert kept | {"Pacific/Apia", "America/New_York", "Asia/Kathmandu", "Africa/Casablanca"} <= {
        r["zone"] for r in people
    }


def test_a_french_speaking_ministry_in_dakar_gets_it_on_monday_at_eight() -> None:
    row = next(row for row in _people() if row["name"] == "Awa Diop")
    assert (row["group"], row["languages"].split("|")[0], row["zone"]) == ("government", "fr", "Africa/Dakar")
    assert (row["cadence"], row["weekday"], row["hour"]) == ("weekly", "monday", "8")


def test_a_person_stands_the_same_in_each_of_their_rows() -> None:
    known: dict[str, tuple[str, ...]] = {}
    for row in _people():
        person = tuple(row[column] for column in ("name", "group", "languages", "zone", "fallback"))
        assert known.setdefault(row["address"], person) == person


def _release(name: str) -> dict[tuple[str, str], str]:
    with (DEMO / "data" / name).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["sex"], row["classif1"]) for row in rows} == {("SEX_T", "AGE_YTHADULT_YGE15")}
    return {(row["ref_area"], row["time"]): row["obs_value"] for row in rows}


def test_the_second_release_adds_twelve_figures_and_revises_none() -> None:
    before, after = _release("release-1.csv"), _release("release-2.csv")
    new = set(after) - set(before)
    assert len(new) == 12 and {period for _, period in new} == {"2022"}
    assert all(after[key] == value for key, value in before.items())
    countries = {country for country, _ in new}
    groups = {group for group, members in LISTS.places.groups.items() if members & countries}
    assert groups >= {"LIC", "LMC", "UMC", "HIC"}
    assert {LISTS.places.regions_of(c)[-2] for c in countries} == {"002", "019", "142", "150"}


def test_the_figures_are_ilostats_own(shared_data: Path) -> None:
    real = (shared_data / "stats/SDG_0852_SEX_AGE_RT_A.csv").read_text(encoding="utf-8-sig").splitlines()
    for name in ("release-1.csv", "release-2.csv"):
        rows = (DEMO / "data" / name).read_text(encoding="utf-8-sig").splitlines()
        assert rows[0] == real[0] and set(rows) <= set(real)
    assert "CC BY 4.0" in (DEMO / "SOURCES.md").read_text(encoding="utf-8")


# -- how it is set


def _misset(language: str, text: str) -> list[str]:
    """What a native editor would mark in `text`."""
    rules = {
        "an apostrophe or quotation mark of the typewriter": r"['\"]",
        "two spaces": r"[ \u00a0\u202f]{2}",
        "a space at an end": r"^\s|\s$",
        "a space before a comma or a full stop": r"\s[,.)]",
    }
    if language == "fr":
        rules |= {
            "; ! ? need a narrow no-break space before": rf"(?<!{NARROW})[;!?]",
            ": needs a no-break space before": rf"(?<!{NO_BREAK}):",
            "« needs a no-break space after": rf"«(?!{NO_BREAK})",
            "» needs a no-break space before": rf"(?<!{NO_BREAK})»",
            "% needs a no-break space before": rf"(?<![{NARROW}{NO_BREAK}])%",
            "thousands need a narrow no-break space": r"\d[ .,\u00a0]\d{3}\b|\d{5}",
            "n° needs a no-break space after": rf"n°(?!{NO_BREAK})",
            "quotation marks are « »": "[“”„]",
        }
    elif language == "es":
        rules |= {
            "no space before : ; ! ?": r"\s[:;!?]",
            "no space inside « » ¿ ¡": r"[«¿¡]\s|\s»",
            "% needs a no-break space before": rf"(?<![{NO_BREAK}{NARROW}])%",
            "thousands need a no-break space": r"\d[ .]\d{3}\b|\d{5}",
            "n.º needs a no-break space after": rf"n\.º(?!{NO_BREAK})",
            "quotation marks are « »": "[“”„]",
        }
    else:
        rules |= {
            "no space before : ; ! ? %": r"\s[:;!?%]",
            "thousands need a comma": r"\d{5}|\d[ \u00a0\u202f]\d{3}\b",
        }
    marks = [rule for rule, pattern in rules.items() if re.search(pattern, text)]
    if language == "es" and (text.count("¿") != text.count("?") or text.count("¡") != text.count("!")):
        marks.append("¿ ? and ¡ ! come in pairs")
    return marks


def test_texts_are_set_as_a_native_editor_would() -> None:
    # A postal code is no count, and an address no sentence.
    marked = [(w, t, m) for w, lang, t in _texts() if "addresses" not in w and (m := _misset(lang, t))]
    assert marked == []


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr", "Pourquoi?"), ("fr", "Pourquoi ?"), ("fr", "Titre : suite"), ("fr", "« Oui »"), ("fr", "«Oui»"),
        ("fr", "l'emploi"), ("fr", "5,4 %"), ("fr", "10 000"), ("fr", "74000"), ("es", "Qué?"), ("es", "¡Vaya"),
        ("es", "« Sí »"), ("es", "3 %"), ("es", "título : resto"), ("es", "10.000"), ("en", "why ?"), ("en", "5 %"),
        ("en", "don't"), ("en", "two  spaces"),
    ],
)  # fmt: skip
def test_the_editor_marks_what_is_wrong(language: str, text: str) -> None:
    assert _misset(language, text)


def test_no_address_outside_the_example_domains() -> None:
    for path in sorted(DEMO.rglob("*")):
        if path.is_file():
            for domain in re.findall(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)", path.read_text(encoding="utf-8")):
                reserved = domain.endswith(".example") or domain in ("example.org", "example.com", "example.net")
                assert reserved, (path.name, domain)
