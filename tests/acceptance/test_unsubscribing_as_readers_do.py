"""What readers do with the links of a mail (RFC 8058), and what mail programs, scanners and strangers do with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House, Mail
from tribune.domain.audience import Status, Subscriber
from web.app import create_app

READER = "awa@travail.example"

MULTIPART = "multipart/form-data; boundary=x"


@pytest.fixture
def browser(house: House) -> Iterator[TestClient]:
    with TestClient(create_app(house.app), base_url="http://127.0.0.1:8080", client=("203.0.113.9", 4321)) as client:
        yield client


@pytest.fixture
def mail(house: House) -> Mail:
    """Awa, who reads French, has had a mail."""
    house.subscribe(READER, name="Awa Diop", languages="fr|en", cadence="daily", hour=8)
    house.publish("work", titles={"en": "Work", "fr": "Travail"})
    house.until("2026-11-23 09:00")
    return house.mails(READER)[0]


def link(mail: Mail, kind: str) -> str:
    found = re.search(rf"https?://[^\s>\"]+(/{kind}/[^\s>\"]+)", str(mail.message["List-Unsubscribe"]) + mail.text)
    assert found
    return found[1]


def person(house: House) -> Subscriber:
    with house.app.store.read() as tx:
        found = tx.audience.by_address(READER)
    assert found
    return found


def receives(house: House) -> bool:
    """Whether the next news reaches her."""
    before = len(house.mails(READER))
    house.publish(f"news-{before}-{house.clock.now():%j}", titles={"fr": "Nouvelle"}, source_language="fr")
    house.until(f"{house.clock.now() + timedelta(days=1):%Y-%m-%d} 09:00")
    return len(house.mails(READER)) > before


def test_one_click_of_a_mail_program_stops_the_letter(house: House, browser: TestClient, mail: Mail) -> None:
    answer = browser.post(link(mail, "u"), data={"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, answer.history) == (200, [])
    assert not answer.cookies
    assert person(house).status is Status.UNSUBSCRIBED
    assert not receives(house)


def test_one_click_may_come_as_multipart_and_twice(house: House, browser: TestClient, mail: Mail) -> None:
    for _ in range(2):
        answer = browser.post(link(mail, "u"), files={"List-Unsubscribe": (None, "One-Click")})
        assert answer.status_code == 200
    assert person(house).status is Status.UNSUBSCRIBED


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("List-Unsubscribe=One-Click\r\n", "application/x-www-form-urlencoded"),
        ("\r\nlist-unsubscribe=one-click\n", "application/x-www-form-urlencoded; charset=utf-8"),
        ("List-Unsubscribe=One-Click", None),
        ("List-Unsubscribe=One-Click", ""),
        ("List-Unsubscribe=One-Click\r\n", "text/plain"),
        ("List-Unsubscribe=One-Click", "application/octet-stream"),
        ('--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n\r\n--x--\r\n', MULTIPART),
    ],
)
def test_one_click_is_understood_however_a_mail_program_writes_it(
    house: House, browser: TestClient, mail: Mail, content: str, kind: str | None
) -> None:
    headers = {} if kind is None else {"content-type": kind}
    answer = browser.post(link(mail, "u"), content=content, headers=headers)
    assert (answer.status_code, answer.text) == (200, "OK\n")
    assert person(house).status is Status.UNSUBSCRIBED


def test_scanners_that_follow_links_change_nothing(house: House, browser: TestClient, mail: Mail) -> None:
    before = person(house)
    for kind in ("u", "p"):
        assert browser.get(link(mail, kind)).status_code == 200
        assert browser.head(link(mail, kind)).status_code == 200
        assert browser.get(link(mail, kind), params={"do": "stop", "List-Unsubscribe": "One-Click"}).status_code == 200
        # Of an empty form nothing was understood: no mail program may take that for a success.
        assert browser.post(link(mail, kind)).status_code == (400 if kind == "u" else 200)
        assert browser.post(link(mail, kind), data={"do": "?"}).status_code == (400 if kind == "u" else 200)
    assert person(house) == before


def test_the_page_tells_nothing_about_the_reader(browser: TestClient, mail: Mail) -> None:
    for kind in ("u", "p"):
        page = browser.get(link(mail, kind))
        assert page.headers["content-language"] == "fr"
        assert page.headers["referrer-policy"] == "same-origin"
        assert page.headers["cache-control"] == "no-store"
        for secret in (READER, "Awa", "Diop"):
            assert secret not in page.text


def test_a_reader_may_choose_another_language(browser: TestClient, mail: Mail) -> None:
    page = browser.get(link(mail, "u") + "?in=en")
    assert page.headers["content-language"] == "en"
    assert "Unsubscribe from The letter" in page.text


def test_stopping_and_coming_back_on_the_page(house: House, browser: TestClient, mail: Mail) -> None:
    before = person(house)
    page = browser.post(link(mail, "u"), params={"in": "en"}, data={"do": "stop"})
    assert "You will no longer receive The letter." in page.text
    assert not receives(house)
    page = browser.post(link(mail, "u"), params={"in": "en"}, data={"do": "again"})
    assert "You are subscribed again" in page.text
    assert person(house).subscriptions == before.subscriptions
    assert receives(house)


def test_stopping_everything_can_be_undone(house: House, browser: TestClient, mail: Mail) -> None:
    page = browser.post(link(mail, "p"), params={"in": "en"}, data={"do": "stop-all"})
    assert "You will no longer receive anything from us." in page.text
    assert 'value="all-again"' in page.text
    assert not receives(house)
    browser.post(link(mail, "p"), data={"do": "all-again"})
    assert receives(house)


def test_less_often_and_back(house: House, browser: TestClient, mail: Mail) -> None:
    before = person(house)
    page = browser.post(link(mail, "u"), params={"in": "en"}, data={"do": "slower"})
    assert "comes once a week" in page.text
    assert [s.cadence for s in person(house).subscriptions] == ["weekly"]
    undo = re.search(r'name="undo" value="([^"]+)"', page.text)
    assert undo
    page = browser.post(link(mail, "u"), params={"in": "en"}, data={"do": "undo-slower", "undo": undo[1]})
    assert "as often as before" in page.text
    assert person(house).subscriptions == before.subscriptions


def test_less_often_cannot_be_turned_into_more_often(house: House, browser: TestClient, mail: Mail) -> None:
    signer = house.app.signer
    me = person(house).id
    before = person(house)
    for forged in (
        "k1.1~letter~at_once~daily.00000000000000000000000000000000",
        signer.sign("unsubscribe", me, "letter", "at_once", "daily"),
        signer.sign("undo-less-often", me + 1, "letter", "at_once", "daily"),
        "",
    ):
        assert browser.post(link(mail, "u"), data={"do": "undo-slower", "undo": forged}).status_code == 200
    assert person(house) == before


@pytest.mark.parametrize("spoil", [lambda t: t[:-1], lambda t: t[:-1] + ("0" if t[-1] != "0" else "1"), lambda t: "x"])
def test_a_link_that_is_cut_or_forged_is_a_clear_404(browser: TestClient, mail: Mail, spoil: object) -> None:
    token = link(mail, "u").removeprefix("/u/")
    for call in (browser.get, browser.post):
        answer = call(f"/u/{spoil(token)}", headers={"accept-language": "es"})  # type: ignore[operator]
        assert answer.status_code == 404
        assert answer.headers["content-language"] == "es"


def test_a_link_serves_one_purpose_only(house: House, browser: TestClient, mail: Mail) -> None:
    unsubscribe, preferences = link(mail, "u"), link(mail, "p")
    assert browser.get(unsubscribe.replace("/u/", "/p/")).status_code == 404
    assert browser.post(preferences.replace("/p/", "/u/"), data={"List-Unsubscribe": "One-Click"}).status_code == 404
    assert person(house).status is Status.ACTIVE


def test_a_full_stop_after_the_link_does_no_harm(browser: TestClient, mail: Mail) -> None:
    assert browser.get(link(mail, "u") + ".").status_code == 200


def test_one_reader_cannot_change_another(house: House, browser: TestClient, mail: Mail) -> None:
    house.subscribe("other@example.com", name="Other", languages="en")
    token = link(mail, "u").replace(f"{person(house).id}~", f"{person(house).id + 1}~", 1)
    assert browser.post(token, data={"List-Unsubscribe": "One-Click"}).status_code == 404


@pytest.mark.parametrize(
    "kind", ["text/plain", "", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_no_body_is_too_long_to_be_refused(house: House, browser: TestClient, mail: Mail, kind: str) -> None:
    long = "List-Unsubscribe=One-Click&x=" + "x" * 100_000
    assert browser.post(link(mail, "u"), content=long, headers={"content-type": kind}).status_code == 413
    assert browser.post(link(mail, "u"), content=b"\xff\x00", headers={"content-type": kind}).status_code == 400
    assert person(house).status is Status.ACTIVE


def test_a_form_without_end_is_refused(browser: TestClient, mail: Mail) -> None:
    assert browser.post(link(mail, "u"), data={"do": "x" * 100_000}).status_code == 413
    many = "&".join(f"a{n}=1" for n in range(2_000))
    answer = browser.post(link(mail, "u"), content=many, headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 400
    broken = browser.post(link(mail, "u"), content=b"--x\r\nno", headers={"content-type": "multipart/form-data"})
    assert broken.status_code == 400


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("List-Unsubscribe=Two-Clicks", "text/plain"),
        ("One-Click", "text/plain"),
        ('{"List-Unsubscribe": "One-Click"}', "application/json"),
        ("do=nothing", "application/x-www-form-urlencoded"),
        ("", "application/x-www-form-urlencoded"),
    ],
)
def test_what_was_not_understood_is_not_said_to_be_done(
    house: House, browser: TestClient, mail: Mail, content: str, kind: str
) -> None:
    answer = browser.post(link(mail, "u"), content=content, headers={"content-type": kind})
    assert answer.status_code == 400
    assert person(house).status is Status.ACTIVE
