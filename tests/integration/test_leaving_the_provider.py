"""Who has left the organisation's groups, or the organisation, does not stay in by what they were given before."""

from __future__ import annotations

from datetime import timedelta

import pytest
import structlog

from tests.integration.test_sign_in_by_provider import HOME, REFUSED, Open, browser_of, come, house, provider
from tests.newsroom import staff_member
from tests.openid_provider import Provider
from tests.staff_world import audited
from tribune.bootstrap import Application
from tribune.domain.staff import Permission, Role
from tribune.domain.staff_members import StaffMember
from tribune.ports.clock import StoppedClock
from tribune.services.staff.api_tokens import authenticate, make_api_token
from tribune.services.staff.change_staff import reset

__all__ = ["house", "provider"]
GROUPS = {"editors": ["editor"], "it": ["administrator"]}


def token_of(app: Application, staff: StaffMember) -> str:
    """An API token for a year."""
    with app.store.write() as tx:
        scopes = [Permission.READ_DESK]
        return make_api_token(tx, staff, "report", scopes, timedelta(days=365), app.clock.now()).secret


def works(app: Application, secret: str) -> bool:
    answer = browser_of(app).get("/api/v1/digests", headers={"authorization": f"Bearer {secret}"})
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def awa_of(app: Application) -> StaffMember:
    with app.store.read() as tx:
        (awa,) = [one for one in tx.staff.everyone() if one.address == "awa@travail.example"]
    return awa


def test_who_comes_without_any_group_is_out_with_all_that_they_had(house: Open, provider: Provider) -> None:
    app = house(roles=GROUPS)
    provider.claims["groups"] = ["it"]
    browser = browser_of(app)
    assert come(browser, provider) == HOME
    awa = awa_of(app)
    secret = token_of(app, awa)
    assert works(app, secret) and browser.get("/en/newsroom/staff").status_code == 200

    provider.claims["groups"] = []
    assert come(browser_of(app), provider) == REFUSED
    assert browser.get("/en/newsroom/staff").status_code == 303, "the session that was open has ended"
    assert not works(app, secret)
    assert audited(app)[-2:] == [("system", "sign_in.failed", awa.actor), ("provider", "staff.access_ended", awa.actor)]
    assert come(browser_of(app), provider) == REFUSED
    assert audited(app)[-1] == ("system", "sign_in.failed", awa.actor), "there was nothing more to end"

    provider.claims["groups"] = ["editors"]
    assert come(browser_of(app), provider) == HOME, "with a group, they come in again"


def test_who_was_added_here_and_never_came_by_the_provider_loses_nothing(house: Open, provider: Provider) -> None:
    app = house(roles=GROUPS)
    awa = staff_member(app, Role.ADMINISTRATOR, address="awa@travail.example")
    secret = token_of(app, awa)
    provider.claims["groups"] = []
    assert come(browser_of(app), provider) == REFUSED
    assert works(app, secret)


@pytest.mark.parametrize("days", [1, 30])
def test_tokens_of_the_providers_people_work_while_they_keep_signing_in(
    house: Open, provider: Provider, clock: StoppedClock, days: int
) -> None:
    app = house(token_days=days)
    here = token_of(app, staff_member(app, Role.EDITOR, address="here@travail.example"))
    staff_member(app, Role.EDITOR, address="awa@travail.example")
    assert come(browser_of(app), provider) == HOME
    secret = token_of(app, awa_of(app))
    clock.move(timedelta(days=days))
    assert works(app, secret)
    clock.move(timedelta(seconds=1))
    assert not works(app, secret)
    with app.store.read() as tx:
        assert authenticate(tx, secret, timedelta(days=365), clock.now()) is not None
    assert works(app, here), "whom the provider does not know is not its to vouch for"
    assert come(browser_of(app), provider) == HOME
    assert works(app, secret), "and again"


@pytest.mark.parametrize("moved", ["issuer", "subject"])
def test_who_is_known_under_another_name_there_is_known_anew_by_a_reset(
    house: Open, provider: Provider, moved: str
) -> None:
    app = house()
    staff_member(app, Role.EDITOR, address="awa@travail.example")
    awa = awa_of(app)
    with app.store.write() as tx:
        issuer = "https://login.observatory.example/realms/old" if moved == "issuer" else provider.issuer
        tx.staff.set_subject(awa.id, issuer, "4")
    with structlog.testing.capture_logs() as logs:
        assert come(browser_of(app), provider) == REFUSED
    (line,) = [one for one in logs if one["event"] == "a sign-in by the provider was refused"]
    assert (line["reason"], line["staff"]) == (f"known under another {moved}", awa.actor)
    assert "awa@" not in str(logs)

    with app.store.write() as tx:
        reset(tx, awa, timedelta(hours=1), "staff/9", app.clock.now())
    assert not awa_of(app).provider
    assert come(browser_of(app), provider) == HOME
    with app.store.read() as tx:
        assert tx.staff.by_subject(provider.issuer, "7") == awa_of(app)
