"""`tribune subscribers` as an operator uses it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tribune.cli import main

HEADER = "address,name,group,languages,zone,policy_areas,cadence,weekday,hour"
SETTINGS = """
data_dir = "var"
[store]
url = "sqlite:///{folder}/var/tribune.sqlite3"
[digests.letter]
names = {{ en = "The letter" }}
sender = "letter@observatory.example"
"""


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings = tmp_path / "tribune.toml"
    settings.write_text(SETTINGS.format(folder=tmp_path), encoding="utf-8")
    monkeypatch.setenv("TRIBUNE_CONFIG", str(settings))
    run("migrate")
    return tmp_path


BASIS = ("--basis", "transfer", "--source", "the former system")


def run(*words: str) -> int:
    """The exit code of `tribune WORDS`."""
    try:
        main(list(words))
    except SystemExit as left:
        return int(left.code or 0)
    return 0


def write(folder: Path, *rows: str) -> Path:
    file = folder / "people.csv"
    file.write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8")
    return file


def rows_of(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.reader(opened))


def test_from_import_to_unsubscribe(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(
        house,
        "m@travail.sn,Ministère du travail,government,fr|en,Africa/Dakar,wages,weekly,monday,8",
        "=x@evil,[red]x,government,fr,Africa/Dakar,,daily,,8",
        "n@travail.sn,N,government,fr,Africa/Dakr,,daily,,8",
    )
    report = house / "refused.csv"
    assert run("subscribers", "import", str(file), *BASIS, "--report", str(report)) == 0
    told = capsys.readouterr().out
    assert "1 added, 0 changed, 0 unchanged; 2 of 3 rows refused." in told
    assert "Africa/Dakar" in told
    rows = rows_of(report)
    assert [row[:4] for row in rows[1:]] == [
        ["2", "new", "", ""],
        ["3", "refused", "address", "'=x@evil"],
        ["4", "refused", "zone", "Africa/Dakr"],
    ]

    assert run("subscribers", "import", str(file), *BASIS) == 0
    assert "0 added, 0 changed, 1 unchanged" in capsys.readouterr().out

    assert run("subscribers", "show", "M@travail.sn") == 0
    told = capsys.readouterr().out
    assert "Ministère du travail <m@travail.sn>" in told
    assert "letter: weekly, Monday at 8:00 (none yet" in told
    assert "wages; any; any" in told

    out = house / "out.csv"
    assert run("subscribers", "export", str(out)) == 0
    assert "1 subscriber in" in capsys.readouterr().out
    assert rows_of(out)[1][:2] == ["m@travail.sn", "Ministère du travail"]

    assert run("subscribers", "unsubscribe", "m@travail.sn", "--digest", "letter") == 0
    assert "Subscriber 1 is unsubscribed from letter." in capsys.readouterr().out
    assert run("subscribers", "unsubscribe", "1") == 0
    assert "already" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("import", "nowhere.csv", *BASIS), "There is no such file."),
        (("import", "nowhere.csv", "--basis", "consent", "--source", " "), "There is no such file."),
        (("show", "who@example.org"), "There is no subscriber"),
        (("unsubscribe", "1", "--digest", "gone"), "There are: letter"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(
    house: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], says: str
) -> None:
    assert run("subscribers", *words) == 1
    assert says in capsys.readouterr().err


def test_an_import_asks_for_its_basis(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(house, "m@travail.sn,M,government,fr,Africa/Dakar,,weekly,,8")
    assert run("subscribers", "import", str(file)) == 2
    assert "--basis" in capsys.readouterr().err
    assert run("subscribers", "import", str(file), "--basis", "consent", "--source", "a form") == 1
    assert "needs its date" in capsys.readouterr().err
    future = ("--basis", "consent", "--source", "a form", "--given", "2999-01-01")
    assert run("subscribers", "import", str(file), *future) == 1
    assert "has not come yet" in capsys.readouterr().err
    assert (
        run("subscribers", "import", str(file), "--basis", "consent", "--source", "a form", "--given", "2026-03-01")
        == 0
    )


def test_columns_are_named_and_defaults_given(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = house / "list.csv"
    file.write_text("Mail 2;Nom;Notes\nm@travail.sn;M;x\n", encoding="cp1252")
    words = (
        "--map",
        "Mail 2=address",
        "--map",
        "Notes=",
        "--default",
        "languages=fr",
        "--default",
        "zone=Africa/Dakar",
    )
    assert run("subscribers", "import", str(file), *BASIS) == 1
    assert "There is no column 'Mail 2'" in capsys.readouterr().err
    assert run("subscribers", "import", str(file), *BASIS, *words) == 0
    assert "1 added" in capsys.readouterr().out
