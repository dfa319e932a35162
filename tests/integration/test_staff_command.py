"""`tribune staff` and `tribune audit` at the command line: the first administrator, and whoever is locked out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.newsroom import anybody
from tribune import config
from tribune.bootstrap import Application
from tribune.cli import main


@pytest.fixture(autouse=True)
def house(tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own with a store that is ready."""
    import shutil

    monkeypatch.chdir(tmp_path)
    (tmp_path / "var").mkdir()
    shutil.copy(migrated, tmp_path / "var" / "tribune.sqlite3")


def run(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    with pytest.raises(SystemExit) as left:
        main(list(words))
    told = capsys.readouterr()
    assert (left.value.code or 0) == code, told
    return told.out + told.err


def follow(link: str, method: str = "GET") -> int:
    house = Application(config.load())
    try:
        answer = anybody(house, follow_redirects=False).request(method, link)
        return answer.status_code
    finally:
        house.close()


def link_in(text: str) -> str:
    found = re.search(r"^http://127\.0\.0\.1:8080(/\S+)$", text, re.M)
    assert found, text
    return found[1]


def test_the_first_administrator_is_invited_by_a_link(capsys: pytest.CaptureFixture[str]) -> None:
    assert "adds the first administrator" in run(capsys, "staff", "list")
    told = run(capsys, "staff", "add", "ada@observatory.example", "--name", "Ada Example", "--language", "fr")
    link = link_in(told)
    assert link.startswith("/fr/newsroom/invitation/")
    assert follow(link) == 200
    (row,) = [json.loads(line) for line in run(capsys, "staff", "list", "--json").splitlines()]
    assert (row["name"], row["roles"], row["signs_in_with"]) == ("Ada Example", "administrator", "nothing yet")


def test_roles_are_given_and_wrong_ones_named(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "staff", "add", "ada@observatory.example")
    run(capsys, "staff", "add", "bo@observatory.example", "--roles", "editor, audience-manager")
    assert "is now: approver, editor" in run(capsys, "staff", "roles", "bo@observatory.example", "editor,approver")
    assert "was already" in run(capsys, "staff", "roles", "2", "approver,editor")
    assert "There is no role 'emperor'" in run(capsys, "staff", "roles", "2", "emperor", code=1)
    assert "There is no 'nobody@x.org'" in run(capsys, "staff", "roles", "nobody@x.org", "editor", code=1)
    assert "Somebody must stay administrator" in run(capsys, "staff", "roles", "1", "editor", code=1)
    assert "There is no '99999999999'" in run(capsys, "staff", "roles", "99999999999", "editor", code=1)


def test_who_is_locked_out_gets_a_link_that_signs_in_once(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "staff", "add", "ada@observatory.example")
    link = link_in(run(capsys, "staff", "link", "ada@observatory.example"))
    assert link.startswith("/en/newsroom/sign-in/")
    assert (follow(link), follow(link, "POST"), follow(link, "POST")) == (200, 303, 404)


def test_disable_undo_and_reset(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "staff", "add", "ada@observatory.example")
    run(capsys, "staff", "add", "bo@observatory.example", "--roles", "editor")
    assert "bo is disabled." in run(capsys, "staff", "disable", "2")
    assert "already" in run(capsys, "staff", "disable", "2")
    assert "is disabled" in run(capsys, "staff", "link", "2", code=1)
    assert "bo is enabled." in run(capsys, "staff", "disable", "2", "--undo")
    assert "/invitation/" in run(capsys, "staff", "reset", "2")


def test_the_audit_log_is_read_checked_and_given_out(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run(capsys, "staff", "add", "ada@observatory.example")
    told = run(capsys, "audit", "verify")
    seal = re.search(r"[0-9a-f]{64}", told)
    assert "is whole: 2 entries" in told and seal
    assert "cli" in run(capsys, "audit", "tail") and "staff.added" in run(capsys, "audit", "tail", "--json")
    assert "no such entry" in run(capsys, "audit", "tail", "--actor", "staff/9")
    assert "3 entries in" in run(capsys, "audit", "export", "audit.jsonl")
    lines = (tmp_path / "audit.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["action"] for line in lines] == ["staff.added", "staff.link_given", "audit.exported"]
    assert "ada@" not in "".join(lines), "people stand in it by number"
    assert "is whole" in run(capsys, "audit", "verify", "--expect", seal[0])
    assert "broken at entry 4" in run(capsys, "audit", "verify", "--expect", "0" * 63 + "1", code=1)
    assert "is not a day" in run(capsys, "audit", "export", "--since", "soon", code=1)
