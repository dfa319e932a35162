"""Notices: asked for, sent to who may be mailed, and to nobody too often."""

from __future__ import annotations

import json
import re
from email import message_from_bytes, policy

import pytest
from sqlalchemy import delete, update

from consumers.notices import sender_of
from tests.mail_servers import Mailbox, mail_server
from tests.mails import parse, text_of
from tests.notice_world import KIND, Scripted, ask, channel, events, one, passes, refused, work
from tests.planned import add_people
from tribune.bootstrap import Application
from tribune.channels.email.smtp import SmtpChannel
from tribune.domain.errors import Permanent, Retryable
from tribune.domain.notices import RETRY_DELAYS, RULES, NoticeState
from tribune.ports.clock import StoppedClock
from tribune.services.audience.unsubscribe import unsubscribe
from tribune.services.notices.request_notice import request_notice
from tribune.services.notices.send_notices import send_notice
from tribune.store.tables import marks, people, rhythms, subscribers, subscriptions

__all__ = ["channel"]
pytestmark = pytest.mark.both_stores
HOUR, DAY = RULES[KIND].limits
S = NoticeState


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
