"""The bytes of a body and of header fields, read back by the standard library."""

from __future__ import annotations

import email
import quopri
from datetime import UTC, datetime
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribune.domain.errors import InvalidInput
from tribune.rendering.email import mime
from tribune.rendering.email.pieces import cut_out, take_apart

TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(" .=\t\r\nFrom é漢👩‍👩‍👧"), max_size=400)


def decoded(raw: bytes) -> str:
    return quopri.decodestring(raw).decode("utf-8")


@given(text=TEXT)
def test_a_body_is_read_back(text: str) -> None:
    raw = mime.body(text)
    assert raw.endswith(mime.SOFT)
    assert decoded(raw).replace("\r\n", "\n") == text.replace("\r\n", "\n").replace("\r", "\n")
    _well_formed(raw)


@given(text=TEXT.map(lambda text: text.replace("\r", "").replace("\n", "")))
def test_a_slot_is_read_back_and_is_what_a_body_is(text: str) -> None:
    raw = mime.slot(text)
    assert raw.endswith(mime.SOFT)
    assert decoded(raw) == text
    _well_formed(raw)


def test_a_slot_leaves_room_for_what_ends_its_last_line() -> None:
    for length in range(60, 160):
        _well_formed(mime.slot("é" + "a" * length))


@given(texts=st.lists(TEXT.map(lambda text: text.replace("\r", "\n")), max_size=6))
def test_pieces_join_without_being_encoded_again(texts: list[str]) -> None:
    raw = b"".join(map(mime.body, texts))
    assert decoded(raw).replace("\r\n", "\n") == "".join(texts)
    _well_formed(raw)


def _well_formed(raw: bytes) -> None:
    for line in raw.split(b"\r\n"):
        assert len(line) <= 76 and b"\r" not in line and b"\n" not in line
        assert not line.startswith((b".", b"From "))
        assert not line.endswith((b" ", b"\t"))
    assert b"=_" not in raw and mime.BOUNDARY not in raw
    raw.decode("ascii")


def test_a_surrogate_does_not_stop_a_mail() -> None:
    assert decoded(mime.body("a\ud800b")) == "a?b" and decoded(mime.slot("a\ud800b")) == "a?b"


@given(text=st.text(max_size=200))
def test_a_subject_is_one_field_that_is_read_back(text: str) -> None:
    raw = mime.unstructured(text)
    message = email.message_from_bytes(b"Subject: " + raw + b"\r\nX: y\r\n\r\n", policy=SMTP)
    assert message.keys() == ["Subject", "X"] and not message["Subject"].defects
    assert all(len(line) <= 78 for line in raw.split(b"\r\n"))
    expected = "".join("?" if "\ud800" <= c <= "\udfff" else c for c in mime._CONTROLS.sub(" ", text).strip())
    assert message["Subject"] == expected or message["Subject"].split() == expected.split()


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Awa Diop", b"Awa Diop\r\n <a@b.example>"),
        ("Ministry of Labour, Kigali", b'"Ministry of Labour, Kigali"\r\n <a@b.example>'),
        ("O'Neill", b'"O\'Neill"\r\n <a@b.example>'),
        ('A "B" C', b"=?utf-8?b?QSAiQiIgQw==?=\r\n <a@b.example>"),
        ("José", b"=?utf-8?b?Sm9zw6k=?=\r\n <a@b.example>"),
        ("x\r\nBcc: y@z.example", b"=?utf-8?b?eCBCY2M6IHlAei5leGFtcGxl?=\r\n <a@b.example>"),
        ("", b"<a@b.example>"),
    ],
)
def test_mailboxes(name: str, written: bytes) -> None:
    assert mime.mailbox(name, "a@b.example") == written


def test_a_local_part_beyond_ascii_stands_as_it_is_and_a_domain_as_the_dns_has_it() -> None:
    assert mime.mailbox("", "josé@correo.example") == "<josé@correo.example>".encode()
    assert mime.mailbox("", "user@straße.de") == b"<user@xn--strae-oqa.de>"
    assert mime.mailbox("", "José@Bücher.de") == "<José@xn--bcher-kva.de>".encode()
    with pytest.raises(InvalidInput):
        mime.mailbox("", "a@é\u037e.example")  # its canonical form is a semicolon


@pytest.mark.parametrize("delivery", ["", "1 2", "1>\r\nX: y", "é"])
def test_a_message_id_cannot_be_forged(delivery: str) -> None:
    with pytest.raises(InvalidInput):
        mime.message_id(delivery, "b.example")


def test_a_date_names_its_zone() -> None:
    assert mime.date(datetime(2026, 11, 23, 8, tzinfo=UTC)) == b"Mon, 23 Nov 2026 08:00:00 +0000"


def test_a_frame_is_taken_apart_at_its_marks() -> None:
    html = (
        '<p>For <!--slot:name--></p><!--cut:more--><a href="https://slot.invalid/unsubscribe">x</a><!--/cut:more-->end'
    )
    pieces = take_apart(html)
    assert [(decoded(piece.content), piece.slot, piece.part) for piece in pieces] == [
        ("<p>For ", "", ""), ("", "name", ""), ("</p>", "", ""), ('<a href="', "", "more"), ("", "unsubscribe", "more"),
        ('">x</a>', "", "more"), ("end", "", ""),
    ]  # fmt: skip
    assert cut_out(html, "more").startswith("<a ")
    with pytest.raises(AssertionError):
        cut_out(html, "lead")
