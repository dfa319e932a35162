"""A change of address: nobody makes it behind a reader's back, nobody is flooded by it, nobody learns by it who is
known, and it works wherever the new mailbox says yes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House
from tests.acceptance.test_my_data_as_readers_see_it import NEW, READER, ask, newest, path, person, subjects
from tests.acceptance.test_subscribing_as_readers_do import confirmation, reader, send
from tribune.domain.audience import Status
from tribune.domain.notices import NoticeKind, NoticeState

MALLORY, OTHER = "mallory@evil.example", "other@example.com"
WARNED, ASKED = "Your address is about to change", "Please confirm your new address"
TOO_OFTEN = "A change of address was asked for several times already"


@pytest.fixture
def browser(house: House) -> Iterator[TestClient]:
    with reader(house.app) as client:
        yield client


@pytest.fixture
def page(house: House) -> str:
    """Awa has had a mail; the path of her preferences page."""
    house.subscribe(READER, name="Awa Diop", languages="en", cadence="daily", hour=8)
    house.subscribe(OTHER, name="Otto Other", languages="en", cadence="daily", hour=8)
    house.publish("work", titles={"en": "Work in figures"})
    house.until("2026-11-23 09:00")
    return path(house.mails(READER)[0], "p")


def wants(browser: TestClient, mine: str, to: str) -> Any:
    """Ask for a change of address; the answer, with the page that it leads to."""
    return browser.post(mine, data={"do": "address", "address": to}, follow_redirects=True)


def yes(house: House, browser: TestClient, to: str = NEW) -> str:
    """Say yes from the new mailbox; what the page says."""
    return browser.post(newest(house, to, "a"), data={"do": "yes"}).text


def links(house: House, address: str, kind: str) -> list[str]:
    house.work()
    return [path(mail, kind) for mail in house.mails(address) if f"/{kind}/" in mail.text]


def data(browser: TestClient, mine: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(browser.post(mine, data={"do": "export"}).text)
    return told


def suppress(house: House, address: str, reason: str) -> None:
    with house.app.store.write() as tx:
        tx.audience.suppress(address, reason, house.clock.now())


# -- nobody behind the reader's back


def test_each_change_that_was_asked_for_is_told_to_the_present_address(
    house: House, browser: TestClient, page: str
) -> None:
    """However quickly one comes after the other, and whoever has the address that is asked for."""
    mine = ask(house, browser, page)
    for _ in range(3):
        wants(browser, mine, OTHER)
    answer = wants(browser, mine, MALLORY)
    house.work()
    assert answer.status_code == 429 and TOO_OFTEN in answer.text
    assert subjects(house, READER).count(WARNED) == 3
    assert subjects(house, MALLORY) == [], "a change of which nobody can be told any more is not opened"
    with house.app.store.read() as tx:
        one = tx.audience.by_address(READER)
        assert one is not None and tx.data_requests.new_address(one.id) == OTHER, "what waited still waits"


def test_any_of_the_warnings_stops_whatever_waits(house: House, browser: TestClient, page: str) -> None:
    mine = ask(house, browser, page)
    for to in (OTHER, "elsewhere@evil.example", MALLORY):
        wants(browser, mine, to)
        house.work()
    for stop in links(house, READER, "n"):
        assert "Stop the change of your address?" in browser.get(stop).text
    first = links(house, READER, "n")[0]
    assert "The change is stopped" in browser.post(first, data={"do": "yes"}).text
    assert "This link no longer works" in yes(house, browser, MALLORY)
    assert person(house) is not None and person(house, MALLORY) is None
    assert "There is nothing to stop" in browser.get(first).text


def test_an_old_warning_says_that_a_later_change_was_made(house: House, browser: TestClient, page: str) -> None:
    mine = ask(house, browser, page)
    wants(browser, mine, OTHER)
    wants(browser, mine, NEW)
    assert "Your mails come to this address now" in yes(house, browser)
    stops = links(house, READER, "n")
    assert len(stops) == 2
    for stop in stops:
        told = browser.get(stop).text
        assert "confirmed already" in told, "not: your address is as before"
        assert "The change is made already" in told and "There is nothing to stop" not in told
        assert "confirmed already" in browser.post(stop, data={"do": "yes"}).text


def test_an_old_mailbox_stops_no_later_change(house: House, browser: TestClient, page: str) -> None:
    wants(browser, ask(house, browser, page), NEW)
    yes(house, browser)
    house.clock.move(timedelta(days=2))
    stop = links(house, READER, "n")[0]
    browser.post(page, data={"do": "data-link"})
    wants(browser, newest(house, NEW, "m"), MALLORY)
    house.work()
    browser.post(stop, data={"do": "yes"})
    assert "Your mails come to this address now" in yes(house, browser, MALLORY)


def test_no_change_is_made_before_the_present_address_was_told(house: House, browser: TestClient, page: str) -> None:
    wants(browser, ask(house, browser, page), NEW)
    house.work()
    link = newest(house, NEW, "a")
    warning = one_notice(house, NoticeKind.ADDRESS_ASKED)
    for state in ("retry", "in_doubt", "waiting"):
        put(house, warning, state)
        answer = browser.post(link, data={"do": "yes"}).text
        assert "We are still writing to your present address" in answer and "Yes, use this address" in answer
        assert person(house) is not None
    for state in ("failed", "suppressed", "quarantined"):
        put(house, warning, state)
        assert "This link no longer works" in browser.get(link).text
        assert "This link no longer works" in browser.post(link, data={"do": "yes"}).text
        assert person(house) is not None
    put(house, warning, "sent")
    assert "Your mails come to this address now" in browser.post(link, data={"do": "yes"}).text


def one_notice(house: House, kind: NoticeKind) -> int:
    with house.app.store.read() as tx:
        return next(notice.id for notice in tx.notices.recent() if notice.kind is kind)


def put(house: House, notice: int, state: str) -> None:
    from sqlalchemy import update

    from tribune.store.tables import notices

    assert state in {one.value for one in NoticeState}
    with house.app.store.write() as tx:
        tx.connection.execute(update(notices).where(notices.c.id == notice).values(state=state))


def test_who_was_deleted_is_told_so(house: House, browser: TestClient, page: str) -> None:
    mine = ask(house, browser, page)
    wants(browser, mine, NEW)
    stop = newest(house, READER, "n")
    browser.post(f"{mine}/delete", data={"do": "delete"})
    told = browser.get(stop).text
    assert "There is nothing to stop" in told
    assert "Everything about you is deleted" in told and "your address is as before" not in told
    again = browser.post(f"{mine}/delete", data={"do": "delete"})
    assert (again.status_code, "Everything about you is deleted" in again.text) == (200, True)
    assert READER not in again.text
    for rest in ("", "/sent", "/delete"):
        gone = browser.get(mine + rest)
        assert gone.status_code == 410 and "Everything about you is deleted" in gone.text
    house.clock.move(timedelta(hours=1))
    assert browser.post(f"{mine}/delete", data={"do": "delete"}).status_code == 410


# -- nobody learns who is known


def test_my_data_say_the_same_of_every_address(house: House, browser: TestClient, page: str) -> None:
    suppress(house, "never@example.com", "complaint")
    told = []
    for to in ("free@example.org", OTHER, "never@example.com"):
        house.clock.move(timedelta(hours=6))
        mine = ask(house, browser, page)
        before = len(data(browser, mine)["records"]["notices"])
        wants(browser, mine, to)
        house.work()
        rows = data(browser, mine)["records"]["notices"][before:]
        told.append([{name: row.get(name) for name in ("kind", "locale")} | {"names": sorted(row)} for row in rows])
    assert [row["kind"] for row in told[0]] == ["address_asked", "address_confirm"]
    assert told[0] == told[1] == told[2]
    assert not {"state", "code", "settled_at", "attempts"} & set(told[0][1]["names"])
    assert (len(house.mails("free@example.org")), len(house.mails("never@example.com"))) == (1, 0)
    assert ASKED not in subjects(house, OTHER)


# -- nobody is flooded


def test_one_address_is_asked_few_times_however_many_ask(house: House, browser: TestClient, page: str) -> None:
    asking = [f"thrown.away{n}@evil.example" for n in range(5)]
    for address in asking:
        house.subscribe(address, languages="en", cadence="daily", hour=8)
    house.publish("more", titles={"en": "More work"})
    house.until("2026-11-24 09:00")
    answers = set()
    for address in asking:
        browser.post(path(house.mails(address)[0], "p"), data={"do": "data-link"})
        mine = newest(house, address, "m")
        for to in (NEW, NEW.replace("awa", "Awa"), NEW):
            answer = wants(browser, mine, to)
            answers.add((answer.status_code, "We have sent a mail to the new address" in answer.text))
            house.work()
    assert answers == {(200, True)}, "whoever asks hears the same"
    assert subjects(house, NEW) == [ASKED] and subjects(house, NEW.replace("awa", "Awa")) == [ASKED]


def test_one_network_asks_so_often_only(house: House, page: str) -> None:
    from tribune.domain.sign_up import Quota

    house.app.sign_ups = type(house.app.sign_ups)(
        house.app.rules, [Quota(2, timedelta(hours=1))], house.app.sign_ups.hidden
    )
    with reader(house.app) as browser:
        mine = ask(house, browser, page)
        assert [wants(browser, mine, f"n{n}@example.org").status_code for n in range(3)] == [200, 200, 429]
    with reader(house.app, "198.51.100.7") as elsewhere:
        assert wants(elsewhere, mine, NEW).status_code == 200
        assert TOO_OFTEN not in elsewhere.get(mine).text


# -- it works wherever the mailbox says yes


def test_a_form_that_waits_at_the_old_mailbox_is_forgotten(house: House, browser: TestClient, page: str) -> None:
    mine = ask(house, browser, page)
    wants(browser, mine, NEW)
    stop_everything(house)
    send(browser, address=READER, digest="letter", cadence="daily")
    link = confirmation(house, READER)
    assert "Your mails come to this address now" in yes(house, browser)
    browser.post(link, data={"name": "Typed at the old mailbox"})
    moved = person(house, NEW)
    assert moved is not None and (moved.status, moved.name) == (Status.UNSUBSCRIBED, "Awa Diop")


def stop_everything(house: House, address: str = READER) -> None:
    from tribune.services.audience.unsubscribe import unsubscribe

    found = person(house, address)
    assert found is not None
    with house.app.store.write() as tx:
        unsubscribe(tx, found.id, None, house.clock.now())


def test_an_address_that_was_merely_typed_is_free(house: House, browser: TestClient, page: str) -> None:
    send(browser, address=NEW, digest="letter")
    typed = person(house, NEW)
    link = confirmation(house, NEW)
    assert typed is not None and typed.status is Status.PENDING
    wants(browser, ask(house, browser, page), NEW)
    assert "Your mails come to this address now" in yes(house, browser)
    moved = person(house, NEW)
    assert moved is not None and (moved.name, moved.status) == ("Awa Diop", Status.ACTIVE)
    assert moved.id != typed.id
    browser.post(link, data={"name": "Somebody"})
    assert person(house, NEW) == moved
    with house.app.store.read() as tx:
        assert tx.audience.one(typed.id) is None and tx.data_requests.rows_of(typed.id).keys() <= {"data_requests"}


def test_who_typed_it_after_the_change_was_asked_for_does_not_hinder_it(
    house: House, browser: TestClient, page: str
) -> None:
    wants(browser, ask(house, browser, page), NEW)
    house.work()
    send(browser, address=NEW, digest="letter")
    house.work()
    assert "Your mails come to this address now" in yes(house, browser)
    assert person(house) is None


def test_who_had_left_at_the_new_address_is_the_same_person(house: House, browser: TestClient, page: str) -> None:
    house.subscribe(NEW, name="Awa, earlier", languages="en", cadence="weekly", weekday="monday", hour=8)
    stop_everything(house, NEW)
    left = person(house, NEW)
    assert left is not None
    with house.app.store.read() as tx:
        their = tx.consents.of(left.id)
    wants(browser, ask(house, browser, page), NEW)
    assert "Your mails come to this address now" in yes(house, browser)
    moved = person(house, NEW)
    assert moved is not None and (moved.name, [s.cadence.value for s in moved.subscriptions]) == ("Awa Diop", ["daily"])
    with house.app.store.read() as tx:
        assert tx.audience.one(left.id) is None
        kept = tx.consents.of(moved.id)
    acts = [(one.act, one.at) for one in kept]
    assert all((one.act, one.at) in acts for one in their), "what they agreed to there, and took back, stays on record"
    house.publish("next", titles={"en": "Next"})
    house.until("2026-11-24 09:00")
    assert [mail.subject for mail in house.mails(NEW) if "Next" in mail.text] != []
    assert len([mail for mail in house.mails(NEW) if "Next" in mail.text]) == 1


def test_who_had_left_and_stopped_everything_here_stays_stopped(house: House, browser: TestClient, page: str) -> None:
    house.subscribe(NEW, languages="en", cadence="weekly", weekday="monday", hour=8)
    stop_everything(house, NEW)
    mine = ask(house, browser, page)
    stop_everything(house)
    wants(browser, mine, NEW)
    yes(house, browser)
    moved = person(house, NEW)
    assert moved is not None and moved.status is Status.UNSUBSCRIBED


@pytest.mark.parametrize("reason", ["erased", "asked_by_phone_or_letter"])
def test_who_had_themselves_deleted_there_comes_back_by_their_own_word(
    house: House, browser: TestClient, page: str, reason: str
) -> None:
    suppress(house, NEW, reason)
    wants(browser, ask(house, browser, page), NEW)
    house.work()
    with house.app.store.read() as tx:
        assert tx.audience.suppressed([NEW]) == {NEW: reason}, "not before they said yes"
    assert "Your mails come to this address now" in yes(house, browser)
    house.publish("next", titles={"en": "Next"})
    house.until("2026-11-24 09:00")
    assert any("Next" in mail.text for mail in house.mails(NEW))


def test_who_reads_there_already_keeps_their_own(house: House, browser: TestClient, page: str) -> None:
    before = person(house, OTHER)
    wants(browser, ask(house, browser, page), OTHER)
    house.work()
    assert ASKED not in subjects(house, OTHER) and person(house, OTHER) == before
