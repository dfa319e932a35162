"""Who paused, stopped and comes back is where they were: the pause holds until its day. A new sign-up is a new wish."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House
from tests.acceptance.test_desk_as_staff_see_it import plain
from tests.acceptance.test_pauses_that_end import READER, pause, person
from tests.acceptance.test_subscribing_as_readers_do import confirmation, reader, send
from tribune.domain.audience import Status
from tribune.domain.zones import zone
from tribune.services.audience.export_my_data import export_my_data
from tribune.services.sending.reader_links import PREFERENCES, UNSUBSCRIBE

DAY = "2026-12-20"


@pytest.fixture
def browser(house: House) -> Iterator[TestClient]:
    house.subscribe(READER, cadence="daily", hour=8, zone="Pacific/Auckland")
    pause(house, DAY)
    with reader(house.app) as client:
        yield client


def link(house: House, kind: str) -> str:
    purpose = {"u": UNSUBSCRIBE, "p": PREFERENCES}[kind]
    return f"/{kind}/{house.app.signer.sign(purpose, person(house).id, 'letter', 'n1')}"


def stop_and_come_back(house: House, browser: TestClient, kind: str, locale: str = "en") -> str:
    address = link(house, kind)
    assert browser.post(address, data={"do": "stop-all"}).status_code == 200
    assert person(house).status is Status.UNSUBSCRIBED
    return plain(browser.post(f"{address}?in={locale}", data={"do": "all-again"}).text)


@pytest.mark.parametrize("kind", ["u", "p"])
def test_the_pause_holds_still_and_the_page_says_so(house: House, browser: TestClient, kind: str) -> None:
    before = person(house)
    told = stop_and_come_back(house, browser, kind)
    assert person(house) == before, "undone to the letter"
    assert "Your pause still holds." in told
    assert "nothing comes before Sunday 20 December 2026" in told, "the day on which it ends where they are"
    assert "Receive mails again now" in told
    house.publish("while-away")
    house.until("2026-12-19 10:00")
    assert house.mails(READER) == []
    house.until("2026-12-20 09:00")
    assert len(house.mails(READER)) == 1


@pytest.mark.parametrize("kind", ["u", "p"])
def test_the_pause_is_ended_where_the_page_speaks_of_it(house: House, browser: TestClient, kind: str) -> None:
    stop_and_come_back(house, browser, kind)
    told = plain(browser.post(f"{link(house, kind)}?in=en", data={"do": "resume"}).text)
    assert "The pause is over." in told
    assert (person(house).status, person(house).paused_until) == (Status.ACTIVE, None)


@pytest.mark.parametrize(
    ("locale", "told"),
    [("fr", "Votre pause reste en vigueur."), ("es", "Su pausa sigue vigente.")],
)
def test_the_page_says_so_in_the_reader_s_language(house: House, browser: TestClient, locale: str, told: str) -> None:
    assert told in stop_and_come_back(house, browser, "u", locale)


def test_who_did_not_pause_reads_nothing_of_a_pause(house: House) -> None:
    house.subscribe(READER, cadence="daily", hour=8)
    with reader(house.app) as browser:
        told = stop_and_come_back(house, browser, "u")
    assert "You are subscribed again" in told and "pause still holds" not in told and "taking a break" not in told
    assert person(house).status is Status.ACTIVE


def test_a_pause_that_ended_meanwhile_is_over(house: House, browser: TestClient) -> None:
    browser.post(link(house, "u"), data={"do": "stop-all"})
    house.until("2026-12-20 09:00", "Pacific/Auckland")
    assert person(house).status is Status.UNSUBSCRIBED, "its end brings nobody back"
    told = plain(browser.post(f"{link(house, 'u')}?in=en", data={"do": "all-again"}).text)
    assert (person(house).status, person(house).paused_until) == (Status.ACTIVE, None)
    assert "pause still holds" not in told


def test_while_they_are_gone_no_page_speaks_of_a_pause(house: House, browser: TestClient) -> None:
    browser.post(link(house, "u"), data={"do": "stop-all"})
    for kind in ("u", "p"):
        told = plain(browser.get(f"{link(house, kind)}?in=en").text)
        assert "taking a break" not in told and "20 December" not in told
    with house.app.store.write() as tx:
        told, _ = export_my_data(tx, person(house).id, house.app.digests, "self", house.clock.now())
    assert told["person"]["paused_until"] is not None, "their data hold what is kept of it"


def test_a_new_sign_up_is_a_new_wish_and_begins_at_once(house: House, browser: TestClient) -> None:
    browser.post(link(house, "u"), data={"do": "stop-all"})
    house.until("2026-11-24 12:00")
    send(browser, address=READER, cadence="daily", hour="8")
    house.work()
    assert browser.post(confirmation(house, READER), data={"name": ""}).status_code == 200
    assert (person(house).status, person(house).paused_until) == (Status.ACTIVE, None)


def test_a_move_keeps_its_day_and_a_file_brings_nobody_back(house: House, browser: TestClient) -> None:
    browser.post(link(house, "u"), data={"do": "stop-all"})
    house.subscribe(READER, cadence="daily", hour=9, status="unsubscribed", zone="Europe/Zurich")
    assert person(house).status is Status.UNSUBSCRIBED
    browser.post(link(house, "u"), data={"do": "all-again"})
    assert (person(house).status, person(house).rhythms[0].hour) == (Status.PAUSED, 9)
    assert person(house).paused_until == datetime(2026, 12, 20, tzinfo=zone("Europe/Zurich"))


def test_a_file_that_stops_them_keeps_the_pause_too(house: House, browser: TestClient) -> None:
    house.subscribe(READER, cadence="daily", hour=8, status="unsubscribed", zone="Pacific/Auckland")
    assert person(house).status is Status.UNSUBSCRIBED
    browser.post(link(house, "u"), data={"do": "again"})
    assert person(house).status is Status.PAUSED and person(house).paused_until is not None


def test_of_two_newsletters_the_pause_ends_with_neither(house: House) -> None:
    house.app.digests["figures"] = replace(house.app.digests["letter"], id="figures")
    house.subscribe(READER, cadence="daily", hour=8)
    house.subscribe(READER, cadence="daily", hour=8, digest="figures")
    pause(house, DAY)
    before = person(house)
    with reader(house.app) as browser:
        for digest in ("figures", "letter"):
            browser.post(f"/u/{house.app.signer.sign(UNSUBSCRIBE, before.id, digest, 'n1')}", data={"do": "stop"})
        assert person(house).status is Status.UNSUBSCRIBED
        browser.post(link(house, "u"), data={"do": "again"})
        told = plain(browser.get(f"{link(house, 'u')}?in=en").text)
    assert person(house).status is Status.PAUSED and person(house).paused_until == before.paused_until
    assert "nothing comes before Sunday 20 December 2026" in told
