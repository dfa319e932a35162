"""Somebody asks by telephone or letter never to be mailed again: they are unsubscribed, and come back by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House
from tests.acceptance.test_desk_as_staff_see_it import page, plain
from tests.acceptance.test_subscribing_as_readers_do import confirmation, reader, send
from tests.people_world import actions, person_of, posted, two_people
from tribune.domain.audience import Status

AWA = "awa@travail.example"


@pytest.fixture
def browser(house: House) -> Iterator[TestClient]:
    with two_people(house) as client:
        yield client


def by_person_s_page(browser: TestClient) -> None:
    assert "Their address is never mailed again." in posted(browser, "people/1/suppress")


def by_the_list(browser: TestClient) -> None:
    posted(browser, "suppressions/add", address="AWA@travail.example", reason="asked_by_phone_or_letter")


EACH_WAY = pytest.mark.parametrize("never_again", [by_person_s_page, by_the_list])


def reason(house: House) -> str:
    with house.app.store.read() as tx:
        return tx.audience.suppressed([AWA]).get(AWA, "")


def link_of_a_mail(house: House, of: str) -> str:
    """The path of such a link in their newest mail."""
    found = re.findall(rf"https?://[^\s>\"/]+(/{of}/[^\s>\"?]+)", house.mails(AWA)[-1].text)
    assert found
    return str(found[0])


@EACH_WAY
def test_they_are_unsubscribed_and_it_is_on_record(house: House, browser: TestClient, never_again: object) -> None:
    house.publish("work", titles={"en": "Work"})
    house.until("2026-11-24 09:00")
    preferences = link_of_a_mail(house, "p")
    assert callable(never_again)
    never_again(browser)
    assert (person_of(house, 1).status, reason(house)) == (Status.UNSUBSCRIBED, "asked_by_phone_or_letter")
    with house.app.store.read() as tx:
        record = tx.consents.of(1)[-1]
    assert (record.act.value, record.source.value, record.by) == ("unsubscribed", "staff", "staff:1")
    assert ("person.unsubscribed", "subscriber/1") in actions(house)
    with reader(house.app) as their:
        assert "Every day" not in their.get(preferences).text
    assert all(AWA not in str(entry).lower() for entry in actions(house))


@EACH_WAY
def test_they_come_back_with_the_form_and_their_mailbox(house: House, browser: TestClient, never_again: object) -> None:
    assert callable(never_again)
    never_again(browser)
    with reader(house.app) as their:
        send(their, address=AWA)
        path = confirmation(house, AWA)
        assert reason(house), "a form takes nothing from the list"
        their.get(path)
        assert reason(house), "a GET neither"
        assert their.post(path, data={"name": ""}).status_code == 200
    assert (person_of(house, 1).status, reason(house)) == (Status.ACTIVE, "")
    before = len(house.mails(AWA))
    house.publish("wages", titles={"fr": "Salaires"}, source_language="fr", policy_areas=["wages"], places=["SEN"])
    house.until("2026-11-24 10:00")
    assert len(house.mails(AWA)) == before + 1


def test_they_come_back_with_the_link_of_an_old_mail(house: House, browser: TestClient) -> None:
    house.publish("work", titles={"en": "Work"})
    house.until("2026-11-24 09:00")
    stop = link_of_a_mail(house, "u")
    by_person_s_page(browser)
    with reader(house.app) as their:
        assert their.post(stop, data={"do": "all-again"}).status_code in (200, 303)
    assert (person_of(house, 1).status, reason(house)) == (Status.ACTIVE, "")


def test_what_is_about_the_address_leaves_their_choices_alone(house: House, browser: TestClient) -> None:
    for why, address in (("hard_bounce", AWA), ("wrong_address", "olena@union.example")):
        posted(browser, "suppressions/add", address=address, reason=why)
    assert [person_of(house, id).status for id in (1, 2)] == [Status.ACTIVE] * 2


def test_no_link_is_sent_to_them_and_staff_are_told_so(house: House, browser: TestClient) -> None:
    assert "The link is on its way to them." in posted(browser, "people/1/link")
    by_person_s_page(browser)
    told = page(browser, "/en/newsroom/people/1")
    assert "No link can be sent to them while their address is on the suppression list." in told
    assert "/people/1/link" not in told
    refused = browser.post("/en/newsroom/people/1/link", data={"x": ""})
    assert (refused.status_code, 'href="#link"' in refused.text, 'id="link"' in refused.text) == (409, True, True)
    assert "No link can be sent to them" in plain(refused.text)
    assert "They were sent several links already." not in plain(refused.text)
    assert [what for what, _ in actions(house)].count("person.link_sent") == 1
