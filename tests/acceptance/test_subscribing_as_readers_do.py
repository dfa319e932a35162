"""A reader fills in the form, confirms from the mailbox, and has their digest; strangers get nowhere."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House, Mail
from tribune.bootstrap import Application
from tribune.config import SignUp, Web
from tribune.domain.audience import Status
from web.app import create_app
from web.public.subscribe import PREVIEWS_A_MINUTE

AWA = "awa@travail.example.org"
FORM: dict[str, Any] = {
    "topic": ["wages", "employment"],
    "place": ["SEN", "142"],
    "kind": [],
    "language1": "fr",
    "language2": "en",
    "language3": "",
    "fallback": "source",
    "cadence": "daily",
    "weekday": "0",
    "hour": "8",
    "zone": "Africa/Dakar",
    "group": "workers",
    "address": AWA,
    "website": "",
    "do": "subscribe",
}


@pytest.fixture
def browser(house: House) -> Iterator[TestClient]:
    with reader(house.app) as client:
        yield client


def reader(app: Application, client: str = "203.0.113.9") -> TestClient:
    base = "http://127.0.0.1:8080"
    return TestClient(create_app(app), base_url=base, client=(client, 4321), follow_redirects=False)


def send(browser: TestClient, locale: str = "en", **fields: Any) -> Any:
    return browser.post(f"/{locale}/subscribe", data={**FORM, **fields})


def confirmation(house: House, address: str = AWA) -> str:
    """The path of the link in the newest confirmation mail."""
    house.work()
    found = re.findall(r"https?://[^\s>\"/]+(/c/[^\s>\"]+)", house.mails(address)[-1].text)
    assert found
    return str(found[0])


def digests(house: House, address: str = AWA) -> list[Mail]:
    return [mail for mail in house.mails(address) if "/u/" in mail.text]


def status(house: House, address: str = AWA) -> Status | None:
    with house.app.store.read() as tx:
        person = tx.audience.by_address(address)
    return person.status if person else None


def test_subscribe_confirm_and_the_digest_arrives(house: House, browser: TestClient) -> None:
    answer = send(browser, "fr")
    assert (answer.status_code, answer.headers["location"]) == (303, "/fr/subscribe/check-your-mail")
    assert not answer.cookies
    house.publish("early", source_language="fr", titles={"fr": "Paru avant la confirmation"}, policy_areas=["wages"])
    path = confirmation(house)
    mail = house.mails(AWA)[0]
    assert mail.language == "fr"
    assert "List-Unsubscribe" not in mail.message
    house.until("2026-11-24 10:00")
    assert not digests(house), "nothing comes before the confirmation"
    page = browser.get(path)
    assert page.status_code == 200
    for locale, every, daily in (("fr", "tous", "chaque jour"), ("es", "todos", "cada día")):
        said = re.findall(r"<dd>([^<]+)</dd>", browser.get(path, params={"in": locale}).text)
        assert every in said and daily in said, said
    assert status(house) is Status.PENDING, "a GET changes nothing: mail scanners follow every link"
    done = browser.post(path, data={"name": "Awa Diop"})
    assert done.status_code == 200
    assert status(house) is Status.ACTIVE
    wages: dict[str, Any] = {"source_language": "fr", "policy_areas": ["wages"]}
    house.publish("work", titles={"fr": "Salaires au Sénégal"}, places=["SEN"], **wages)
    house.publish("other", titles={"fr": "Au Brésil"}, places=["BRA"], **wages)
    house.until("2026-11-25 10:00")
    (digest,) = digests(house)
    assert "Salaires au Sénégal" in digest.text
    assert "Au Brésil" not in digest.text
    assert "Paru avant la confirmation" not in digest.text
    assert digest.message["To"].addresses[0].display_name == "Awa Diop"


def test_every_address_hears_the_same(house: House, browser: TestClient) -> None:
    send(browser, address="known@work.example.org")
    browser.post(confirmation(house, "known@work.example.org"), data={"name": ""})
    send(browser, address="pending@work.example.org")
    with house.app.store.write() as tx:
        tx.audience.suppress("never@work.example.org", "complaint", house.clock.now())
    told = {
        address: send(browser, address=f"{address}@work.example.org")
        for address in ("known", "pending", "never", "new")
    }
    answers = {(told[who].status_code, told[who].text, tuple(sorted(told[who].headers.items()))) for who in told}
    assert len(answers) == 1
    house.work()
    assert [len(house.mails(f"{who}@work.example.org")) for who in told] == [2, 2, 0, 1]
    assert "/p/" in house.mails("known@work.example.org")[-1].text, "the way to their preferences"


def test_nothing_is_lost_when_something_is_wrong(browser: TestClient, house: House) -> None:
    answer = send(browser, address="awa at home", zone="", cadence="weekly", weekday="2")
    assert answer.status_code == 422
    page = answer.text
    assert 'role="alert"' in page
    assert 'href="#zone"' in page
    assert 'href="#address"' in page
    assert 'value="awa at home"' in page
    for kept in (
        'value="wages" checked',
        'value="SEN" checked',
        '<option value="2" selected>',
        'value="weekly" checked',
    ):
        assert kept in page
    assert re.search(r"<details class=\"part\" open>\s*<summary>Africa", page), "what was chosen is in sight"
    assert status(house) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("topic", "x' OR 1=1 --"), ("place", "<script>"), ("kind", "nothing"), ("language1", "xx-" + "y" * 300)],
        *[("cadence", "hourly"), ("weekday", "9"), ("hour", "-1"), ("hour", "٣"), ("zone", "Mars/Olympus")],
        *[("group", "aliens"), ("fallback", "maybe")],
        *[("address", "a@b"), ("address", "x" * 4000), ("address", "a@example.org\r\nBcc: b@example.org")],
        *[
            ("address", "a@example.org\x00"),
            ("address", "a@.example.org"),
            ("address", "\ud800".encode("utf-8", "replace")),
        ],
    ],
)
def test_what_no_browser_sends_is_told_and_not_taken(browser: TestClient, house: House, field: str, value: str) -> None:
    answer = send(browser, **{field: value})
    assert answer.status_code == (400 if "\x00" in str(value) else 422)
    assert "<script>" not in answer.text.replace('<script type="module"', "")
    house.work()
    assert not list(house.app.settings.email.outbox_folder.rglob("*.eml"))


def test_forms_that_are_too_long_or_none_are_refused(browser: TestClient) -> None:
    assert browser.post("/en/subscribe", content=b"a=" + b"x" * 20_000, headers=URLENCODED).status_code == 413
    assert browser.post("/en/subscribe", content=b"a=1&" * 700, headers=URLENCODED).status_code == 400
    assert browser.post("/en/subscribe", content=b"a=%ff", headers=URLENCODED).status_code == 400
    assert browser.post("/en/subscribe", json={"address": AWA}).status_code == 415
    assert browser.get("/xx/subscribe").status_code == 404


URLENCODED = {"content-type": "application/x-www-form-urlencoded"}


def test_a_program_that_fills_in_every_field_hears_the_same_and_is_not_taken(house: House, browser: TestClient) -> None:
    answer = send(browser, website="https://casino.example")
    assert (answer.status_code, answer.headers["location"]) == (303, "/en/subscribe/check-your-mail")
    assert status(house) is None


def test_addresses_beyond_ascii_are_one_person_however_they_are_written(house: House, browser: TestClient) -> None:
    send(browser, address="awa@bücher.example.org")
    send(browser, address="AWA@XN--BCHER-KVA.example.org")
    with house.app.store.read() as tx:
        assert tx.audience.count() == {Status.PENDING: 1}


def test_forged_and_foreign_links_open_nothing(house: House, browser: TestClient) -> None:
    send(browser)
    path = confirmation(house)
    token = path.removeprefix("/c/")
    foreign = house.app.signer.sign("unsubscribe", 1, "1")
    other = token[:-1] + ("0" if token[-1] != "0" else "1")
    for wrong in (token[:-1], token + "0", other, foreign, "x", "%00", "a" * 5000):
        assert browser.get(f"/c/{wrong}").status_code == 404
        assert browser.post(f"/c/{wrong}", data={"name": ""}).status_code == 404
    assert browser.get(f"/u/{token}").status_code == 404
    assert status(house) is Status.PENDING
    assert browser.post(f"{path}.", data={"name": ""}).status_code == 200, "a full stop that ends a sentence is no harm"
    assert status(house) is Status.ACTIVE


def test_a_link_that_was_used_says_so_and_what_to_do(house: House, browser: TestClient) -> None:
    send(browser)
    path = confirmation(house)
    assert "You are subscribed" in browser.post(f"{path}?in=en", data={"name": ""}).text
    again = browser.post(f"{path}?in=en", data={"name": "Somebody"})
    assert again.status_code == 200
    assert "confirmed already" in browser.get(f"{path}?in=en").text
    stop = house.app.reader_links.links(1, "letter", 0).unsubscribe.partition("/u/")[2]
    browser.post(f"/u/{stop}", data={"List-Unsubscribe": "One-Click"})
    assert "This link has been used" in browser.get(f"{path}?in=en").text
    assert browser.post(path, data={"name": ""}).status_code == 200
    assert status(house) is Status.UNSUBSCRIBED, "an old link brings nobody back"


def test_a_link_that_came_too_late_says_so(house: House, browser: TestClient) -> None:
    from scheduler import retention

    send(browser)
    path = confirmation(house)
    assert len(house.mails(AWA)) == 1
    house.clock.move(timedelta(days=8))
    assert retention(house.app) == 1
    assert status(house) is None
    assert house.mails(AWA) == [], "what was caught of it is gone too"
    page = browser.get(f"{path}?in=en")
    assert "no longer valid" in page.text
    assert "/en/subscribe" in page.text


def test_a_name_stands_in_no_mail_before_the_mailbox_has_spoken(house: House, browser: TestClient) -> None:
    send(browser, name="Buy now http://casino.example")
    path = confirmation(house)
    assert "casino" not in house.mails(AWA)[0].message.as_string()
    wrong = browser.post(path, data={"name": "Awa\r\nBcc: all@example.org"})
    assert wrong.status_code == 422
    assert browser.post(path, data={"name": "x" * 101}).status_code == 422
    assert status(house) is Status.PENDING
    assert "&lt;b&gt;" in browser.post(path, data={"name": "<b>\n"}).text or status(house) is Status.ACTIVE


def test_nobody_is_flooded_through_the_form(house: House, browser: TestClient) -> None:
    answers = {send(browser, language1=tag).status_code for tag in ("en", "fr", "es", "en", "fr", "es")}
    house.work()
    assert answers == {303}
    assert len(house.mails(AWA)) == 2


def test_a_network_that_asks_too_often_is_told_so_honestly_over_all_processes(house: House) -> None:
    house.app.settings = house.app.settings.model_copy(
        update={"sign_up": SignUp(per_network_hour=3), "web": Web(trusted_proxies=("127.0.0.1/32",))}
    )
    with reader(house.app, "127.0.0.1") as one, reader(house.app, "127.0.0.1") as other:

        def via(browser: TestClient, forwarded: str, n: int) -> Any:
            return browser.post(
                "/en/subscribe",
                data={**FORM, "address": f"p{n}@work.example.org"},
                headers={"x-forwarded-for": forwarded},
            )

        told = [via((one, other)[n % 2], f"10.{n}.0.1, 198.51.100.{n}", n) for n in range(5)]
        assert [answer.status_code for answer in told] == [303, 303, 303, 429, 429], (
            "what stands on the left is not believed"
        )
        assert told[3].headers["retry-after"] == "4800", "one of the three is out of sight then"
        assert 'value="p3@work.example.org"' in told[3].text
        assert "It has nothing to do with your address" in told[3].text
        assert via(one, "192.0.2.1", 9).status_code == 303


def test_without_a_trusted_proxy_the_header_says_nothing(house: House) -> None:
    house.app.settings = house.app.settings.model_copy(update={"sign_up": SignUp(per_network_hour=1)})
    with reader(house.app) as browser:
        told = [
            browser.post(
                "/en/subscribe",
                data={**FORM, "address": f"p{n}@work.example.org"},
                headers={"x-forwarded-for": f"192.0.{n}.1"},
            ).status_code
            for n in range(2)
        ]
    assert told == [303, 429]


def test_many_forms_at_once_are_all_kept_and_one_bad_one_harms_nobody(house: House) -> None:
    site = create_app(house.app)

    async def rush() -> list[int]:
        transport = httpx.ASGITransport(site, client=("203.0.113.9", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
            forms = [{**FORM, "address": f"p{n}@work.example.org"} for n in range(40)]
            forms += [{**FORM, "address": "p7@work.example.org"}, {**FORM, "address": "nobody"}]
            told = await asyncio.gather(*(client.post("/en/subscribe", data=form) for form in forms))
        return [answer.status_code for answer in told]

    assert asyncio.run(rush()) == [303] * 41 + [422]
    house.work()
    assert [len(house.mails(f"p{n}@work.example.org")) for n in range(40)].count(1) >= 39
    with house.app.store.read() as tx:
        assert tx.audience.count() == {Status.PENDING: 40}


def test_the_preview_is_what_planning_would_bring_and_honest_when_it_is_nothing(
    house: House, browser: TestClient
) -> None:
    assert "Nothing was published in the last seven days" in send(browser, do="preview").text
    house.publish(
        "work", titles={"en": "Pay <b>gap</b>", "fr": "Écart de salaire"}, policy_areas=["wages"], places=["SEN"]
    )
    house.publish("else", titles={"en": "Elsewhere"}, policy_areas=["wages"], places=["BRA"])
    with reader(house.app) as browser:
        page = send(browser, do="preview", address="").text
        assert "One publication would have come to you" in page
        assert "Écart de salaire" in page
        assert 'role="alert"' not in page, "what is still to be filled in is no mistake yet"
        part = browser.post("/en/subscribe/preview", data={**FORM, "language1": "en", "place": []}).text
        assert "2 publications" in part
        assert "Pay &lt;b&gt;gap" in part
        assert "<html" not in part
        none = browser.post("/en/subscribe/preview", data={**FORM, "topic": "child_labour"}).text
        assert "none fits what you have chosen" in none
    assert status(house) is None


def test_links_from_items_fill_in_the_form(browser: TestClient) -> None:
    page = browser.get("/en/subscribe?topic=wages&country=SEN&topic=%3Cscript%3E&kind=zzz").text
    assert 'value="wages" checked' in page
    assert 'value="SEN" checked' in page
    assert "%3Cscript" not in page.partition("<form")[2]


def test_one_click_works_at_once_and_leaves_a_record(house: House, browser: TestClient) -> None:
    send(browser)
    browser.post(confirmation(house), data={"name": ""})
    path = house.app.reader_links.links(1, "letter", 0).unsubscribe.partition("/u/")[2]
    answer = browser.post(f"/u/{path}", data={"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, answer.text) == (200, "OK\n")
    assert status(house) is Status.UNSUBSCRIBED
    with house.app.store.read() as tx:
        last = tx.consents.of(1)[-1]
    assert (last.act, last.source, last.network) == ("unsubscribed", "one_click", "203.0.113.0/24")


def test_previews_from_one_network_have_a_limit_and_the_form_keeps_working(house: House) -> None:
    with reader(house.app) as browser:
        other = TestClient(browser.app, base_url="http://127.0.0.1:8080", client=("198.51.100.7", 1))
        told = [browser.post("/en/subscribe/preview", data=FORM) for _ in range(PREVIEWS_A_MINUTE // 4 + 5)]
        assert {answer.status_code for answer in told[: PREVIEWS_A_MINUTE // 4]} == {200}
        assert told[-1].status_code == 429
        assert int(told[-1].headers["retry-after"]) >= 1
        page = send(browser, do="preview")
        assert page.status_code == 429
        assert "Many previews were asked for from your network" in page.text
        assert 'value="employment" checked' in page.text, "what was chosen still stands"
        assert other.post("/en/subscribe/preview", data=FORM).status_code == 200
        assert send(browser).status_code == 303, "a subscription is another matter"
