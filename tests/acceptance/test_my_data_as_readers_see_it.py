"""What opens only with a link that was just sent: what I was sent, my data, my address, being erased."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House, Mail
from tribune.domain.audience import Subscriber
from tribune.domain.notices import RULES, NoticeKind
from web.app import create_app

READER, NEW = "awa@travail.example", "awa.new@syndicat.example"
HOUR = timedelta(hours=1)


@pytest.fixture
def browser(house: House) -> Iterator[TestClient]:
    with TestClient(create_app(house.app), base_url="http://127.0.0.1:8080", client=("203.0.113.9", 4321)) as client:
        yield client


@pytest.fixture
def page(house: House) -> str:
    """Awa has had a mail; the path of her preferences page."""
    house.subscribe(READER, name="Awa Diop", languages="en|fr", cadence="daily", hour=8)
    house.subscribe("other@example.com", name="Otto Other", languages="en", cadence="daily", hour=8)
    house.publish("work", titles={"en": "Work in figures", "fr": "Le travail en chiffres"})
    house.until("2026-11-23 09:00")
    return path(house.mails(READER)[0], "p")


def path(mail: Mail, kind: str) -> str:
    found = re.search(rf"https?://[^\s>\"/]+(/{kind}/[^\s>\"]+)", mail.text)
    assert found
    return found[1]


def subjects(house: House, address: str) -> list[str]:
    return [mail.subject for mail in house.mails(address)]


def newest(house: House, address: str, kind: str) -> str:
    """The path of the last link of a kind that an address was sent."""
    house.work()
    return [found for mail in house.mails(address) if (found := re.search(rf"(/{kind}/\S+)", mail.text))][-1][1]


def ask(house: House, browser: TestClient, page: str) -> str:
    """Ask for the link, and take it out of the mail."""
    answer = browser.post(page, data={"do": "data-link"})
    assert "a mail with a link to your data is on its way" in answer.text
    house.clock.move(timedelta(seconds=1))
    return newest(house, READER, "m")


def person(house: House, address: str = READER) -> Subscriber | None:
    with house.app.store.read() as tx:
        return tx.audience.by_address(address)


# -- the link


def test_it_opens_for_an_hour_and_only_as_it_was_sent(house: House, browser: TestClient, page: str) -> None:
    mine = ask(house, browser, page)
    told = browser.get(mine)
    assert told.status_code == 200 and READER in told.text
    assert told.headers["cache-control"] == "no-store"
    for forged in (mine[:-1], mine.replace("1~", "2~", 1), mine.replace("/m/", "/p/"), page.replace("/p/", "/m/")):
        assert browser.get(forged).status_code == 404
        assert browser.post(forged, data={"do": "export"}).status_code == 404
    house.clock.move(HOUR)
    for rest in ("", "/sent", "/sent/1.0.0", "/sent/1.0.0/body", "/delete"):
        answer = browser.get(mine + rest)
        assert answer.status_code == 410 and READER not in answer.text
    assert browser.post(mine, data={"do": "export"}).status_code == 410
    assert browser.post(f"{mine}/delete", data={"do": "delete"}).status_code == 410
    assert person(house) is not None


def test_a_forwarded_mail_opens_nothing_of_it(browser: TestClient, page: str) -> None:
    told = browser.get(page).text
    assert READER not in told and "/m/" not in told
    for rest in ("/sent", "/delete", "/export"):
        assert browser.get(page + rest).status_code == 404


def test_no_more_links_are_sent_than_are_good_for_somebody(house: House, browser: TestClient, page: str) -> None:
    limit = RULES[NoticeKind.DATA_LINK].limits[0].number
    told = {browser.post(page, data={"do": "data-link"}).text for _ in range(limit + 2)}
    assert len(told) == 1
    house.work()
    assert subjects(house, READER).count("The link to your data") == limit


# -- what I was sent


def test_each_mail_with_its_items_and_as_it_was(house: House, browser: TestClient, page: str) -> None:
    house.publish("second", titles={"en": "Second thoughts"})
    house.until("2026-11-24 09:00")
    mine = ask(house, browser, page)
    told = browser.get(f"{mine}/sent").text
    assert told.index("daily issue of 24 November 2026") < told.index("daily issue of 23 November 2026")
    assert "Work in figures" in told and "Second thoughts" in told
    (name,) = re.findall(r'/sent/(1\.0\.\d)"', told)
    shown = browser.get(f"{mine}/sent/{name}")
    assert "Work in figures" in shown.text and "sandbox" in shown.text
    body = browser.get(f"{mine}/sent/{name}/body")
    assert "Work in figures" in body.text and "Awa Diop" in body.text
    assert "sandbox" in body.headers["content-security-policy"]
    assert body.headers["x-frame-options"] == "SAMEORIGIN"


def test_what_was_withdrawn_is_not_shown_again(house: House, browser: TestClient, page: str) -> None:
    house.publish("beside", titles={"en": "Beside it"})
    house.until("2026-11-24 09:00")
    house.withdraw("beside")
    mine = ask(house, browser, page)
    (name,) = re.findall(r'/sent/(2\.0\.\d)"', browser.get(f"{mine}/sent").text)
    assert "Beside it" not in browser.get(f"{mine}/sent").text
    for rest, status in (("", 200), ("/body", 410)):
        shown = browser.get(f"{mine}/sent/{name}{rest}")
        assert (shown.status_code, "Beside it" in shown.text) == (status, False), rest


def test_another_person_s_mails_are_not_there(house: House, browser: TestClient, page: str) -> None:
    mine = ask(house, browser, page)
    own = set(re.findall(r"/sent/([\d.]+)", browser.get(f"{mine}/sent").text))
    others = {"1.0.0", "1.0.1"} - own
    assert len(others) == 1
    for name in (*others, "1.0.99", "99.0.0", "n.1", "1.0", "..%2f..", "1.0.0000000000000001", "x"):
        assert browser.get(f"{mine}/sent/{name}").status_code == 404
        assert browser.get(f"{mine}/sent/{name}/body").status_code == 404


# -- my data


def test_the_file_holds_everything_about_me_and_nothing_of_others(house: House, browser: TestClient, page: str) -> None:
    browser.post(f"{page}/topics", data={"topic": "employment"})
    mine = ask(house, browser, page)
    assert browser.get(mine, params={"do": "export"}).headers["content-type"].startswith("text/html")
    answer = browser.post(mine, data={"do": "export"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data-2026-11-23.json"'
    told = json.loads(answer.text)
    assert (told["person"]["address"], told["person"]["name"]) == (READER, "Awa Diop")
    assert told["subscriptions"][0]["policy_areas"] == ["employment"]
    assert told["rhythms"][0]["last_served_on"] == "2026-11-23"
    assert [(mail["state"], mail["items"][0]["title"]) for mail in told["mails"]] == [("sent", "Work in figures")]
    assert {"notices", "consents", "data_requests"} <= told["records"].keys()
    assert "Otto" not in answer.text and "other@example.com" not in answer.text


# -- another address


def move(house: House, browser: TestClient, page: str, to: str = NEW) -> str:
    """Ask for a change of address; what the page says then."""
    answer = browser.post(ask(house, browser, page), data={"do": "address", "address": to})
    house.clock.move(timedelta(seconds=1))
    house.work()
    return answer.text


SAID = "We have sent a mail to the new address, if it can be used, and one to the present address."


def test_it_changes_once_the_new_address_says_yes(house: House, browser: TestClient, page: str) -> None:
    assert SAID in move(house, browser, page)
    assert "Your address is about to change" in subjects(house, READER)
    assert subjects(house, NEW) == ["Please confirm your new address"]
    assert "Awa" not in house.mails(NEW)[0].text, "nobody knows yet whose address it is"
    before = person(house)
    yes = newest(house, NEW, "a")
    assert browser.get(yes).status_code == 200
    assert person(house) == before, "a scanner that follows it changes nothing"
    assert "Your mails come to this address now" in browser.post(yes, data={"do": "yes"}).text
    assert person(house) is None and person(house, NEW) is not None
    house.publish("next", titles={"en": "Next"})
    house.until("2026-11-24 09:00")
    assert "Next" in house.mails(NEW)[-1].text
    assert not any("Next" in mail.text for mail in house.mails(READER))


def test_the_link_to_my_data_is_over_with_the_address(house: House, browser: TestClient, page: str) -> None:
    mine = ask(house, browser, page)
    browser.post(mine, data={"do": "address", "address": NEW})
    browser.post(newest(house, NEW, "a"), data={"do": "yes"})
    assert browser.get(mine).status_code == 410


def test_this_was_not_me(house: House, browser: TestClient, page: str) -> None:
    move(house, browser, page)
    no, yes = newest(house, READER, "n"), newest(house, NEW, "a")
    browser.get(no)
    assert "Use this address from now on?" in browser.get(yes).text
    assert "The change is stopped" in browser.post(no, data={"do": "yes"}).text
    assert "This link no longer works" in browser.post(yes, data={"do": "yes"}).text
    assert person(house) is not None and person(house, NEW) is None
    assert "There is nothing to stop" in browser.post(no, data={"do": "yes"}).text


def test_each_link_is_used_once(house: House, browser: TestClient, page: str) -> None:
    move(house, browser, page)
    yes = newest(house, NEW, "a")
    browser.post(yes, data={"do": "yes"})
    answer = browser.post(yes, data={"do": "yes"}).text
    assert "This link no longer works" in answer
    assert "confirmed already" in browser.get(newest(house, READER, "n")).text


def test_of_two_changes_the_later_one_counts(house: House, browser: TestClient, page: str) -> None:
    move(house, browser, page, "first@syndicat.example")
    move(house, browser, page)
    assert (
        "This link no longer works"
        in browser.post(newest(house, "first@syndicat.example", "a"), data={"do": "yes"}).text
    )
    assert "Your mails come to this address now" in browser.post(newest(house, NEW, "a"), data={"do": "yes"}).text
    assert person(house, NEW) is not None


def test_an_address_of_somebody_else_is_answered_the_same_and_changes_nothing(
    house: House, browser: TestClient, page: str
) -> None:
    free = move(house, browser, page)
    before = len(house.mails("other@example.com"))
    taken = move(house, browser, page, "Other@Example.com")
    with house.app.store.write() as tx:
        tx.audience.suppress("never@example.com", "complaint", house.clock.now())
    never = move(house, browser, page, "never@example.com")
    as_said = [re.sub(r"(/m/)?k1\.[^\"/?]+", "", re.sub(r"<strong>[^<]*", "", one)) for one in (free, taken, never)]
    assert as_said[0] == as_said[1] == as_said[2]
    assert len(house.mails("other@example.com")) == before and house.mails("never@example.com") == []
    assert person(house) is not None


def test_who_comes_first_has_the_address(house: House, browser: TestClient, page: str) -> None:
    move(house, browser, page)
    house.subscribe(NEW, name="Quicker", languages="en", cadence="daily", hour=8)
    assert "This link no longer works" in browser.post(newest(house, NEW, "a"), data={"do": "yes"}).text
    assert person(house) is not None
    quicker = person(house, NEW)
    assert quicker is not None and quicker.name == "Quicker"


def test_it_is_not_confirmed_for_ever(house: House, browser: TestClient, page: str) -> None:
    import scheduler

    move(house, browser, page)
    yes = newest(house, NEW, "a")
    house.clock.move(timedelta(hours=house.app.settings.security.address_change_hours))
    assert "This link no longer works" in browser.post(yes, data={"do": "yes"}).text
    house.clock.move(timedelta(minutes=1))
    assert scheduler.data_requests(house.app) == 1
    with house.app.store.read() as tx:
        one = tx.audience.by_address(READER)
        assert one is not None and tx.data_requests.new_address(one.id) is None


def test_forged_links_of_a_change_lead_nowhere(house: House, browser: TestClient, page: str) -> None:
    move(house, browser, page)
    yes, no = newest(house, NEW, "a"), newest(house, READER, "n")
    for forged in (yes.replace("/a/", "/n/"), no.replace("/n/", "/a/"), yes[:-1], "/a/k1.1~1.00", "/n/x"):
        assert browser.get(forged).status_code == 404
        assert browser.post(forged, data={"do": "yes"}).status_code == 404
    other = house.app.signer.sign("confirm-address", 2, 1)
    assert "This link no longer works" in browser.post(f"/a/{other}", data={"do": "yes"}).text
    assert person(house) is not None


@pytest.mark.parametrize(
    "typed", ["", "no address", "a@b", "x" * 400 + "@example.org", READER.upper(), "a@b.co\r\nBcc: c"]
)
def test_what_is_no_new_address_is_said_in_words(house: House, browser: TestClient, page: str, typed: str) -> None:
    answer = browser.post(ask(house, browser, page), data={"do": "address", "address": typed})
    assert answer.status_code == 422
    assert 'id="address-error"' in answer.text
    house.work()
    assert "Your address is about to change" not in subjects(house, READER)


# -- being erased


def test_delete_me(house: House, browser: TestClient, page: str) -> None:
    mine = ask(house, browser, page)
    assert "Delete everything about you?" in browser.get(f"{mine}/delete").text
    assert browser.post(f"{mine}/delete", data={"do": "something"}).status_code == 200
    assert person(house) is not None
    answer = browser.post(f"{mine}/delete", data={"do": "delete"})
    assert "Everything about you is deleted" in answer.text and READER not in answer.text
    assert person(house) is None
    assert house.mails(READER) == [], "what was caught of it is gone too"
    assert browser.get(mine).status_code == 410
    assert "You receive nothing from us" in browser.get(page).text
    house.publish("next", titles={"en": "Next"})
    house.until("2026-11-25 09:00")
    assert house.mails(READER) == []
    assert any("Next" in mail.text for mail in house.mails("other@example.com"))
