"""Somebody new opens several tabs: each of them signs in by the provider at the same instant, and all come in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tribune.bootstrap import Application
from tribune.domain.identity import Identity, IdentityRules
from tribune.domain.staff import Role
from tribune.services.staff.sessions import Browser
from tribune.services.staff.sign_in_by_provider import sign_in_by_provider

pytestmark = pytest.mark.both_stores

AWA = Identity("https://id.example", "7", "awa@travail.example", True, "Awa Diop", frozenset({"editors"}))
RULES = IdentityRules(roles={"editors": frozenset({Role.EDITOR})})


def test_all_of_them_come_in_as_the_same_person(app: Application) -> None:
    def sign_in(_: int) -> int | None:
        browser = Browser("Firefox", "192.0.2.0/24")
        with app.store.write() as tx:
            signed_in = sign_in_by_provider(tx, AWA, RULES, "en", browser, app.session_rules, app.clock.now())
        return signed_in.staff.id if signed_in else None

    with ThreadPoolExecutor(4) as tabs:
        came = list(tabs.map(sign_in, range(4)))
    assert len(set(came)) == 1 and came[0] is not None
    with app.store.read() as tx:
        assert [one.address for one in tx.staff.everyone()] == [AWA.address]
        assert [one.action for one in tx.audit.entries()].count("sign_in.failed") == 0
