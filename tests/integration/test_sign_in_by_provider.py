"""Sign-in through OpenID Connect, against a real provider on this machine that signs with real keys."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import structlog
from joserfc.jwk import OctKey, RSAKey
from pydantic import ValidationError
from starlette.testclient import TestClient

from tests.newsroom import anybody, staff_member
from tests.openid_provider import CLIENT, SECRET, Provider, serving
from tests.staff_world import audited
from tribune.bootstrap import Application
from tribune.config import Oidc, Settings
from tribune.domain.errors import SourceError
from tribune.domain.staff import Role
from tribune.ports.clock import StoppedClock

HOME = "/en/newsroom/"
REFUSED, AWAY = "/en/newsroom/sign-in?failed=refused", "/en/newsroom/sign-in?failed=away"
AWA = {"sub": "7", "email": "awa@travail.example", "email_verified": True, "name": "Awa Diop"}
Open = Callable[..., Application]


@pytest.fixture
def provider(clock: StoppedClock) -> Iterator[Provider]:
    with serving(Provider(clock, dict(AWA))) as running:
        yield running


@pytest.fixture
def house(settings: Settings, clock: StoppedClock, provider: Provider, migrated: Path) -> Iterator[Open]:
    """A house that knows the provider; settings of `[staff.oidc]` may be given."""
    opened: list[Application] = []
    settings.data_dir.mkdir(parents=True)
    shutil.copy(migrated, settings.data_dir / "tribune.sqlite3")

    def open_house(**facts: Any) -> Application:
        told = {
            "issuer": provider.issuer,
            "client_id": CLIENT,
            "client_secret": SECRET,
            "allowed_private_networks": ("127.0.0.0/8",),
            **facts,
        }
        staff = settings.staff.model_copy(update={"oidc": Oidc.model_validate(told)})
        web = settings.web.model_copy(update={"base_url": "http://127.0.0.1:8080"})
        app = Application(settings.model_copy(update={"staff": staff, "web": web}), clock)
        opened.append(app)
        return app

    yield open_house
    for app in opened:
        app.close()


def browser_of(app: Application) -> TestClient:
    return anybody(app, follow_redirects=False)


def come(browser: TestClient, provider: Provider, wanted: str = "") -> str:
    """Sign in there and come back; where that leads."""
    there = browser.get("/en/newsroom/provider", params={"next": wanted}).headers["location"]
    back = provider.authorize(there)
    return browser.get(back).headers["location"]


def test_who_was_added_here_comes_in_with_their_organisations_account(house: Open, provider: Provider) -> None:
    app = house(name="Observatory account")
    awa = staff_member(app, Role.EDITOR, address="awa@travail.example")
    browser = browser_of(app)
    assert "Sign in with Observatory account" in browser.get("/en/newsroom/sign-in").text
    assert come(browser, provider, "/fr/newsroom/mails?q=x") == "/fr/newsroom/mails?q=x"
    assert browser.get("/en/newsroom/mails").status_code == 200
    assert audited(app)[-1] == (awa.actor, "sign_in.done", awa.actor)
    provider.claims["email"] = "awa.diop@new.example"
    assert come(browser_of(app), provider) == HOME, "known by the subject from now on, whatever the address"


def test_a_stranger_is_refused_and_nobody_is_made(house: Open, provider: Provider) -> None:
    app = house()
    assert come(browser_of(app), provider) == REFUSED
    assert "did not let you in here" in browser_of(app).get(REFUSED).text
    with app.store.read() as tx:
        assert tx.staff.everyone() == []
    assert audited(app) == [("system", "sign_in.failed", "")]


def test_groups_give_roles_to_who_is_new_and_anew_at_each_sign_in(house: Open, provider: Provider) -> None:
    app = house(roles={"editors": ["editor"], "it": ["administrator"]}, allowed_domains=["travail.example"])
    provider.claims["groups"] = ["editors", "others"]
    assert come(browser_of(app), provider) == HOME
    with app.store.read() as tx:
        (awa,) = tx.staff.everyone()
    assert (awa.name, awa.roles, awa.provider) == ("Awa Diop", frozenset({Role.EDITOR}), True)
    provider.claims["groups"] = ["it"]
    assert come(browser_of(app), provider) == HOME
    provider.claims["groups"] = ["others"]
    assert come(browser_of(app), provider) == REFUSED
    provider.claims["groups"] = ["editors"]
    assert come(browser_of(app), provider) == HOME
    with app.store.read() as tx:
        (awa,) = tx.staff.everyone()
    assert awa.roles == {Role.ADMINISTRATOR}, "the last administrator stays one"


@pytest.mark.parametrize(
    "facts",
    [
        {"email": "awa@elsewhere.example"},
        {"email_verified": False},
        {"email_verified": None},
        {"email": ""},
        {"email": "awa@travail.example.evil.example"},
    ],
)
def test_only_verified_addresses_of_the_named_domains_come_in(
    house: Open, provider: Provider, facts: dict[str, Any]
) -> None:
    app = house(allowed_domains=["travail.example"])
    staff_member(app, Role.EDITOR, address="awa@travail.example")
    provider.claims |= facts
    assert come(browser_of(app), provider) == REFUSED


def test_an_address_that_was_given_to_somebody_else_is_not_the_old_persons_account(
    house: Open, provider: Provider
) -> None:
    app = house()
    staff_member(app, Role.EDITOR, address="awa@travail.example")
    assert come(browser_of(app), provider) == HOME
    provider.claims["sub"] = "8"
    assert come(browser_of(app), provider) == REFUSED


def test_who_is_disabled_here_stays_out(house: Open, provider: Provider, clock: StoppedClock) -> None:
    app = house()
    awa = staff_member(app, Role.EDITOR, address="awa@travail.example")
    with app.store.write() as tx:
        tx.staff.set_disabled(awa.id, clock.now())
    assert come(browser_of(app), provider) == REFUSED


def changed(**facts: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda claims: {name: value for name, value in (claims | facts).items() if value is not None}


@pytest.mark.parametrize(
    "lie",
    [
        *(changed(iss="https://evil.example"), changed(aud="another client"), changed(aud=None), changed(sub=None)),
        *(changed(nonce="another"), changed(nonce=None), changed(exp=1_700_000_000), changed(exp=None)),
        *(changed(iat=None), changed(nbf=4_000_000_000), changed(at_hash="wrong"), changed(azp="another client")),
    ],
)
def test_a_token_that_does_not_hold_lets_nobody_in(
    house: Open, provider: Provider, lie: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    app = house()
    staff_member(app, Role.EDITOR, address="awa@travail.example")
    provider.lie = lie
    assert come(browser_of(app), provider) == REFUSED


def test_a_token_signed_by_another_key_or_by_none_lets_nobody_in(house: Open, provider: Provider) -> None:
    app = house()
    staff_member(app, Role.EDITOR, address="awa@travail.example")
    provider.signs_with = RSAKey.generate_key(2048, {"kid": "one"})
    assert come(browser_of(app), provider) == REFUSED
    provider.signs_with, provider.algorithm = None, "none"
    assert come(browser_of(app), provider) == REFUSED
    provider.signs_with, provider.algorithm = OctKey.import_key(SECRET, {"kid": "one"}), "HS256"
    assert come(browser_of(app), provider) == REFUSED


def test_a_provider_may_change_its_keys(house: Open, provider: Provider, clock: StoppedClock) -> None:
    app = house()
    staff_member(app, Role.EDITOR, address="awa@travail.example")
    assert come(browser_of(app), provider) == HOME
    asked = len(provider.asked)
    assert come(browser_of(app), provider) == HOME
    assert "/keys" not in provider.asked[asked:], "kept"
    provider.key = RSAKey.generate_key(2048, {"kid": "two"})
    clock.sleep(2)
    assert come(browser_of(app), provider) == HOME


def test_an_answer_belongs_to_the_browser_that_asked_and_to_one_asking(house: Open, provider: Provider) -> None:
    """Login CSRF, a replayed answer, a mangled one."""
    app = house()
    staff_member(app, Role.EDITOR, address="awa@travail.example")
    browser, other = browser_of(app), browser_of(app)
    there = browser.get("/en/newsroom/provider").headers["location"]
    back = provider.authorize(there)
    assert other.get(back).headers["location"].endswith("failed=refused")
    other.get("/en/newsroom/provider")
    assert other.get(back).headers["location"] == REFUSED
    assert browser.get(back).headers["location"] == HOME
    assert browser.get(back).headers["location"].endswith("failed=refused"), "once"
    again = browser_of(app)
    there = again.get("/en/newsroom/provider").headers["location"]
    told = parse_qs(urlsplit(there).query)
    assert again.get("/newsroom/callback", params={"state": told["state"][0]}).headers["location"] == REFUSED


def test_an_answer_of_another_issuer_or_one_that_comes_too_late_is_refused(
    house: Open, provider: Provider, clock: StoppedClock
) -> None:
    app = house()
    staff_member(app, Role.EDITOR, address="awa@travail.example")
    browser = browser_of(app)
    back = provider.authorize(browser.get("/en/newsroom/provider").headers["location"])
    mixed_up = back.replace("iss=", "iss=https%3A%2F%2Fevil.example&other=")
    assert browser.get(mixed_up).headers["location"] == REFUSED
    back = provider.authorize(browser.get("/en/newsroom/provider").headers["location"])
    clock.sleep(601)
    assert "failed=refused" in browser.get(back).headers["location"]


def test_each_asking_has_a_state_a_nonce_and_a_challenge_of_its_own(house: Open, provider: Provider) -> None:
    browser = browser_of(house())
    asked = [parse_qs(urlsplit(browser.get("/en/newsroom/provider").headers["location"]).query) for _ in range(2)]
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name] and len(asked[0][name][0]) >= 43
    assert asked[0]["redirect_uri"] == ["http://127.0.0.1:8080/newsroom/callback"]


def test_what_is_kept_meanwhile_is_sealed_and_short_lived(house: Open, provider: Provider) -> None:
    browser = browser_of(house())
    answer = browser.get("/en/newsroom/provider")
    cookie = answer.headers["set-cookie"]
    told = parse_qs(urlsplit(answer.headers["location"]).query)
    assert told["state"][0] not in cookie and told["nonce"][0] not in cookie
    assert "HttpOnly" in cookie and "Max-Age=600" in cookie and "SameSite=lax" in cookie


def test_claims_that_the_token_lacks_are_asked_for_of_the_same_person_only(house: Open, provider: Provider) -> None:
    app = house()
    staff_member(app, Role.EDITOR, address="awa@travail.example")
    provider.claims = {"sub": "7"}
    provider.userinfo = {**AWA, "sub": "8"}
    assert come(browser_of(app), provider) == REFUSED
    provider.userinfo = dict(AWA)
    assert come(browser_of(app), provider) == HOME


def test_a_provider_that_is_away_or_another_is_told_and_logged_without_secrets(house: Open, provider: Provider) -> None:
    app = house()
    provider.named = "https://evil.example"
    with structlog.testing.capture_logs() as logged:
        assert browser_of(app).get("/en/newsroom/provider").headers["location"] == AWAY
    assert "could not be reached" in browser_of(app).get(AWAY).text
    assert logged and SECRET not in str(logged)
    wrong = house(client_secret="wrong")
    provider.named = ""
    assert come(browser_of(wrong), provider) == REFUSED


def test_private_networks_are_for_settings_to_allow(house: Open, provider: Provider) -> None:
    """SSRF: without the setting, the guard refuses to connect to this machine."""
    app = house(allowed_private_networks=("10.0.0.0/8",))
    assert app.identity_provider is not None
    with pytest.raises(SourceError, match=r"staff\.oidc\.allowed_private_networks"):
        app.identity_provider.begin("http://127.0.0.1:8080/newsroom/callback")
    assert provider.asked == []
    with pytest.raises(ValidationError):
        Oidc(issuer="http://login.example", client_id="x")


def test_a_house_without_a_provider_has_no_such_door(app: Application) -> None:
    browser = browser_of(app)
    assert browser.get("/en/newsroom/provider").status_code == 404
    assert browser.get("/newsroom/callback").status_code == 404
    assert "/newsroom/provider" not in browser.get("/en/newsroom/sign-in").text


def test_the_provider_is_not_asked_by_a_page(house: Open, provider: Provider) -> None:
    before = time.monotonic()
    browser_of(house()).get("/en/newsroom/sign-in")
    assert provider.asked == [] and time.monotonic() - before < 30
