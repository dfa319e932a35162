"""Notices: asked for, sent, and every way to be interrupted."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, delete, select, update

import scheduler
from consumers.loop import drain
from consumers.notices import consumer, sender_of
from tests.mail_servers import Mailbox, mail_server
from tests.mails import parse, text_of
from tests.planned import add_people
from tribune import cli
from tribune.bootstrap import Application
from tribune.channels.email.smtp import SmtpChannel
from tribune.domain.errors import ConfigurationError, DeliveryError, Permanent, Retryable, Throttled, UnknownOutcome
from tribune.domain.notices import LEASE, RETRY_DELAYS, RULES, WATCH, Notice, NoticeKind, NoticeState, NoticeVerdict
from tribune.domain.sending import MAX_HANDOVERS, InDoubt
from tribune.ports.channels import Outcome, OutgoingMail
from tribune.ports.clock import StoppedClock
from tribune.services.audience.unsubscribe import unsubscribe
from tribune.services.notices.request_notice import request_notice
from tribune.services.notices.send_notices import NoticeSender, send_notice
from tribune.store.tables import log_messages, marks, notices, outbox, people, rhythms, subscribers, subscriptions

pytestmark = pytest.mark.both_stores

KIND = NoticeKind.PREFERENCES_LINK
HOUR, DAY = RULES[KIND].limits
S = NoticeState


class Killed(BaseException):
    """The process dies here."""


class Scripted:
    """A channel that says what the test tells it to. `before` runs before the mail is handed over, `after` after."""

    name = "scripted"

    def __init__(self, *says: DeliveryError | BaseException | None, in_doubt: InDoubt = InDoubt.SEND_AGAIN) -> None:
        self.in_doubt = in_doubt
        self.says = list(says)
        self.handed: list[OutgoingMail] = []
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None
        self.wait: timedelta | None = None

    def send(self, mails: Iterable[OutgoingMail | None]) -> Iterator[Outcome | None]:
        self.before()
        for mail in mails:
            assert mail is not None
            self.handed.append(mail)
            self.after()
            answer = self.says.pop(0) if self.says else None
            if answer is not None and not isinstance(answer, DeliveryError):
                raise answer
            yield Outcome(mail.delivery, answer, self.wait)

    def forget_before(self, instant: Any) -> int:
        return 0

    def check(self) -> str:
        return ""


@pytest.fixture
def channel(app: Application) -> Scripted:
    made = Scripted()
    app.email = made
    with app.store.write() as tx:
        add_people(tx, 3)
    return made


def ask(app: Application, person: int = 1) -> Notice:
    with app.store.write() as tx:
        made = request_notice(tx, KIND, person, {"digest": "letter"}, app.rules, app.clock.now())
    assert made is not None
    return made


def refused(app: Application, person: int = 1) -> bool:
    with app.store.write() as tx:
        return request_notice(tx, KIND, person, {"digest": "letter"}, app.rules, app.clock.now()) is None


def one(app: Application, number: int = 1) -> Notice:
    with app.store.read() as tx:
        found = tx.notices.one(number)
    assert found is not None
    return found


def work(app: Application) -> int:
    """Act on every event that waits; how many. On PostgreSQL, without a relay, they are taken from the outbox."""
    if app.store.engine.dialect.name == "sqlite":
        return drain([consumer(app)], app)
    acted: set[str] = vars(app).setdefault("acted", set())
    waiting = [event for event in events(app) if event["id"] not in acted]
    for event in waiting:
        with suppress(RuntimeError):
            send_notice(sender_of(app), event["data"]["notice"])
        acted.add(event["id"])
    return len(waiting)


def passes(app: Application, clock: StoppedClock, time: timedelta) -> int:
    """Time passes, the scheduler ticks, what follows is done; how many notices were given out."""
    clock.move(time)
    woken = scheduler.notices(app)
    work(app)
    return woken


def events_of(app: Application) -> Table:
    return log_messages if app.store.engine.dialect.name == "sqlite" else outbox


def events(app: Application) -> list[dict[str, Any]]:
    with app.store.read() as tx:
        return [json.loads(value) for value in tx.connection.scalars(select(events_of(app).c.value))]


# -- the plain way --------------------------------------------------------------------------------------------


def test_from_the_request_to_the_mail_in_the_outbox(app: Application) -> None:
    with app.store.write() as tx:
        add_people(tx, 1)
        tx.connection.execute(update(people).values(name="Élodie N’Diaye"))
        tx.connection.execute(update(subscribers).values(languages="fr-CA,en"))
    asked = ask(app)
    assert (asked.state, asked.locale, asked.attempts) == (S.WAITING, "fr", 0)
    assert work(app) == 1
    done = one(app)
    assert (done.state, done.code, done.attempts, done.handovers) == (S.SENT, "", 1, 0)
    assert done.settled_at == app.clock.now()
    assert done.next_attempt_at is None
    folder = app.settings.email.outbox_folder
    message = message_from_bytes((folder / "n.1.eml").read_bytes(), policy=policy.default)
    assert message["Subject"] == "Un nouveau lien vers vos préférences"
    assert message["To"].addresses[0].display_name == "Élodie N’Diaye"
    assert message["From"].addresses[0].addr_spec == "letter@observatory.example"
    envelope = json.loads((folder / "n.1.json").read_text())
    assert envelope["recipient"] == "reader1@example.org"
    local, _, domain = envelope["sender"].partition("@")
    assert app.signer.verify("notice", local.removeprefix("b+")) == ("1",)
    assert domain == app.settings.email.return_path_domain
    assert len(local) <= 64


def test_the_link_opens_the_preferences_and_nothing_else(app: Application, channel: Scripted) -> None:
    ask(app)
    work(app)
    (mail,) = channel.handed
    token = re.search(r"/p/(\S+)", text_of(parse(mail.content)))
    assert token
    assert app.signer.verify("preferences", token[1]) == ("1", "letter", "n1")


def test_events_tell_no_personal_data_and_share_a_story(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    channel.says = [Retryable("later", code="450")]
    asked = ask(app)
    work(app)
    passes(app, clock, RETRY_DELAYS[0])
    told = events(app)
    assert [event["type"] for event in told] == ["notice.ready"] * 2
    assert {event["correlationid"] for event in told} == {asked.correlation_id}
    assert len({event["id"] for event in told}) == 2
    assert all(event["data"] == {"notice": 1} for event in told)
    assert "reader" not in json.dumps(told)


def test_a_rolled_back_request_leaves_neither_row_nor_event(app: Application, channel: Scripted) -> None:
    with pytest.raises(RuntimeError), app.store.write() as tx:
        request_notice(tx, KIND, 1, {"digest": "letter"}, app.rules, app.clock.now())
        raise RuntimeError
    assert events(app) == []
    with app.store.read() as tx:
        assert tx.notices.recent() == []


def test_an_event_twice_is_one_mail(app: Application, channel: Scripted) -> None:
    notice = ask(app)
    sender = sender_of(app)
    assert send_notice(sender, notice.id) is S.SENT
    assert send_notice(sender, notice.id) is None
    assert work(app) == 1
    assert len(channel.handed) == 1
    assert send_notice(sender, 99) is None, "there is no such notice"


# -- who asks too often ---------------------------------------------------------------------------------------


def test_nobody_is_flooded_and_others_are_not_kept_waiting(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    for _ in range(HOUR.number):
        ask(app)
    assert refused(app)
    ask(app, person=2)
    work(app)
    assert len(channel.handed) == HOUR.number + 1
    clock.move(HOUR.within)
    for _ in range(DAY.number - HOUR.number):
        ask(app)
    assert refused(app)
    clock.move(HOUR.within * 2)
    assert refused(app), "not more than so many a day"
    clock.move(DAY.within)
    ask(app)


def test_who_is_not_there_gets_no_row(app: Application, channel: Scripted) -> None:
    assert refused(app, person=99)
    with app.store.read() as tx:
        assert tx.notices.recent() == []


# -- who may be mailed ----------------------------------------------------------------------------------------


def test_who_is_suppressed_since_the_request_gets_nothing(app: Application, channel: Scripted) -> None:
    ask(app)
    with app.store.write() as tx:
        tx.audience.suppress("reader1@example.org", "complaint", app.clock.now())
    work(app)
    done = one(app)
    assert (done.state, done.code, done.attempts) == (S.SUPPRESSED, "suppressed: complaint", 0)
    assert channel.handed == []


def test_who_was_erased_since_the_request_is_gone(app: Application, channel: Scripted) -> None:
    ask(app)
    with app.store.write() as tx:
        for table in (subscriptions, rhythms, marks):
            tx.connection.execute(delete(table).where(table.c.subscriber_id == 1))
        for table in (subscribers, people):
            tx.connection.execute(delete(table).where(table.c.id == 1))
    work(app)
    assert (one(app).state, one(app).code) == (S.SUPPRESSED, "gone")
    assert channel.handed == []


def test_who_has_unsubscribed_may_ask_for_a_link_to_come_back(app: Application, channel: Scripted) -> None:
    with app.store.write() as tx:
        unsubscribe(tx, 1, None, app.clock.now())
    ask(app)
    work(app)
    assert one(app).state is S.SENT


def test_an_address_that_is_no_good_is_never_mailed_again(app: Application, channel: Scripted) -> None:
    channel.says = [Permanent("no", code="550 5.1.1 <reader1@example.org> unknown")]
    ask(app)
    work(app)
    assert (one(app).state, one(app).code) == (S.FAILED, "550 5.1.1 <<...>> unknown")
    ask(app)
    work(app)
    assert (one(app, 2).state, one(app, 2).code) == (S.SUPPRESSED, "suppressed: hard_bounce")


def test_an_answer_about_content_suppresses_nobody(app: Application, channel: Scripted) -> None:
    channel.says = [Permanent("no", code="550 5.7.1 spam")]
    ask(app)
    work(app)
    assert one(app).state is S.FAILED
    ask(app)
    work(app)
    assert one(app, 2).state is S.SENT


def test_over_a_real_mail_server(app: Application) -> None:
    mailbox = Mailbox()
    with app.store.write() as tx:
        add_people(tx, 2)
    with mail_server(mailbox) as port:
        app.email = SmtpChannel(host="127.0.0.1", port=port, security="none", timeout=5)
        ask(app)
        ask(app, person=2)
        work(app)
    assert one(app).state is one(app, 2).state is S.SENT
    assert {mail.recipient for mail in mailbox.mails} == {"reader1@example.org", "reader2@example.org"}
    for mail in mailbox.mails:
        assert message_from_bytes(mail.content, policy=policy.default)["To"].addresses[0].addr_spec == mail.recipient
    ask(app)
    work(app)
    assert (one(app, 3).state, one(app, 3).attempts) == (S.RETRY, 0), "the server has gone: throttled, not tried"


# -- what comes back ------------------------------------------------------------------------------------------


def test_a_busy_server_is_asked_again_soon(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    channel.says = [Retryable("later", code="450"), UnknownOutcome("?", code="no answer"), None]
    ask(app)
    work(app)
    assert (one(app).state, one(app).attempts, one(app).handovers) == (S.RETRY, 1, 0)
    assert passes(app, clock, RETRY_DELAYS[0] - timedelta(seconds=1)) == 0
    assert passes(app, clock, timedelta(seconds=1)) == 1
    assert (one(app).state, one(app).attempts, one(app).handovers) == (S.RETRY, 2, 1)
    assert passes(app, clock, RETRY_DELAYS[1]) == 1
    assert (one(app).state, one(app).attempts, one(app).handovers) == (S.SENT, 3, 0)
    assert len({mail.content for mail in channel.handed}) == 1, "the same mail, with the same Message-ID"


def test_after_the_last_attempt_it_failed(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    channel.says = [Retryable("later", code="450")] * 20
    ask(app)
    work(app)
    for wait in (*RETRY_DELAYS, timedelta(days=1)):
        passes(app, clock, wait)
    assert (one(app).state, one(app).code) == (S.FAILED, "450 (given up)")
    assert len(channel.handed) == len(RETRY_DELAYS) + 1


def test_a_server_that_is_away_costs_no_attempt_until_it_is_too_late(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    channel.says = [Throttled("nobody answers", code="connection refused")] * 200
    channel.wait = timedelta(minutes=10)
    ask(app)
    work(app)
    assert (one(app).state, one(app).attempts) == (S.RETRY, 0)
    for _ in range(6 * 24 - 1):
        assert passes(app, clock, timedelta(minutes=10)) == 1
    assert one(app).state is S.RETRY
    handed = len(channel.handed)
    passes(app, clock, timedelta(minutes=10))
    assert (one(app).state, one(app).code) == (S.FAILED, "expired: too late to be of use")
    assert len(channel.handed) == handed


def test_an_event_that_was_lost_loses_no_notice(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    ask(app)
    with app.store.write() as tx:
        tx.connection.execute(delete(events_of(app)))
    clock.move(WATCH - timedelta(seconds=1))
    assert scheduler.notices(app) == 0
    assert passes(app, clock, timedelta(seconds=1)) == 1
    assert one(app).state is S.SENT


def test_a_notice_is_given_out_once_whoever_asks(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    ask(app)
    clock.move(WATCH)
    assert scheduler.notices(app) == 1
    assert scheduler.notices(app) == 0
    work(app)
    assert len(channel.handed) == 1


# -- kills and stalls -----------------------------------------------------------------------------------------


def test_killed_between_claim_and_hand_over(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    ask(app)
    channel.before = _die
    with pytest.raises(Killed):
        work(app)
    assert one(app).state is S.IN_DOUBT
    channel.before = lambda: None
    assert work(app) == 1, "its event comes again, and finds it taken"
    assert channel.handed == []
    assert passes(app, clock, LEASE - timedelta(seconds=1)) == 0
    assert passes(app, clock, timedelta(seconds=1)) == 1
    assert (one(app).state, one(app).attempts) == (S.SENT, 2)
    assert len(channel.handed) == 1


def test_killed_between_hand_over_and_settling(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    ask(app)
    channel.after = _die
    with pytest.raises(Killed):
        work(app)
    channel.after = lambda: None
    assert passes(app, clock, LEASE) == 1
    assert one(app).state is S.SENT
    first, second = (message_from_bytes(mail.content)["Message-ID"] for mail in channel.handed)
    assert first == second


def test_what_kills_every_sender_is_quarantined(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    ask(app)
    channel.after = _die
    for _ in range(MAX_HANDOVERS):
        with pytest.raises(Killed):
            work(app)
        clock.move(LEASE)
        scheduler.notices(app)
    work(app)
    done = one(app)
    assert (done.state, done.code) == (S.QUARANTINED, "no answer after 3 attempts")
    assert len(channel.handed) == MAX_HANDOVERS
    assert done.next_attempt_at is None


def test_a_channel_that_must_not_repeat_is_asked_once(app: Application, clock: StoppedClock, channel: Scripted) -> None:
    channel.in_doubt = InDoubt.QUARANTINE
    ask(app)
    channel.after = _die
    with pytest.raises(Killed):
        work(app)
    channel.after = lambda: None
    passes(app, clock, LEASE)
    assert one(app).state is S.QUARANTINED
    assert len(channel.handed) == 1


def test_a_channel_that_breaks_off_is_told_and_does_not_stop_the_lane(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    channel.says = [RuntimeError("it fell over")]
    ask(app)
    work(app)
    ask(app, person=2)
    work(app)
    assert (one(app).state, one(app).code) == (S.RETRY, "no answer: RuntimeError")
    assert one(app, 2).state is S.SENT
    passes(app, clock, timedelta(minutes=1))
    assert one(app).state is S.SENT


def test_a_sender_that_was_stopped_sends_nothing_once_it_is_late(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    """SIGSTOP between claim and hand-over: it sees by its own clock that it is late, and another sends it."""
    ask(app)
    channel.before = lambda: clock.move(LEASE)
    state = send_notice(sender_of(app), 1)
    assert state is S.RETRY
    assert channel.handed == []
    channel.before = lambda: None
    passes(app, clock, timedelta())
    assert (one(app).state, one(app).attempts) == (S.SENT, 1)


def test_a_sender_that_was_stopped_while_sending_writes_nothing_over_another_s_outcome(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    ask(app)
    other = Scripted()

    def stopped_meanwhile() -> None:
        clock.move(LEASE)
        scheduler.notices(app)
        assert send_notice(_over(app, other), 1) is S.SENT

    channel.after = stopped_meanwhile
    channel.says = [Permanent("no", code="550 5.1.1")]
    assert send_notice(sender_of(app), 1) is None
    assert one(app).state is S.SENT
    channel.after = lambda: None
    ask(app)
    work(app)
    assert one(app, 2).state is S.SENT, "nor is the address suppressed"


def test_a_process_that_is_to_end_gives_it_back(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    ask(app)
    app.stopping.set()
    assert send_notice(sender_of(app), 1) is S.RETRY
    assert channel.handed == []
    app.stopping.clear()
    passes(app, clock, timedelta())
    assert (one(app).state, one(app).attempts) == (S.SENT, 1)


def test_what_cannot_be_made_is_left_to_staff_and_told_without_values(
    app: Application, channel: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    with app.store.write() as tx:
        tx.connection.execute(update(people).where(people.c.id == 1).values(address="secret person@example.org"))
    ask(app)
    ask(app, person=2)
    work(app)
    assert one(app).state is S.QUARANTINED
    assert one(app).code.startswith("cannot be made: An address holds")
    assert one(app, 2).state is S.SENT
    assert "secret" not in capsys.readouterr().out + one(app).code


def test_wrong_settings_stop_the_process_and_lose_nothing(
    app: Application, channel: Scripted, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bytes:
        raise ConfigurationError("locales: there is no folder")

    ask(app)
    with monkeypatch.context() as patch:
        patch.setattr(app.notice_composer, "compose", broken)
        with pytest.raises(ConfigurationError):
            work(app)
    passes(app, clock, LEASE)
    assert one(app).state is S.SENT


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


def _die() -> None:
    raise Killed


def _over(app: Application, channel: Scripted) -> NoticeSender:
    return NoticeSender(
        store=app.store,
        clock=app.clock,
        channel=channel,
        composer=app.notice_composer,
        links=app.notice_links,
        digests=app.digests,
    )
