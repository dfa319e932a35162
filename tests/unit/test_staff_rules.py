"""The rules of signing in: passwords, codes, sealed secrets, delays, tokens, whom a provider's word lets in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribune.domain.api_tokens import LONGEST_LIFE, PREFIX, ApiToken, checked, is_api_token, new_api_token
from tribune.domain.errors import InvalidInput
from tribune.domain.identity import Identity, IdentityRules
from tribune.domain.passwords import PasswordProblem, normal, password_problem
from tribune.domain.sealing import Vault
from tribune.domain.second_factor import (
    RECOVERY_CODES,
    new_recovery_codes,
    provisioning_address,
    recovery_hash,
    secret_of,
    shown_secret,
    step_of,
)
from tribune.domain.sign_in_delays import OF_ACCOUNT, OF_NETWORK, Attempts, Patience, counted, network_of, shown_network
from tribune.domain.staff import Permission, Role
from tribune.domain.staff_members import Credentials, new_token, token_hash

NOW = datetime(2026, 11, 30, 9, 0, 10, tzinfo=UTC)
SECRET = secret_of(bytes(range(20)))
DAY = timedelta(days=1)


# -- passwords


@pytest.mark.parametrize(
    "password",
    [
        *("correct horse mangrove anvil", "Zwölf Boxkämpfer jagen Viktor", "mi gato duerme sobre el mapa"),
        *("dvorak-tulipe-42-ouragan", "κλειδί θάλασσα βουνό", "aaa bbb ccc ddd eee fff", "x7#Lm9!qTz2&"),
    ],
)
def test_long_passwords_of_ones_own_are_taken_whatever_they_are_made_of(password: str) -> None:
    assert password_problem(password, ("awa.diop@travail.example", "Awa Diop")) is None


@pytest.mark.parametrize(
    "password",
    [
        *("password1234", "Password2026!", "P@ssw0rd!!!!", "motdepasse123", "contraseña2026", "qwertyuiop123"),
        *("azertyuiop2026", "123456789012", "abcdefghijkl", "aaaaaaaaaaaa", "abcabcabcabc", "1q2w3e4r5t6y"),
        *("welcome-welcome", "Tribune2026!!", "correct horse battery staple", "            ", "987654321098"),
        *("Summer2026!Summer", "bienvenue2026"),
    ],
)
def test_passwords_that_are_tried_first_are_refused_whatever_their_length(password: str) -> None:
    assert password_problem(password) is PasswordProblem.COMMON


def test_ones_own_name_and_address_are_tried_first_too() -> None:
    about = ("awa.diop@travail.example", "Awa Diop-Ndiaye")
    assert password_problem("ndiaye-travail-2026", about) is PasswordProblem.COMMON
    assert password_problem("ndiaye-travail-2026") is None


def test_length_is_counted_in_characters_and_bounded() -> None:
    assert password_problem("mangrove-42") is PasswordProblem.TOO_SHORT
    assert password_problem("é" * 11) is PasswordProblem.TOO_SHORT
    assert password_problem("mangrove anvil " * 14) is PasswordProblem.TOO_LONG


def test_a_password_is_the_same_however_its_accents_were_composed() -> None:
    assert normal("e\u0301te\u0301 a\u0300 la plage") == normal("été à la plage")


@given(st.text(max_size=250), st.lists(st.text(max_size=20), max_size=3))
def test_any_text_gets_an_answer(password: str, about: list[str]) -> None:
    problem = password_problem(password, about)
    assert problem is None or problem in PasswordProblem


# -- the second factor


def code(steps: int) -> str:
    """The code that an app shows so many half minutes from now."""
    return pyotp.TOTP(SECRET).at(NOW + timedelta(seconds=30 * steps))


def test_a_code_is_good_in_its_half_minute_and_the_ones_beside_it() -> None:
    step = int(NOW.timestamp()) // 30
    for offset in (-1, 0, 1):
        assert step_of(SECRET, code(offset), NOW, 0) == step + offset
    for offset in (-3, -2, 2, 3):
        assert step_of(SECRET, code(offset), NOW, 0) is None


def test_a_code_is_good_once_and_none_before_it_is_good_after() -> None:
    used = step_of(SECRET, code(0), NOW, 0)
    assert used is not None
    assert step_of(SECRET, code(0), NOW, used) is None
    assert step_of(SECRET, code(-1), NOW, used) is None
    assert step_of(SECRET, code(1), NOW, used) == used + 1


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "１２３４５６", "١٢٣٤٥٦", "12 345", "-12345"])
def test_what_is_no_code_is_none(typed: str) -> None:
    assert step_of(SECRET, typed, NOW, 0) is None


def test_a_code_may_be_typed_with_spaces() -> None:
    told = code(0)
    assert step_of(SECRET, f" {told[:3]} {told[3:]} ", NOW, 0) is not None


def test_apps_are_told_account_and_issuer() -> None:
    told = provisioning_address(SECRET, "awa@travail.example", "Observatoire du monde du travail")
    assert told.startswith("otpauth://totp/Observatoire%20du%20monde%20du%20travail:awa%40travail.example?secret=")
    assert SECRET in told
    assert shown_secret(SECRET).replace(" ", "") == SECRET


def test_recovery_codes_are_many_different_and_kept_as_hashes_however_typed() -> None:
    codes = new_recovery_codes()
    assert len(set(codes)) == RECOVERY_CODES
    first = codes[0]
    assert recovery_hash(first) == recovery_hash(first.upper().replace("-", " ")) == recovery_hash(f" {first} ")
    assert recovery_hash(first) != recovery_hash(codes[1])
    assert first.replace("-", "") not in str(recovery_hash(first))
    assert recovery_hash("123456") is None


# -- sealed secrets


def vault(**keys: str) -> Vault:
    return Vault({kid: secret.encode() for kid, secret in keys.items()}, max(keys))


def test_what_is_sealed_is_read_with_the_same_key_and_purpose_only() -> None:
    one = vault(k1="1" * 32)
    sealed = one.seal("second-factor", SECRET)
    assert SECRET not in sealed
    assert one.open("second-factor", sealed) == SECRET
    assert one.seal("second-factor", SECRET) != sealed, "a nonce of its own each time"
    assert vault(k1="1" * 32, k2="2" * 32).open("second-factor", sealed) == SECRET, "an older key opens"
    for told, purpose in ((sealed, "other"), (sealed[:-2], "second-factor"), ("", "second-factor"), ("k1.a.b", "x")):
        with pytest.raises(InvalidInput):
            one.open(purpose, told)
    with pytest.raises(InvalidInput):
        vault(k1="3" * 32).open("second-factor", sealed)


def test_what_is_derived_follows_from_key_purpose_and_parts() -> None:
    one = vault(k1="1" * 32)
    assert one.derived("p", "a", "b") == one.derived("p", "a", "b")
    assert len({one.derived("p", "a", "b"), one.derived("p", "ab", ""), one.derived("q", "a", "b")}) == 3
    assert one.derived("p", "a") != vault(k1="2" * 32).derived("p", "a")


def test_credentials_never_show_themselves() -> None:
    assert "argon2" not in repr(Credentials("$argon2id$...", "k1.x.y", 3))


# -- delays


def test_some_attempts_are_free_then_each_waits_longer_and_never_for_good() -> None:
    waits, before, now = [], None, NOW
    for _ in range(30):
        before = counted(before, OF_ACCOUNT, now)
        waits.append(before.next_at - now)
        now = max(now, before.next_at)
    assert waits[:4] == [timedelta()] * 4
    assert waits[4:8] == [timedelta(seconds=s) for s in (2, 4, 8, 16)]
    assert max(waits) == OF_ACCOUNT.longest == waits[-1]


def test_what_lies_far_back_is_forgotten() -> None:
    old = Attempts(50, NOW - OF_ACCOUNT.forgets, NOW)
    assert counted(old, OF_ACCOUNT, NOW) == Attempts(1, NOW, NOW)
    assert counted(Attempts(50, NOW - OF_ACCOUNT.forgets + DAY / 1000, NOW), OF_ACCOUNT, NOW).count == 51


def test_nobody_waits_longer_than_the_longest_however_many_attempts() -> None:
    for patience in (OF_ACCOUNT, OF_NETWORK, Patience(1, timedelta(seconds=1), timedelta(minutes=1), DAY)):
        assert counted(Attempts(10**6, NOW, NOW), patience, NOW).next_at - NOW == patience.longest


@pytest.mark.parametrize(
    ("address", "counts_by", "shown"),
    [
        ("192.0.2.77", "192.0.2.77/32", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.77/32", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/64", "fe80::/48"),
        ("testclient", "unknown", ""),
    ],
)
def test_a_network_is_what_one_customer_has(address: str, counts_by: str, shown: str) -> None:
    assert (network_of(address), shown_network(address)) == (counts_by, shown)


# -- tokens


def test_tokens_cannot_be_guessed_and_only_their_hash_is_kept() -> None:
    token = new_token()
    assert len(token) == 43 and token != new_token()
    assert token not in token_hash(token) and len(token_hash(token)) == 64
    assert token_hash("\ud800") != token_hash("?")


def test_a_token_of_the_api_is_found_by_scanners() -> None:
    token = new_api_token()
    assert token.startswith(PREFIX) and is_api_token(token)
    assert not is_api_token(token + "x") and not is_api_token(token[4:])


def test_a_token_may_no_more_than_its_owner_and_not_for_ever() -> None:
    may = frozenset({Permission.READ_DESK, Permission.READ_MAILS})
    assert checked("  Friday   report ", [Permission.READ_DESK], DAY, may) == (
        "Friday report",
        frozenset({Permission.READ_DESK}),
    )
    for name, scopes, life, where in (
        ("", [Permission.READ_DESK], DAY, "name"),
        ("x" * 81, [Permission.READ_DESK], DAY, "name"),
        ("x", [], DAY, "scopes"),
        ("x", [Permission.MANAGE_STAFF], DAY, "scopes"),
        ("x", [Permission.READ_DESK], timedelta(), "life"),
        ("x", [Permission.READ_DESK], LONGEST_LIFE + DAY, "life"),
    ):
        with pytest.raises(InvalidInput) as refused:
            checked(name, scopes, life, may)
        assert refused.value.where == where


def test_a_token_works_until_its_time_or_until_it_is_revoked() -> None:
    token = ApiToken(1, 1, "x", frozenset(), NOW, NOW + DAY)
    assert token.works(NOW) and not token.works(NOW + DAY)
    assert not ApiToken(1, 1, "x", frozenset(), NOW, NOW + DAY, revoked_at=NOW).works(NOW)


# -- the organisation's own sign-in


def identity(address: str = "awa@travail.example", verified: bool = True, *groups: str) -> Identity:
    return Identity("https://login.example", "7", address, verified, "Awa", frozenset(groups))


def test_only_verified_addresses_of_the_named_domains_are_ours() -> None:
    rules = IdentityRules(domains=frozenset({"travail.example"}))
    assert rules.takes(identity()) and rules.takes(identity("AWA@TRAVAIL.EXAMPLE"))
    for told in (
        identity(verified=False),
        identity("awa@travail.example.evil.example"),
        identity("awa@sub.travail.example"),
        identity("travail.example"[::-1]),
        identity(""),
    ):
        assert not rules.takes(told)
    assert IdentityRules().takes(identity("anybody@elsewhere.example", verified=False))


def test_groups_give_roles_and_without_a_mapping_roles_are_given_here() -> None:
    rules = IdentityRules(roles={"editors": frozenset({Role.EDITOR}), "it": frozenset({Role.ADMINISTRATOR})})
    assert rules.roles_of(identity("a@b.c", True, "editors", "it", "others")) == frozenset(
        {Role.EDITOR, Role.ADMINISTRATOR}
    )
    assert rules.roles_of(identity("a@b.c", True, "others")) == frozenset()
    assert IdentityRules().roles_of(identity("a@b.c", True, "editors")) is None
