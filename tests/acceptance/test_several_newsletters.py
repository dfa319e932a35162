"""Where the house has several newsletters: a reader of one asks for another on the form, stops one of two, sends the
form twice, and comes with a link of a newsletter that is no more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House
from tests.acceptance.test_preferences_as_readers_change_them import READER, path, person, text
from tests.acceptance.test_subscribing_as_readers_do import FORM
from tests.newsletters_world import page, settings
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.domain.audience import Status, Subscriber
from web.app import create_app

__all__ = ["page", "settings"]
NEW = "ben@travail.example"


@pytest.fixture
def browser(house: House) -> Iterator[TestClient]:
    with opened(house) as client:
        yield client


def opened(house: House) -> TestClient:
    return TestClient(create_app(house.app), base_url="http://127.0.0.1:8080", client=("203.0.113.9", 4321))


@pytest.fixture
def two(house: House, browser: TestClient, page: str) -> str:
    """Awa has Labour statistics as well: the preferences page of a mail of The letter."""
    fields = {"topic": "wages", "cadence": "weekly", "weekday": "0", "hour": "10"}
    assert browser.post(f"{page}/add/figures", data=fields).status_code == 200
    return page


def asks(house: House, browser: TestClient, address: str = READER, locale: str = "en", **fields: Any) -> str:
    """Send the form; where its mail leads."""
    told = {**FORM, "digest": "figures", "address": address, "cadence": "weekly", "language1": locale, **fields}
    answer = browser.post(f"/{locale}/subscribe", data=told)
    assert str(answer.url).endswith("/subscribe/check-your-mail")
    house.work()
    found = re.findall(r"https?://[^\s>\"/]+(/[cp]/[^\s>\"]+)", house.mails(address)[-1].text)
    return str(found[0])


def known(house: House, address: str) -> Subscriber:
    with house.app.store.read() as tx:
        found = tx.audience.by_address(address)
    assert found
    return found


def wishes(one: Subscriber) -> list[tuple[str, str, list[str]]]:
    return [(s.digest, s.cadence.value, sorted(s.choice.policy_areas)) for s in one.subscriptions]


# -- another newsletter, through the form


def test_a_reader_of_one_fills_in_the_form_for_another_presses_the_link_and_gets_it(
    house: House, browser: TestClient, page: str
) -> None:
    before = person(house)
    link = asks(house, browser, topic=["wages"], digest=["letter", "figures"], language1="fr", zone="Asia/Tokyo")
    mail = house.mails(READER)[-1]
    assert mail.subject == "Please confirm your subscription to Labour statistics", "and of nothing that she has"
    assert "which receives other mails of ours already" in text(mail.text)
    assert "address is deleted" not in text(mail.text)
    asked = text(browser.get(link).text)
    assert "confirm that you wish to receive Labour statistics as well" in asked
    assert "Wages" in asked and "weekly" in asked
    assert person(house) == before, "a GET changes nothing"
    assert "Thank you" not in text(browser.post(link, data={"name": ""}).text)
    assert person(house) == before, "the button of another page changes nothing"
    done = text(browser.post(link, data={"do": "take"}).text)
    assert "From now on you receive Labour statistics as you chose in this form" in done
    now = person(house)
    assert wishes(now) == [("figures", "weekly", ["wages"]), ("letter", "daily", ["employment"])]
    assert (now.languages, now.zone) == (before.languages, before.zone), "they are hers, for both"
    with house.app.store.read() as tx:
        acts = [(r.act.value, bool(r.text_version)) for r in tx.consents.of(now.id)][-2:]
    assert acts == [("signed_up", True), ("changed", False)]
    house.publish("pay", titles={"en": "Pay in Senegal"}, policy_areas=["wages"], places=["SEN"])
    house.until("2026-11-30 12:00")
    assert "Pay in Senegal" in house.mails(READER)[-1].text
    assert "There is nothing more to do" in text(browser.get(link).text)


def test_a_letter_that_was_stopped_comes_back_through_the_form_from_then_on(
    house: House, browser: TestClient, two: str
) -> None:
    figures = house.app.reader_links.links(person(house).id, "figures", 0).unsubscribe
    browser.post(re.sub(r"^https?://[^/]+", "", figures), data={"do": "stop"})
    house.publish("meanwhile", titles={"en": "Meanwhile"}, policy_areas=["wages"])
    link = asks(house, browser, topic=["wages"], hour="10")
    browser.post(link, data={"do": "take"})
    assert [r.stopped_at for r in person(house).rhythms] == [None, None]
    house.publish("pay", titles={"en": "Pay in Senegal"}, policy_areas=["wages"], places=["SEN"])
    house.until("2026-11-30 12:00")
    told = house.mails(READER)[-1].text
    assert "Pay in Senegal" in told and "Meanwhile" not in told


def test_who_has_all_that_they_ask_for_is_told_so_by_name(house: House, browser: TestClient, two: str) -> None:
    link = asks(house, browser, digest=["letter", "figures"])
    assert house.mails(READER)[-1].subject == "You are already subscribed to The letter and Labour statistics"
    assert "Your preferences for The letter" in text(browser.get(link).text)


def test_in_a_break_a_further_letter_is_taken_and_waits(house: House, browser: TestClient, page: str) -> None:
    browser.post(page, data={"do": "pause", "until": "2026-12-20"})
    done = text(browser.post(asks(house, browser), data={"do": "take"}).text)
    assert "You are taking a break at the moment" in done
    assert (person(house).status, len(person(house).subscriptions)) == (Status.PAUSED, 2)


def test_the_page_of_a_letter_never_had_leads_to_it(house: House, browser: TestClient, page: str) -> None:
    mine = house.app.reader_links.links(person(house).id, "figures", 0).preferences
    other = re.sub(r"^https?://[^/]+", "", mine)
    told = browser.get(other).text
    assert "You do not receive Labour statistics at the moment. You still receive The letter." in text(told)
    assert f'href="{other}/add/figures"' in told
    assert "Take a break" in told and "Stop everything from us" in told
    pressed = text(browser.post(other, data={"do": "again"}).text)
    assert "Was it by mistake?" not in pressed and "You are subscribed again" not in pressed


# -- the mail that asks, where there are several


@pytest.mark.parametrize(
    ("locale", "subject", "line"),
    [
        (
            "en",
            "Please confirm your subscription to The letter and Labour statistics",
            "You asked for The letter and Labour statistics at this address.",
        ),
        (
            "fr",
            "Veuillez confirmer votre abonnement à « La lettre » et « Statistiques du travail »",
            "Vous avez demandé à recevoir « La lettre » et « Statistiques du travail » à cette adresse.",
        ),
        (
            "es",
            "Confirme su suscripción a «El boletín» y «Estadísticas del trabajo»",
            "Ha solicitado recibir «El boletín» y «Estadísticas del trabajo» en esta dirección.",
        ),
    ],
)
def test_the_confirmation_names_the_letters_and_never_the_organisation_as_one(
    house: House, browser: TestClient, locale: str, subject: str, line: str
) -> None:
    asks(house, browser, NEW, locale, digest=["letter", "figures"])
    mail = house.mails(NEW)[-1]
    assert text(mail.subject) == subject
    assert line in text(mail.text)


# -- the form twice


def test_of_two_forms_the_second_is_taken_where_they_say_so(house: House, browser: TestClient) -> None:
    first = asks(house, browser, NEW, digest="letter", cadence="daily", topic=[], zone="Africa/Dakar")
    second = asks(house, browser, NEW, digest="letter", cadence="weekly", topic=["wages"], language1="fr")
    assert "Confirm my subscription" in browser.get(second + "?in=en").text
    browser.post(first, data={"name": "Ben"})
    open_tab = text(browser.post(second + "?in=en", data={"name": "Ben"}).text)
    assert "Thank you" not in open_tab
    assert "You are subscribed already" in open_tab
    assert "Every day at 08:00" in open_tab, "what is in force"
    assert wishes(known(house, NEW)) == [("letter", "daily", [])]
    assert "/p/" in browser.get(second).text
    done = text(browser.post(second + "?in=en", data={"do": "take"}).text)
    assert "From now on you receive The letter as you chose in this form" in done
    ben = known(house, NEW)
    assert (wishes(ben), ben.languages[0]) == ([("letter", "weekly", ["wages"])], "fr")
    assert "There is nothing more to do" in text(browser.get(second + "?in=en").text)
    assert "Thank you" not in text(browser.post(first + "?in=en", data={"name": "Ben"}).text)


def test_no_form_of_before_brings_back_who_has_left(house: House, browser: TestClient) -> None:
    first = asks(house, browser, NEW, digest="letter", cadence="daily")
    second = asks(house, browser, NEW, digest="letter", cadence="weekly")
    told = browser.post(first, data={"name": ""}).text
    found = re.search(r'href="(/p/[^"]+)"', told)
    assert found
    house.until("2026-11-23 12:00")
    browser.post(found[1], data={"do": "stop-all"})
    assert "You had confirmed your subscription, and have ended" in text(browser.get(second).text)
    browser.post(second, data={"name": ""})
    browser.post(second, data={"do": "take"})
    assert known(house, NEW).status is Status.UNSUBSCRIBED


# -- one of two is stopped


def test_who_has_stopped_one_of_two_finds_the_other_a_break_and_the_way_out(
    house: House, browser: TestClient, two: str
) -> None:
    stopped = text(browser.post(two, data={"do": "stop"}).text)
    assert "You will no longer receive The letter. You still receive Labour statistics." in stopped
    told = browser.get(two).text
    assert "You do not receive The letter at the moment. You still receive Labour statistics." in text(told)
    assert "Subscribe to The letter again" in told
    for offered in ("Every Monday at 10:00", "Change how often", "Take a break", "Stop everything from us", "Atom"):
        assert offered in told
    assert "Stop receiving The letter" not in told
    fresh = browser.post(two, data={"do": "fresh-link"})
    assert fresh.status_code == 200
    house.work()
    mail = house.mails(READER)[-1]
    assert "how often you receive Labour statistics" in text(mail.text)
    assert "Your preferences for Labour statistics" in text(browser.get(path(mail, "p")).text)
    back = text(browser.post(two, data={"do": "again", "digest": "letter"}).text)
    assert "You are subscribed again" in back and "Your preferences for The letter" in back


def test_the_unsubscribe_page_of_one_of_two_leads_out_of_everything(
    house: House, browser: TestClient, two: str
) -> None:
    leave = path(house.mails(READER)[0], "u")
    told = browser.post(leave, data={"do": "stop"}).text
    assert "You still receive Labour statistics." in text(told)
    assert "Stop everything from us" in told
    browser.post(leave, data={"do": "stop-all"})
    assert person(house).status is Status.UNSUBSCRIBED


def test_resuming_in_an_old_tab_says_nothing_that_was_not_done(house: House, browser: TestClient, page: str) -> None:
    browser.post(page, data={"do": "pause", "until": "2026-12-20"})
    assert "The pause is over" in browser.post(page, data={"do": "resume"}).text
    again = browser.post(page, data={"do": "resume"}).text
    assert "The pause is over" not in again and "Nothing has changed" in again
    browser.post(page, data={"do": "stop-all"})
    told = browser.post(page, data={"do": "resume"}).text
    assert "The pause is over" not in told and "Subscribe again" in told
    assert person(house).status is Status.UNSUBSCRIBED


# -- a newsletter that is no more


@pytest.fixture
def without(house: House, two: str) -> Iterator[TestClient]:
    """The letter was taken out of the settings; Awa has its old mails, and Labour statistics."""
    told = house.app.settings.model_dump()
    del told["digests"]["letter"]
    former, house.app = house.app, Application(Settings.model_validate(told), clock=house.clock)
    with opened(house) as client:
        yield client
    house.app.close()
    house.app = former


def test_a_letter_that_is_no_more_is_told_as_such(house: House, without: TestClient, two: str) -> None:
    house_name = house.app.organisation.name("en")
    told = without.get(two).text
    assert "is no longer published. You still receive Labour statistics." in text(told)
    assert f"Your preferences for {house_name}" not in told
    assert "Every day at 08:00" not in told and "Every Monday at 10:00" in told
    assert "Stop receiving" not in told and "Stop everything from us" in told
    when = without.get(f"{two}/when").text
    assert 'value="weekly"' in when and "Labour statistics" in when
    leave = path(house.mails(READER)[0], "u")
    asked = text(without.get(leave).text)
    assert "is no longer published. You still receive Labour statistics." in asked
    assert f"Unsubscribe from {house_name}" not in asked
    stopped = text(without.post(leave, data={"do": "stop"}).text)
    assert "You will no longer receive this newsletter. You still receive Labour statistics." in stopped


def test_one_click_from_a_mail_of_a_letter_that_is_no_more(house: House, without: TestClient, two: str) -> None:
    leave = path(house.mails(READER)[0], "u")
    answer = without.post(leave, data={"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, answer.text) == (200, "OK\n")
    assert [r.digest for r in person(house).rhythms if r.stopped_at is None] == ["figures"]
    assert without.post(leave, data={"do": "again"}).status_code == 200
    assert [r.digest for r in person(house).rhythms if r.stopped_at is None] == ["figures"], "it cannot be had again"


def test_who_had_nothing_but_a_letter_that_is_no_more(house: House, without: TestClient, two: str) -> None:
    figures = house.app.reader_links.links(person(house).id, "figures", 0).unsubscribe
    without.post(re.sub(r"^https?://[^/]+", "", figures), data={"do": "stop"})
    told = without.get(two)
    assert told.status_code == 200
    assert "is no longer published" in told.text and "Subscribe to Labour statistics again" in told.text
    leave = path(house.mails(READER)[0], "u")
    assert "is no longer published" in text(without.get(leave).text)
    without.post(leave, data={"do": "stop"})
    assert person(house).status is Status.UNSUBSCRIBED
    gone = without.get(two).text
    assert "is no longer published" in gone and "Subscribe to Labour statistics again" in gone


# -- what the pages say


def test_a_rhythm_that_one_of_them_has_not_is_said_before_and_by_name(house: House, browser: TestClient) -> None:
    form = text(browser.get("/en/subscribe").text)
    assert "at most a few times a day. Labour statistics does not come in this rhythm." in form
    assert "on the day that you choose. Labour" not in form, "it comes every week"
    wrong = browser.post("/en/subscribe", data={**FORM, "digest": ["letter", "figures"], "cadence": "daily"})
    assert wrong.status_code == 422
    assert "Labour statistics does not come in this rhythm. Please choose another rhythm, or leave" in text(wrong.text)
    french = browser.post("/fr/subscribe", data={**FORM, "digest": ["letter", "figures"], "cadence": "daily"})
    assert "« Statistiques du travail » ne paraît pas à cette fréquence." in text(french.text)


def test_the_form_of_one_letter_speaks_of_no_other(house: House, browser: TestClient, page: str) -> None:
    assert "does not come in this rhythm" not in browser.get(f"{page}/when").text
    wrong = text(browser.post(f"{page}/add/figures", data={"cadence": "daily", "weekday": "0", "hour": "8"}).text)
    assert "This newsletter does not come in this rhythm." in wrong


def test_an_empty_week_promises_no_other_rhythm_than_the_one_chosen(house: House, browser: TestClient) -> None:
    told = text(browser.post("/en/subscribe/preview", data={"cadence": "weekly", "language1": "en"}).text)
    assert "Nothing was published" in told and "as soon as" not in told
    assert "in the rhythm that you choose below" in told


@pytest.mark.parametrize(
    ("days", "told"),
    [(30, "of the last 30 days at most"), (1, "of the last day at most"), (0, "is not sent")],
)
def test_a_break_says_how_far_back_the_house_reaches(house: House, page: str, days: int, told: str) -> None:
    settings = house.app.settings.model_dump()
    settings["planning"]["pause_reach_back_days"] = days
    with closing(Application(Settings.model_validate(settings), clock=house.clock)) as app:
        client = TestClient(create_app(app), base_url="http://127.0.0.1:8080")
        assert told in text(client.post(page, data={"do": "pause", "until": "2026-12-20"}).text)
        assert told in text(client.post(page, data={"do": "resume"}).text)


def test_marks_that_nobody_sees_do_not_stand_in_a_name(house: House, browser: TestClient) -> None:
    link = asks(house, browser, NEW, digest="letter")
    assert browser.post(link, data={"name": "Ben\u202e Diop\u200b\ufeff"}).status_code == 200
    assert known(house, NEW).name == "Ben Diop"
