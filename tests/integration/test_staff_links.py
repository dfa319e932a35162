"""One-time links of staff: invitations and sign-in links, on both stores."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from tests.staff_world import Person, attempt, audited
from tribune.bootstrap import Application
from tribune.domain.errors import InvalidInput, NotFound
from tribune.domain.staff import Role
from tribune.domain.staff_members import LinkPurpose, Way, token_hash
from tribune.ports.clock import StoppedClock
from tribune.services.staff.change_staff import add_staff
from tribune.services.staff.links import give_link, holder, sign_in_by_link
from tribune.services.staff.sessions import Browser, SignedIn, find_session
from tribune.services.staff.set_credentials import accept_invitation, offered_secret
from tribune.services.staff.sign_in import Refused

pytestmark = pytest.mark.both_stores
BROWSER = Browser("Another browser", "198.51.100.0/24")
HOUR = timedelta(hours=1)


@pytest.fixture
def awa(app: Application) -> Person:
    return Person(app)


def found(app: Application, token: str) -> SignedIn | None:
    with app.store.read() as tx:
        return find_session(tx, token, app.session_rules, app.clock.now())


def test_an_invitation_sets_password_and_second_factor_once(app: Application, clock: StoppedClock) -> None:
    import pyotp

    with app.store.write() as tx:
        given = add_staff(tx, "bo@x.example", "Bo", "en", [Role.EDITOR], HOUR, "cli", clock.now())
    told = (app.store, app.clock, app.passwords, app.vault, given.token)
    code = pyotp.TOTP(offered_secret(app.vault, token_hash(given.token))).at(clock.now())
    for password, typed in (("short", code), ("otter ledger violin", "000000")):
        with pytest.raises(InvalidInput):
            accept_invitation(*told, password, typed, BROWSER, app.session_rules)
    joined = accept_invitation(*told, "otter ledger violin", code, BROWSER, app.session_rules)
    assert found(app, joined.signed_in.token) and len(joined.recovery_codes) == 10
    with pytest.raises(NotFound):
        accept_invitation(*told, "otter ledger violin", code, BROWSER, app.session_rules)
    assert attempt(app, address="bo@x.example", password="otter ledger violin", code=code) == Refused(), "used up"
    assert [action for _, action, _ in audited(app)] == [
        *("staff.added", "staff.link_given", "staff.joined", "sign_in.done", "sign_in.failed")
    ]


def test_a_link_is_good_for_its_time_its_purpose_and_one_use(
    app: Application, awa: Person, clock: StoppedClock
) -> None:
    def give() -> str:
        with app.store.write() as tx:
            return give_link(tx, awa.member, LinkPurpose.SIGN_IN, HOUR, "cli", clock.now()).token

    def use(token: str) -> SignedIn:
        with app.store.write() as tx:
            return sign_in_by_link(tx, token, BROWSER, app.session_rules, clock.now())

    late, replaced = give(), give()
    with pytest.raises(NotFound):
        use(late)  # a newer one was given
    with app.store.read() as tx, pytest.raises(NotFound):
        holder(tx, replaced, LinkPurpose.INVITATION, clock.now())
    assert use(replaced).session.way is Way.LINK
    with pytest.raises(NotFound):
        use(replaced)
    late = give()
    clock.move(HOUR)
    with pytest.raises(NotFound):
        use(late)
    with app.store.write() as tx:
        assert tx.staff.forget_links_before(clock.now()) == 1


def test_of_two_who_use_a_link_at_the_same_moment_one_is_in(app: Application, awa: Person, clock: StoppedClock) -> None:
    with app.store.write() as tx:
        token = give_link(tx, awa.member, LinkPurpose.SIGN_IN, HOUR, "cli", clock.now()).token
    told: list[str] = []

    def use() -> None:
        try:
            with app.store.write() as tx:
                sign_in_by_link(tx, token, BROWSER, app.session_rules, clock.now())
            told.append("in")
        except NotFound:
            told.append("late")

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["in", "late", "late", "late"]
