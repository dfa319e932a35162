"""`tribune campaign` as an operator uses it: try, preview, plan, look, let it leave."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.test_subscribers_command import house, run, write

__all__ = ["house"]

PEOPLE = (
    "m@travail.sn,Ministère,government,fr|en,Africa/Dakar,wages,weekly,monday,8",
    "n@travail.sn,Direction,government,fr,Africa/Dakar,,daily,,8",
    "s@union.pe,Sindicato,workers,es,America/Lima,,daily,,8",
)
CAMPAIGN = """
name: Survey
messages:
  fr:
    subject: Votre avis
    text: |
      Dites-nous **tout**.

      [Répondre](https://observatory.example/fr)
  en: {subject: Your view, text: Tell us.}
"""


def out(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert run(*words) == 0
    return capsys.readouterr().out


def wrong(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert run(*words) == 1
    return capsys.readouterr().err


@pytest.fixture
def file(house: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A campaign's file, with people and a segment for it."""
    monkeypatch.chdir(house)  # where mails are caught
    assert run("subscribers", "import", str(write(house, *PEOPLE)), "--basis", "transfer", "--source", "a test") == 0
    rule = house / "governments.json"
    rule.write_text(json.dumps({"who": {"group": ["government"]}}), encoding="utf-8")
    assert run("segments", "save", str(rule)) == 0
    campaign = house / "survey.yaml"
    campaign.write_text(CAMPAIGN, encoding="utf-8")
    return str(campaign)


FOR = ("--segment", "governments", "--digest", "letter")


def test_tried_then_planned_then_approved(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = out(capsys, "campaign", "plan", file, *FOR, "--dry-run")
    assert 'Campaign "Survey" for governments (version 1). Nothing is planned.' in told
    assert " ".join(told.split()).endswith("In the segment 2 people Get it 2 people in fr 2 people")
    assert "No mailing has been planned yet." in out(capsys, "mailing", "list")
    told = out(capsys, "campaign", "plan", file, *FOR)
    assert 'Mailing 1 (letter, campaign "Survey") is planned and waits for approval.' in told
    assert "`tribune mailing approve 1`" in told
    assert "Survey" in out(capsys, "mailing", "list")
    assert 'Mailing 1: letter, campaign "Survey"' in out(capsys, "mailing", "show", "1")
    told = out(capsys, "campaign", "show", "Survey")
    assert "For segment governments, as it was in version 1:" in told
    assert "[fr] Votre avis" in told
    assert "Waits for approval" in told
    assert out(capsys, "campaign", "show", "1") == told
    assert "is approved: 2 mails leave now." in out(capsys, "mailing", "approve", "1")
    assert "nothing is carried over" in out(capsys, "mailing", "cancel", "1", "--yes")
    assert "2 people not mailed; nothing is carried over" in out(capsys, "campaign", "show", "Survey")


def test_the_whole_rule_is_shown_as_it_was_when_the_campaign_was_planned(
    file: str, house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = house / "governments.json"
    any_of = [
        {"all": [{"group": ["government"]}, {"reads": {"any_of": ["fr"], "first": False}}]},
        {"group": ["workers"]},
    ]
    rule.write_text(json.dumps({"who": {"any": any_of}}), encoding="utf-8")
    assert run("segments", "save", str(rule)) == 0
    out(capsys, "campaign", "plan", file, *FOR)
    rule.write_text(json.dumps({"who": {"everyone": True}}), encoding="utf-8")
    assert run("segments", "save", str(rule)) == 0
    told = out(capsys, "campaign", "show", "Survey")
    assert (
        "For segment governments, as it was in version 2:\n"
        "  People of whom at least one of these is true:\n"
        "    - All of this is true:\n"
        "      - They belong to this group: Government.\n"
        "      - They read this language: French.\n"
        "    - They belong to this group: Workers’ organisation.\n"
        "  In the segment"
    ) in told


def test_for_programs(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    tried = json.loads(out(capsys, "campaign", "plan", file, *FOR, "--dry-run", "--json"))
    assert (tried["recipients"], tried["by_language"]) == (2, {"fr": 2})
    planned = json.loads(out(capsys, "campaign", "plan", file, *FOR, "--at", "2126-12-03 09:00", "--json"))
    assert (planned["mailing"], planned["segment"], planned["segment_version"]) == (1, "governments", 1)
    assert planned["rule"] == {"version": 1, "who": {"group": ["government"]}}
    shown = json.loads(out(capsys, "campaign", "show", "1", "--json"))
    assert shown["rule"] == planned["rule"]
    assert (shown["state"], shown["due_at"], shown["kind"]) == ("planned", "2126-12-03T09:00:00+00:00", "campaign")
    (listed,) = (json.loads(line) for line in out(capsys, "mailing", "list", "--json").splitlines())
    assert (listed["kind"], listed["campaign"], listed["cadence"]) == ("campaign", "Survey", None)


def test_a_preview_for_readers_of_each_language(file: str, house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = house / "preview"
    out(capsys, "campaign", "preview", file, "--digest", "letter", "--to", str(folder))
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"{language}.{ending}" for language in ("en", "fr", "es") for ending in ("eml", "html", "txt")
    )
    assert "Tell us." in (folder / "en.txt").read_text(encoding="utf-8")
    assert "<strong>tout</strong>" in (folder / "fr.html").read_text(encoding="utf-8")
    spanish = (folder / "es.txt").read_text(encoding="utf-8")
    assert "Este mensaje no está disponible en español; se lo enviamos en francés." in spanish
    assert "No mailing has been planned yet." in out(capsys, "mailing", "list")


def test_a_test_mail_goes_to_one_address_alone(file: str, house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("campaign", "preview", file, "--digest", "letter", "--to", str(house / "p"), "--language", "fr")
    told = out(capsys, *words, "--send-test", "me@observatory.example")
    assert "1 sent to me@observatory.example. Their links lead nowhere." in told
    (caught,) = (house / "var" / "outbox").rglob("*.eml")
    assert b"To: <me@observatory.example>" in caught.read_bytes()
    assert "This is not an address." in wrong(capsys, *words, "--send-test", "not an address")


def test_a_new_house_counts_tries_and_plans_at_once(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(house)
    for name, text in (("all.json", '{"who": {"everyone": true}}'), ("survey.yaml", CAMPAIGN)):
        (house / name).write_text(text, encoding="utf-8")
    plan = ("campaign", "plan", "survey.yaml", "--segment", "all", "--digest", "letter")
    assert out(capsys, "segments", "save", "all.json") == "all saved, version 1.\n"
    assert "Nothing is planned." in out(capsys, *plan, "--dry-run")
    assert out(capsys, "segments", "count", "all") == "0 people, 0 of whom can be mailed now\n"
    assert "Nobody in the segment 'all' would get this campaign." in wrong(capsys, *plan)
    assert out(capsys, "subscribers", "refresh") == "0 subscriptions changed.\n"


def test_a_house_without_digests_says_what_to_add(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(house)
    settings = house / "tribune.toml"
    settings.write_text(settings.read_text(encoding="utf-8").partition("[digests")[0], encoding="utf-8")
    (house / "survey.yaml").write_text(CAMPAIGN, encoding="utf-8")
    told = wrong(capsys, "campaign", "plan", "survey.yaml", *FOR)
    assert "There is no digest 'letter'. Add [digests.letter] to the settings." in told


def test_what_goes_wrong_is_said_in_words(file: str, house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Did you mean 'governments'?" in wrong(
        capsys, "campaign", "plan", file, "--segment", "goverments", "--digest", "letter"
    )
    assert "There is no digest 'lettre'. The settings have letter." in wrong(
        capsys, "campaign", "plan", file, "--segment", "governments", "--digest", "lettre"
    )
    assert "There is no such file." in wrong(capsys, "campaign", "plan", "nowhere.yaml", *FOR)
    broken = house / "broken.yaml"
    broken.write_text(CAMPAIGN.replace("Dites-nous", "<p>Dites-nous"), encoding="utf-8")
    assert "line 7: HTML cannot stand here." in wrong(capsys, "campaign", "plan", str(broken), *FOR)
    assert "'tomorrow' is not a time." in wrong(capsys, "campaign", "plan", file, *FOR, "--at", "tomorrow")
    assert run("campaign", "plan", file, *FOR) == 0
    assert "is planned already: mailing 1" in wrong(capsys, "campaign", "plan", file, *FOR)
    assert "Did you mean 'Survey'?" in wrong(capsys, "campaign", "show", "Survy")


def test_the_record_of_what_staff_did_names_it(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("campaign", "plan", file, *FOR) == 0
    told = out(capsys, "audit", "tail")
    assert "campaign.planned" in told
    assert "travail.sn" not in told
