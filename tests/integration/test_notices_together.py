"""Some notices sent together: what one of them meets is no other's, and a death doubles no more than were in hand."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

import scheduler
from consumers.notices import TOGETHER, sender_of
from tests.conftest import ROOT
from tests.mail_servers import Mailbox, mail_server
from tests.mailing_world import Killed
from tests.notice_world import Scripted, ask, channel, one, passes, work
from tests.planned import add_people
from tribune.bootstrap import Application
from tribune.domain.errors import Permanent, Retryable, Throttled, UnknownOutcome
from tribune.domain.notices import LEASE, REST, NoticeState
from tribune.domain.sending import MAX_HANDOVERS
from tribune.ports.clock import StoppedClock
from tribune.services.notices.send_notices import send_notices

__all__ = ["channel"]
pytestmark = pytest.mark.both_stores
S = NoticeState


def asked(app: Application, number: int) -> list[int]:
    if number > 3:  # three are there
        with app.store.write() as tx:
            add_people(tx, number - 3, first=4)
    return [ask(app, person).id for person in range(1, number + 1)]


def test_each_has_its_own_outcome(app: Application, channel: Scripted) -> None:
    ids = asked(app, 5)
    channel.says = [
        None,
        Permanent("no", code="550 5.1.1 unknown"),
        Retryable("later", code="450"),
        UnknownOutcome("?", code="no answer"),
        None,
    ]
    told = send_notices(sender_of(app), reversed(ids))
    assert told == {1: S.SENT, 2: S.FAILED, 3: S.RETRY, 4: S.RETRY, 5: S.SENT}
    assert [one(app, n).state for n in ids] == list(told.values())
    with app.store.read() as tx:
        assert set(tx.audience.suppressed([f"reader{n}@example.org" for n in ids])) == {"reader2@example.org"}
    assert send_notices(sender_of(app), ids) == {}, "settled, or not due"


def test_who_may_not_be_mailed_and_what_cannot_be_made_keep_nobody_waiting(app: Application, channel: Scripted) -> None:
    ids = asked(app, 4)
    with app.store.write() as tx:
        tx.audience.suppress("reader1@example.org", "complaint", app.clock.now())
        tx.connection.exec_driver_sql("UPDATE people SET address = 'two words@example.org' WHERE id = 2")
    assert send_notices(sender_of(app), ids) == {1: S.SUPPRESSED, 2: S.QUARANTINED, 3: S.SENT, 4: S.SENT}
    assert [mail.delivery for mail in channel.handed] == ["n.3", "n.4"]


def test_once_the_channel_wants_to_rest_it_is_given_no_more(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    ids = asked(app, 5)
    channel.says = [None, Throttled("slowly", code="421")]
    send_notices(sender_of(app), ids)
    assert [mail.delivery for mail in channel.handed] == ["n.1", "n.2"]
    assert [one(app, n).state for n in ids] == [S.SENT, *[S.RETRY] * 4]
    assert {(one(app, n).attempts, one(app, n).handovers) for n in ids[1:]} == {(0, 0)}
    assert passes(app, clock, REST - timedelta(seconds=1)) == 0
    assert passes(app, clock, timedelta(seconds=1)) == 4
    assert {one(app, n).state for n in ids} == {S.SENT}


def test_where_the_channel_breaks_off_only_what_it_had_is_in_doubt(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    ids = asked(app, 4)
    channel.says = [None, RuntimeError("it fell over")]
    with pytest.raises(RuntimeError):
        send_notices(sender_of(app), ids)
    assert [(one(app, n).state, one(app, n).handovers) for n in ids] == [
        (S.SENT, 0),
        (S.RETRY, 1),
        (S.RETRY, 0),
        (S.RETRY, 0),
    ]
    passes(app, clock, timedelta(minutes=1))
    assert {one(app, n).state for n in ids} == {S.SENT}
    assert Counter(mail.delivery for mail in channel.handed) == {"n.1": 1, "n.2": 2, "n.3": 1, "n.4": 1}


def test_one_that_another_sender_took_over_is_that_sender_s_and_the_rest_is_ours(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    ids = asked(app, 3)

    def taken_over() -> None:
        channel.after = lambda: None
        with app.store.write() as tx:
            tx.connection.exec_driver_sql("UPDATE notices SET epoch = epoch + 1 WHERE id = 2")

    channel.after = taken_over
    assert send_notices(sender_of(app), ids) == {1: S.SENT, 3: S.SENT}
    assert one(app, 2).state is S.IN_DOUBT


def test_one_that_kills_every_sender_takes_no_other_with_it(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    ids = asked(app, 5)

    def die_with_the_third() -> None:
        if channel.handed[-1].delivery == "n.3":
            raise Killed

    channel.after = die_with_the_third
    deaths = 0
    for _ in range(MAX_HANDOVERS + 1):
        try:
            send_notices(sender_of(app), ids)
        except Killed:
            deaths += 1
        clock.move(LEASE)
    assert deaths == MAX_HANDOVERS
    assert [one(app, n).state for n in ids] == [S.SENT, S.SENT, S.QUARANTINED, S.SENT, S.SENT]
    assert Counter(mail.delivery for mail in channel.handed) == {"n.1": 2, "n.2": 2, "n.3": 3, "n.4": 1, "n.5": 1}


@pytest.mark.embedded_only
def test_so_many_are_in_doubt_at_most(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    ids = asked(app, 130)
    left = 80

    def die_later() -> None:
        nonlocal left
        left -= 1
        if not left:
            raise Killed

    channel.after = die_later
    with pytest.raises(Killed):
        work(app)
    states = Counter(one(app, n).state for n in ids)
    # Four partitions, each with its own events: the first lot may be smaller than it could be.
    assert states[S.IN_DOUBT] <= TOGETHER
    assert states[S.SENT] + states[S.IN_DOUBT] >= 80
    channel.after = lambda: None
    work(app)
    clock.move(LEASE)
    scheduler.notices(app)
    work(app)
    assert {one(app, n).state for n in ids} == {S.SENT}
    assert sum(Counter(mail.delivery for mail in channel.handed).values()) - 130 <= TOGETHER


# -- killed for real ------------------------------------------------------------------------------------------


class Slow(Mailbox):
    """Writes every mail down, and lets its answer wait: a kill finds mails under way."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = await super().handle_DATA(server, session, envelope)
        await asyncio.sleep(0.02)
        return answer


def test_killed_again_and_again_none_is_lost_and_few_come_twice(app: Application, clock: StoppedClock) -> None:
    """kill -9, in the middle of a lot, and a new process that comes when the lease is over."""
    number, kills = 90, 3
    with app.store.write() as tx:
        add_people(tx, number)
    for person in range(1, number + 1):
        ask(app, person)
    mailbox = Slow()
    with mail_server(mailbox) as port:

        def start(after: timedelta) -> subprocess.Popen[bytes]:
            at = (app.clock.now() + after).isoformat()
            folder, store = str(app.settings.data_dir), app.settings.store.url
            command = [sys.executable, "-m", "tests.integration.notice_process", folder, store, str(port), at]
            return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)

        until = time.monotonic() + 120
        for kill in range(kills):
            victim = start(kill * 2 * LEASE)
            had = len(mailbox.mails)
            while len(mailbox.mails) < had + 11:
                assert victim.poll() is None, "it was to be killed before it was through"
                assert time.monotonic() < until
                time.sleep(0.002)
            os.kill(victim.pid, signal.SIGKILL)
            victim.wait(10)
        last = start(kills * 2 * LEASE)
        assert last.wait(120) == 0
    got = Counter(mail.recipient for mail in mailbox.mails)
    assert set(got) == {f"reader{n}@example.org" for n in range(1, number + 1)}, "none is lost"
    assert got.total() - number <= kills * TOGETHER, "doubles stay within what was in hand"
    assert got.total() > number, "a kill did find mails under way"
    ids = {
        (mail.recipient, found[1])
        for mail in mailbox.mails
        if (found := re.search(rb"Message-ID:\s*<([^>]+)>", mail.content, re.IGNORECASE))
    }
    assert len(ids) == number, "a double has the same Message-ID"
    with app.store.read() as tx:
        assert {notice.state for notice in tx.notices.recent(limit=200)} == {S.SENT}
