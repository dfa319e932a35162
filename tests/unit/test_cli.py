"""The command line finds its commands, imports nothing else, and never shows a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tribune.cli import COMMANDS, main, usage


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "tribune", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_help_lists_every_command() -> None:
    listed = usage()
    for name, meaning in COMMANDS.items():
        assert name in listed and meaning in listed


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from tribune.cli import main; main(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    for heavy in ("typer", "pydantic", "sqlalchemy", "numpy", "fastapi", "jinja2", "babel", "tribune.bootstrap"):
        assert f"'{heavy}'" not in done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    assert f"tribune {name}" in capsys.readouterr().out


def test_an_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["evnts"])
    assert left.value.code == 2
    assert "Did you mean 'events'?" in capsys.readouterr().err


def test_wrong_settings_are_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "tribune.toml").write_text("[web]\nport = 'many'\n", encoding="utf-8")
    done = run("check", cwd=tmp_path)
    assert done.returncode == 1
    assert "web.port = 'many'" in done.stderr
    assert "Traceback" not in done.stderr


def test_check_says_what_works(tmp_path: Path) -> None:
    done = run("check", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for part in ("settings", "code lists", "store", "event log", "e-mail"):
        assert f"works   {part}" in done.stdout


def test_check_warns_of_a_proxy_that_is_not_trusted(tmp_path: Path) -> None:
    """Else all readers are one network, and limits are met by all of them together."""
    for proxies, warned in (("", True), ('trusted_proxies = ["10.1.0.0/24"]\n', False)):
        text = f'[web]\nbase_url = "https://letters.example.org"\n{proxies}'
        (tmp_path / "tribune.toml").write_text(text, encoding="utf-8")
        assert ("[web] trusted_proxies" in run("check", cwd=tmp_path).stdout) is warned


@pytest.mark.parametrize("command", [("check",), ("run", "senders"), ("up",)], ids=" ".join)
def test_a_catalogue_that_cannot_be_read_is_told_before_a_mail_is_due(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "tribune.toml").write_text('locales = ["ours"]\n[web]\nport = 0\n', encoding="utf-8")
    file = tmp_path / "ours" / "sw" / "LC_MESSAGES" / "tribune.po"
    file.parent.mkdir(parents=True)
    file.write_bytes(b'msgid "Read more"\nmsgstr "Soma \xe9"\n')
    done = run(*command, cwd=tmp_path)
    assert done.returncode == 1
    told = done.stdout if command == ("check",) else done.stderr
    assert ("FAILS   languages: " if command == ("check",) else "Error: ") + str(file.relative_to(tmp_path)) in told
    assert "Traceback" not in done.stderr


def test_no_part_of_a_password_is_told_where_the_store_cannot_be_reached(tmp_path: Path) -> None:
    """An @ in a password that was not escaped: what follows it is taken for the host's name."""
    (tmp_path / "tribune.toml").write_text(
        '[store]\nurl = "postgresql://tribune:pa@geheim@127.0.0.1:1/tribune"\n'
        '[log]\nkind = "kafka"\nbootstrap_servers = ["127.0.0.1:1"]\n',
        encoding="utf-8",
    )
    done = run("mailing", "list", cwd=tmp_path)
    assert done.returncode == 1
    assert "the store answered: OperationalError" in done.stderr
    assert "geheim" not in done.stdout + done.stderr


HUGE = "9" * 20


@pytest.mark.parametrize(
    "arguments",
    [["mailing", name, HUGE] for name in ("show", "approve", "pause", "resume", "cancel", "retry", "quarantined")]
    + [["items", name, HUGE] for name in ("show", "history")]
    + [["notices", "show", HUGE], ["notices", "list", "--subscriber", HUGE], ["events", "dead", HUGE]]
    + [["events", "replay", HUGE], ["items", "list", "--offset", HUGE]]
    + [[*name, "--limit", HUGE] for name in (["mailing", "list"], ["mailing", "quarantined"], ["notices", "list"])],
)
def test_a_number_that_nothing_has_is_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    most = 2**48 - 1 if arguments[0] == "events" else 2**31 - 1
    assert str(most) in capsys.readouterr().err
