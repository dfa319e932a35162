"""A campaign as a file: read, or refused with all its mistakes."""

from __future__ import annotations

import json

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from tests.conftest import ROOT
from tribune.domain.campaigns import MAX_TEXT
from tribune.domain.errors import InvalidInput
from tribune.services.campaigns.read_campaign import read_campaign, schema

OFFERED = ("en", "fr", "es")

GOOD = """
name: Survey
source_language: fr
messages:
  en: {subject: Your view, text: Please tell us.}
  fr:
    subject: "Votre avis : une enquête"
    text: |
      Dites-nous.

      - un point
items: [12, 4]
"""


def test_a_file_becomes_a_draft_with_the_source_first() -> None:
    draft = read_campaign(GOOD, "c.yaml", OFFERED)
    assert [(one.language, one.subject) for one in draft.messages] == [
        ("fr", "Votre avis : une enquête"),
        ("en", "Your view"),
    ]
    assert draft.messages[0].text == "Dites-nous.\n\n- un point"
    assert (draft.name, draft.items) == ("Survey", (12, 4))


def test_without_a_source_the_first_message_is_it() -> None:
    draft = read_campaign(GOOD.replace("source_language: fr\n", ""), "c.yaml", OFFERED)
    assert [one.language for one in draft.messages] == ["en", "fr"]


def test_every_mistake_of_a_file_is_told_at_once_with_its_line() -> None:
    text = """name: Survey
mesages: {}
source_language: es
messages:
  en:
    subject: |
      two
      lines
    text: |
      Fine.

      <b>bold</b>
  de: {subject: Hallo, text: Welt}
  fr: {subject: Sans texte}
items: [0, x, 3, 3]
"""
    with pytest.raises(InvalidInput) as caught:
        read_campaign(text, "c.yaml", OFFERED)
    told = str(caught.value).split("\n")
    assert [line.partition(": ")[0] for line in told] == [f"c.yaml, line {n}" for n in (2, 3, 6, 9, 13, 14, 15, 15, 15)]
    for line, what in zip(
        told,
        (
            "there is no key 'mesages'. Did you mean 'messages'?",
            "there is no message in 'es'.",
            "this must be one line.",
            "line 12: HTML cannot stand here.",
            "'de' is none of the languages of our mails. They are en, fr, es.",
            "the key 'text' is missing.",
            "there is no item 0.",
            "'x' is not an item's number. `tribune items list` shows them.",
            "item 3 stands here twice.",
        ),
        strict=True,
    ):
        assert what in line, (what, line)
    assert {fault.pointer for fault in caught.value.faults} >= {"/messages/en/subject", "/messages/de", "/items/1"}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "The file holds no campaign."),
        ("just words", "here must stand `key: value` pairs"),
        ("name: x\nmessages: {}", "there is no message"),
        ("name: x\nmessages: {en: {subject: s, text: t}}\n---\nname: y", "a file holds one campaign"),
        (f"name: x\nmessages: {{en: {{subject: s, text: {'t' * (MAX_TEXT + 1)}}}}}", "characters are too many"),
        (f"name: x\nmessages: {{en: {{subject: s, text: t}}}}\nitems: {list(range(1, 23))}", "too many for a mail"),
        ("name: &a x\nmessages: *a", "anchors and aliases"),
    ],
)
def test_what_is_no_campaign_is_refused(text: str, what: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_campaign(text, "c.yaml", OFFERED)
    assert what in str(caught.value)


def test_the_schema_accepts_it_and_its_file_is_not_stale() -> None:
    path = ROOT / "docs" / "schemas" / "campaign.json"
    assert path.read_text(encoding="utf-8") == schema(), "run `tribune campaign schema > docs/schemas/campaign.json`"
    checker = jsonschema.Draft202012Validator(json.loads(schema()))
    jsonschema.Draft202012Validator.check_schema(checker.schema)
    checker.validate(yaml.safe_load(GOOD))
    assert not checker.is_valid({"name": "x", "messages": {"en": {"subject": "s"}}})


def test_a_file_in_json_is_read_too() -> None:
    told = {"name": "Survey", "messages": {"en": {"subject": "S 🎉", "text": "T\n\n- a"}}}
    draft = read_campaign(json.dumps(told), "c.json", OFFERED)
    assert (draft.messages[0].subject, draft.messages[0].text) == ("S 🎉", "T\n\n- a")
