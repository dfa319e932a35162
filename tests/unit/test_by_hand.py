"""Items written by hand: what is read, and how mistakes are told."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from producers import by_hand
from tribune.bootstrap import Application
from tribune.codelists import load
from tribune.domain.errors import InvalidInput
from tribune.domain.items import Identifier, ItemRecord, Link, Scheme, SessionInfo, Withdrawal
from tribune.resources import locate
from tribune.services.sources.item_files import read_items

LISTS = load()
GOOD = """\
record: wages-2026
kind: report
source_language: en
versions:
  en:
    title: "Wages: what next?"
    abstract: >-
      One sentence.
      Another.
    pages: 48
    links:
      - {url: "https://observatory.example/wages", format: html}
      - {url: "https://observatory.example/wages.pdf"}
  fr:
    title: Salaires
identifiers:
  doi: https://doi.org/10.5555/OWW.1
  isbn: [978-1-234567-04-0, 978-1-234567-05-7]
translation_of: [doi:10.5555/other]
policy_areas: [wages]
places: [SEN, "002", LIC, Colombia]
authors: [Miren Etxeberria]
published_on: 2026-11-30
embargo_until: 2026-11-30T10:00:00+01:00
maintained: yes
"""


def one(text: str, where: str = "item.yaml") -> ItemRecord:
    (found,) = read_items(text, where, LISTS)
    assert isinstance(found, ItemRecord)
    return found


def mistakes(text: str, where: str = "item.yaml") -> list[str]:
    with pytest.raises(InvalidInput) as error:
        read_items(text, where, LISTS)
    return str(error.value).splitlines()


def test_a_good_item() -> None:
    found = one(GOOD)
    assert found.record == "wages-2026"
    assert [version.language for version in found.versions] == ["en", "fr"]
    english = found.versions[0]
    assert (english.title, english.abstract, english.pages) == ("Wages: what next?", "One sentence. Another.", 48)
    assert english.links == (
        Link("https://observatory.example/wages", "html"),
        Link("https://observatory.example/wages.pdf", "pdf"),
    )
    assert Identifier(Scheme.DOI, "10.5555/oww.1") in found.identifiers
    assert len(found.identifiers) == 3
    assert found.translation_of == (Identifier(Scheme.DOI, "10.5555/other"),)
    assert found.places == ("SEN", "002", "LIC", "COL")
    assert found.published_on == date(2026, 11, 30)
    assert found.embargo_until == datetime(2026, 11, 30, 9, tzinfo=UTC)
    assert found.maintained is True


def test_json_is_read_too_with_tabs_and_escapes() -> None:
    told: dict[str, Any] = {
        "record": "a/b",
        "kind": "brief",
        "source_language": "en",
        "versions": {"en": {"title": 'Tools \U0001f6e0 \u2028 & "quotes"'}},
    }
    assert one(json.dumps(told, indent="\t"), "item.json").versions[0].title.startswith("Tools \U0001f6e0")


def test_several_items_in_one_file() -> None:
    assert len(read_items(GOOD + "---\n" + GOOD.replace("wages-2026", "two"), "x.yaml", LISTS)) == 2
    assert len(read_items("- withdrawn: gone\n  record: a\n- record: b\n  withdrawn: gone too\n", "x.yaml", LISTS)) == 2


def test_a_withdrawal() -> None:
    assert read_items("record: a\nwithdrawn: It was wrong.\n", "x.yaml", LISTS) == [Withdrawal("a", "It was wrong.")]


def test_a_session() -> None:
    session = """\
record: s-1
kind: session
source_language: fr
versions: {fr: {title: Trouver un emploi}}
session:
  starts_at: 2026-12-03 15:00
  zone: Africa/Dakar
  minutes: 90
  languages: [fr, en]
  registration_url: https://observatory.example/live
  capacity: 300
"""
    assert one(session).session == SessionInfo(
        datetime.fromisoformat("2026-12-03T15:00"),
        "Africa/Dakar",
        90,
        ("fr", "en"),
        "https://observatory.example/live",
        300,
    )
    told = mistakes(session.replace("Africa/Dakar", "Africa/Dakkar").replace("15:00", "15:00Z").replace("90", "0"))
    assert len(told) == 3
    assert "item.yaml, line 6: session.starts_at: '2026-12-03 15:00Z' is not a date and time." in told[0]
    assert "Africa/Dakar" in told[1] and "line 7" in told[1]
    assert "go together" in mistakes(session.replace("kind: session", "kind: report"))[0]
    paris = session.replace("Africa/Dakar", "Europe/Paris")
    assert mistakes(paris.replace("2026-12-03 15:00", "2026-03-29 02:30")) == [
        "item.yaml, line 6: session.starts_at: in Europe/Paris there is no 02:30 on 2026-03-29: the clocks are put "
        "forward then. Write 2026-03-29 03:30 if that is meant."
    ]
    for there in ("2026-03-29 01:59", "2026-03-29 03:00", "2026-10-25 02:30"):
        assert one(paris.replace("2026-12-03 15:00", there)).session
    assert "too far away" in mistakes(paris.replace("2026-12-03 15:00", "0001-01-01 00:00"))[0]


def test_all_mistakes_are_told_at_once_with_line_key_value_and_what_is_near() -> None:
    broken = (
        GOOD.replace("kind: report", "kind: rapport annuel")
        .replace("title: Salaires", "titel: Salaires")
        .replace("05-7", "05-8")
        .replace("[wages]", "[wagess]")
        .replace("Colombia", "Columbia")
        .replace("10:00:00+01:00", "10:00")
        .replace("pages: 48", "pages: many")
        .replace("source_language: en", "source_language: es")
        .replace("2026-11-30\n", "30.11.2026\n")
    )
    told = mistakes(broken)
    said = "\n".join(told)
    assert all(line.startswith("item.yaml, line ") for line in told)
    assert "line 2: kind: 'rapport annuel' is not a kind. Did you mean report (report)?" in said
    assert "line 3: source_language: there is no version in 'es'. Use one of: en, fr." in said
    assert "line 10: versions.en.pages: 'many' is not such a number." in said
    assert "versions.fr: there is no key 'titel'. Did you mean 'title'?" in said
    assert "line 18: identifiers.isbn[2]: '978-1-234567-05-8' is not a valid ISBN." in said
    assert "policy_areas[1]: 'wagess' is not a policy area. Did you mean wages (Wages)?" in said
    assert "places[4]: 'Columbia' is not a place. Did you mean COL" in said
    assert "'30.11.2026' is not a date. Write 2026-11-30." in said
    assert "embargo_until: '2026-11-30T10:00' is not an instant with its zone." in said


def test_missing_and_double_keys() -> None:
    told = mistakes("record: a\nrecord: b\nkind: report\n")
    assert any("line 2: record: this key stands twice." in line for line in told)
    assert any("the key 'source_language' is missing." in line for line in told)
    assert mistakes("- 3\n- x\n")
    assert mistakes("")[0].endswith("The file holds no item.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x [1]\nb: *x\n", "anchors and aliases"),
        ("record: !!python/object/apply:os.system ['true']\n", "tags"),
        ("[" * 5000, "nested"),
        ("a: [1, 2\nb: 3", "cannot be read"),
        ("a: 'b\n", "cannot be read"),
        ("a: \x00\n", "cannot be read"),
        ("a: b: c\n", "between quotes"),
    ],
)
def test_traps_and_broken_yaml(text: str, said: str) -> None:
    assert said in mistakes(text)[0]


def test_a_file_that_is_too_long() -> None:
    assert "more than 1,000,000 characters" in mistakes("#" * 1_000_001)[0]


@pytest.mark.parametrize("address", ["javascript:alert(1)", "ftp://a.example/", "https://u:p@a.example/"])
def test_links_are_web_addresses(address: str) -> None:
    assert "is not a web address" in mistakes(GOOD.replace("https://observatory.example/wages.pdf", address))[0]


def test_every_item_of_the_demo_is_read() -> None:
    files = sorted((locate("demo") / "items").glob("*.yaml"))
    found = [one(path.read_text(encoding="utf-8"), path.name) for path in files]
    assert len(found) == len(files) >= 16
    for path, item in zip(files, found, strict=True):
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert {version.language: version.title for version in item.versions} == {
            language: version["title"] for language, version in raw["versions"].items()
        }, "typography, no-break spaces included, comes through"


@given(st.text(max_size=200))
@hypothesis_settings(max_examples=100, deadline=None)
def test_any_text_is_read_or_told_apart(text: str) -> None:
    for whole in (text, GOOD + text, GOOD.replace("One sentence.", text)):
        try:
            read_items(whole, "item.yaml", LISTS)
        except InvalidInput:
            continue


# -- through the door


def test_folders_and_files_are_published_once(app: Application, tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(GOOD, encoding="utf-8-sig")
    (tmp_path / "a.json").write_text('{"record": "x", "withdrawn": "never was"}', encoding="utf-8")
    (tmp_path / "notes.txt").write_text("not an item", encoding="utf-8")
    (event,) = by_hand.publish(app, [tmp_path])
    assert (event.type, event.source, event.key) == ("publication.published", "by-hand", "wages-2026")
    assert by_hand.publish(app, [tmp_path]) == []
    (tmp_path / "b.yaml").write_text("record: wages-2026\nwithdrawn: A wrong figure.\n", encoding="utf-8")
    (event,) = by_hand.publish(app, [tmp_path / "b.yaml"])
    assert (event.type, event.revision, event.data["reason"]) == ("publication.withdrawn", 2, "A wrong figure.")


def test_with_a_mistake_in_one_file_none_is_published(app: Application, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "twin.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "bad.yaml").write_text("record: b\n", encoding="utf-8")
    (tmp_path / "latin.yaml").write_bytes("record: é".encode("latin-1"))
    with pytest.raises(InvalidInput) as error:
        by_hand.publish(app, [tmp_path])
    said = str(error.value)
    assert "Nothing was published" in said and "bad.yaml, line 1: the key 'kind' is missing." in said
    assert "latin.yaml: This file is not UTF-8." in said and "good.yaml too" in said
    with app.store.read() as tx:
        assert tx.sources.records("by-hand") == {}
    with pytest.raises(InvalidInput, match="cannot be read"):
        by_hand.publish(app, [tmp_path / "none.yaml"])


def test_a_dry_run_publishes_nothing(app: Application, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD, encoding="utf-8")
    assert len(by_hand.publish(app, [tmp_path], dry_run=True)) == 1
    assert len(by_hand.publish(app, [tmp_path])) == 1
