"""How staff come in, stay in and go out, in the words of those who do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import pyotp
import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House
from tests.newsroom import COOKIE, SAME_SITE, anybody, session_of, staff_browser, staff_member
from tests.staff_world import PASSWORD, RECOVERY, Person, audited
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.domain.staff import Role
from tribune.domain.staff_members import LinkPurpose
from tribune.ports.clock import StoppedClock
from tribune.services.staff.links import give_link
from web.app import create_app

WRONG = "The address, the password or the code is not right."


@pytest.fixture
def awa(house: House) -> Person:
    return Person(house.app)


@pytest.fixture
def browser(house: House) -> Iterator[TestClient]:
    with anybody(house.app, follow_redirects=False) as client:
        yield client


def form_of(awa: Person, **facts: str) -> dict[str, str]:
    return {"address": awa.address, "password": PASSWORD, "code": awa.code(), **facts}


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)).replace("\u00a0", " ").replace("\u202f", " "))


def test_who_wants_a_page_signs_in_and_gets_it(browser: TestClient, awa: Person) -> None:
    led = browser.get("/fr/newsroom/mails?q=emploi")
    assert led.status_code == 303
    page = browser.get(led.headers["location"])
    assert page.status_code == 200
    hidden = re.search(r'name="next" value="([^"]+)"', page.text)
    assert hidden
    told = browser.post("/fr/newsroom/sign-in", data=form_of(awa, next=unescape(hidden[1])))
    assert (told.status_code, told.headers["location"]) == (303, "/fr/newsroom/mails?q=emploi")
    assert "Awa Diop" in browser.get("/fr/newsroom/mails?q=emploi").text


def test_without_a_wish_one_begins_in_ones_own_language(browser: TestClient, awa: Person) -> None:
    assert browser.post("/es/newsroom/sign-in", data=form_of(awa)).headers["location"] == "/fr/newsroom/"
    assert browser.get("/es/newsroom/sign-in").headers["location"] == "/fr/newsroom/"


@pytest.mark.parametrize("evil", ["https://evil.example/", "//evil.example", "/en/newsroom/../../evil"])
def test_a_sign_in_leads_to_no_other_site(browser: TestClient, awa: Person, evil: str) -> None:
    asked = browser.get("/en/newsroom/sign-in", params={"next": evil})
    assert "evil" not in asked.text.partition("<main")[2]
    told = browser.post("/en/newsroom/sign-in", data=form_of(awa, next=evil)).headers["location"]
    assert told == "/fr/newsroom/"


def test_what_is_wrong_is_told_in_the_same_words_whoever_it_is(browser: TestClient, awa: Person) -> None:
    pages = []
    for facts in ({"password": "wrong wrong wrong"}, {"code": "000000"}, {"address": "nobody@travail.example"}):
        told = browser.post("/en/newsroom/sign-in", data=form_of(awa, **facts))
        assert told.status_code == 422 and WRONG in told.text
        pages.append(told.text.replace("nobody@travail.example", awa.address))
        assert 'value="wrong' not in told.text and "set-cookie" not in told.headers
    assert pages[0] == pages[1] == pages[2]
    assert f'value="{awa.address}"' in pages[0], "what was typed is not lost"


def test_who_tries_too_often_is_told_when_to_try_again(browser: TestClient, awa: Person) -> None:
    for _ in range(5):
        browser.post("/en/newsroom/sign-in", data=form_of(awa, code="000000"))
    told = browser.post("/en/newsroom/sign-in", data=form_of(awa))
    assert told.status_code == 429 and told.headers["retry-after"] == "2"
    assert "You can try again in 2 seconds." in plain(told.text)


def test_a_session_that_was_planted_before_is_not_the_one_after(browser: TestClient, awa: Person) -> None:
    """Session fixation: the sign-in gives a new id, whatever the browser had."""
    planted = "x" * 43
    browser.cookies.set(COOKIE, planted)
    told = browser.post("/en/newsroom/sign-in", data=form_of(awa))
    given = re.search(rf"{COOKIE}=([^;]+);", told.headers["set-cookie"])
    assert given and given[1] != planted
    again = TestClient(create_app(awa.app), base_url="http://127.0.0.1:8080", follow_redirects=False)
    again.cookies.set(COOKIE, planted)
    assert again.get("/en/newsroom/").status_code == 303


def test_cookies_are_for_this_site_and_no_script_alone(browser: TestClient, awa: Person) -> None:
    told = browser.post("/en/newsroom/sign-in", data=form_of(awa)).headers.get_list("set-cookie")
    assert {one.partition("=")[0] for one in told} == {"tribune-session", "tribune-device"}
    for one in told:
        assert "HttpOnly" in one and "SameSite=lax" in one and "Path=/" in one and "Domain" not in one


def test_over_https_cookies_are_for_https_alone(settings: Settings, clock: StoppedClock) -> None:
    web = settings.web.model_copy(update={"base_url": "https://letters.example.org"})
    app = Application(settings.model_copy(update={"web": web}), clock)
    app.prepare()
    awa = Person(app)
    client = anybody(app, base_url="https://letters.example.org", follow_redirects=False)
    told = client.post("/en/newsroom/sign-in", data=form_of(awa)).headers.get_list("set-cookie")
    for one in told:
        assert one.startswith("__Host-tribune-") and "Secure" in one and "Path=/" in one and "Domain" not in one
    assert client.get("/en/newsroom/").status_code == 200, "and the newsroom answers under the public name"
    app.close()


def test_who_signs_out_is_out_and_the_session_with_it(browser: TestClient, awa: Person) -> None:
    browser.post("/en/newsroom/sign-in", data=form_of(awa))
    token = browser.cookies[COOKIE]
    told = browser.post("/en/newsroom/sign-out")
    assert told.headers["location"] == "/en/newsroom/sign-in?out=1"
    assert "You are signed out." in browser.get(told.headers["location"]).text
    browser.cookies.set(COOKIE, token)
    assert browser.get("/en/newsroom/").status_code == 303


def test_a_password_change_signs_out_everywhere_but_here(browser: TestClient, awa: Person, clock: StoppedClock) -> None:
    other = anybody(awa.app, follow_redirects=False)
    other.post("/en/newsroom/sign-in", data=form_of(awa))
    clock.move(timedelta(seconds=30))
    browser.post("/en/newsroom/sign-in", data=form_of(awa))
    before = browser.cookies[COOKIE]
    wrong = browser.post("/en/newsroom/account/password", data={"current": "x", "password": "otter ledger violin"})
    assert wrong.status_code == 422 and "This is not your password." in wrong.text
    weak = browser.post("/en/newsroom/account/password", data={"current": PASSWORD, "password": "password2026"})
    assert "easy to guess" in weak.text and PASSWORD not in weak.text
    told = browser.post("/en/newsroom/account/password", data={"current": PASSWORD, "password": "otter ledger violin"})
    assert told.headers["location"] == "/en/newsroom/account?done=password"
    assert browser.cookies[COOKIE] != before
    assert "signed out everywhere else" in browser.get(told.headers["location"]).text
    assert other.get("/en/newsroom/").status_code == 303


def test_ones_sessions_are_listed_and_ended_and_nobody_elses(browser: TestClient, awa: Person, house: House) -> None:
    browser.post("/en/newsroom/sign-in", data=form_of(awa), headers={"user-agent": "Mosaic <b>2.0</b>"})
    old = session_of(house.app, awa.member)
    stranger = session_of(house.app, staff_member(house.app, Role.ADMINISTRATOR))
    page = browser.get("/en/newsroom/account").text
    assert "Mosaic &lt;b&gt;2.0&lt;/b&gt;" in page and page.count("Sign out there") == 1
    assert browser.post(f"/en/newsroom/account/sessions/{stranger.session.id}").status_code == 404
    assert browser.post(f"/en/newsroom/account/sessions/{old.session.id}").status_code == 303
    assert browser.post(f"/en/newsroom/account/sessions/{old.session.id}").status_code == 404
    session_of(house.app, awa.member)
    assert browser.post("/en/newsroom/account/sessions").status_code == 303
    with house.app.store.read() as tx:
        assert len(tx.staff_sessions.of(awa.id)) == 1
        assert tx.staff_sessions.of(stranger.staff.id)


def test_an_administrator_invites_and_the_person_joins(browser: TestClient, house: House) -> None:
    admin = staff_browser(house.app, follow_redirects=False)
    empty = admin.post("/en/newsroom/staff/new", data={"name": "Bo", "address": "not an address"})
    assert empty.status_code == 422 and "Enter an e-mail address" in empty.text and 'value="Bo"' in empty.text
    data = {"name": "Bo Ek", "address": "bo@travail.example", "language": "fr", "roles": ["editor", "auditor"]}
    page = admin.post("/en/newsroom/staff/new", data=data).text
    link = re.search(r"http://127\.0\.0\.1:8080(/fr/newsroom/invitation/[\w-]+)", page)
    assert link
    again = admin.post("/en/newsroom/staff/new", data=data)
    assert again.status_code == 422 and "has this address already" in again.text

    shown = browser.get(link[1])
    assert shown.text == browser.get(link[1]).text, "looking changes nothing"
    assert browser.get(f"{link[1]}/code.svg").headers["content-type"] == "image/svg+xml"
    key = re.search(r'class="secret">([A-Z2-7 ]+)<', shown.text)
    assert key
    code = pyotp.TOTP(key[1].replace(" ", "")).at(house.clock.now())
    told = browser.post(link[1], data={"password": "otter ledger violin", "code": "111111"})
    assert told.status_code == 422 and key[1] in told.text
    told = browser.post(link[1], data={"password": "otter ledger violin", "code": code})
    assert len(re.findall(r"<code>[\w-]{19}</code>", told.text)) == 10
    assert browser.get("/fr/newsroom/audit").status_code == 200
    assert browser.get(link[1]).status_code == 404
    assert "n’est plus valable" in plain(browser.get(link[1]).text)


def test_a_sign_in_link_is_looked_at_by_a_scanner_and_then_used(browser: TestClient, house: House, awa: Person) -> None:
    with house.app.store.write() as tx:
        given = give_link(tx, awa.member, LinkPurpose.SIGN_IN, timedelta(minutes=15), "cli", house.clock.now())
    path = f"/fr/newsroom/sign-in/{given.token}"
    for _ in range(3):
        assert browser.get(path).status_code == 200
        assert browser.head(path).status_code == 200
    assert "Awa Diop" in browser.get(path).text
    assert browser.post(path).headers["location"] == "/fr/newsroom/"
    assert browser.get("/fr/newsroom/").status_code == 200
    assert browser.post(path).status_code == browser.get(path).status_code == 404


def test_roles_are_changed_and_hold_from_the_next_page_on(house: House, awa: Person) -> None:
    admin = staff_browser(house.app, follow_redirects=False)
    hers = staff_browser(house.app, staff=awa.member, follow_redirects=False)
    assert hers.get("/en/newsroom/audit").status_code == 404
    assert "Audit log" not in hers.get("/en/newsroom/").text
    assert admin.post(f"/en/newsroom/staff/{awa.id}/roles", data={"roles": ["auditor"]}).status_code == 303
    assert hers.get("/en/newsroom/audit").status_code == 200
    assert "Audit log" in hers.get("/en/newsroom/").text
    none = admin.post(f"/en/newsroom/staff/{awa.id}/roles", data={"roles": ["emperor"]})
    assert none.status_code == 422 and "Choose at least one role." in none.text
    assert audited(house.app)[-1][1] == "staff.roles_changed"


def test_the_last_administrator_stays_one(house: House) -> None:
    admin = staff_browser(house.app, follow_redirects=False)
    me = staff_member(house.app).id
    for path, data in (("roles", {"roles": ["editor"]}), ("disable", {})):
        told = admin.post(f"/en/newsroom/staff/{me}/{path}", data=data)
        assert told.status_code == 422 and "Somebody must stay administrator." in told.text
    assert admin.get("/en/newsroom/staff").status_code == 200


def test_access_is_withdrawn_given_back_and_begun_anew(house: House, awa: Person) -> None:
    admin = staff_browser(house.app, follow_redirects=False)
    hers = anybody(house.app, follow_redirects=False)
    hers.post("/en/newsroom/sign-in", data=form_of(awa))
    admin.post(f"/en/newsroom/staff/{awa.id}/disable")
    assert hers.get("/en/newsroom/").status_code == 303
    assert admin.post(f"/en/newsroom/staff/{awa.id}/reset").status_code == 404
    admin.post(f"/en/newsroom/staff/{awa.id}/enable")
    assert hers.get("/en/newsroom/").status_code == 303, "old sessions do not come back"
    assert hers.post("/en/newsroom/sign-in", data=form_of(awa, code=RECOVERY)).status_code == 303
    told = admin.post(f"/en/newsroom/staff/{awa.id}/reset")
    assert "/fr/newsroom/invitation/" in told.text
    assert hers.get("/en/newsroom/").status_code == 303
    assert WRONG in hers.post("/en/newsroom/sign-in", data=form_of(awa)).text


def test_an_api_token_is_shown_once_and_is_nobody_elses(house: House, awa: Person) -> None:
    hers = staff_browser(house.app, staff=awa.member, follow_redirects=False)
    admin = staff_browser(house.app, follow_redirects=False)
    bad = hers.post("/en/newsroom/account/tokens", data={"name": "x", "scopes": ["manage_staff"], "life": "30"})
    assert bad.status_code == 422 and "Choose what the token may do." in bad.text
    told = hers.post("/en/newsroom/account/tokens", data={"name": "<Report>", "scopes": ["read_desk"], "life": "30"})
    token = re.search(r"trb_[\w-]{43}", told.text)
    assert token and "&lt;Report&gt;" in told.text
    assert "trb_" not in hers.get("/en/newsroom/account/tokens").text
    assert admin.post("/en/newsroom/account/tokens/1").status_code == 404
    assert hers.post("/en/newsroom/account/tokens/1").status_code == 303
    assert hers.post("/en/newsroom/account/tokens/1").status_code == 404
    actions = [action for _, action, _ in audited(house.app)]
    assert actions.count("api_token.made") == actions.count("api_token.revoked") == 1


def test_the_audit_page_tells_who_did_what_and_gives_it_out(house: House, awa: Person) -> None:
    hers = anybody(house.app, follow_redirects=False)
    hers.post("/en/newsroom/sign-in", data=form_of(awa, code="000000"))
    auditor = staff_browser(house.app, Role.AUDITOR, follow_redirects=False)
    page = plain(auditor.get("/en/newsroom/audit").text)
    assert "Sign-in failed" in page and "Awa Diop" in page
    only = plain(auditor.get("/en/newsroom/audit", params={"action": "sign_in.failed"}).text.partition("<table")[2])
    assert "Sign-in failed" in only and "Signed in" not in only
    assert "No entry answers" in auditor.get("/en/newsroom/audit", params={"since": "2027-01-01"}).text
    for odd in ("2026-13-99", "x", "0001-01-01", "9999-12-31", "' OR 1=1 --"):
        assert auditor.get("/en/newsroom/audit", params={"since": odd, "until": odd}).status_code == 200
    given = auditor.post("/en/newsroom/audit/export?action=sign_in")
    assert given.headers["content-type"] == "application/x-ndjson"
    assert given.headers["content-disposition"] == 'attachment; filename="audit.jsonl"'
    assert '"sign_in.failed"' in given.text and "audit.exported" not in given.text
    assert audited(house.app)[-1][1] == "audit.exported"


def test_a_long_audit_log_is_read_page_by_page(house: House) -> None:
    with house.app.store.write() as tx:
        for number in range(230):
            tx.audit.add("cli", "looked", f"subscriber/{number}", {}, house.clock.now())
    auditor = staff_browser(house.app, Role.AUDITOR)
    path, seen = "/en/newsroom/audit?action=looked", []
    while path:
        page = auditor.get(path).text
        seen += re.findall(r"subscriber/(\d+)<", page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        path = unescape(older[1]) if older else ""
    assert seen == [str(number) for number in reversed(range(230))]


def test_a_form_that_is_too_large_is_not_read(browser: TestClient) -> None:
    told = browser.post("/en/newsroom/sign-in", data={"password": "x" * 20_000}, headers=SAME_SITE)
    assert told.status_code == 413
