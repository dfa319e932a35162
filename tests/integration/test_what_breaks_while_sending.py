"""Something of our own breaks while a mailing is sent: nobody is taken for mailed, nobody is mailed twice for it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from consumers.notices import sender_of as notice_sender_of
from tests import outbox_log
from tests.integration.test_settling_patiently import Answers, Blip, asked, states
from tests.mailing_world import Scripted, channel, counts, planned, tick  # noqa: F401 - channel is a fixture
from tests.planned import PlainComposer, PlainMail, add_people, make_sender
from tribune.bootstrap import Application
from tribune.domain.errors import ConfigurationError, Permanent, Retryable
from tribune.domain.items import Item
from tribune.domain.mailings import EditionContent
from tribune.ports.clock import StoppedClock
from tribune.rendering.email.composer import EditionFacts, Reader, ReaderLinks
from tribune.services.notices.send_notices import send_notices
from tribune.services.sending import chunk_run, make_mails, send_stream
from tribune.services.sending.make_mails import Batch
from tribune.services.sending.send_chunk import send_chunk
from tribune.services.sending.send_retries import send_retries
from tribune.services.sending.send_stream import Stream
from tribune.store.tables import deliveries, signatures, subscriptions

pytestmark = pytest.mark.both_stores


class BrokenAt(PlainComposer):
    """A composer whose catalogues turn out to be broken at one reader."""

    def __init__(self, reader: int) -> None:
        super().__init__()
        self._address = f"reader{reader}@example.org"

    def compose(self, content: EditionContent, items: Mapping[tuple[int, int], Item], edition: EditionFacts) -> Any:
        mail, address = super().compose(content, items, edition), self._address

        class Broken(PlainMail):
            def __init__(self) -> None:
                self.locale = mail.locale

            def fill(self, reader: Reader, links: ReaderLinks) -> bytes:
                if reader.address == address:
                    raise ConfigurationError("locales: a catalogue is broken")
                return mail.fill(reader, links)

        return Broken()


def goes_on(app: Application, clock: StoppedClock, over: Any, mailing: int, owner: str) -> None:
    """What the scheduler gives out again, by a sender that is well."""
    clock.move(timedelta(minutes=20))
    for name in tick(app):
        send_chunk(make_sender(app, over, owner), *name)


def test_mails_that_could_not_be_made_wait(app: Application, clock: StoppedClock, channel: Scripted) -> None:  # noqa: F811
    mailing = planned(app, 60)
    broken = replace(make_sender(app, channel), composer=BrokenAt(31))  # type: ignore[arg-type]
    for _ in range(3):
        with pytest.raises(ConfigurationError):
            send_chunk(broken, mailing, 0)
        clock.move(timedelta(minutes=5))
        tick(app)
    assert counts(app, mailing).get("sent", 0) == len(channel.handed) < 31, "nobody is sent who was not handed over"
    send_chunk(make_sender(app, channel, "b"), mailing, 0)
    assert counts(app, mailing) == {"sent": 60}
    assert sorted(channel.times.values()) == [1] * 60


def test_later_attempts_that_could_not_be_made_wait(
    app: Application,
    clock: StoppedClock,
    channel: Scripted,  # noqa: F811
) -> None:
    channel.says = {n: [Retryable("later", code="450 4.2.1 later")] for n in (1, 2, 3)}
    mailing = planned(app, 3)
    send_chunk(make_sender(app, channel), mailing, 0)
    clock.move(timedelta(minutes=5))
    broken = replace(make_sender(app, channel), composer=BrokenAt(2))  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError):
        send_retries(broken, mailing, 0)
    assert set(counts(app, mailing)) <= {"sent", "retry"}
    clock.move(timedelta(minutes=5))
    send_retries(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"sent": 3}
    assert sorted(channel.times.values()) == [2, 2, 2]


def test_notices_that_could_not_be_made_wait(
    app: Application, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = Answers()
    app.email = over
    with app.store.write() as tx:
        add_people(tx, 2)
    ids = asked(app, 1, 2)
    sender = notice_sender_of(app)

    def breaks(*_: object) -> bytes:
        raise ConfigurationError("templates: notice.txt is broken")

    with monkeypatch.context() as while_broken:
        while_broken.setattr(sender.composer, "compose", breaks)
        for _ in range(4):
            with pytest.raises(ConfigurationError):
                send_notices(sender, ids)
            clock.move(timedelta(minutes=2))
    send_notices(sender, ids)
    assert states(app, ids) == ["sent", "sent"]
    assert over.mailed == {"reader1": 1, "reader2": 1}


@pytest.mark.parametrize("what", ["choice", "content"])
def test_a_row_that_cannot_be_read_holds_up_nobody_else(app: Application, clock: StoppedClock, what: str) -> None:
    over = Answers()
    mailing = planned(app, 500)
    with app.store.write() as tx:
        if what == "choice":
            of_one = update(subscriptions).where(subscriptions.c.subscriber_id == 300)
            tx.connection.execute(of_one.values(choice={"policy_areas": 7, "kinds": 9, "places": 1}))
        else:
            tx.connection.execute(update(deliveries).where(deliveries.c.subscriber_id == 300).values(signature=9))
            broken = {"mailing_id": mailing, "signature": 9, "locale": "en", "content": "{"}
            tx.connection.execute(insert(signatures).values(broken))
    Stream(make_sender(app, over), [(mailing, 0)]).run()
    wanted = {"sent": 500} if what == "choice" else {"sent": 499, "quarantined": 1}
    assert counts(app, mailing) == wanted
    assert set(over.mailed.values()) == {1}


def test_a_window_is_settled_though_the_next_one_cannot_be_opened(
    app: Application, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = Answers()
    mailing = planned(app, 500)
    monkeypatch.setattr(send_stream, "TRIES", (0.01, 0.01))
    load = make_mails.load_window

    def breaks(tx: Any, sender: Any, told: Any, claim: Any, marks: Any) -> Batch:
        if marks.sent:
            raise RuntimeError("the second window cannot be loaded")
        return load(tx, sender, told, claim, marks)

    with monkeypatch.context() as while_broken:
        while_broken.setattr(chunk_run, "load_window", breaks)
        for number in range(3):
            stream = Stream(make_sender(app, over, str(number)), [(mailing, 0)])
            if number:
                with pytest.raises(RuntimeError):
                    stream.run()
            else:
                stream.run()
                assert isinstance(stream.errors[mailing, 0], RuntimeError), "its event comes again"
            assert counts(app, mailing) == {"sent": 250, "waiting": 250}
            clock.move(timedelta(minutes=20))
            assert tick(app) == [(mailing, 0)]
    Stream(make_sender(app, over, "well"), [(mailing, 0)]).run()
    assert counts(app, mailing) == {"sent": 500}
    assert Counter(over.mailed.values()) == {1: 500}


@pytest.mark.parametrize("at", [3, 4])
def test_a_lost_answer_to_a_window_with_failures_mails_nobody_again(
    app: Application, clock: StoppedClock, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send_stream, "TRIES", (0.01, 0.01))
    over = Answers(reader2=[Permanent("no", code="550 5.1.1 nobody")], reader600=[Permanent("no", code="550 5.1.1 no")])
    mailing = planned(app, 600, 300)
    store = Blip(app.store, at, lost=True)
    stream = Stream(replace(make_sender(app, over), store=store), [(mailing, 0), (mailing, 1)])
    stream.run()
    goes_on(app, clock, over, mailing, "b")
    assert counts(app, mailing) == {"sent": 898, "failed": 2}
    assert Counter(over.mailed.values()) == {1: 900}
    told = {event["id"] for event in outbox_log.told(app) if event["type"] == "delivery.failed"}
    assert len(told) == 2, "told twice, perhaps, but under one id: the inbox takes it once"


def test_a_later_attempt_is_held_while_its_mail_is_on_its_way(
    app: Application,
    clock: StoppedClock,
    channel: Scripted,  # noqa: F811
) -> None:
    channel.says = {1: [Retryable("later", code="450 4.2.1 grey")]}
    mailing = planned(app, 1)
    send_chunk(make_sender(app, channel), mailing, 0)
    clock.move(timedelta(minutes=5))
    woken: list[Collection[tuple[int, int]]] = []

    def slow(_: int) -> None:
        for _ in range(8):  # four seconds in all, twice the lease
            time.sleep(0.5)
            clock.move(timedelta(seconds=0.5))
        woken.append(tick(app))

    channel.before = slow
    send_retries(make_sender(app, channel, lease=timedelta(seconds=2)), mailing, 0)
    assert woken == [[]], "nobody else is given what is on its way"
    assert counts(app, mailing) == {"sent": 1}
