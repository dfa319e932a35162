"""Whatever sources, readers and settings write: the mail is correct, and their text is text."""

from __future__ import annotations

import email
import re
from dataclasses import replace
from email.header import decode_header, make_header
from email.policy import compat32
from html import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import mails
from tests.mails import ITEMS, parts
from tribune.channels.email.envelope import has_bare_line_end, has_leading_dot
from tribune.domain.digests import Digest
from tribune.domain.errors import InvalidInput
from tribune.domain.items import Item, LanguageVersion, Link
from tribune.rendering.email.composer import Composer, ReaderLinks
from tribune.rendering.text import clean_name

__all__ = ["parts"]


def test_a_reader_without_a_name_is_not_named(parts: Composer) -> None:
    message = mails.parse(
        mails.mail(ITEMS, "en", parts=parts).fill(mails.reader(name=" \u200b\r\n\u202e"), mails.LINKS)
    )
    assert message["To"] == "awa.diop@travail.example"
    assert "For " not in mails.text_of(message).partition("In this issue")[0]
    assert 'dir="auto"' not in mails.html_of(message).partition("In this issue")[0].partition("<h1")[2]


ATTACK = '<script>alert(1)</script><!--slot:name--><!--/cut:lead--> "quoted" & {{ 7*7 }} %(name)s'


def test_what_sources_write_is_text_and_nothing_else(parts: Composer) -> None:
    item = mails.publication(66, en=(ATTACK, ATTACK + ". " + "x" * 600))
    message = mails.parse(mails.mail([item, item], "en", parts=parts).fill(mails.reader(), mails.LINKS))
    html = mails.html_of(message)
    assert "<script" not in html and "&lt;script&gt;alert(1)&lt;/script&gt;&lt;!--slot:name--&gt;" in html
    assert "{{ 7*7 }} %(name)s" in html
    assert html.count("Awa Diop") == 1
    assert ATTACK in mails.text_of(message).replace("\n", " ")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "https://user:pass@host/",
        'https://x/"onmouseover="y',
        "https://",
        "//x/y",
        "https://x/ y",
    ],
)
def test_a_mail_links_to_http_only(parts: Composer, url: str) -> None:
    version = LanguageVersion("en", "Title", "Abstract.", (Link(url),))
    item = Item(abs(hash(url)) % 10**6 + 100, 1, "report", "en", (version,))
    message = mails.parse(mails.mail([item], "en", parts=parts).fill(mails.reader(), mails.LINKS))
    assert "<h2" in mails.html_of(message) and ">Title</h2>" in mails.html_of(message)
    assert url not in mails.text_of(message) or url == "https://"
    assert "Read more" not in mails.html_of(message) and "Read more" not in mails.text_of(message)


@pytest.mark.parametrize(
    "address",
    ["a@b.example\r\nBcc: x@y.example", "a b@c.example", "<a@b.example>", "a@b@c", "", "a@b.example,c@d.example"],
)
def test_an_address_that_could_forge_a_header_is_refused(parts: Composer, address: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        mails.mail(ITEMS, "en", parts=parts).fill(mails.reader(address=address), mails.LINKS)
    assert not address or address not in str(refused.value)


@pytest.mark.parametrize("field", ["unsubscribe", "one_click", "preferences"])
@pytest.mark.parametrize("url", ["javascript:x", "https://x/\r\nX-Evil: 1", 'https://x/>"', "https://x/ y"])
def test_a_link_that_could_forge_a_header_is_refused(parts: Composer, field: str, url: str) -> None:
    with pytest.raises(InvalidInput):
        mails.mail(ITEMS, "en", parts=parts).fill(mails.reader(), mails.LINKS._replace(**{field: url}))


def test_a_delivery_s_name_that_could_forge_a_header_is_refused(parts: Composer) -> None:
    with pytest.raises(InvalidInput):
        mails.mail(ITEMS, "en", parts=parts).fill(mails.reader(delivery="1>\r\nX: y"), mails.LINKS)


def test_links_with_equals_signs_and_ampersands_stay_whole(parts: Composer) -> None:
    url = "https://tribune.example/u?token=a=b&x=." + "y" * 300
    message = mails.parse(mails.mail(ITEMS, "en", parts=parts).fill(mails.reader(), ReaderLinks(url, url, url)))
    assert url in mails.text_of(message)
    assert f'href="{url.replace("&", "&amp;")}"' in mails.html_of(message)
    assert message["List-Unsubscribe"] == f"<{url}>"


NAMES = st.text(
    st.characters() | st.sampled_from("\r\n\0\t\",;:<>@()[]\\=?_. 'éñ漢👩‍👩‍👧🇸🇳\u202e\u2066\u200f\ud800אحمد"),
    max_size=300,
)


@settings(max_examples=150, deadline=None)
@given(name=NAMES)
def test_any_name_gives_a_correct_mail(raw_parts: Composer, name: str) -> None:
    made = mails.mail(ITEMS[1:2], "fr", parts=raw_parts)
    raw = made.fill(mails.reader(name), mails.LINKS)
    message = mails.parse(raw)
    shown = clean_name(name)
    raw.decode("ascii")
    assert not has_bare_line_end(raw)
    assert not has_leading_dot(raw)  # senders say so of every mail (OutgoingMail.sound)
    assert max(map(len, raw.split(b"\r\n"))) <= 200
    assert message["To"].addresses[0].addr_spec == "awa.diop@travail.example"
    assert len(message["To"].addresses) == 1
    assert set(message.keys()) == {
        "From",
        "Subject",
        "To",
        "Message-ID",
        "Date",
        "Content-Language",
        "Auto-Submitted",
        "List-Id",
        "List-Unsubscribe-Post",
        "List-Unsubscribe",
        "MIME-Version",
        "Content-Type",
    }
    # Python's parser puts spaces between encoded words (see mime.encoded_words): letters are compared.
    assert _letters(message["To"].addresses[0].display_name) == _letters(shown)
    if shown:
        assert f"Pour {shown}\n" in mails.text_of(message)
        assert f'<span dir="auto">{escape(shown)}</span>' in mails.html_of(message)


def _letters(text: str) -> str:
    return re.sub(r"[ \u00a0]", "", text)


@pytest.mark.parametrize(
    "name", ["Ministère du Travail, de l’Emploi et de la Sécurité sociale", "وزارة الشغل والحماية الاجتماعية والتضامن"]
)
def test_a_long_name_comes_through_whole(parts: Composer, name: str) -> None:
    made = mails.mail(ITEMS, "fr", parts=parts).fill(mails.reader(name), mails.LINKS)
    message = mails.parse(made)
    assert " ".join(message["To"].addresses[0].display_name.split()) == name
    raw = email.message_from_bytes(made, policy=compat32)["To"].partition("<")[0].strip()
    assert str(make_header(decode_header(raw))) == name


@pytest.fixture(scope="module")
def raw_parts() -> Composer:
    return mails.composer()


@settings(max_examples=60, deadline=None)
@given(title=NAMES, abstract=st.text(max_size=700))
def test_any_title_and_abstract_give_a_correct_mail(raw_parts: Composer, title: str, abstract: str) -> None:
    raw_parts._fragments.kept.clear()
    item = mails.publication(5, en=(title, abstract))
    message = mails.parse(mails.mail([item, item], "en", parts=raw_parts).fill(mails.reader(), mails.LINKS))
    assert "\n" not in message["Subject"]
    assert mails.html_of(message).rstrip().endswith("</html>")


def test_the_digest_s_name_may_hold_anything(raw_parts: Composer) -> None:
    digest = Digest("x", {"en": 'Lettre "A", <b>\r\nX: y…'}, "x@observatory.example")
    edition = replace(mails.EDITION, mailing=77, digest=digest)
    message = mails.parse(mails.mail(ITEMS, "en", parts=raw_parts, edition=edition).fill(mails.reader(), mails.LINKS))
    assert message["From"].addresses[0].display_name == 'Lettre "A", <b> X: y…'
    assert "X" not in message
    assert "<b>" not in mails.html_of(message).partition("<h1")[2]
