"""Signed tokens: what they carry comes back, and nothing else is accepted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribune.domain.errors import InvalidInput
from tribune.domain.tokens import Signer

SIGNER = Signer({"k1": b"1" * 32, "k2": b"2" * 32}, "k2")
PARTS = st.lists(st.from_regex(r"[A-Za-z0-9_:+-]*", fullmatch=True), min_size=1, max_size=5)


@given(PARTS)
def test_what_is_signed_comes_back(parts: list[str]) -> None:
    assert SIGNER.verify("unsubscribe", SIGNER.sign("unsubscribe", *parts)) == tuple(parts)


def test_a_token_is_for_one_purpose() -> None:
    with pytest.raises(InvalidInput):
        SIGNER.verify("preferences", SIGNER.sign("unsubscribe", 7))


@given(st.text(max_size=80))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        SIGNER.verify("unsubscribe", text)


def test_each_character_counts() -> None:
    token = SIGNER.sign("unsubscribe", 123, "letter", 45)
    for place, character in enumerate(token):
        other = "a" if character != "a" else "b"
        with pytest.raises(InvalidInput):
            SIGNER.verify("unsubscribe", token[:place] + other + token[place + 1 :])


def test_keys_rotate() -> None:
    old = Signer({"k1": b"1" * 32}, "k1").sign("unsubscribe", 7)
    assert SIGNER.verify("unsubscribe", old) == ("7",)
    with pytest.raises(InvalidInput):
        Signer({"k2": b"2" * 32}, "k2").verify("unsubscribe", old)


def test_a_mail_server_may_fold_the_case_of_the_mac() -> None:
    kid, payload, mac = SIGNER.sign("delivery", 1, 2, 3).split(".")
    assert SIGNER.verify("delivery", f"{kid}.{payload}.{mac.upper()}") == ("1", "2", "3")


def test_a_mail_server_may_fold_the_case_of_the_whole_token() -> None:
    token = SIGNER.sign("delivery", 1, 2, 3)
    for folded in (token.lower(), token.upper()):
        assert SIGNER.verify("delivery", folded) == ("1", "2", "3")


def test_a_key_id_in_capitals_would_not_survive_that() -> None:
    with pytest.raises(ValueError, match="lowercase"):
        Signer({"K1": b"1" * 32}, "K1")


def test_what_cannot_stand_in_a_link_is_not_signed() -> None:
    with pytest.raises(ValueError, match="cannot carry"):
        SIGNER.sign("unsubscribe", "a/b")


def test_a_part_cannot_be_mistaken_for_two() -> None:
    with pytest.raises(ValueError, match="cannot carry"):
        SIGNER.sign("unsubscribe", "1~2")
