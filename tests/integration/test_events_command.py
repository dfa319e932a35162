"""`tribune events`, as it is typed."""

from __future__ import annotations

import io
import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from consumers.loop import Consumer, Member
from tribune.bootstrap import Application
from tribune.cli import main
from tribune.domain.audit import AuditFilter
from tribune.domain.errors import BrokenEvent
from tribune.domain.events import CloudEvent, ItemReleased, ItemWithdrawn
from tribune.ports.store import Transaction
from tribune.services.events.event_codec import new_event

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


@pytest.fixture
def house(app: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Application:
    """The application of the fixture, found by the command through a settings file."""
    settings = tmp_path / "tribune.toml"
    settings.write_text(f'[store]\nurl = "{app.settings.store.url}"\n', encoding="utf-8")
    monkeypatch.setenv("TRIBUNE_CONFIG", str(settings))
    return app


def released(number: int) -> CloudEvent:
    data = ItemReleased(number, "en", number)
    return new_event("item.released", data, source="/t", key=f"item-{number}", time=NOW)


def handle(app: Application, *broken: int) -> None:
    """The group `digests` handles what is there; those numbers are broken for it."""

    def handler(tx: Transaction, event: CloudEvent) -> None:
        if event.data["item"] in broken:
            raise BrokenEvent("It is \x1b[31mwrong.", where="data.item")

    member = Member(Consumer("digests", ("catalogue",), {"item.released": handler}), app, threading.Event())
    while member.step(0):
        pass
    member.close()


def run(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    with pytest.raises(SystemExit) as left:
        main(["events", *map(str, words)])
    assert left.value.code == 0
    return capsys.readouterr().out


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def run_json(capsys: pytest.CaptureFixture[str], *words: object) -> list[dict[str, object]]:
    return lines(run(capsys, *words, "--json"))


@pytest.fixture
def some_dead(house: Application) -> Application:
    with house.store.write() as tx:
        tx.outbox.add(*map(released, range(5)))
    handle(house, 1, 3)
    return house


def test_an_empty_log_is_told_in_words(house: Application, capsys: pytest.CaptureFixture[str]) -> None:
    assert "tribune up" in run(capsys, "lag")
    assert "no dead letters" in run(capsys, "dead")
    assert "Nothing waits" in run(capsys, "waiting")
    assert run_json(capsys, "lag") == []


def test_lag_tells_what_each_group_has_before_it(some_dead: Application, capsys: pytest.CaptureFixture[str]) -> None:
    with some_dead.store.write() as tx:
        tx.outbox.add(released(9))
    (row,) = run_json(capsys, "lag")
    assert row == {"group": "digests", "topics": "catalogue", "behind": 1, "to_try_again": 0, "dead_letters": 2}
    assert sum(int(str(one["behind"])) for one in run_json(capsys, "lag", "--partitions")) == 1
    assert "digests" in run(capsys, "lag")


def test_dead_lists_them_and_shows_one_whole(some_dead: Application, capsys: pytest.CaptureFixture[str]) -> None:
    rows = run_json(capsys, "dead")
    assert {row["key"] for row in rows} == {"item-1", "item-3"}
    assert all(row["reason"] == "BrokenEvent: data.item: It is \x1b[31mwrong." for row in rows)
    table = run(capsys, "dead")
    assert "item-3" in table and "item.released" in table and "\x1b[31mwrong" not in table
    told = run(capsys, "dead", rows[0]["id"])
    assert '"type": "item.released"' in told and "in handler" in told and "\x1b" not in told
    (whole,) = run_json(capsys, "dead", rows[0]["id"])
    assert isinstance(whole["event"], dict) and whole["event"]["id"]


def test_replay_brings_them_back(some_dead: Application, capsys: pytest.CaptureFixture[str]) -> None:
    ids = [row["id"] for row in run_json(capsys, "dead")]
    assert run(capsys, "replay", ids[0]).startswith("1 dead letter is back")
    assert len(run_json(capsys, "dead")) == 1 and len(run_json(capsys, "dead", "--all")) == 2
    assert run(capsys, "replay", "--all").startswith("1 dead letter is back")
    assert len(run_json(capsys, "waiting")) == 2
    handle(some_dead)
    assert run_json(capsys, "waiting") == [] and run_json(capsys, "dead") == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["replay"], "give their ids, or --all"),
        (["replay", "1", "--all"], "give their ids, or --all"),
        (["replay", "4711"], "no dead letter 4711"),
        (["dead", "4711"], "no dead letter 4711"),
        (["rewind", "nobody", "catalogue", "--offset", "0"], "There are: digests"),
        (["rewind", "digests", "nowhere", "--offset", "0"], "does not read 'nowhere'. It reads: catalogue."),
        (["rewind", "digests", "deliveries", "--offset", "0"], "does not read 'deliveries'. It reads: catalogue."),
        (["rewind", "digests", "catalogue"], "give one of the two"),
        (["rewind", "digests", "catalogue", "--at", "yesterday"], "2026-11-23T06:00:00Z"),
        (["show", "nothing"], "No event 'nothing'"),
    ],
)
def test_a_mistake_is_told_with_what_to_do(
    some_dead: Application, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["events", *words])
    assert left.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("Error: ") and told in error and "Traceback" not in error


def test_rewind_says_how_much_is_read_again(some_dead: Application, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "rewind", "digests", "catalogue", "--offset", 0) == "digests reads catalogue again: 5 events.\n"
    handle(some_dead)
    told = run(capsys, "rewind", "digests", "catalogue", "--at", "2026-11-24")
    assert told == "digests reads catalogue again: 0 events.\n"


def test_show_tells_the_whole_story(some_dead: Application, capsys: pytest.CaptureFixture[str]) -> None:
    first = released(1)
    follower = new_event("item.withdrawn", ItemWithdrawn(1), source="/t", key="item-1", time=NOW, cause=first)
    with some_dead.store.write() as tx:
        tx.outbox.add(follower)
    for id in (first.id, follower.id):
        told = run_json(capsys, "show", id)
        assert [one["event"]["id"] for one in told] == [first.id, follower.id]  # type: ignore[index]
    text = run(capsys, "show", follower.id)
    assert "item.withdrawn" in text and "item.released" in text and first.id in text


def test_a_dead_letter_that_nobody_wants_is_named_and_thrown_away(
    some_dead: Application, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (row["id"] for row in run_json(capsys, "dead"))
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    for words, why in ((["--discard"], "give its id"), ([str(first), "--discard"], "say so with --yes")):
        with pytest.raises(SystemExit) as left:
            main(["events", "dead", *words])
        assert left.value.code == 1 and why in capsys.readouterr().err
    asked = io.StringIO("n\n")
    asked.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", asked)
    assert "Nothing was changed." in run(capsys, "dead", first, "--discard")
    assert len(run_json(capsys, "dead")) == 2
    told = run(capsys, "dead", "--discard", first, "--yes")
    assert f"Dead letter {first}: item.released of item-" in told and "\x1b" not in told
    assert "given up by digests" in told and "1 dead letter is thrown away." in told
    assert [row["id"] for row in run_json(capsys, "dead", "--all")] == [second]
    with some_dead.store.read() as tx:
        (entry,) = tx.audit.newest(9, AuditFilter())
    assert (entry.actor, entry.action, entry.about) == ("cli", "dead_letter.discarded", f"dead-letter/{first}")
    assert entry.facts == {"group": "digests", "type": "item.released"}
    with pytest.raises(SystemExit):
        main(["events", "dead", "--discard", str(first), "--yes"])
    assert f"no dead letter {first}" in capsys.readouterr().err
