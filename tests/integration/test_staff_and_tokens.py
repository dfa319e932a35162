"""Staff and the API's tokens in the store, and what administrators change, on both stores."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from tests.newsroom import session_of, staff_member
from tests.staff_world import audited
from tribune.bootstrap import Application
from tribune.domain.api_tokens import SEEN_EVERY
from tribune.domain.errors import Conflict, InvalidInput, NotFound
from tribune.domain.staff import Permission, Role
from tribune.domain.staff_members import StaffMember
from tribune.ports.clock import StoppedClock
from tribune.ports.store import Transaction
from tribune.services.staff.api_tokens import (
    Caller,
    MadeToken,
    authenticate,
    is_to_be_noted,
    make_api_token,
    revoke_api_token,
)
from tribune.services.staff.change_staff import add_staff, change_roles, disable, enable

pytestmark = pytest.mark.both_stores
DAY = timedelta(days=1)


def make(app: Application, *roles: Role, scopes: tuple[Permission, ...] = (Permission.READ_DESK,)) -> MadeToken:
    owner = staff_member(app, *roles)
    with app.store.write() as tx:
        return make_api_token(tx, owner, "Friday report", scopes, DAY, app.clock.now())


def calling(app: Application, secret: str) -> Caller | None:
    with app.store.read() as tx:
        return authenticate(tx, secret, app.tokens_vouched, app.clock.now())


def test_a_token_calls_for_its_owner_and_is_kept_as_a_hash(app: Application) -> None:
    made = make(app, Role.EDITOR)
    who = calling(app, made.secret)
    assert who is not None
    assert (who.staff.roles, who.may, who.actor) == (
        frozenset({Role.EDITOR}),
        frozenset({Permission.READ_DESK}),
        f"token/{made.token.id}",
    )
    with app.store.engine.connect() as connection:
        assert made.secret not in str(connection.exec_driver_sql("SELECT * FROM api_tokens").all())
    for other in ("", "trb_", made.secret[:-1], made.secret.swapcase(), f"Bearer {made.secret}", "' OR 1=1 --"):
        assert calling(app, other) is None


def test_a_token_ends_at_its_time_when_it_is_revoked_and_with_its_owner(app: Application, clock: StoppedClock) -> None:
    late, revoked, owned = make(app, Role.EDITOR), make(app, Role.EDITOR), make(app, Role.APPROVER)
    other = staff_member(app, Role.AUDITOR)
    with app.store.write() as tx:
        with pytest.raises(NotFound):
            revoke_api_token(tx, other, revoked.token.id, clock.now())
        revoke_api_token(tx, member_with(tx, Role.EDITOR), revoked.token.id, clock.now())
        with pytest.raises(NotFound):
            revoke_api_token(tx, member_with(tx, Role.EDITOR), revoked.token.id, clock.now())
        owner = member_with(tx, Role.APPROVER)
        disable(tx, owner, "cli", clock.now())
    assert calling(app, late.secret) and not calling(app, revoked.secret) and not calling(app, owned.secret)
    with app.store.write() as tx:
        enable(tx, member_with(tx, Role.APPROVER), "cli", clock.now())
    assert not calling(app, owned.secret), "it does not come back"
    clock.move(DAY)
    assert not calling(app, late.secret)


def member_with(tx: Transaction, role: Role) -> StaffMember:
    found = tx.staff.by_address(f"{role}@staff.example")
    assert found is not None
    return found


def test_a_token_may_no_more_than_its_owner_may_now(app: Application, clock: StoppedClock) -> None:
    made = make(app, Role.AUDIENCE_MANAGER, scopes=(Permission.READ_DESK, Permission.CHANGE_PEOPLE))
    with app.store.write() as tx:
        change_roles(tx, owner_of(tx, made), [Role.AUTHOR], "cli", clock.now())
    who = calling(app, made.secret)
    assert who is not None and who.may == frozenset({Permission.READ_DESK})


def owner_of(tx: Transaction, made: MadeToken) -> StaffMember:
    found = tx.staff.one(made.token.staff)
    assert found is not None
    return found


def test_its_use_is_noted_now_and_then(app: Application, clock: StoppedClock) -> None:
    made = make(app, Role.EDITOR)
    assert is_to_be_noted(made.token, clock.now())
    with app.store.write() as tx:
        tx.api_tokens.used(made.token.id, clock.now())
    who = calling(app, made.secret)
    assert who is not None and who.token.last_used_at == clock.now()
    clock.move(SEEN_EVERY - timedelta(seconds=1))
    assert not is_to_be_noted(who.token, clock.now())
    clock.move(timedelta(seconds=1))
    assert is_to_be_noted(who.token, clock.now())


def test_an_address_is_taken_once_however_it_is_written(app: Application, clock: StoppedClock) -> None:
    def add(address: str, name: str = "Bo", roles: tuple[Role, ...] = (Role.EDITOR,)) -> None:
        with app.store.write() as tx:
            add_staff(tx, address, name, "en", roles, DAY, "cli", clock.now())

    add("Bo@Example.org")
    with pytest.raises(Conflict):
        add("bo@example.ORG")
    for address in ("", "bo", "@x.org", "bo@", "b o@x.org", "bo\n@x.org", "b" * 250 + "@x.org"):
        with pytest.raises(InvalidInput) as refused:
            add(address)
        assert refused.value.where == "address"
    for name in ("", "  ", "x" * 121, "Bo\x07"):
        with pytest.raises(InvalidInput) as refused:
            add("other@x.org", name)
        assert refused.value.where == "name"
    with pytest.raises(InvalidInput) as refused:
        add("other@x.org", "Bo", ())
    assert refused.value.where == "roles"
    with app.store.read() as tx:
        assert len(tx.staff.everyone()) == 1


def test_of_two_administrators_who_withdraw_each_others_access_at_once_one_stays(
    app: Application, clock: StoppedClock
) -> None:
    one = staff_member(app, Role.ADMINISTRATOR, address="one@x.org")
    two = staff_member(app, Role.ADMINISTRATOR, address="two@x.org")
    told: list[str] = []

    def withdraw(of: int, by: str) -> None:
        try:
            with app.store.write() as tx:
                tx.lock("staff")
                found = tx.staff.one(of)
                assert found is not None
                told.append("done" if disable(tx, found, by, clock.now()) else "was")
        except Conflict:
            told.append("refused")

    threads = [threading.Thread(target=withdraw, args=(a.id, b.actor)) for a, b in ((one, two), (two, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["done", "refused"]


def test_disabling_and_roles_are_written_down(app: Application, clock: StoppedClock) -> None:
    admin, editor = staff_member(app), staff_member(app, Role.EDITOR)
    session_of(app, editor)
    with app.store.write() as tx:
        assert change_roles(tx, editor, [Role.AUDITOR], admin.actor, clock.now())
        assert disable(tx, editor, admin.actor, clock.now())
    with app.store.read() as tx:
        changed, disabled = list(tx.audit.entries())[-2:]
    assert changed.facts == {"before": "editor", "after": "auditor"}
    assert disabled.facts == {"sessions": 1, "tokens": 0}
    assert [about for _, _, about in audited(app)[-2:]] == [editor.actor, editor.actor]
