"""The code lists: what they hold, how words find codes, and how mistakes are told."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tribune.codelists import load
from tribune.domain.codelists import Code, Codelist, Place, Places, PlaceType, fold, map_categories
from tribune.domain.errors import InvalidInput
from tribune.resources import locate

LANGUAGES = ("en", "fr", "es")
LISTS = load()
PLACES = LISTS.places


# -- what the lists hold


def test_every_code_of_every_list_has_labels_in_three_languages() -> None:
    for codelist in (LISTS.policy_areas, LISTS.kinds, LISTS.groups, PLACES.codelist):
        for code in codelist:
            assert {language for language in LANGUAGES if code.labels.get(language)} == set(LANGUAGES), code
    for kind in LISTS.kinds:
        assert set(LANGUAGES) <= set(kind.plurals), kind


def test_counts() -> None:
    assert Counter(place.type for place in PLACES.places.values()) == {"country": 249, "region": 30, "group": 7}
    assert len(LISTS.policy_areas) == 22
    assert list(LISTS.kinds.codes) == [
        "report", "working_paper", "brief", "mission_report", "seminar",
        "guide", "faq", "standard", "data_release", "session",
    ]  # fmt: skip
    assert list(LISTS.groups.codes) == [
        "government", "workers", "employers", "academia", "media", "civil_society", "un", "other",
    ]  # fmt: skip
    assert {code: len(members) for code, members in PLACES.groups.items()} == {
        "LIC": 26, "LMC": 54, "UMC": 53, "HIC": 82, "LDC": 44, "LLDC": 32, "SIDS": 53,
    }  # fmt: skip


def test_regions_contain_their_countries() -> None:
    assert {code: len(PLACES.countries(code)) for code in ("001", "002", "019", "142", "150", "009", "202", "011")} == {
        "001": 249, "002": 60, "019": 57, "142": 51, "150": 51, "009": 29, "202": 53, "011": 17,
    }  # fmt: skip
    assert PLACES.regions_of("SEN") == ("011", "202", "002", "001")
    assert PLACES.countries("SEN") == {"SEN"}
    countries = {place.code for place in PLACES.of_type(PlaceType.COUNTRY)}
    assert PLACES.countries("001") == countries
    continents = [PLACES.countries(code) for code in ("002", "019", "142", "150", "009")]
    assert frozenset().union(*continents) == countries - {"ATA"}
    assert sum(map(len, continents)) == len(countries) - 1


def test_groups_expand_and_overlap() -> None:
    assert PLACES.expand(["ESP", "053", "LIC"]) == {"ESP"} | PLACES.countries("053") | PLACES.groups["LIC"]
    assert PLACES.expand([]) == frozenset()
    assert [group for group, members in PLACES.groups.items() if "SEN" in members] == ["LMC", "LDC"]
    assert "STP" not in PLACES.groups["LDC"]
    incomes = [PLACES.groups[code] for code in ("LIC", "LMC", "UMC", "HIC")]
    assert len(frozenset().union(*incomes)) == sum(map(len, incomes))


def test_labels_are_clean() -> None:
    for codelist in (LISTS.policy_areas, LISTS.kinds, LISTS.groups, PLACES.codelist):
        for code in codelist:
            for text in code.words():
                assert text == " ".join(text.split(" ")).strip(), (code.code, text)
                assert "'" not in text and text.isprintable(), (code.code, text)


# -- against the sources

RELABELLED = {"CIV", "FLK", "NLD", "GBR", "TWN", "MAF", "SXM", "BLM", "HMD", "SGS"}  # codelists/SOURCES.md


def test_places_are_those_of_m49(shared_data: Path) -> None:
    for language in LANGUAGES:
        with (shared_data / f"reference/unsd-m49/UNSD-{language}.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        assert {row["ISO-alpha3 Code"] for row in rows} == {p.code for p in PLACES.of_type(PlaceType.COUNTRY)}
        for row in rows:
            place = PLACES[row["ISO-alpha3 Code"]]
            assert (place.iso2, place.m49) == (row["ISO-alpha2 Code"], row["M49 Code"])
            levels = ("Intermediate Region Code", "Sub-region Code", "Region Code", "Global Code")
            assert PLACES.regions_of(place.code) == tuple(row[level] for level in levels if row[level])
            if place.code not in RELABELLED:
                assert PLACES.label(place.code, language) == row["Country or Area"].replace("'", "’")


def test_typologies_are_those_of_the_sources(shared_data: Path) -> None:
    with (shared_data / "reference/unsd-m49/UNSD-en.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for column, code in (
        ("Least Developed Countries (LDC)", "LDC"),
        ("Land Locked Developing Countries (LLDC)", "LLDC"),
        ("Small Island Developing States (SIDS)", "SIDS"),
    ):
        expected = {row["ISO-alpha3 Code"] for row in rows if row[column]} - ({"STP"} if code == "LDC" else set())
        assert PLACES.groups[code] == expected
    taxonomy = shared_data / "reference/ocha-country-taxonomy/countries-territories-taxonomy.csv"
    with taxonomy.open(encoding="utf-8-sig", newline="") as file:
        levels = {
            " ".join(row["ISO 3166-1 Alpha 3-Codes"].split()): row["World Bank Income Level"]
            for row in csv.DictReader(file)
        }
    for level, code in (("Low", "LIC"), ("Lower middle", "LMC"), ("Upper middle", "UMC"), ("High", "HIC")):
        assert PLACES.groups[code] == {iso3 for iso3, found in levels.items() if found == level}


# -- labels per language


def test_a_label_falls_back_from_exact_locale_to_default() -> None:
    code = Code("x", {"en": "rice", "fr": "riz", "pt-BR": "arroz"})
    assert [code.label(language) for language in ("fr", "fr-CA", "pt-BR", "es", "")] == [
        "riz", "riz", "arroz", "rice", "rice",
    ]  # fmt: skip
    assert code.label("es", default="fr") == "riz"
    assert Code("x", {"fr": "riz"}).label("es") == "riz"
    assert Code("x", {}).label("es") == "x"


def test_plurals_fall_back_to_the_label() -> None:
    assert LISTS.kinds["working_paper"].plural("fr-CH") == "documents de travail"
    assert LISTS.groups["other"].plural("es") == "Otro"


def test_the_label_of_a_code_that_left_the_list_is_the_code() -> None:
    assert LISTS.policy_areas.label("gone", "fr") == "gone"
    assert PLACES.label("YUG", "fr") == "YUG"


# -- finding


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("SN", "SEN"), ("SEN", "SEN"), ("686", "SEN"), ("Sénégal", "SEN"), ("senegal", "SEN"), (" SENEGAL ", "SEN"),
        ("Cote d'Ivoire", "CIV"), ("Côte d’Ivoire", "CIV"), ("Ivory Coast", "CIV"), ("Türkiye", "TUR"),
        ("turquia", "TUR"), ("España", "ESP"), ("ESPANA", "ESP"), ("Åland Islands", "ALA"), ("Viet Nam", "VNM"),
        ("Bolivia", "BOL"), ("Bolivia (Estado Plurinacional de)", "BOL"), ("Congo", "COG"), ("RDC", "COD"),
        ("Micronesia", "057"), ("Micronesia (Federated States of)", "FSM"), ("Africa", "002"), ("002", "002"),
        ("Afrique de l'Ouest", "011"), ("LDC", "LDC"), ("199", "LDC"), ("Pays les moins avancés", "LDC"),
        ("can", None), ("per", None), ("in", None), ("de", None), ("8", None), ("12", None), ("sen", None),
        ("Sene", None), ("Republic", None), ("", None), ("  ", None), ("2024", None),
    ],
)  # fmt: skip
def test_places_are_found_by_code_and_by_name(word: str, code: str | None) -> None:
    assert PLACES.find(word) == code


def test_every_name_of_a_place_finds_it() -> None:
    for place in PLACES.places.values():
        for word in (place.code, place.iso2, place.m49, *place.name.words()):
            if word:
                assert PLACES.find(word) == place.code, word


def test_what_a_person_types_is_read_leniently() -> None:
    assert [PLACES.get(word) for word in ("sen", "sn", "12", "kenya", "hic")] == ["SEN", "SEN", "DZA", "KEN", "HIC"]


@pytest.mark.parametrize(
    ("word", "near"),
    [("SEM", "SEN (Senegal)"), ("Senegall", "SEN (Senegal)"), ("Kenia ya", "KEN (Kenya)"), ("Afrca", "002 (Africa)")],
)
def test_an_unknown_place_names_the_nearest(word: str, near: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        PLACES.get(word)
    assert repr(word) in str(caught.value) and near in caught.value.hint


def test_an_unknown_code_names_the_nearest() -> None:
    for word, near in (("youth", "youth_employment"), ("employmnt", "employment"), ("Salarios!", "wages")):
        with pytest.raises(InvalidInput, match=near):
            LISTS.policy_areas[word]
    with pytest.raises(InvalidInput, match=r"'kjhgfd' is not a kind. Use one of: report, working_paper"):
        LISTS.kinds["kjhgfd"]
    with pytest.raises(InvalidInput, match=r"Did you mean SEN \(Senegal\)"):
        PLACES["Sénégal"]


def test_categories_map_whole_words_only() -> None:
    codes, unmapped = map_categories(
        ["Labour  Migration", "économie informelle", "SST", "Employment in tourism", "chomage", "Emploi", "", "SST"],
        LISTS.policy_areas,
    )
    assert codes == ("labour_migration", "informal_economy", "safety_health", "employment")
    assert unmapped == ("Employment in tourism",)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("Working Paper", "working_paper"), ("info:eu-repo/semantics/workingPaper", "working_paper"),
        ("Informe", "report"), ("http://purl.org/coar/resource_type/c_93fc", "report"), ("Webinaire", "session"),
        ("note d'orientation", "brief"), ("Q&A", "faq"), ("Dataset", "data_release"), ("guías", "guide"),
        ("Text", None),
    ],
)  # fmt: skip
def test_kinds_are_found_in_the_words_of_repositories(word: str, kind: str | None) -> None:
    assert LISTS.kinds.find(word) == kind


def test_folding() -> None:
    assert fold("  L'Œuvre : « Île-d’Yeu » & Ørsted ") == "l oeuvre ile d yeu and orsted"
    assert fold("ﬁn") == "fin" and fold("СВЕТ") == "свет"


@given(st.text(max_size=80))
@settings(max_examples=200)
def test_folding_twice_changes_nothing_and_mapping_never_fails(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    codes, unmapped = map_categories([text], LISTS.policy_areas)
    assert len(codes) + len(unmapped) == (1 if text.split() else 0)
    PLACES.find(text)


# -- an organisation's own lists, and mistakes in them

KINDS = "report: {en: report, fr: rapport, es: informe}\nmemo: {en: memo, fr: mémo, es: memorando}\n"


def test_a_folder_replaces_only_the_files_that_it_has(tmp_path: Path) -> None:
    (tmp_path / "kinds.yaml").write_text("\ufeff" + KINDS, encoding="utf-8")
    own = load(tmp_path)
    assert list(own.kinds.codes) == ["report", "memo"]
    assert own.places.version == PLACES.version and own.kinds.version != LISTS.kinds.version


def test_a_typology_can_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "typologies.csv").write_text(
        "code,typology,m49,en,fr,es,ar,also\nSAHEL,own,,Sahel,Sahel,Sahel,الساحل,\n", encoding="utf-8"
    )
    with pytest.raises(InvalidInput, match="belong together"):
        load(tmp_path)
    (tmp_path / "typology_members.csv").write_text("group,member\nSAHEL,SEN\nSAHEL,MLI\n", encoding="utf-8")
    load.cache_clear()
    own = load(tmp_path).places
    assert own.countries("SAHEL") == {"SEN", "MLI"} and "LDC" not in own
    assert own.label("SAHEL", "ar") == "الساحل" and own.label("SEN", "ar") == "Senegal"


def test_the_version_changes_with_the_contents_and_not_with_line_ends(tmp_path: Path) -> None:
    versions = []
    for text in (KINDS, KINDS.replace("\n", "\r\n"), KINDS.replace("mémo", "note")):
        (tmp_path / "kinds.yaml").write_bytes(text.encode())
        load.cache_clear()
        versions.append(load(tmp_path).kinds.version)
    assert versions[0] == versions[1] != versions[2]


PLACE_HEAD = "code,type,within,iso2,m49,en,fr,es,also\n001,region,,,001,World,Monde,Mundo,\n"
GROUP_HEAD = "code,typology,m49,en,fr,es,also\n"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"kinds.yaml": KINDS + "memo: {en: a, fr: b, es: c}\n"}, "kinds.yaml, line 3: 'memo' stands here twice"),
        ({"kinds.yaml": "memo: {en: memo, fr: mémo}\n"}, "kinds.yaml, line 1: memo has no label in es"),
        ({"kinds.yaml": "memo:\n  en: memo\n  colour: red\n"}, "line 3: memo: there is no key 'colour'"),
        ({"kinds.yaml": "memo: {en: memo, fr: m, es: [a]}\n"}, "line 1: Here must stand a text"),
        ({"kinds.yaml": KINDS + "a: {en: memo, fr: b, es: c}\n"}, "'memo' names both memo and a"),
        ({"kinds.yaml": "- memo\n"}, "must stand `key: value` pairs"),
        ({"kinds.yaml": "memo: {en: [\n"}, "This is not YAML"),
        ({"kinds.yaml": ""}, "kinds.yaml"),
        ({"kinds.yaml": "me mo: {en: a, fr: b, es: c}\n"}, "'me mo' is not a code"),
        ({"places.csv": "code,type\n"}, "line 1: The first line lacks within"),
        ({"places.csv": PLACE_HEAD + "SEN,country,001,SN,686,Senegal,Sénégal\n"}, "line 3: 7 values for 9 columns"),
        ({"places.csv": PLACE_HEAD + "SEN,country,011,SN,686,Senegal,Sénégal,Senegal,\n"}, "line 3: SEN lies within"),
        ({"places.csv": PLACE_HEAD + "SEN,land,001,SN,686,Senegal,Sénégal,Senegal,\n"}, "line 3: 'land' is no type"),
        ({"places.csv": PLACE_HEAD + "001,country,001,SN,686,a,b,c,\n"}, "line 3: '001' stands here twice"),
        ({"places.csv": PLACE_HEAD + "SEN,country,001,SN,001,a,b,c,\n"}, "The code 001 stands for both"),
        ({"places.csv": PLACE_HEAD + "002,region,003,,002,a,b,c,\n003,region,002,,003,d,e,f,\n"}, "lies within itself"),
        (
            {"typologies.csv": GROUP_HEAD + "X,own,,a,b,c,\n", "typology_members.csv": "group,member\nX,SEN\nX,XXX\n"},
            "typology_members.csv, line 3: 'XXX' is not a country",
        ),
        (
            {"typologies.csv": GROUP_HEAD + "X,own,,a,b,c,\n", "typology_members.csv": "group,member\nY,SEN\n"},
            "line 2: 'Y' is not a group",
        ),
        (
            {"typologies.csv": GROUP_HEAD + "X,own,,a,b,c,\n", "typology_members.csv": "group,member\nX,SEN\nX,SEN\n"},
            "line 3: SEN stands twice in X",
        ),
    ],
)
def test_a_mistake_names_file_line_and_code(tmp_path: Path, files: dict[str, str], told: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    if "places.csv" in files:
        (tmp_path / "typologies.csv").write_text(GROUP_HEAD, encoding="utf-8")
        (tmp_path / "typology_members.csv").write_text("group,member\n", encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        load(tmp_path)
    assert told in str(caught.value) and str(tmp_path) in str(caught.value)


def test_a_missing_folder_and_a_wrong_encoding_are_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no such folder"):
        load(tmp_path / "nowhere")
    (tmp_path / "kinds.yaml").write_bytes(KINDS.encode("latin-1"))
    with pytest.raises(InvalidInput, match="Save it as UTF-8"):
        load(tmp_path)


def test_a_word_cannot_name_two_codes() -> None:
    with pytest.raises(InvalidInput, match="'Café' names both a and b"):
        Codelist("thing", {"a": Code("a", {"en": "cafe"}), "b": Code("b", {"en": "Café"})})


def test_a_place_cannot_lie_within_itself() -> None:
    loop = {"A": Place(Code("A", {"en": "A"}), PlaceType.COUNTRY, within="A")}
    with pytest.raises(InvalidInput, match="within itself"):
        Places(loop, {})


def test_importing_the_domain_brings_no_parser() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import sys, tribune.codelists; print('yaml' in sys.modules, 'difflib' in sys.modules)"],
        capture_output=True, text=True, check=True, cwd=locate("codelists").parent, env=dict(os.environ),
    )  # fmt: skip
    assert told.stdout.split() == ["False", "False"]
