"""What staff do with mailings: approve, look, send quarantined ones again; and the links that a mail carries."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, update

from consumers.deliveries import consumer
from consumers.loop import drain
from tests.mailing_world import counts, state, types
from tests.planned import add_item, plan
from tribune.bootstrap import Application
from tribune.cli import main
from tribune.domain.errors import Conflict, InvalidInput, NotFound
from tribune.domain.mailings import DeliveryState, MailingState
from tribune.domain.tokens import Signer
from tribune.ports.clock import StoppedClock
from tribune.services.planning.approve_mailing import approve_mailing
from tribune.services.sending.mailing_progress import mailing_progress
from tribune.services.sending.reader_links import ReaderLinkMaker
from tribune.store.tables import chunks, delivery_exceptions

NUMBERS = count()


def planned(app: Application, *sizes: int, state: MailingState = MailingState.PLANNED) -> int:
    with app.store.write() as tx:
        item = add_item(tx)
    return plan(app.store, sizes, with_people=True, items=(item,), state=state)


# -- approval -------------------------------------------------------------------------------------------------


def test_nothing_leaves_before_approval_and_everything_after(app: Application, tmp_path: Path) -> None:
    mailing = planned(app, 2, 1)
    with app.store.write() as tx:
        approve_mailing(tx, mailing, app.clock.now())
    assert state(app, mailing) is MailingState.APPROVED
    assert types(app) == {"mailing.approved": 1, "delivery.chunk-ready": 2}
    drain([consumer(app)], app)
    assert counts(app, mailing) == {"sent": 3}
    assert state(app, mailing) is MailingState.FINISHED
    assert {path.name for path in (tmp_path / "outbox").glob("*.eml")} == {"1.0.0.eml", "1.0.1.eml", "1.1.0.eml"}
    assert types(app) == Counter(
        {
            "mailing.approved": 1,
            "delivery.chunk-ready": 2,
            "mailing.started": 1,
            "delivery.chunk-done": 2,
            "mailing.finished": 1,
        }
    )


def test_a_mailing_is_approved_once(app: Application) -> None:
    mailing = planned(app, 1)
    with app.store.write() as tx:
        approve_mailing(tx, mailing, app.clock.now())
    with pytest.raises(Conflict, match="is approved, not waiting"), app.store.write() as tx:
        approve_mailing(tx, mailing, app.clock.now())
    with pytest.raises(NotFound, match="no mailing 99"), app.store.write() as tx:
        approve_mailing(tx, 99, app.clock.now())


def test_a_chunk_whose_event_comes_before_approval_is_not_sent(app: Application, tmp_path: Path) -> None:
    from tribune.services.sending.mailing_events import chunk_ready

    mailing = planned(app, 1)
    with app.store.write() as tx:
        told = tx.ledger.mailing(mailing)
        assert told is not None
        tx.outbox.add(chunk_ready(told, 0, app.clock.now()))
    drain([consumer(app)], app)
    assert not (tmp_path / "outbox").exists()
    with app.store.write() as tx:
        approve_mailing(tx, mailing, app.clock.now())
    drain([consumer(app)], app)
    assert counts(app, mailing) == {"sent": 1}


# -- numbers --------------------------------------------------------------------------------------------------


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_the_numbers_are_those_of_the_single_deliveries(app: Application, data: st.DataObject) -> None:
    """Numbers come from marks and exceptions, states of single deliveries from a query: they never differ."""
    sizes = data.draw(st.lists(st.integers(1, 8), min_size=1, max_size=4))
    mailing = plan(app.store, sizes, locales=["en", "fr", "es"], occasion=f"edition {next(NUMBERS)}")
    with app.store.write() as tx:
        for number, size in enumerate(sizes):
            doubt = data.draw(st.integers(0, size))
            sent = data.draw(st.integers(0, doubt))
            of_chunk = (chunks.c.mailing_id == mailing) & (chunks.c.chunk == number)
            tx.connection.execute(update(chunks).where(of_chunk).values(sent_upto=sent, doubt_upto=doubt))
            for place in data.draw(st.sets(st.integers(0, max(sent - 1, 0)))) if sent else ():
                kind = data.draw(st.sampled_from([*list(DeliveryState)[3:], DeliveryState.IN_DOUBT]))
                tx.connection.execute(
                    insert(delivery_exceptions).values(
                        mailing_id=mailing, chunk=number, place=place, state=kind.value, changed_at=app.clock.now()
                    )
                )
        progress = mailing_progress(tx, mailing)
        views = tx.ledger.deliveries(mailing)
        tx.connection.exec_driver_sql("DELETE FROM deliveries")
    assert progress.states == Counter(view.state for view in views)
    assert {(locale, state): number for locale, of in progress.languages.items() for state, number in of.items()} == (
        Counter((view.locale, view.state) for view in views)
    )
    assert progress.total == sum(sizes)


# -- the command ----------------------------------------------------------------------------------------------


@pytest.fixture
def cli(app: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "tribune.toml"
    file.write_text(
        f"""data_dir = "{tmp_path}/var"
[store]
url = "{app.settings.store.url}"
[email]
outbox_folder = "{tmp_path}/outbox"
[digests.letter]
names = {{ en = "The letter" }}
sender = "letter@observatory.example"
"""
    )
    monkeypatch.setenv("TRIBUNE_CONFIG", str(file))


def run(*words: str) -> object:
    """The exit code of `tribune mailing ...`."""
    with pytest.raises(SystemExit) as left:
        main(["mailing", *words])
    return left.value.code


@pytest.mark.usefixtures("cli")
def test_the_command_lists_shows_and_approves(app: Application, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    assert "No mailing has been planned yet" in capsys.readouterr().out
    mailing = planned(app, 2, 1)
    assert run("approve", "7") == 1
    assert "There is no mailing 7. See `tribune mailing list`." in capsys.readouterr().err
    assert run("approve", str(mailing)) == 0
    assert "Mailing 1 (letter, daily, 2026-11-23) is approved: 3 mails leave now." in capsys.readouterr().out
    drain([consumer(app)], app)
    assert run("list") == 0
    assert "3 sent" in " ".join(capsys.readouterr().out.split())
    assert run("show", str(mailing)) == 0
    shown = capsys.readouterr().out
    assert "State       finished (approval: standing)" in shown
    assert "2 of 2 dealt with" in shown
    assert run("show", str(mailing), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["languages"]) == ("finished", {"en": {"sent": 3}})
    assert "@" not in shown


@pytest.mark.usefixtures("cli")
def test_quarantined_deliveries_are_looked_at_and_sent_once_more(
    app: Application, clock: StoppedClock, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("quarantined") == 0
    assert "Nothing is held back." in capsys.readouterr().out
    mailing = planned(app, 2, state=MailingState.APPROVED)
    with app.store.write() as tx:
        tx.connection.execute(update(chunks).values(state="done", sent_upto=2, doubt_upto=2))
        tx.connection.execute(
            insert(delivery_exceptions).values(
                mailing_id=mailing, chunk=0, place=1, state="quarantined", code="no answer", changed_at=clock.now()
            )
        )
        tx.ledger.start(mailing, clock.now())
        tx.ledger.finish(mailing, clock.now())
    assert run("quarantined") == 0
    assert "1.0.1" in capsys.readouterr().out
    assert run("retry", "99") == 1
    assert "There is no mailing 99" in capsys.readouterr().err
    assert run("retry", str(mailing)) == 0
    assert "1 delivery of mailing 1 is tried again now (1 quarantined)." in capsys.readouterr().out
    clock.set(datetime.now(UTC))  # the command's own clock is the machine's
    drain([consumer(app)], app)
    assert counts(app, mailing) == {"sent": 2}
    assert run("retry", str(mailing)) == 0
    assert "Mailing 1 has no delivery to try again." in capsys.readouterr().out


# -- links ----------------------------------------------------------------------------------------------------


@pytest.fixture
def links() -> ReaderLinkMaker:
    return ReaderLinkMaker(Signer({"k1": b"s" * 32}, "k1"), "https://letters.example.org/", "bounces.example.org")


def test_links_are_signed_and_each_for_one_purpose(links: ReaderLinkMaker) -> None:
    signer = Signer({"k1": b"s" * 32}, "k1")
    made = links.links(42, "work-monthly", 7)
    assert made.one_click == made.unsubscribe
    token = made.unsubscribe.removeprefix("https://letters.example.org/u/")
    assert signer.verify("unsubscribe", token) == ("42", "work-monthly", "7")
    with pytest.raises(InvalidInput):
        signer.verify("preferences", token)
    other = made.preferences.removeprefix("https://letters.example.org/p/")
    assert signer.verify("preferences", other) == ("42", "work-monthly", "7")
    assert links.links(43, "work-monthly", 7).unsubscribe != made.unsubscribe


def test_a_return_path_fits_its_limits_and_survives_folded_case(links: ReaderLinkMaker) -> None:
    path = links.return_path(9_999_999, 99_999, 499)
    local, _, domain = path.partition("@")
    assert domain == "bounces.example.org"
    assert len(local) <= 64, "RFC 5321, 4.5.3.1.1"
    assert links.bounced(path.lower()) == ("9999999.99999.499", 9_999_999, 99_999, 499)


@pytest.mark.parametrize("path", ["", "b+@bounces.example.org", "b+k1.1~2~3.0000@bounces.example.org", "x"])
def test_a_forged_return_path_names_nothing(links: ReaderLinkMaker, path: str) -> None:
    with pytest.raises(InvalidInput):
        links.bounced(path)
