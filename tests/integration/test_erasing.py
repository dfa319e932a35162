"""Somebody is erased: no table and no caught mail holds anything of them; what was under way for them ends."""

from __future__ import annotations

import csv
import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

import scheduler
from tests.mailing_world import Scripted, counts
from tests.notice_world import ask, work
from tests.planned import add_item, add_people, make_sender, plan
from tribune.bootstrap import Application
from tribune.domain.audience import Cadence
from tribune.domain.consent import ConsentAct, ConsentRecord, ConsentSource, ConsentText
from tribune.domain.errors import Conflict, NotFound, Retryable
from tribune.domain.imports import Basis, BasisKind, Refusal
from tribune.domain.mailings import WINDOW
from tribune.ports.audience import CarryOver
from tribune.ports.clock import StoppedClock
from tribune.ports.data_requests import RequestKind, RequestState
from tribune.services.audience.change_address import ask_for_address
from tribune.services.audience.erase_person import CLEARED_AGAIN_AFTER, ERASED, erase_person
from tribune.services.audience.export_my_data import export_my_data
from tribune.services.audience.import_subscribers import import_subscribers
from tribune.services.audience.refresh_masks import refresh_masks
from tribune.services.people.suppress import take_off_list
from tribune.services.sending.send_chunk import send_chunk
from tribune.services.sending.send_retries import send_retries
from tribune.store.tables import at_once_served, delivery_exceptions, metadata, people

pytestmark = pytest.mark.both_stores

ADDRESS, NAME, NEW = "awa.secret@travail.example", "Awa Unmistakable", "awa.elsewhere@travail.example"
SECRETS = (ADDRESS, NAME, NEW, "Unmistakable", "awa.secret", "awa.elsewhere")
AWA = 2


@pytest.fixture
def mailing(app: Application) -> int:
    """Awa and two others, about whom every table has something, in a mailing that has not begun."""
    refresh_masks(app.store, app.codelists)
    with app.store.write() as tx:
        items = [add_item(tx, "Work in figures")]
    number = plan(app.store, [3], with_people=True, items=items)
    with app.store.write() as tx:
        tx.connection.execute(
            update(people).where(people.c.id == AWA).values(address=ADDRESS, address_key=ADDRESS, name=NAME)
        )
        tx.audience.carry_over([CarryOver(AWA, "letter", Cadence.DAILY, items[0], "changed")])
        tx.connection.execute(insert(at_once_served).values(subscriber_id=AWA, sequence=1, mailing_id=number))
        ask_for_address(tx, AWA, NEW, "letter", app.sign_ups, app.clock.now())
    ask(app, AWA)
    return number


def erase(app: Application, who: int = AWA) -> None:
    erase_person(app.store, app.email, who, "self", app.clock.now())


def everything(app: Application) -> dict[str, str]:
    """Every row of every table as text."""
    with app.store.read() as tx:
        return {
            table.name: "\n".join(json.dumps(dict(row), default=str, ensure_ascii=False) for row in rows)
            for table in metadata.sorted_tables
            for rows in [tx.connection.execute(select(table)).mappings().all()]
        }


def traces(app: Application) -> list[tuple[str, str]]:
    """Where one of the secrets stands, in tables and in caught mails."""
    told = everything(app)
    folder = app.settings.email.outbox_folder
    told |= {file.name: file.read_text("utf-8", "replace") for file in folder.glob("*")} if folder.exists() else {}
    return [(place, secret) for place, text in told.items() for secret in SECRETS if secret in text]


def test_no_table_and_no_caught_mail_holds_address_or_name(app: Application, mailing: int) -> None:
    work(app)
    send_chunk(make_sender(app, app.email), mailing, 0)
    folder = app.settings.email.outbox_folder
    found = {place for place, _ in traces(app)}
    assert {"people", "1.0.1.eml", "1.0.1.json", "n.1.eml"} <= found, "there is something to find"
    erase(app)
    assert traces(app) == []
    kept = {file.name for file in folder.glob("*.eml")}
    assert {"1.0.0.eml", "1.0.2.eml"} <= kept, "other people's stay"
    with app.store.read() as tx:
        assert tx.audience.one(AWA) is None
        assert tx.audience.suppressed([ADDRESS]) == {ADDRESS: ERASED}
        assert tx.data_requests.rows_of(AWA).keys() == {"data_requests"}
        assert tx.ledger.deliveries_to(AWA) == []
    assert counts(app, mailing) == {"sent": 3}, "the numbers of the mailing stay"


def test_every_table_about_people_is_known_to_be_one(app: Application) -> None:
    """Whoever adds a table names the person `subscriber_id`, or it would be forgotten when somebody is erased."""
    about = {table.name for table in metadata.sorted_tables if "subscriber_id" in table.c} | {"people", "subscribers"}
    refer = {
        table.name
        for table in metadata.sorted_tables
        for key in table.foreign_keys
        if key.column.table.name in ("people", "subscribers")
    }
    assert refer <= about
    told = {"address", "address_key", "email", "person_id", "recipient", "people_id"}
    suspect = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.c
        if column.name in told and table.name not in about
    }
    assert {one.partition(".")[0] for one in suspect} <= {"staff"}, "whoever works here is no subscriber"


@pytest.mark.embedded_only
def test_the_database_file_forgets_too(app: Application, mailing: int) -> None:
    erase(app)
    with app.store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    file = (app.settings.data_dir / "tribune.sqlite3").read_bytes()
    assert NAME.encode() not in file
    assert NEW.encode() not in file


def test_to_erase_twice_is_to_erase_once(app: Application, mailing: int) -> None:
    first = erase_person(app.store, app.email, AWA, "self", app.clock.now())
    again = erase_person(app.store, app.email, AWA, "cli", app.clock.now())
    assert (first.id, first.by) == (again.id, again.by)
    with app.store.read() as tx:
        told = tx.data_requests.recent(subscriber=AWA)
    assert [(one.kind, one.state) for one in told] == [
        (RequestKind.ERASE, RequestState.CLEARING),
        (RequestKind.ADDRESS, RequestState.REPLACED),
    ]
    with pytest.raises(NotFound):
        erase(app, 99)


def test_a_mailing_that_runs_goes_on_without_them(app: Application, clock: StoppedClock) -> None:
    refresh_masks(app.store, app.codelists)
    with app.store.write() as tx:
        items = [add_item(tx, "Work in figures")]
    mailing = plan(app.store, [WINDOW + 5], with_people=True, items=items)
    channel = Scripted()
    channel.before = lambda number: erase(app, WINDOW + 2) if number == 10 else None
    send_chunk(make_sender(app, channel), mailing, 0)
    assert channel.times[WINDOW + 2] == 0
    assert sum(channel.times.values()) == WINDOW + 4
    assert counts(app, mailing) == {"sent": WINDOW + 4, "suppressed": 1}


def test_a_retry_that_waits_for_them_ends(app: Application, clock: StoppedClock) -> None:
    refresh_masks(app.store, app.codelists)
    with app.store.write() as tx:
        items = [add_item(tx, "Work in figures")]
    mailing = plan(app.store, [3], with_people=True, items=items)
    channel = Scripted()
    channel.says = {2: [Retryable("450 reader2@example.org is Awa Unmistakable's and full", code="450 full")]}
    send_chunk(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"sent": 2, "retry": 1}
    erase(app, 2)
    clock.move(timedelta(hours=1))
    send_retries(make_sender(app, channel), mailing, 0)
    assert channel.times[2] == 1
    assert counts(app, mailing) == {"sent": 2, "suppressed": 1}
    with app.store.read() as tx:
        rows = tx.connection.execute(select(delivery_exceptions.c.code)).scalars().all()
    assert rows == ["gone"]


def test_a_notice_that_waits_for_them_ends(app: Application, mailing: int) -> None:
    erase(app)
    work(app)
    assert traces(app) == []
    with app.store.read() as tx:
        assert tx.notices.recent(subscriber=AWA) == []


def test_what_a_sender_had_in_hand_is_cleared_away_later(app: Application, mailing: int, clock: StoppedClock) -> None:
    erase(app)
    folder = app.settings.email.outbox_folder
    folder.mkdir(exist_ok=True)
    for name in ("1.0.1.eml", "1.0.1.json"):
        (folder / name).write_text(f"To: {NAME} <{ADDRESS}>")  # written just after
    scheduler.data_requests(app)
    assert traces(app) == []
    (folder / "1.0.1.eml").write_text(f"To: {NAME} <{ADDRESS}>")
    clock.move(CLEARED_AGAIN_AFTER)
    assert scheduler.data_requests(app) == 1
    assert traces(app) == []
    with app.store.read() as tx:
        (request,) = tx.data_requests.recent(kinds=[RequestKind.ERASE])
    assert (request.state, request.traces, request.subscriber) == (RequestState.DONE, (), AWA)
    assert scheduler.data_requests(app) == 0


def test_an_import_does_not_bring_them_back(app: Application, mailing: int, tmp_path: Path) -> None:
    erase(app)
    file = tmp_path / "people.csv"
    with file.open("w", newline="") as out:
        csv.writer(out).writerows(
            [["address", "name", "languages", "zone", "digest"], [ADDRESS.upper(), NAME, "en", "UTC", "letter"]]
        )
    refused: list[Refusal] = []
    basis = Basis(BasisKind.TRANSFER, "the former system")
    done = import_subscribers(app.store, app.clock, file, app.digests, app.codelists, basis=basis, tell=refused.append)
    assert (done.added, done.refused) == (0, 1)
    assert refused[0].reason == "This address is never mailed: erased."
    assert traces(app) == []


@pytest.mark.parametrize("before", ["hard_bounce", "wrong_address", "rejected"])
def test_who_is_erased_stays_so_whatever_stood_on_the_list_before(app: Application, mailing: int, before: str) -> None:
    with app.store.write() as tx:
        tx.audience.suppress(ADDRESS, before, app.clock.now())
    erase(app)
    with app.store.write() as tx:
        assert tx.audience.suppressed([ADDRESS]) == {ADDRESS: ERASED}
        with pytest.raises(Conflict, match="Only the person themselves"):
            take_off_list(tx, ADDRESS, "works_again", "cli", app.clock.now())
    assert traces(app) == []


def test_a_complaint_is_not_outweighed(app: Application, mailing: int) -> None:
    """Who complained is sent nothing, not even a mail to confirm that they come back (decisions.md, 6)."""
    with app.store.write() as tx:
        tx.audience.suppress(ADDRESS, "complaint", app.clock.now())
    erase(app)
    with app.store.read() as tx:
        assert tx.audience.suppressed([ADDRESS]) == {ADDRESS: "complaint"}


def test_a_bounce_that_comes_after_writes_nothing_of_them(app: Application, mailing: int) -> None:
    erase(app)
    with app.store.write() as tx:
        tx.audience.suppress(ADDRESS, "hard_bounce", app.clock.now())
        add_people(tx, 1, first=50)
    assert traces(app) == []
    with app.store.read() as tx:
        assert tx.audience.suppressed([ADDRESS]) == {ADDRESS: ERASED}


def test_what_is_held_about_somebody_has_their_tags_and_their_last_visit(app: Application, mailing: int) -> None:
    with app.store.write() as tx:
        tx.segments.tag([AWA], "jury")
        tx.segments.tag([AWA], "g20-alumni")
        tx.segments.saw([AWA], date(2026, 11, 2))
        told, _ = export_my_data(tx, AWA, app.digests, "self", app.clock.now())
        other, _ = export_my_data(tx, AWA + 1, app.digests, "self", app.clock.now())
    assert (told["tags"], told["person"]["last_visit"]) == (["g20-alumni", "jury"], "2026-11-02")
    assert (other["tags"], other["person"]["last_visit"]) == ([], None)
    assert not told["records"].keys() & {"person_tags", "engagement"}, "once is enough"


def test_what_is_held_about_somebody_has_the_words_that_they_agreed_to(app: Application, mailing: int) -> None:
    words = ConsentText("fr", "J’accepte de recevoir cette lettre.")
    signed = ConsentRecord(
        AWA, ConsentAct.SIGNED_UP, app.clock.now(), ConsentSource.FORM, {"digests": {}}, words.version
    )
    with app.store.write() as tx:
        tx.consents.keep_text(words, app.clock.now())
        tx.consents.add([signed])
        tx.consents.add([ConsentRecord(AWA, ConsentAct.PAUSED, app.clock.now(), ConsentSource.MAIL)])
        told, _ = export_my_data(tx, AWA, app.digests, "self", app.clock.now())
    kept = [(one["act"], one["text_version"], one["text"]) for one in told["records"]["consents"]]
    assert kept[-2:] == [("signed_up", words.version, words.words), ("paused", "", "")]
