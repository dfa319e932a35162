"""Signing in with a password and a second factor, on both stores (threats.md: fixation, enumeration, sessions)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from tests.staff_world import PASSWORD, RECOVERY, Person, attempt, audited
from tribune.bootstrap import Application
from tribune.domain.errors import InvalidInput, NotFound
from tribune.domain.sign_in_delays import OF_ACCOUNT, OF_NETWORK
from tribune.domain.staff import Role
from tribune.domain.staff_members import LinkPurpose, Way, token_hash
from tribune.ports.clock import StoppedClock
from tribune.services.staff import passwords as hashing
from tribune.services.staff.change_staff import add_staff, disable
from tribune.services.staff.links import give_link, holder
from tribune.services.staff.sessions import Browser, SignedIn, find_session
from tribune.services.staff.set_credentials import (
    basis_of_account,
    change_password,
    change_second_factor,
    offered_secret,
)
from tribune.services.staff.sign_in import DEVICE, Refused

pytestmark = pytest.mark.both_stores
BROWSER = Browser("Another browser", "198.51.100.0/24")
HOUR = timedelta(hours=1)


@pytest.fixture
def awa(app: Application) -> Person:
    return Person(app)


def signed_in(told: SignedIn | Refused) -> SignedIn:
    assert isinstance(told, SignedIn)
    return told


def found(app: Application, token: str) -> SignedIn | None:
    with app.store.read() as tx:
        return find_session(tx, token, app.session_rules, app.clock.now())


def test_password_and_code_open_a_session_that_the_store_knows_by_its_hash_only(app: Application, awa: Person) -> None:
    who = signed_in(awa.sign_in())
    again = found(app, who.token)
    assert again is not None and again.staff.address == "awa@travail.example"
    assert (again.session.way, again.session.agent) == (Way.PASSWORD, "Test browser")
    with app.store.engine.connect() as connection:
        kept = str(connection.exec_driver_sql("SELECT * FROM staff_sessions").all())
        assert who.token not in kept and token_hash(who.token) in kept
    assert awa.member.last_sign_in_at == app.clock.now()
    assert audited(app)[-1] == (f"staff/{awa.id}", "sign_in.done", f"staff/{awa.id}")


def test_the_address_may_be_written_in_any_case(awa: Person) -> None:
    signed_in(awa.sign_in(address="AWA@Travail.Example"))


@pytest.mark.parametrize("wrong", [{"password": "mangrove anvil monday"}, {"code": "000000"}, {"code": ""}])
def test_each_of_the_two_must_be_right(app: Application, awa: Person, wrong: dict[str, str]) -> None:
    assert awa.sign_in(**wrong) == Refused()
    assert audited(app)[-1] == ("system", "sign_in.failed", f"staff/{awa.id}")


def test_each_sign_in_has_a_session_of_its_own(app: Application, awa: Person, clock: StoppedClock) -> None:
    first = signed_in(awa.sign_in())
    clock.move(timedelta(seconds=30))
    second = signed_in(awa.sign_in())
    assert first.token != second.token
    assert found(app, first.token) and found(app, second.token)


def test_a_code_lets_in_once_even_for_two_at_the_same_moment(awa: Person) -> None:
    code, told = awa.code(), []

    def come() -> None:
        told.append(awa.sign_in(code=code))

    threads = [threading.Thread(target=come) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(one, SignedIn) for one in told) == 1
    assert awa.sign_in(code=code) == Refused()


def test_a_recovery_code_lets_in_once(app: Application, awa: Person) -> None:
    signed_in(awa.sign_in(code=RECOVERY.upper().replace("-", " ")))
    assert awa.sign_in(code=RECOVERY) == Refused()
    assert ("staff/1", "recovery_code.used", "staff/1") in audited(app)
    with app.store.read() as tx:
        assert tx.staff.recovery_codes_left(awa.id) == 0


def test_a_recovery_code_without_the_password_is_not_used_up(app: Application, awa: Person) -> None:
    assert awa.sign_in(password="mangrove anvil monday", code=RECOVERY) == Refused()
    signed_in(awa.sign_in(code=RECOVERY))


# -- nobody learns who there is


def work_of(app: Application, what: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What an attempt costs: hashes checked, codes computed, units of work, statements."""
    done = {"hashes": 0, "codes": 0, "begun": 0, "statements": 0}
    import pyotp

    checked, at = app.passwords._argon2.verify, pyotp.HOTP.at

    def verify(*told: Any) -> bool:
        done["hashes"] += 1
        return bool(checked(*told))

    def code_at(*told: Any) -> str:
        done["codes"] += 1
        return str(at(*told))

    def begin(*_: Any) -> None:
        done["begun"] += 1

    def execute(*_: Any) -> None:
        done["statements"] += 1

    with monkeypatch.context() as patched:
        patched.setattr(app.passwords._argon2, "verify", verify)
        patched.setattr(pyotp.HOTP, "at", code_at)
        event.listen(app.store.engine, "begin", begin)
        event.listen(app.store.engine, "before_cursor_execute", execute)
        try:
            what()
        finally:
            event.remove(app.store.engine, "begin", begin)
            event.remove(app.store.engine, "before_cursor_execute", execute)
    return done


def test_an_unknown_a_disabled_and_a_known_account_cost_the_same_work_and_answer_the_same(
    app: Application, awa: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Person(app, "gone@travail.example")
    boss = Person(app, "boss@travail.example", Role.ADMINISTRATOR)
    invited = "invited@travail.example"
    with app.store.write() as tx:
        disable(tx, gone.member, boss.member.actor, app.clock.now())
        add_staff(tx, invited, "Not yet", "en", [Role.AUTHOR], HOUR, "cli", app.clock.now())
    costs = {}
    for address in ("awa@travail.example", "nobody@travail.example", gone.address, invited):
        facts = {"address": address, "password": "wrong wrong wrong", "code": "123456"}
        answers: list[object] = []
        costs[address] = work_of(app, lambda f=facts, a=answers: a.append(attempt(app, **f)), monkeypatch)  # type: ignore[misc]
        assert answers == [Refused()]
    known = costs.pop("awa@travail.example")
    assert (known["hashes"], known["codes"], known["begun"]) == (1, 3, 2)
    assert all(cost == known for cost in costs.values()), (known, costs)


def test_what_was_typed_for_a_name_or_password_is_kept_nowhere(app: Application, awa: Person) -> None:
    typed = "my secret typed in the wrong field"
    attempt(app, address=typed, password=typed, code=typed)
    awa.sign_in(password=typed)
    with app.store.engine.connect() as connection:
        for table in ("audit", "sign_in_attempts", "staff", "staff_sessions"):
            assert typed not in str(connection.exec_driver_sql(f"SELECT * FROM {table}").all())


# -- delays


def test_after_some_failures_an_attempt_must_wait_and_is_not_looked_at(
    app: Application, awa: Person, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(OF_ACCOUNT.free):
        assert awa.sign_in(password="wrong wrong wrong") == Refused()
    answers: list[SignedIn | Refused] = []
    cost = work_of(app, lambda: answers.append(awa.sign_in()), monkeypatch)
    assert answers == [Refused(clock.now() + OF_ACCOUNT.first)] and cost["hashes"] == 0
    clock.move(OF_ACCOUNT.first)
    signed_in(awa.sign_in())
    clock.move(timedelta(seconds=30))
    assert awa.sign_in(password="wrong wrong wrong") == Refused(), "a success clears the account"


def test_an_account_that_there_is_not_waits_in_the_same_way(app: Application, clock: StoppedClock) -> None:
    told = [attempt(app, address="no@where.example", password="x", code="1") for _ in range(OF_ACCOUNT.free + 1)]
    assert told[:-1] == [Refused()] * OF_ACCOUNT.free
    assert told[-1] == Refused(clock.now() + OF_ACCOUNT.first)


def test_a_network_that_tries_many_accounts_waits_too_and_others_do_not(
    app: Application, awa: Person, clock: StoppedClock
) -> None:
    for number in range(OF_NETWORK.free):
        assert attempt(app, address=f"a{number}@x.example", password="x", code="1") == Refused()
    assert awa.sign_in() == Refused(clock.now() + OF_NETWORK.first)
    signed_in(awa.sign_in(network="198.51.100.9/32"))


def test_a_stranger_who_guesses_does_not_keep_the_owner_out_of_their_own_browser(
    app: Application, awa: Person, clock: StoppedClock
) -> None:
    device = app.signer.sign(DEVICE, awa.id, "0123456789abcdef")
    for _ in range(40):
        told = awa.sign_in(password="wrong wrong wrong", network="203.0.113.9/32")
        assert isinstance(told, Refused)
        clock.move(OF_ACCOUNT.longest)
    awa.sign_in(password="wrong wrong wrong", network="203.0.113.9/32")
    assert isinstance(awa.sign_in(), Refused)
    signed_in(awa.sign_in(device=device))


def test_a_browser_of_somebody_else_is_no_way_around_the_delay(app: Application, awa: Person) -> None:
    mallory = Person(app, "mallory@travail.example")
    device = app.signer.sign(DEVICE, mallory.id, "0123456789abcdef")
    for _ in range(OF_ACCOUNT.free):
        awa.sign_in(password="wrong wrong wrong", device=device)
    told = awa.sign_in(device=device)
    assert isinstance(told, Refused) and told.until is not None
    assert isinstance(awa.sign_in(device="k1.1~forged.00"), Refused)


def test_attempts_at_the_same_moment_are_all_counted(app: Application, awa: Person) -> None:
    told: list[SignedIn | Refused] = []

    def guess() -> None:
        told.append(awa.sign_in(password="wrong wrong wrong"))

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    looked_at = [one for one in told if one == Refused()]
    assert len(looked_at) == OF_ACCOUNT.free and len(told) == 12


def test_many_at_the_same_moment_do_not_hash_all_at_once(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    running, most, lock = 0, 0, threading.Lock()
    verify = app.passwords._argon2.verify

    def slow(*told: Any) -> bool:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        try:
            return bool(verify(*told))
        finally:
            with lock:
                running -= 1

    monkeypatch.setattr(app.passwords._argon2, "verify", slow)
    threads = [threading.Thread(target=app.passwords.check, args=("x", None)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= hashing.AT_ONCE


# -- sessions end


def test_a_session_ends_when_it_is_not_used_and_at_its_time(app: Application, awa: Person, clock: StoppedClock) -> None:
    rules = app.session_rules
    idle = signed_in(awa.sign_in())
    clock.move(rules.idle - timedelta(seconds=1))
    assert found(app, idle.token)
    clock.move(timedelta(seconds=1))
    assert found(app, idle.token) is None
    busy = signed_in(awa.sign_in())
    for _ in range(int(rules.whole / (rules.idle / 2)) - 1):
        clock.move(rules.idle / 2)
        with app.store.write() as tx:
            tx.staff_sessions.seen(busy.session.id, clock.now())
        assert found(app, busy.token)
    clock.move(rules.idle / 2)
    assert found(app, busy.token) is None
    with app.store.write() as tx:
        assert tx.staff_sessions.forget_before(clock.now()) >= 2
        assert tx.staff_sessions.of(awa.id) == []


def test_a_password_change_ends_every_session_and_gives_this_browser_a_new_one(
    app: Application, awa: Person, clock: StoppedClock
) -> None:
    elsewhere = signed_in(awa.sign_in())
    clock.move(timedelta(seconds=30))
    here = signed_in(awa.sign_in())
    with app.store.write() as tx:
        link = give_link(tx, awa.member, LinkPurpose.SIGN_IN, HOUR, "cli", clock.now())
    told = (app.store, app.clock, app.passwords, here)
    new = change_password(*told, PASSWORD, "otter ledger violin", BROWSER, app.session_rules)
    assert found(app, elsewhere.token) is None and found(app, here.token) is None
    assert found(app, new.token)
    clock.move(timedelta(seconds=30))
    assert awa.sign_in() == Refused()
    signed_in(awa.sign_in(password="otter ledger violin"))
    with app.store.read() as tx, pytest.raises(NotFound):
        holder(tx, link.token, LinkPurpose.SIGN_IN, clock.now())


def test_a_password_is_changed_by_who_knows_it_and_guesses_are_counted(
    app: Application, awa: Person, clock: StoppedClock
) -> None:
    here = signed_in(awa.sign_in())

    def change(current: str, new: str) -> str:
        try:
            change_password(app.store, app.clock, app.passwords, here, current, new, BROWSER, app.session_rules)
        except InvalidInput as error:
            return f"{error.where} {error.hint}".strip()
        return "changed"

    assert change(PASSWORD, "short") == "password too_short"
    assert change(PASSWORD, "awa diop travail") == "password common"
    assert [change("guess", "otter ledger violin") for _ in range(OF_ACCOUNT.free)] == ["current"] * OF_ACCOUNT.free
    assert change(PASSWORD, "otter ledger violin").startswith("wait")
    clock.move(OF_ACCOUNT.longest)
    assert change(PASSWORD, "otter ledger violin") == "changed"


def test_who_is_disabled_is_out_at_once(app: Application, awa: Person, clock: StoppedClock) -> None:
    here = signed_in(awa.sign_in())
    with app.store.write() as tx:
        disable(tx, awa.member, "cli", clock.now())
    assert found(app, here.token) is None
    clock.move(timedelta(seconds=30))
    assert awa.sign_in() == Refused()


def test_another_second_factor_takes_the_place_of_the_first(app: Application, awa: Person, clock: StoppedClock) -> None:
    import pyotp

    elsewhere = signed_in(awa.sign_in())
    clock.move(timedelta(seconds=30))
    here = signed_in(awa.sign_in())
    with app.store.read() as tx:
        kept = tx.staff.credentials(awa.id).second_factor
    assert kept is not None and awa.secret not in kept
    secret = offered_secret(app.vault, basis_of_account(here, kept))
    told = (app.store, app.clock, app.passwords, app.vault, here)
    with pytest.raises(InvalidInput):
        change_second_factor(*told, PASSWORD, awa.code())
    codes = change_second_factor(*told, PASSWORD, pyotp.TOTP(secret).at(clock.now()))
    assert found(app, elsewhere.token) is None and found(app, here.token)
    clock.move(timedelta(minutes=2))
    assert awa.sign_in() == Refused(), "the old device"
    assert awa.sign_in(code=RECOVERY) == Refused(), "the old recovery codes"
    signed_in(awa.sign_in(code=pyotp.TOTP(secret).at(clock.now())))
    signed_in(awa.sign_in(code=codes[3]))


def test_a_password_hashed_in_an_older_way_is_hashed_anew_at_the_next_sign_in(app: Application, awa: Person) -> None:
    from pwdlib.hashers.argon2 import Argon2Hasher

    with app.store.write() as tx:
        tx.staff.set_password(awa.id, Argon2Hasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD))
    signed_in(awa.sign_in())
    with app.store.read() as tx:
        kept = tx.staff.credentials(awa.id).password_hash
    assert kept is not None and not app.passwords.outdated(kept) and kept.startswith("$argon2id$")
