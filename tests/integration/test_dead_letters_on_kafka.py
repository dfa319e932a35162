"""Single dead letters on Kafka, whose numbers are long: by command and through the API."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from kafka import KafkaProducer

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


def test_one_that_was_too_large_to_be_kept_whole_says_where_it_stands(
    app: Application, api: Api, letters: list[int], run: Run
) -> None:
    log = app.settings.log
    producer = KafkaProducer(
        bootstrap_servers=list(log.bootstrap_servers), compression_type="gzip", max_request_size=8_000_000
    )
    producer.send(f"{log.prefix}publications", b"x" * 2_600_000, b"k" * 200).get(20)
    producer.close()
    member = app.log.consumer("catalogue", ["publications"])
    (message,) = take(member, 1, 20.0)
    app.log.bury("catalogue", message, "It is broken.", "", 1)
    member.commit([message.position])
    member.close()
    (number,) = {letter.id for letter in app.log.dead_letters()} - set(letters)
    where = f"publications/{message.position.partition}/{message.position.offset}"
    listed = run("dead")
    assert f"Too large to be kept whole: {number}." in listed
    assert "k" * 59 + "…" in listed and "k" * 60 not in listed
    told = {one["id"]: one for one in map(json.loads, run("dead", "--json").splitlines())}
    assert told[number]["key"] == "k" * 200
    shown = run("dead", number)
    assert "32,000 of 2,600,000 bytes" in shown and where in shown
    refused = run("replay", number, code=1)
    assert f"Dead letter {number} cannot be replayed" in refused and "tribune events rewind catalogue" in refused
    answer = api.get(f"/dead-letters/{number}")
    assert answer.json()["whole_bytes"] == 2_600_000 and answer.json()["event"] is None
