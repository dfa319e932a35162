"""`tribune mailing pause | resume | cancel | retry`, and watching: what staff read, and what programs do."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from consumers.deliveries import consumer
from consumers.loop import drain
from tests.integration.test_mailings_by_hand import cli, run
from tests.mailing_world import Scripted, counts, planned
from tests.planned import make_sender, plan
from tribune.bootstrap import Application
from tribune.domain.audit import AuditFilter
from tribune.domain.errors import Retryable
from tribune.domain.mailings import DeliveryState, MailingState
from tribune.domain.sending import Marks
from tribune.services.sending.send_chunk import send_chunk
from tribune.store.tables import chunks, delivery_exceptions, mailings

Said = Callable[[], str]

__all__ = ["cli"]
pytestmark = pytest.mark.usefixtures("cli")


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """What the last command printed, spaces aside."""

    def out() -> str:
        told = capsys.readouterr()
        return " ".join((told.out + told.err).split())

    return out


def test_a_mailing_is_paused_and_goes_on(app: Application, said: Said) -> None:
    mailing = planned(app, 2, 1)
    assert run("pause", str(mailing)) == 0
    assert "Mailing 1 (letter, daily, 2026-11-23) is paused." in said()
    assert run("pause", str(mailing)) == 1
    assert "Mailing 1 is paused already. Let it go on with `tribune mailing resume 1`." in said()
    assert run("show", str(mailing)) == 0
    told = said()
    assert "State paused" in told
    assert "Nothing leaves before `tribune mailing resume 1`" in told
    drain([consumer(app)], app)
    assert counts(app, mailing) == {"waiting": 3}
    assert run("resume", str(mailing)) == 0
    assert "Mailing 1 (letter, daily, 2026-11-23) goes on." in said()
    drain([consumer(app)], app)
    assert counts(app, mailing) == {"sent": 3}
    assert run("show", str(mailing)) == 0
    assert "Progress 3 of 3 (100%)" in said()


def test_cancelling_asks_with_the_exact_number(
    app: Application,
    said: Said,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mailing = planned(app, 2, 3)
    channel = Scripted()
    channel.says = {2: [Retryable("later", code="450")]}
    send_chunk(make_sender(app, channel), mailing, 0)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert run("cancel", str(mailing)) == 1
    assert "4 people would not be mailed: say so with --yes" in said()
    for answer in ("n\n", "y\n"):
        asked = io.StringIO(answer)
        asked.isatty = lambda: True  # type: ignore[method-assign]
        monkeypatch.setattr("sys.stdin", asked)
        before = counts(app, mailing)
        assert run("cancel", str(mailing)) == 0
        told = said()
        assert "Cancel mailing 1 (letter, daily, 2026-11-23)? 4 people will not be mailed by it [y/N]" in told
        if answer == "n\n":
            assert "Nothing was changed." in told
            assert counts(app, mailing) == before
    assert "is cancelled: 4 people not mailed; for 4 people what their mail held comes with their next one." in told
    assert counts(app, mailing) == {"sent": 1, "cancelled": 4}
    assert run("show", str(mailing), "--exceptions") == 0
    told = said()
    assert "Cancelled: 4 people not mailed; what their mail held comes with their next one" in told
    assert told.count(" cancelled 0 ") + told.count(" cancelled 1 ") == 4, "each of them is on record"
    assert run("cancel", str(mailing), "--yes") == 1
    assert "Mailing 1 was cancelled already." in said()
    assert run("resume", str(mailing)) == 1
    assert "What it held comes with the next edition" in said()


def test_what_senders_still_hold_when_it_is_cancelled_is_told(app: Application, said: Said) -> None:
    mailing = planned(app, 2, 3)
    with app.store.write() as tx:
        claim = tx.ledger.claim(mailing, 1, "sender", app.clock.now(), timedelta(days=9_999))
        assert claim is not None
        assert tx.ledger.open_window(claim, Marks(3, 0, 1), app.clock.now(), timedelta(days=9_999))
    assert run("cancel", str(mailing), "--yes") == 0
    assert (
        "4 people not mailed; for 2 people what their mail held comes with their next one already, for the others as "
        "soon as the senders have let go of their chunks." in said()
    )


def test_what_is_in_doubt_when_it_is_cancelled_is_told(app: Application, said: Said) -> None:
    mailing = planned(app, 3)
    with app.store.write() as tx:
        tx.connection.execute(update(chunks).values(sent_upto=1, doubt_upto=2))
        tx.connection.execute(update(mailings).values(state="running"))
    assert run("cancel", str(mailing), "--yes") == 0
    told = said()
    assert "is cancelled: 1 person not mailed" in told
    assert "Of 1 person nobody knows yet whether theirs left" in told
    assert run("quarantined", str(mailing)) == 0
    assert "1.0.1 2 in doubt" in said()


def emptied(app: Application, number: int) -> None:
    """Mailings that nobody was to get."""
    with app.store.write() as tx:
        (edition,) = tx.connection.execute(select(mailings.c.edition_id).limit(1)).one()
        facts = {"edition_id": edition, "state": "finished", "approval": "standing", "recipients": 0}
        dues = [app.clock.now() + timedelta(minutes=n + 1) for n in range(number)]
        tx.connection.execute(
            insert(mailings),
            [facts | {"due_at": due, "planned_at": due, "correlation_id": "story-2"} for due in dues],
        )


def hold_back(app: Application, mailing: int, places: int, handovers: int = 0) -> None:
    """The first deliveries of a mailing are held back."""
    facts = {"mailing_id": mailing, "chunk": 0, "state": "quarantined", "changed_at": app.clock.now()}
    with app.store.write() as tx:
        tx.connection.execute(
            update(chunks)
            .where(chunks.c.mailing_id == mailing)
            .values(state="done", sent_upto=chunks.c.size, doubt_upto=chunks.c.size)
        )
        tx.connection.execute(
            insert(delivery_exceptions), [facts | {"place": place, "handovers": handovers} for place in range(places)]
        )


def test_the_list_is_not_drowned_by_mailings_without_deliveries(
    app: Application, said: Said, capsys: pytest.CaptureFixture[str]
) -> None:
    planned(app, 2)
    emptied(app, 30)
    plan(app.store, [1], occasion="2026-11-24")
    assert run("list") == 0
    told = said()
    assert "2 waiting" in told
    assert "1 waiting" in told
    assert "30 mailings without any delivery are left out; see them with --all." in told
    assert run("list", "--limit", "1") == 0
    told = said()
    assert "2 waiting" not in told
    assert "left out" not in told, "the others are older than what is shown"
    assert run("list", "--all") == 0
    told = said()
    assert told.count("none") == 19
    assert "left out" not in told
    assert run("list", "--json") == 0
    out, err = capsys.readouterr()
    assert [json.loads(line)["mailing"] for line in out.splitlines()] == [32, 1]
    assert "30 mailings without any delivery" in err


def test_what_is_held_back_is_found_however_many_mailings_came_after(app: Application, said: Said) -> None:
    hold_back(app, planned(app, 3), 3)
    emptied(app, 1_001)
    assert run("quarantined") == 0
    told = said()
    assert [place for place in ("1.0.0", "1.0.1", "1.0.2") if place in told] == ["1.0.0", "1.0.1", "1.0.2"]
    assert "more; see" not in told
    assert "Send them once more with `tribune mailing retry MAILING`, or leave them" in told
    assert run("quarantined", "--limit", "2") == 0
    told = said()
    assert "1.0.2" not in told
    assert "... and 1 more; see them with --limit 3." in told
    assert run("quarantined", "2") == 0
    assert "Nothing is held back." in said()
    assert run("quarantined", "5000") == 1
    assert "There is no mailing 5000" in said()


def test_staff_leave_what_is_held_back(app: Application, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    mailing = planned(app, 5)
    hold_back(app, mailing, 4)
    with app.store.write() as tx:
        tx.connection.execute(update(mailings).values(state="finished"))
    assert run("cancel", str(mailing), "--yes") == 1
    told = said()
    assert "Mailing 1 is finished, but for 4 of its mails, held back until staff decide." in told
    assert "tribune mailing settle 1" in told
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert run("settle", "1") == 1
    assert "say so with --yes" in said()
    asked = io.StringIO("n\n")
    asked.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", asked)
    assert run("settle", "1", "1.0.2") == 0
    told = said()
    assert "1.0.2" in told and "1.0.1" not in told
    assert "Leave 1 mail of mailing 1 unsent? [y/N]" in told and "Nothing was changed." in told
    assert run("settle", "1", "1.0.2", "--yes") == 0
    assert "1 mail of mailing 1 is left unsent, and counted as failed." in said()
    assert run("settle", "1", "1.0.2", "--yes") == 0
    assert "Nothing of mailing 1 is held back that you named." in said()
    with app.store.read() as tx:
        assert tx.attention.to_be_decided() == 3
    assert run("settle", "1", "--yes", "--json") == 0
    assert '{"mailing": 1, "left": 3}' in said()
    assert run("settle", "1", "--yes") == 0
    assert "Nothing of mailing 1 is held back." in said()
    with app.store.read() as tx:
        assert tx.attention.to_be_decided() == 0 and tx.attention.count_held_back() == 0
        failed = tx.ledger.deliveries(mailing, states=[DeliveryState.FAILED])
        entries = [(one.actor, one.about, one.facts) for one in tx.audit.newest(9, AuditFilter(action="mailing"))]
    assert [(view.place, view.code) for view in failed] == [(place, "left by staff") for place in range(4)]
    assert entries == [("cli", "mailing/1", {"failed": 3}), ("cli", "mailing/1", {"failed": 1})]
    assert run("cancel", str(mailing), "--yes") == 1
    assert "Mailing 1 is finished: nothing of it is still to leave." in said()


def test_what_is_not_held_back_is_not_left(app: Application, said: Said) -> None:
    mailing = planned(app, 3)
    hold_back(app, mailing, 1)
    for name, why in (
        ("1.0.2", "Delivery 1.0.2 is not held back: it is sent."),
        ("1.0.7", "There is no delivery 1.0.7."),
        ("1.7.0", "There is no delivery 1.7.0."),
        ("2.0.0", "Delivery 2.0.0 is not of mailing 1."),
        ("7", "'7' is no delivery. Write it as 1.0.37"),
    ):
        assert run("settle", "1", "1.0.0", name, "--yes") == 1
        assert why in said()
    assert run("cancel", "1", "--yes") == 0
    assert run("settle", "1", "--yes") == 1
    assert "was cancelled: nothing of it is to be decided" in said()
    assert run("settle", "9", "--yes") == 1
    with app.store.read() as tx:
        assert not tx.ledger.deliveries(mailing, states=[DeliveryState.FAILED])


def test_no_command_is_advised_that_would_be_refused(app: Application, said: Said) -> None:
    cancelled = planned(app, 2)
    hold_back(app, cancelled, 2, handovers=1)
    assert run("cancel", str(cancelled), "--yes") == 0
    said()
    assert run("quarantined") == 0
    told = said()
    assert "1.0.0" in told
    assert "1.0.1" in told
    assert "tribune mailing retry" not in told
    assert "nothing of these leaves any more" in told
    other = plan(app.store, [1], occasion="2026-11-24")
    hold_back(app, other, 1)
    assert run("quarantined") == 0
    told = said()
    assert told.index("2.0.0") < told.index("1.0.0")
    assert "Send them once more with `tribune mailing retry MAILING`, or leave them" in told


def test_programs_get_json_of_every_command(
    app: Application, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mailing = str(planned(app, 2, state=MailingState.PLANNED))
    told = {}
    for words in (["approve"], ["pause"], ["resume"], ["retry"], ["show"], ["list"], ["cancel", "--yes"], ["show"]):
        rest = [] if words == ["list"] else [mailing]
        assert run(words[0], *rest, *words[1:], "--json") == 0
        (line,) = capsys.readouterr().out.splitlines()
        told[words[0]] = json.loads(line)
    assert [told[name]["state"] for name in ("approve", "pause", "resume")] == ["approved", "paused", "approved"]
    assert told["retry"] == {"mailing": 1, "tried_again": {"quarantined": 0, "retry": 0}}
    assert (told["cancel"]["unmailed"], told["cancel"]["carried_over"]) == (2, 2)
    assert told["show"]["states"] == {"cancelled": 2}
    assert told["list"]["total"] == 2
    for name in ("rate", "seconds_left", "settled", "paused_at"):
        assert name in told["show"]


def test_watching_in_a_pipe_is_plain_lines_until_it_is_finished(app: Application, tmp_path: Path) -> None:
    mailing = planned(app, 2, 1, state=MailingState.PAUSED)
    watching = subprocess.Popen(
        [sys.executable, "-m", "tribune", "mailing", "resume", str(mailing), "--watch"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TRIBUNE_CONFIG": str(tmp_path / "tribune.toml")},
    )
    try:
        assert watching.stdout is not None
        first = watching.stdout.readline() + watching.stdout.readline()
        for chunk in (0, 1):
            send_chunk(make_sender(app, Scripted()), mailing, chunk)
        rest, _ = watching.communicate(timeout=30)
    finally:
        watching.kill()
        watching.wait()
    assert "goes on.\napproved: 3 waiting (0%)\n" in first
    assert rest == "finished: 3 sent (100%)\n"
    assert watching.returncode == 0
    assert not {"\x1b", "\r"} & set(first + rest)


def test_watching_in_a_terminal_redraws_a_bar(app: Application, tmp_path: Path) -> None:
    mailing = planned(app, 2, 2)
    send_chunk(make_sender(app, Scripted()), mailing, 0)
    ours, theirs = pty.openpty()
    watched = subprocess.Popen(
        [sys.executable, "-m", "tribune", "mailing", "show", str(mailing), "--watch"],
        stdin=theirs,
        stdout=theirs,
        env={**os.environ, "TRIBUNE_CONFIG": str(tmp_path / "tribune.toml"), "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    seen = b""

    def read() -> None:
        nonlocal seen
        try:
            while data := os.read(ours, 4096):
                seen += data
        except OSError:  # the terminal is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    try:
        until = time.monotonic() + 30
        while b"2 of 4 (50%)" not in seen and time.monotonic() < until:
            time.sleep(0.05)
        assert b"2 of 4 (50%)" in seen
        send_chunk(make_sender(app, Scripted(), "b"), mailing, 1)
        assert watched.wait(30) == 0
    finally:
        watched.kill()
        watched.wait()
        reader.join(10)
        os.close(ours)
    assert b"4 of 4 (100%)" in seen
    assert b"\x1b[" in seen
