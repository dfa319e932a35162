"""A mailing over real SMTP: mails arrive whole, and a server that goes away and comes back loses none."""

from __future__ import annotations

import email
import email.policy
import re
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from consumers.deliveries import consumer
from consumers.loop import drain
from scheduler import retries
from tests.mail_servers import Lines, Mailbox, mail_server, nasty_server, polite
from tests.mailing_world import counts, state
from tests.planned import add_item, plan
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.domain.mailings import MailingState
from tribune.ports.clock import StoppedClock
from tribune.services.planning.approve_mailing import approve_mailing
from tribune.store.tables import people

NAMES = {1: "Élodie Ndiaye", 2: "ليلى حداد", 3: 'O\'Neil, "Bo" <b@example.org>', 4: "👩‍🔬 Zoë", 5: "名" * 150}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def settings(settings: Settings) -> Settings:
    smtp: dict[str, Any] = {"host": "127.0.0.1", "port": free_port(), "security": "none", "timeout_seconds": 3}
    changed = settings.model_dump() | {"email": {"channel": "smtp", "smtp": smtp}}
    return Settings.model_validate(changed)


def approved(app: Application, *sizes: int) -> int:
    with app.store.write() as tx:
        item = add_item(tx, "Le travail en chiffres : l’année 2026", "fr")
    mailing = plan(app.store, sizes, with_people=True, items=(item,), locales=["fr"], state=MailingState.PLANNED)
    with app.store.write() as tx:
        for number, name in NAMES.items():
            tx.connection.execute(update(people).where(people.c.id == number).values(name=name))
        approve_mailing(tx, mailing, app.clock.now())
    return mailing


def test_mails_arrive_whole_and_each_is_its_reader_s(app: Application) -> None:
    mailing = approved(app, 5)
    mailbox = Mailbox()
    with mail_server(mailbox, port=app.settings.email.smtp.port):
        drain([consumer(app)], app)
    assert counts(app, mailing) == {"sent": 5}
    # Over several connections they come in any order.
    for place, got in enumerate(sorted(mailbox.mails, key=lambda one: one.recipient)):
        parsed = email.message_from_bytes(got.content, policy=email.policy.SMTP)
        assert parsed.defects == []
        assert parsed["To"].addresses[0].addr_spec == got.recipient == f"reader{place + 1}@example.org"
        assert re.fullmatch(rf"<{mailing}\.0\.{place}\.[0-9a-f]+@observatory\.example>", parsed["Message-ID"])
        assert app.reader_links.bounced(got.sender)[0] == f"{mailing}.0.{place}"
        body = parsed.get_body(("plain",))
        assert body is not None
        assert "Le travail en chiffres" in body.get_content()
        others = [n for n in range(1, 6) if n != place + 1]
        assert not any(f"reader{n}@example.org".encode() in got.content for n in others)
        assert got.content.count(b"\n") == got.content.count(b"\r\n")


def test_a_server_that_goes_away_and_comes_back_loses_nothing(app: Application, clock: StoppedClock) -> None:
    mailing = approved(app, 3, 2)
    drain([consumer(app)], app)
    assert counts(app, mailing) == {"waiting": 5}
    mailbox = Mailbox()
    mailbox.answers = {"reader4@example.org": "450 4.2.0 greylisted"}
    with mail_server(mailbox, port=app.settings.email.smtp.port):
        drain([consumer(app)], app)
        assert mailbox.mails == [], "it rests"
        clock.move(timedelta(minutes=1))
        retries(app)
        drain([consumer(app)], app)
        assert counts(app, mailing) == {"sent": 4, "retry": 1}
    clock.move(timedelta(minutes=5))
    retries(app)
    drain([consumer(app)], app)
    assert counts(app, mailing) == {"sent": 4, "retry": 1}, "away again: no attempt was burnt"
    mailbox.answers = {}
    with mail_server(mailbox, port=app.settings.email.smtp.port):
        clock.move(timedelta(minutes=1))
        retries(app)
        drain([consumer(app)], app)
    assert counts(app, mailing) == {"sent": 5}
    assert sorted(got.recipient for got in mailbox.mails) == [f"reader{n}@example.org" for n in range(1, 6)]
    assert state(app, mailing) is MailingState.FINISHED


def test_a_connection_that_drops_after_it_accepted_ends_with_the_same_message_again(
    app: Application, clock: StoppedClock
) -> None:
    mailing = approved(app, 1)

    def accept_and_drop(connection: socket.socket, lines: Lines) -> None:
        read = lines.message

        def message() -> bytes:
            messages.append(read())
            return messages[-1]

        lines.message = message  # type: ignore[method-assign]
        polite(connection, lines, end=None)

    messages: list[bytes] = []
    with nasty_server(accept_and_drop, port=app.settings.email.smtp.port):
        drain([consumer(app)], app)
        for _ in range(5):
            clock.move(timedelta(hours=1))
            retries(app)
            drain([consumer(app)], app)
    assert len(messages) == 3, "at most three hand-overs"
    assert len(set(messages)) == 1
    assert counts(app, mailing) == {"quarantined": 1}


def test_the_log_never_holds_an_address_a_token_or_a_password(
    app: Application, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from tribune import logs

    logs.configure("debug", "json")
    mailing = approved(app, 2)
    with nasty_server(
        lambda connection, lines: polite(connection, lines, rcpt=b"421 4.7.0 <reader1@example.org> too fast"),
        port=app.settings.email.smtp.port,
    ):
        drain([consumer(app)], app)
    assert counts(app, mailing) == {"retry": 2}
    told = capfd.readouterr().err
    assert "throttled" in told
    assert "example.org" not in told
    assert "/u/k" not in told
