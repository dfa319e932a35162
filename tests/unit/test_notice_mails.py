"""A notice's mail, in the standard library's eyes and in words."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import mails
from tests.arabic import write_arabic
from tribune.domain.digests import Digest, Organisation
from tribune.domain.errors import InvalidInput
from tribune.domain.notices import Notice, NoticeKind, NoticeState
from tribune.rendering.email.notice import NoticeComposer
from tribune.resources import locate

LOCALES = ("en", "fr", "es", "ar")
AT = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
LINK = mails.LINKS.preferences
ORGANISATION = Organisation(
    mails.ORGANISATION.names, mails.ORGANISATION.addresses, contact="questions@observatory.example"
)


def notice(locale: str, kind: NoticeKind = NoticeKind.PREFERENCES_LINK) -> Notice:
    return Notice(31, 412, kind, locale, {"digest": "letter"}, NoticeState.IN_DOUBT, "story", AT, attempts=2, epoch=2)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> NoticeComposer:
    """A composer that also speaks Arabic, from a folder of data."""
    return NoticeComposer(mails.composer(write_arabic(tmp_path_factory.mktemp("locales"))), ORGANISATION)


def make(
    parts: NoticeComposer,
    locale: str = "en",
    *,
    digest: Digest | None = mails.DIGEST,
    name: str = "Awa Diop",
    address: str = "awa.diop@travail.example",
    link: str = LINK,
) -> bytes:
    return parts.compose(notice(locale), [digest] if digest else [], name, address, link)


@pytest.mark.parametrize("locale", LOCALES)
def test_the_standard_library_finds_nothing_wrong(parts: NoticeComposer, locale: str) -> None:
    raw = make(parts, locale)
    message = mails.parse(raw)
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert {part["Content-Transfer-Encoding"] for part in message.iter_parts()} == {"quoted-printable"}
    assert message["From"].addresses[0].addr_spec == "letter@observatory.example"
    assert message["To"].addresses[0].addr_spec == "awa.diop@travail.example"
    assert message["Message-ID"] == f"<n.31.{int(AT.timestamp() * 1000):x}@observatory.example>"
    assert parsedate_to_datetime(message["Date"]) == AT
    assert message["Content-Language"] == locale
    assert message["Auto-Submitted"] == "auto-generated"
    assert not [name for name in message if name.lower().startswith(("list-", "precedence"))], "nobody subscribed to it"
    assert all(len(message.get_all(name, [])) == 1 for name in ("From", "To", "Subject", "Date", "Message-ID"))
    head, _, body = raw.partition(b"\r\n\r\n")
    raw.decode("ascii")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(map(len, head.split(b"\r\n"))) <= 200
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert not re.search(rb"(?m)^(\.|From )", body)


def test_each_language_says_it_in_its_own_way(parts: NoticeComposer) -> None:
    told = {locale: mails.parse(make(parts, locale)) for locale in LOCALES}
    assert told["en"]["Subject"] == "A new link to your preferences"
    assert told["fr"]["Subject"] == "Un nouveau lien vers vos préférences"
    assert told["es"]["Subject"] == "Un nuevo enlace a sus preferencias"
    assert told["fr"]["From"].addresses[0].display_name == "Observatoire du monde du travail"
    texts = {locale: mails.text_of(message).replace("\n", " ") for locale, message in told.items()}
    assert "how often you receive The Letter" in texts["en"]
    assert "«\u00a0La Lettre\u00a0»" in texts["fr"]
    assert "vous n’avez rien à faire\u00a0: rien n’a changé" in texts["fr"]
    assert "Une question\u202f? Écrivez à questions@observatory.example." in texts["fr"]
    assert "«El Boletín»" in texts["es"]
    assert "¿Tiene alguna pregunta?" in texts["es"]
    for locale, message in told.items():
        html = mails.html_of(message)
        assert f"\n{LINK}\n" in mails.text_of(message)
        assert html.count(f'href="{LINK}"') >= 1
        assert f'<html lang="{locale}"' in html
    assert 'dir="rtl"' in mails.html_of(told["ar"])


@pytest.mark.parametrize("locale", ["en", "fr", "es"])
@pytest.mark.parametrize("kind", NoticeKind)
def test_no_line_has_two_colons(parts: NoticeComposer, kind: NoticeKind, locale: str) -> None:
    raw = parts.compose(notice(locale, kind), [mails.DIGEST], "Awa Diop", "awa.diop@travail.example", LINK)
    lines = mails.text_of(mails.parse(raw)).splitlines()
    assert LINK in lines
    assert not [line for line in lines if re.search(r":.*:\s*$", line)]


@pytest.mark.parametrize("locale", ["en", "fr", "es"])
def test_it_says_why_it_came_and_what_to_do_and_is_complete_without_images(parts: NoticeComposer, locale: str) -> None:
    message = mails.parse(make(parts, locale))
    html = mails.html_of(message)
    assert "<img" not in html
    assert len(html) < 40_000
    assert "slot" not in html and "cut:" not in html
    told = (mails.text_of(message).replace("\n", " "), html)
    why = {"en": "nothing has changed", "fr": "rien n’a changé", "es": "nada ha cambiado"}[locale]
    assert all(why in part for part in told)
    assert all("questions@observatory.example" in part for part in told)
    assert all(ORGANISATION.addresses[locale] in part for part in told)
    assert "head-corner" not in html.partition("<body")[2], "the cut corner is a digest's sign"


def test_without_a_name_nobody_is_addressed(parts: NoticeComposer) -> None:
    for name in ("", " \u200b\r\n"):
        message = mails.parse(make(parts, name=name))
        assert message["To"].addresses[0].display_name == ""
        assert "For " not in mails.text_of(message)
        assert "For <" not in mails.html_of(message)


def test_a_digest_that_the_settings_know_no_more_leaves_the_organisation(parts: NoticeComposer) -> None:
    message = mails.parse(make(parts, digest=None))
    assert message["From"].addresses[0].addr_spec == "questions@observatory.example"
    assert "how often you receive Observatory" in mails.text_of(message).replace("\n", " ")


@pytest.mark.parametrize(
    "name", ["Awa\r\nBcc: x@y.example", "Awa\nX: y", "a" * 500, '"<script>alert(1)</script>', "=?utf-8?q?x?="]
)
def test_a_name_stays_a_name(parts: NoticeComposer, name: str) -> None:
    message = mails.parse(make(parts, name=name))
    assert set(map(str.lower, message)) == {
        *("from", "subject", "to", "message-id", "date", "content-language", "auto-submitted"),
        *("mime-version", "content-type"),
    }
    assert "<script" not in mails.html_of(message)
    assert message["To"].addresses[0].addr_spec == "awa.diop@travail.example"


@pytest.mark.parametrize("address", ["a@b.example\r\nBcc: c@d.example", "a b@c.example", "a@b.example>", "nobody"])
def test_an_address_that_is_none_makes_no_mail(parts: NoticeComposer, address: str) -> None:
    with pytest.raises(InvalidInput):
        make(parts, address=address)


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", 'https://x.example/"onclick=', "https://x.example/\r\nX: y", ""]
)
def test_a_link_that_is_none_makes_no_mail(parts: NoticeComposer, link: str) -> None:
    with pytest.raises(InvalidInput):
        make(parts, link=link)


@settings(max_examples=60, deadline=None)
@given(name=st.text(max_size=80))
def test_any_name_gives_a_correct_mail(parts: NoticeComposer, name: str) -> None:
    message = mails.parse(make(parts, "fr", name=name))
    assert mails.html_of(message).rstrip().endswith("</html>")
    assert LINK in mails.text_of(message)


def test_one_person_s_copy_holds_nothing_of_another_s(parts: NoticeComposer) -> None:
    make(parts, name="Secret Other", address="other@x.example", link=LINK.replace("412", "413"))
    mine = make(parts)
    assert b"Other" not in mine and b"other@" not in mine and b"413" not in mine


def test_every_kind_has_its_templates_in_a_folder_of_its_own(parts: NoticeComposer) -> None:
    folder: Path = locate("templates") / "email" / "notice"
    for kind in NoticeKind:
        assert {file.name for file in (folder / kind.value).iterdir()} == {
            *("subject.txt", "why.txt", "body.txt", "body.mjml")
        }
        mails.parse(parts.compose(notice("en", kind), [mails.DIGEST], "Awa", "awa@x.example", LINK))


def test_a_copy_costs_far_less_than_five_milliseconds(parts: NoticeComposer) -> None:
    parts.warm(LOCALES, [mails.DIGEST])
    best = min(_seconds(parts) for _ in range(20))
    assert best < 0.005


def _seconds(parts: NoticeComposer) -> float:
    began = time.perf_counter()
    make(parts, "fr")
    return time.perf_counter() - began
