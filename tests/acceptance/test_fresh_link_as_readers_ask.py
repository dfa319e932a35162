"""A reader asks for a fresh link on the preferences page; staff see the mail on the desk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House, Mail
from tests.newsroom import staff_browser
from tribune.bootstrap import Application
from tribune.config import Security
from tribune.domain.notices import RULES, NoticeKind
from tribune.domain.tokens import Signer
from web.app import create_app

READER = "awa@travail.example"
WORDS = "If we can reach you, a mail with a new link is on its way."
KEYS = {"k1": "1" * 32, "k2": "2" * 32}
SUBJECT = "Un nouveau lien vers vos préférences"


@pytest.fixture
def browser(house: House) -> Iterator[TestClient]:
    with TestClient(create_app(house.app), base_url="http://127.0.0.1:8080", client=("203.0.113.9", 4321)) as client:
        yield client


@pytest.fixture
def desk(house: House) -> Iterator[TestClient]:
    with staff_browser(house.app) as client:
        yield client


@pytest.fixture
def two_keys(app: Application) -> None:
    """Staff have put a newer key in the settings. Goes before `house`, which asks for the signer."""
    security = Security.model_validate({"signing_keys": KEYS})
    app.settings = app.settings.model_copy(update={"security": security})


@pytest.fixture
def page(house: House) -> str:
    """Awa, who reads French, has had a mail; the path of the preferences page in it."""
    house.subscribe(READER, name="Awa <b>Diop</b>", languages="fr|en", cadence="daily", hour=8)
    house.publish("work", titles={"en": "Work", "fr": "Travail"})
    house.until("2026-11-23 09:00")
    return link(house.mails(READER)[0])


def link(mail: Mail) -> str:
    found = re.search(r"https?://[^\s>\"/]+(/p/[^\s>\"]+)", mail.text)
    assert found
    return found[1]


def fresh(house: House) -> list[Mail]:
    house.work()
    return [mail for mail in house.mails(READER) if mail.subject == SUBJECT]


def ask(browser: TestClient, path: str) -> str:
    answer = browser.post(path, params={"in": "en"}, data={"do": "fresh-link"})
    assert answer.status_code == 200
    assert not answer.cookies
    return answer.text


def test_the_link_comes_by_mail_and_works(house: House, browser: TestClient, page: str) -> None:
    assert 'value="fresh-link"' in browser.get(page).text
    assert WORDS in ask(browser, page)
    (mail,) = fresh(house)
    assert mail.language == "fr"
    assert link(mail) != page
    assert "List-Unsubscribe" not in mail.message
    answer = browser.get(link(mail))
    assert answer.status_code == 200
    assert 'value="stop"' in answer.text
    assert browser.get(link(mail).replace("/p/", "/u/")).status_code == 404
    browser.post(link(mail), data={"do": "stop"})
    assert "You do not receive The letter" in browser.get(page, params={"in": "en"}).text


def test_a_get_asks_for_nothing(house: House, browser: TestClient, page: str) -> None:
    for method in (browser.get, browser.head):
        assert method(page, params={"do": "fresh-link"}).status_code == 200
    assert fresh(house) == []


def test_only_the_preferences_page_sends_one(house: House, browser: TestClient, page: str) -> None:
    unsubscribe = re.search(r"(/u/[^\s>]+)", str(house.mails(READER)[0].message["List-Unsubscribe"]))
    assert unsubscribe
    answer = browser.post(unsubscribe[1], params={"in": "en"}, data={"do": "fresh-link"})
    assert answer.status_code == 400, "nothing that this page understands"
    assert WORDS not in answer.text
    assert 'value="fresh-link"' not in answer.text
    assert fresh(house) == []


def test_the_page_says_the_same_whatever_happens(house: House, browser: TestClient, page: str) -> None:
    limit = RULES[NoticeKind.PREFERENCES_LINK].limits[0].number
    told = {ask(browser, page) for _ in range(limit + 2)}
    assert len(told) == 1, "one too many is told nothing else"
    assert READER not in told.pop()
    assert len(fresh(house)) == limit
    house.clock.move(timedelta(days=2))
    with house.app.store.write() as tx:
        tx.audience.suppress(READER, "complaint", house.clock.now())
    assert WORDS in ask(browser, page)
    assert len(fresh(house)) == limit


def test_somebody_who_was_erased_is_told_the_same(house: House, browser: TestClient, page: str) -> None:
    nobody = house.app.signer.sign("preferences", 999, "letter", 1)
    assert WORDS in ask(browser, f"/p/{nobody}")
    assert 'value="fresh-link"' not in browser.get(f"/p/{nobody}").text


def test_who_has_stopped_everything_may_ask_too(house: House, browser: TestClient, page: str) -> None:
    browser.post(page, data={"do": "stop-all"})
    told = ask(browser, page)
    assert WORDS in told
    assert "Was it by mistake?" not in told
    assert len(fresh(house)) == 1


def test_the_page_speaks_the_reader_s_language(browser: TestClient, page: str) -> None:
    assert "Recevoir un nouveau lien" in browser.get(page).text
    assert "un courriel contenant un nouveau lien est en route" in browser.post(page, data={"do": "fresh-link"}).text
    assert "recibirá en breve un correo" in browser.post(f"{page}?in=es", data={"do": "fresh-link"}).text


@pytest.mark.usefixtures("two_keys")
def test_the_page_says_what_a_new_link_is_good_for(house: House, browser: TestClient, page: str) -> None:
    handy, old = "Useful if you want to find this page again", "The link that brought you here is old"
    told = browser.get(page, params={"in": "en"}).text
    assert handy in told and old not in told
    assert "Utile pour retrouver cette page" in browser.get(page).text
    before = Signer({"k1": KEYS["k1"].encode()}, "k1").sign("preferences", 1, "letter", 1)
    told = browser.get(f"/p/{before}", params={"in": "en"}).text
    assert old in told and handy not in told
    assert "El enlace que ha utilizado es antiguo" in browser.get(f"/p/{before}", params={"in": "es"}).text
    assert old in ask(browser, f"/p/{before}"), "until the new one has come, it stays as it was"
    (mail,) = fresh(house)
    assert handy in browser.get(link(mail), params={"in": "en"}).text


@pytest.mark.usefixtures("two_keys")
def test_an_old_link_promises_no_way_back_by_itself(browser: TestClient, page: str) -> None:
    before = Signer({"k1": KEYS["k1"].encode()}, "k1").sign("preferences", 1, "letter", 1)
    browser.post(page, data={"do": "stop"})
    assert "You can come back at any time with this same link." in browser.get(page, params={"in": "en"}).text
    for language, words in (
        ("en", "You can come back at any time. Your topics"),
        ("fr", "Vous pouvez revenir à tout moment. Vos thèmes"),
        ("es", "Puede volver en cualquier momento. Sus temas"),
    ):
        assert words in browser.get(f"/p/{before}", params={"in": language}).text


def test_staff_see_the_mail_on_the_desk(house: House, browser: TestClient, desk: TestClient, page: str) -> None:
    ask(browser, page)
    fresh(house)
    listed = desk.get("/en/newsroom/mails").text
    assert 'href="/en/newsroom/mails/n.1"' in listed
    assert SUBJECT in listed
    filters = re.search(r'<select id="mailing".*?</select>', listed, re.S)
    assert filters
    assert filters[0].count("<option") == 2, "all of them, and the letter's mailing: a notice belongs to none"
    for view in ("html", "phone", "text", "headers"):
        answer = desk.get("/en/newsroom/mails/n.1", params={"as": view})
        assert answer.status_code == 200
        assert "n.1" in answer.text
        assert "<b>Diop" not in answer.text
        assert "What is in it, and why" not in answer.text
        assert 'href="/en/newsroom/mailings/' not in answer.text
    body = desk.get("/en/newsroom/mails/n.1/body")
    assert body.status_code == 200
    assert "<b>Diop" not in body.text
    assert desk.get("/en/newsroom/mails/n.1/message.eml").status_code == 200
    assert desk.get("/en/newsroom/mails", params={"q": "nouveau lien"}).text.count("/en/newsroom/mails/n.1") == 1
    with house.app.store.read() as tx:
        (notice,) = tx.notices.recent()
    story = desk.get(f"/en/newsroom/events/{notice.correlation_id}")
    assert story.status_code == 200
    assert "Mail to one person ready to send" in story.text
    for path in ("/en/newsroom/", "/en/newsroom/mailings", "/en/newsroom/events", "/metrics"):
        assert desk.get(path).status_code == 200
