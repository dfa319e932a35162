"""The suppression list's key on the command line: another one changes nothing, and is told of."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.test_subscribers_command import BASIS, house, run, write

__all__ = ["house"]


@pytest.fixture
def erased(house: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """m@travail.sn is erased; n@travail.sn is there."""
    monkeypatch.chdir(house)
    rows = [f"{name}@travail.sn,{name},government,fr,Africa/Dakar,wages,weekly,monday,8" for name in "mn"]
    assert run("subscribers", "import", str(write(house, *rows)), *BASIS) == 0
    assert run("subscribers", "erase", "m@travail.sn", "--yes") == 0
    return house


def keys(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "var" / "tribune.sqlite3")) as store:
        return [key for (key,) in store.execute("SELECT DISTINCT key_id FROM suppressions")]


def test_a_command_from_another_folder_makes_no_second_key(
    erased: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = erased / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert run("subscribers", "erase", "n@travail.sn", "--yes") == 1
    assert "The suppression list was made with a key that is not here" in capsys.readouterr().err
    assert not (elsewhere / "var" / "suppression.key").exists()
    assert run("subscribers", "import", str(erased / "people.csv"), *BASIS) == 1
    assert run("check") == 1
    assert "FAILS   suppression list: The suppression list was made with a key that is not" in capsys.readouterr().out
    monkeypatch.chdir(erased)
    assert len(keys(erased)) == 1
    assert run("migrate") == 0 and run("subscribers", "erase", "n@travail.sn", "--yes") == 0
    capsys.readouterr()
    run("check")
    assert "works   suppression list: 2 addresses, made with this key" in capsys.readouterr().out


def test_a_lost_key_is_named_and_forgotten(
    erased: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (lost,) = keys(erased)
    shutil.move(erased / "var" / "suppression.key", erased / "key")
    monkeypatch.setenv("TRIBUNE_SECURITY__SUPPRESSION_KEY", "another key " * 4)
    assert run("migrate") == 1
    assert f"made with another key than this process has ({lost}" in capsys.readouterr().err
    assert run("suppression", "keys") == 0
    told = capsys.readouterr().out
    assert lost in told and "This process's key is" in told
    monkeypatch.setenv("TRIBUNE_SECURITY__FORMER_SUPPRESSION_KEYS", f'["{(erased / "key").read_text()}"]')
    assert run("migrate") == 0
    run("suppression", "keys")
    assert "a former key" in capsys.readouterr().out
    monkeypatch.delenv("TRIBUNE_SECURITY__FORMER_SUPPRESSION_KEYS")
    assert run("suppression", "forget", lost, "--yes") == 0
    assert "0 listed anew with this process's key; 1 off the list." in capsys.readouterr().out
    assert run("migrate") == 0
    run("suppression", "keys")
    assert "Nobody is on the suppression list." in capsys.readouterr().out
