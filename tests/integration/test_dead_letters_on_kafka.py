"""Single dead letters on Kafka, whose numbers are long: by command and through the API."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api_world import Api
from tests.log_world import event, take
from tribune.bootstrap import Application
from tribune.cli import main

pytestmark = [pytest.mark.waits, pytest.mark.parametrize("store_kind", ["postgresql+kafka"], indirect=True)]

Run = Callable[..., str]


@pytest.fixture
def letters(app: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of eight events that the catalogue's group gave up; the commands find the house."""
    log = app.settings.log
    (tmp_path / "tribune.toml").write_text(
        f'data_dir = "{app.settings.data_dir}"\n[store]\nurl = "{app.settings.store.url}"\n[log]\nkind = "kafka"\n'
        f'bootstrap_servers = ["{log.bootstrap_servers[0]}"]\nprefix = "{log.prefix}"\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("TRIBUNE_CONFIG", str(tmp_path / "tribune.toml"))
    app.log.publish("publications", [event("key", number) for number in range(8)])
    member = app.log.consumer("catalogue", ["publications"])
    for message in take(member, 8, 20.0):
        app.log.bury("catalogue", message, "It failed.", "", 6)
        member.commit([message.position])
    member.close()
    return [letter.id for letter in app.log.dead_letters()]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: object, code: int = 0) -> str:
        with pytest.raises(SystemExit) as left:
            main(["events", *map(str, words)])
        told = capsys.readouterr()
        assert left.value.code == code, told
        return told.out if code == 0 else told.err

    return run


def test_each_is_listed_shown_and_replayed_by_its_number(app: Application, letters: list[int], run: Run) -> None:
    long = max(letters)
    assert long > 2**31
    listed = run("dead")
    assert all(f"{letter} " in listed for letter in letters), "as they are typed, on one line"
    assert json.loads(run("dead", long, "--json"))["id"] == long
    assert str(long) in run("dead", long)
    assert run("replay", long).startswith("1 dead letter is back")
    assert [one["id"] for one in map(json.loads, run("dead", "--json").splitlines())] == [
        letter for letter in letters if letter != long
    ]
    assert "no dead letter" in run("dead", 2**48 - 1, code=1)
    run("dead", 2**48, code=2)


def test_the_api_shows_and_replays_one(app: Application, letters: list[int], api: Api) -> None:
    long = max(letters)
    assert api.get(f"/dead-letters/{long}").json()["id"] == long
    assert api.post(f"/dead-letters/{long}/replay").json() == {"id": long, "group": "catalogue"}
    assert api.get(f"/dead-letters/{long}").json()["replayed_at"]
    assert api.get(f"/dead-letters/{2**48 - 1}").status_code == 404
    assert len(api.get("/dead-letters").json()["data"]) == 7
