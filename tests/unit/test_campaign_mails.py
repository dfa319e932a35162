"""A campaign's mail: correct for every program that reads mail, in each language, whatever staff write."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import mails
from tests.mails import LOCALES, parts
from tests.unit.test_mail_clients import GOOD_WITHOUT, _Balance, as_outlook, features, unsupported, used
from tribune.channels.email.envelope import has_bare_line_end, has_leading_dot
from tribune.domain.campaigns import Message
from tribune.domain.errors import NotFound
from tribune.domain.items import Item
from tribune.domain.mailings import EditionContent, FragmentKey, Shape
from tribune.rendering.email.composer import CampaignFacts, Composer

__all__ = ["features", "parts"]

TEXT = """We are preparing a **report**, out in *March*.

## What we ask

- ten minutes of your time, before 15 December, whatever it is that you do and wherever you do it;
- an answer.

1. one
2. two

[Answer the survey](https://observatory.example/en/survey?a=1&b=2)

Questions? Write to [the team](mailto:team@observatory.example), or see <https://observatory.example/help?a=1&b=2>.

Or write to <help@observatory.example>."""
ENGLISH = Message("en", "Your view on platform work", TEXT)
FRENCH = Message("fr", "Votre avis sur le travail de plateforme : une enquête de l’Observatoire", "Dites-nous.")
DUE = datetime(2026, 11, 23, 8, tzinfo=UTC)


def mail(
    parts: Composer, locale: str, message: Message = ENGLISH, items: Sequence[Item] = (), name: str = "Awa Diop"
) -> bytes:
    """A reader's copy, with items in rows under the text."""
    facts = CampaignFacts(12, mails.DIGEST, DUE, {message.language: message})
    keys = tuple(FragmentKey(one.id, one.version, Shape.ROW, "en", locale, "") for one in items)
    stock = {(one.id, one.version): one for one in items}
    content = EditionContent(locale, keys, 0, message.language)
    return parts.compose(content, stock, facts).fill(mails.reader(name), mails.LINKS)


ITEMS = (mails.data_release(), mails.publication())


@pytest.mark.parametrize("items", [(), ITEMS], ids=["alone", "with items"])
@pytest.mark.parametrize("locale", LOCALES)
def test_it_is_a_mail_as_the_standards_have_it(parts: Composer, locale: str, items: Sequence[Item]) -> None:
    raw = mail(parts, locale, items=items)
    message = mails.parse(raw)
    assert not has_bare_line_end(raw) and not has_leading_dot(raw)
    assert max(map(len, raw.partition(b"\r\n\r\n")[2].split(b"\r\n"))) <= 76
    assert message["Subject"] == ("\u2068Your view on platform work\u2069" if locale == "ar" else ENGLISH.subject)
    assert message["Content-Language"] == locale
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Id"].endswith("<letter.observatory.example>")
    assert message["Date"].datetime == DUE


def test_its_text_in_english(parts: Composer) -> None:
    told = mails.text_of(mails.parse(mail(parts, "en", items=[mails.publication()])))
    assert told.startswith(
        "Observatory of the World of Work\nThe Letter\nFor Awa Diop\n\nYour view on platform work\n" + "=" * 40
    )
    assert "\n\nWe are preparing a report, out in March.\n\nWhat we ask\n" + "-" * 40 + "\n\n- ten minutes" in told
    assert re.search(r"\n- ten minutes .*\n  \S.* do it;\n- an answer\.\n\n1\. one\n2\. two\n", told)
    assert "\nAnswer the survey:\nhttps://observatory.example/en/survey?a=1&b=2\n" in told
    assert "Write to the team (team@observatory.example), or see" in told
    assert re.search(r"\shttps://observatory\.example/help\?a=1&b=2\.", told), "alone, not twice"
    assert "Or write to help@observatory.example.\n" in told
    assert "Further reading\n" + "=" * 40 in told
    assert "You receive this message because you are subscribed to The Letter." in told
    assert "Weekly edition" not in told and "In this issue" not in told and "Also new for you" not in told


def test_an_address_in_angle_brackets_is_a_link_and_a_hostile_one_is_text(parts: Composer) -> None:
    html = mails.html_of(mails.parse(mail(parts, "en")))
    assert re.search(r'<a href="https://observatory\.example/help\?a=1&amp;b=2"[^>]*>https://observ[^<]*2</a>\.', html)
    assert re.search(r'<a href="mailto:help@observatory\.example"[^>]*>help@observatory\.example</a>', html)
    hostile = Message("en", "Hello", "See <javascript:alert(1)> and <data:text/html,x>.")
    message = mails.parse(mail(parts, "en", hostile))
    assert "See <javascript:alert(1)> and <data:text/html,x>." in mails.text_of(message)
    assert "See &lt;javascript:alert(1)&gt; and &lt;data:text/html,x&gt;." in mails.html_of(message)
    assert not re.search(r"href=.?(javascript|data):", mails.html_of(message))


def test_nothing_stands_under_a_heading_where_nothing_goes_with_it(parts: Composer) -> None:
    message = mails.parse(mail(parts, "en"))
    assert "Further reading" not in mails.text_of(message) + mails.html_of(message)


def test_where_it_is_not_in_the_reader_s_language_it_says_so_in_theirs(parts: Composer) -> None:
    notes = {
        "fr": "Ce message n’est pas disponible en français\u202f; il vous est envoyé en anglais.",
        "es": "Este mensaje no está disponible en español; se lo enviamos en inglés.",
    }
    for locale, note in notes.items():
        message = mails.parse(mail(parts, locale))
        assert note in mails.html_of(message)
        assert note in mails.text_of(message).replace("\n", " ")
    html = mails.html_of(mails.parse(mail(parts, "en", FRENCH)))
    assert "This message is not available in English. We are sending it to you in French." in html
    assert "is not available" not in mails.html_of(mails.parse(mail(parts, "en")))


def test_the_text_has_its_own_language_and_direction(parts: Composer) -> None:
    html = mails.html_of(mails.parse(mail(parts, "ar")))
    assert '<html lang="ar" dir="rtl"' in html.replace("'", '"')
    for element in ("h2", "h3", "ul", "ol"):
        assert f"<{element} " in html
        assert all('lang="en" dir="ltr"' in tag for tag in html.split(f"<{element} ")[1:][:1])


def test_a_list_of_mails_shows_how_it_begins(parts: Composer) -> None:
    html = mails.html_of(mails.parse(mail(parts, "en")))
    preheader = html.partition("mso-hide:all")[2].partition("</div>")[0]
    assert "We are preparing a report, out in March." in preheader


def test_the_bytes_are_shared_between_readers(parts: Composer) -> None:
    facts = CampaignFacts(12, mails.DIGEST, DUE, {"en": ENGLISH})
    composed = parts.compose(EditionContent("en", (), 0, "en"), {}, facts)
    one, other = (composed.fill(mails.reader(name), mails.LINKS) for name in ("Awa Diop", "Bo Li"))
    assert one.replace(b"Awa Diop", b"Bo Li") == other
    assert b"For " not in mails.text_of(mails.parse(composed.fill(mails.reader(""), mails.LINKS))).encode()[:90]


def test_a_text_that_is_not_there_is_no_mail(parts: Composer) -> None:
    facts = CampaignFacts(12, mails.DIGEST, DUE, {"en": ENGLISH})
    with pytest.raises(NotFound, match="no text in 'fr'"):
        parts.compose(EditionContent("fr", (), 0, "fr"), {}, facts)


ATTACK = '<script>alert(1)</script><!--slot:name--><!--/cut:message--> "quoted" & {{ 7*7 }} %(name)s <mj-raw>'


def test_what_staff_write_is_text_and_nothing_else(parts: Composer) -> None:
    message = mails.parse(mail(parts, "en", Message("en", ATTACK, f"{ATTACK}\n\n- {ATTACK}\n\n## {ATTACK}")))
    html = mails.html_of(message)
    assert "<script" not in html and "<mj-raw" not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;&lt;!--slot:name--&gt;") >= 4
    assert html.count("Awa Diop") == 1
    assert ATTACK in " ".join(mails.text_of(message).split())


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300),
)
@settings(max_examples=25, deadline=None)
def test_any_text_makes_a_sound_mail(subject: str, text: str) -> None:
    raw = mail(COMPOSER, "fr", Message("en", subject, text))
    mails.parse(raw)
    assert not has_bare_line_end(raw) and not has_leading_dot(raw)


COMPOSER = mails.composer()


@pytest.mark.parametrize("read", [as_outlook, str], ids=["outlook", "others"])
@pytest.mark.parametrize("items", [(), ITEMS], ids=["alone", "with items"])
def test_it_is_whole_html_for_every_client(parts: Composer, items: Sequence[Item], read: object) -> None:
    balance = _Balance()
    balance.feed(read(mails.html_of(mails.parse(mail(parts, "fr", items=items)))))  # type: ignore[operator]
    assert balance.wrong == [] and balance.open == []


def test_what_a_client_does_not_support_is_good_without(parts: Composer, features: Path) -> None:
    html = mails.html_of(mails.parse(mail(parts, "en", items=ITEMS)))
    pages = {name: features / f"{name}.md" for name in used(html)}
    assert [name for name, page in pages.items() if not page.exists()] == []
    assert {name for name, page in pages.items() if unsupported(page)} - GOOD_WITHOUT.keys() == set()
