"""Notices: their rows, and the command that shows them."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

import scheduler
from tests.notice_world import Scripted, ask, channel, one, work
from tribune import cli
from tribune.bootstrap import Application
from tribune.domain.errors import Retryable, Throttled
from tribune.domain.notices import LEASE, WATCH, NoticeState, NoticeVerdict
from tribune.ports.clock import StoppedClock
from tribune.store.tables import notices

__all__ = ["channel"]
pytestmark = pytest.mark.both_stores
S = NoticeState


# -- the rows -------------------------------------------------------------------------------------------------


def test_one_sender_at_a_time_and_a_fence_for_the_others(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    ask(app)
    sent = NoticeVerdict(S.SENT)
    with app.store.write() as tx:
        first = tx.notices.claim(1, clock.now(), LEASE)
        assert first is not None
        assert tx.notices.claim(1, clock.now(), LEASE) is None
        clock.move(LEASE)
        second = tx.notices.claim(1, clock.now(), LEASE)
        assert second is not None
        assert (second.epoch, second.attempts, second.handovers) == (first.epoch + 1, 2, 2)
        assert not tx.notices.settle(first, sent, clock.now())
        assert tx.notices.settle(second, sent, clock.now())
        assert not tx.notices.settle(second, sent, clock.now())
        assert tx.notices.claim(1, clock.now(), LEASE) is None


def test_a_retry_is_not_taken_before_its_time(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    ask(app)
    with app.store.write() as tx:
        claimed = tx.notices.claim(1, clock.now(), LEASE)
        assert claimed is not None
        later = NoticeVerdict(S.RETRY, "x" * 300, 1, 0, clock.now() + timedelta(minutes=1))
        assert tx.notices.settle(claimed, later, clock.now())
        assert tx.notices.claim(1, clock.now(), LEASE) is None
        found = tx.notices.one(1)
        assert found is not None
        assert len(found.code) == 200
        clock.move(timedelta(minutes=1))
        assert tx.notices.claim(1, clock.now(), LEASE) is not None


def test_wake_takes_the_oldest_first_and_no_more_than_asked_for(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    for person in (1, 2, 3):
        ask(app, person)
        clock.move(timedelta(seconds=1))
    clock.move(WATCH)
    with app.store.write() as tx:
        assert [notice.id for notice in tx.notices.wake(clock.now(), limit=2)] == [1, 2]
        assert [notice.id for notice in tx.notices.wake(clock.now(), limit=2)] == [3]
        assert tx.notices.wake(clock.now()) == []


@pytest.mark.embedded_only
def test_settled_ones_age_out(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    ask(app)
    work(app)
    clock.move(scheduler.NOTICES_KEPT)
    scheduler.housekeeping(app)
    assert one(app).state is S.SENT
    with app.store.write() as tx:
        tx.connection.execute(update(notices).values(state="waiting", settled_at=None))
    clock.move(timedelta(seconds=1))
    scheduler.housekeeping(app)
    assert one(app).state is S.WAITING, "what is not settled stays"
    with app.store.write() as tx:
        tx.connection.execute(update(notices).values(state="sent", settled_at=clock.now() - timedelta(days=91)))
    scheduler.housekeeping(app)
    with app.store.read() as tx:
        assert tx.notices.recent() == []


def test_logs_name_nobody(app: Application, channel: Scripted, caplog: pytest.LogCaptureFixture, capsys: Any) -> None:
    channel.says = [Throttled("reader1@example.org: slowly", code="421 reader1@example.org")]
    with caplog.at_level(logging.DEBUG):
        ask(app)
        work(app)
    assert "reader1" not in capsys.readouterr().out + caplog.text


# -- the command ----------------------------------------------------------------------------------------------


@pytest.mark.embedded_only
def test_the_command_lists_and_shows(
    app: Application, channel: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    file = tmp_path / "tribune.toml"
    file.write_text(f'data_dir = "{tmp_path}/var"\n[store]\nurl = "{app.settings.store.url}"\n')
    monkeypatch.setenv("TRIBUNE_CONFIG", str(file))

    def says(*words: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as left:
            cli.main(["notices", *words])
        assert left.value.code == code
        told = capsys.readouterr()
        return str(told.out + told.err)

    assert "No notice has been asked for yet." in says("list")
    channel.says = [Retryable("later", code="450 busy")]
    ask(app)
    work(app)
    ask(app, person=2)
    work(app)
    told = says("list")
    assert "preferences link" in told and "450 busy" in told and "sent" in told
    assert "450 busy" not in says("list", "--subscriber", "2")
    (only,) = says("list", "--state", "retry", "--json").splitlines()
    assert json.loads(only)["state"] == "retry"
    assert "retry: 450 busy" in says("show", "1")
    assert json.loads(says("show", "2", "--json"))["subscriber"] == 2
    assert "There is no notice 9." in says("show", "9", code=1)
    assert "States are: waiting" in says("list", "--state", "lost", code=1)
    assert "There are no such notices." in says("list", "--state", "failed")
