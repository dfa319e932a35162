"""`tribune events aside`, as it is typed: what the relay could not publish, and another try."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert

from tribune.bootstrap import Application
from tribune.cli import main
from tribune.domain.audit import AuditFilter
from tribune.domain.events import ItemReleased
from tribune.domain.topics import CATALOGUE
from tribune.services.events.event_codec import encode, new_event
from tribune.store.outbox import ASIDE
from tribune.store.tables import outbox

Run = Callable[..., str]
NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


@pytest.fixture
def run(app: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Types `tribune events aside ...` in the house of the fixture; what is printed."""
    log = app.settings.log
    settings = tmp_path / "tribune.toml"
    settings.write_text(
        f'[store]\nurl = "{app.settings.store.url}"\n'
        f'[log]\nkind = "{log.kind}"\nbootstrap_servers = ["127.0.0.1:9"]\n',  # it asks nothing of Kafka
        encoding="utf-8",
    )
    monkeypatch.setenv("TRIBUNE_CONFIG", str(settings))

    def run(*words: object, code: int = 0) -> str:
        with pytest.raises(SystemExit) as left:
            main(["events", "aside", *map(str, words)])
        told = capsys.readouterr()
        assert left.value.code == code, told
        return told.out if code == 0 else told.err

    return run


@pytest.fixture
def three_aside(app: Application) -> list[int]:
    """Three events that were set aside, and one that waits; the numbers of the three."""
    event = new_event("item.released", ItemReleased(1, "en", 1), source="/t", key="item-1", time=NOW)
    row = {"topic": ASIDE + CATALOGUE, "key": "item-1", "value": encode(event), "added_at": NOW}
    with app.store.engine.begin() as connection:
        made = [
            connection.execute(insert(outbox).values(one).returning(outbox.c.id)).scalar_one()
            for one in (row, row | {"key": "\x1b[31mred", "value": b"x" * 2_000}, row, row | {"topic": CATALOGUE})
        ]
    return made[:3]


@pytest.mark.parametrize("store_kind", ["sqlite", "postgresql"], indirect=True)
def test_nothing_is_set_aside(run: Run) -> None:
    assert run() == "No event is set aside.\n"
    assert run("--json") == ""
    assert run("--retry").startswith("0 events are back")
    assert "No event 7 is set aside." in run(7, code=1)


@pytest.mark.parametrize("store_kind", ["postgresql"], indirect=True)
def test_they_are_listed(run: Run, three_aside: list[int]) -> None:
    told = run()
    assert "item.released" in told and "2,000" in told and "2026-11-23 06:00:00Z" in told
    assert "\x1b" not in told
    assert "tribune events aside --retry" in told and ASIDE not in told
    rows = [json.loads(line) for line in run("--json").splitlines()]
    assert [row["id"] for row in rows] == three_aside
    assert rows[1] == {
        "id": three_aside[1],
        "added_at": "2026-11-23 06:00:00Z",
        "topic": "catalogue",
        "type": "",
        "key": "\x1b[31mred",
        "bytes": 2_000,
    }
    (only,) = run(three_aside[2], "--json").splitlines()
    assert json.loads(only)["id"] == three_aside[2]


@pytest.mark.parametrize("store_kind", ["postgresql"], indirect=True)
def test_another_try_puts_them_back_in_their_place(app: Application, run: Run, three_aside: list[int]) -> None:
    first, second, third = three_aside
    assert "No event 4711 is set aside." in run("--retry", first, 4711, code=1)
    assert len(app.outbox_queue.aside()) == 3, "a mistake changes nothing"
    assert run("--retry", first).startswith("1 event is back in the outbox")
    assert [one.id for one in app.outbox_queue.aside()] == [second, third]
    with app.outbox_queue.hold() as held:
        assert held is not None
        waiting = held.first(10)
    assert [one.topic for one in waiting] == [CATALOGUE, CATALOGUE]
    assert waiting[0].id == first, "before what was added later"
    assert run("--retry").startswith("2 events are back")
    state = app.outbox_queue.state()
    assert (state.waiting, state.aside) == (4, 0)
    with app.store.read() as tx:
        written = [(one.actor, one.action, one.facts["events"]) for one in tx.audit.entries()]
    assert written == [("cli", "events.put_back", 1), ("cli", "events.put_back", 2)]


def test_a_number_that_no_event_has_is_wrong_usage(run: Run) -> None:
    assert "9223372036854775807" in run("9" * 20, code=2)
    run("0", code=2)


@pytest.mark.parametrize("store_kind", ["postgresql"], indirect=True)
def test_one_that_can_never_be_published_is_named_and_thrown_away(
    run: Run, three_aside: list[int], app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert "give their ids" in run("--discard", "--yes", code=1)
    assert "give their ids" in run(three_aside[0], "--discard", "--retry", code=1)
    assert "say so with --yes" in run(three_aside[0], "--discard", code=1)
    assert "No event 4711" in run(4711, "--discard", "--yes", code=1)
    assert app.outbox_queue.state().aside == 3
    told = run("--discard", three_aside[1], three_aside[2], "--yes")
    assert f"Event {three_aside[1]}: a broken message of" in told and "2,000 bytes" in told and "\x1b" not in told
    assert f"Event {three_aside[2]}: item.released of item-1 for catalogue" in told
    assert "2 events are thrown away." in told
    assert [one.id for one in app.outbox_queue.aside()] == three_aside[:1]
    assert app.outbox_queue.discard([three_aside[2] + 1]) == 0, "what waits is no waste"
    assert app.outbox_queue.state().waiting == 1
    with app.store.read() as tx:
        entries = [(one.actor, one.action, one.about) for one in tx.audit.newest(9, AuditFilter())]
    assert entries == [("cli", "event.discarded", f"outbox/{id}") for id in (three_aside[2], three_aside[1])]
