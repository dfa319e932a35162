"""Where the house has several newsletters, a reader subscribes to another one from the preferences page."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House
from tests.acceptance.test_preferences_as_readers_change_them import READER, path, person, text
from tests.newsletters_world import page, settings
from web.app import create_app

__all__ = ["page", "settings"]


@pytest.fixture
def browser(house: House) -> Iterator[TestClient]:
    with TestClient(create_app(house.app), base_url="http://127.0.0.1:8080", client=("203.0.113.9", 4321)) as client:
        yield client


FIELDS = {"topic": "wages", "place": "SEN", "cadence": "weekly", "weekday": "0", "hour": "10"}


def test_a_reader_adds_a_newsletter_and_it_comes(house: House, browser: TestClient, page: str) -> None:
    told = browser.get(page).text
    assert f'href="{page}/add/figures"' in told
    form = browser.get(f"{page}/add/figures").text
    assert 'value="employment" checked' in form, "it begins from what they chose already"
    assert 'value="daily"' not in form, "it does not come every day"
    before = person(house)
    assert browser.get(f"{page}/add/figures").status_code == 200
    assert person(house) == before, "a GET changes nothing"
    answer = browser.post(f"{page}/add/figures", data=FIELDS)
    assert "Your choices are saved." in text(answer.text)
    assert "/add/figures" not in answer.text
    now = person(house)
    assert [(s.digest, s.cadence.value, *s.choice.policy_areas) for s in now.subscriptions] == [
        ("figures", "weekly", "wages"),
        ("letter", "daily", "employment"),
    ]
    with house.app.store.read() as tx:
        record = tx.consents.of(now.id)[-1]
    assert (record.act, record.source, record.network) == ("changed", "mail", "203.0.113.0/24")
    assert set(record.agreed["digests"]) == {"letter", "figures"}
    house.publish("pay", titles={"en": "Pay in Senegal"}, policy_areas=["wages"], places=["SEN"])
    house.until("2026-11-30 12:00")
    mail = house.mails(READER)[-1]
    assert "Pay in Senegal" in mail.text and "Labour statistics" in str(mail.message["From"]) + mail.subject + mail.text


def test_twice_is_once_and_what_is_wrong_loses_nothing(house: House, browser: TestClient, page: str) -> None:
    wrong = browser.post(f"{page}/add/figures", data={**FIELDS, "cadence": "daily", "topic": "wages"})
    assert (wrong.status_code, 'value="wages" checked' in wrong.text) == (422, True)
    assert len(person(house).subscriptions) == 1
    once = browser.post(f"{page}/add/figures", data=FIELDS, follow_redirects=False)
    again = browser.post(f"{page}/add/figures", data={**FIELDS, "topic": "skills"}, follow_redirects=False)
    assert "done=added" in once.headers["location"]
    assert "done=same" in again.headers["location"], "nothing was added, and it is not said"
    assert [sorted(s.choice.policy_areas) for s in person(house).subscriptions] == [["wages"], ["employment"]]
    assert browser.get(f"{page}/add/figures", follow_redirects=False).status_code == 303


def test_there_is_nothing_to_add_for_strangers_and_those_who_left(house: House, browser: TestClient, page: str) -> None:
    for forged in (f"{page}x/add/figures", "/p/k1.0.forged/add/figures", f"{page}/add/nothing"):
        assert browser.get(forged).status_code == 404
        assert browser.post(forged, data=FIELDS).status_code == 404
    browser.post(page, data={"do": "stop-all"})
    assert browser.post(f"{page}/add/figures", data=FIELDS).status_code == 404
    assert person(house).status.value == "unsubscribed"


def test_a_newsletter_that_was_stopped_comes_back_from_the_page_of_another(
    house: House, browser: TestClient, page: str
) -> None:
    browser.post(f"{page}/add/figures", data=FIELDS)
    figures = house.app.reader_links.links(person(house).id, "figures", 0).unsubscribe
    browser.post(re.sub(r"^https?://[^/]+", "", figures), data={"do": "stop"})
    assert [r.stopped_at is None for r in person(house).rhythms if r.digest == "figures"] == [False]
    told = browser.get(page).text
    assert "Subscribe to Labour statistics again" in text(told)
    assert "You are subscribed again" in browser.post(page, data={"do": "again", "digest": "figures"}).text
    assert [r.stopped_at for r in person(house).rhythms if r.digest == "figures"] == [None]


def test_leaving_one_topic_out_of_all_says_what_becomes_of_new_ones(
    house: House, browser: TestClient, page: str
) -> None:
    stop = path(house.mails(READER)[0], "u")
    named = browser.post(stop, data={"do": "leave-out", "topic": "wages"}).text
    assert "A topic that we begin later" not in named, "they had named their topics"
    browser.post(f"{page}/topics", data={"topic": []})
    told = browser.post(stop, data={"do": "leave-out", "topic": "wages"}).text
    assert "A topic that we begin later does not come by itself" in told
    only = browser.post(page, data={"do": "only", "topic": "skills"}).text
    assert "A topic that we begin later" not in only
