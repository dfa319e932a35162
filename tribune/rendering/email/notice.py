"""A notice as a mail. Its words are rendered once for each kind, locale and digest; a person's copy is the joining of
those bytes with their name and link (as a digest's mail, without its many parts).

A kind is a folder of templates: templates/email/notice/KIND holds subject.txt, body.txt and body.mjml, and the frame
around them is notice.txt and notice.mjml. There is no List-Unsubscribe: nobody subscribes to an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import product

from tribune.domain.digests import Digest, Organisation
from tribune.domain.notices import Notice, NoticeKind
from tribune.rendering.email import mime
from tribune.rendering.email.composer import Composer
from tribune.rendering.email.frame import sender_line
from tribune.rendering.email.pieces import HtmlSlots, Piece, TextSlots, take_apart
from tribune.rendering.text import clean, clean_name

KEPT = 200


@dataclass(frozen=True, slots=True)
class NoticeView:
    """What the templates say around a kind's own words. `letter` is the digest's name, or the organisation's where
    there is not just one; `letters` the digests' names, each in its quotation marks, as a list."""

    locale: str
    direction: str
    start: str  # left or right: where lines begin
    organisation: str
    sender: str  # the organisation with its postal address
    letter: str
    letters: str
    contact: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class _Words:
    """A kind's words in a locale, encoded: header fields up to where To begins and after the Date, the two parts."""

    opening: bytes
    closing: bytes
    domain: str
    text: Sequence[Piece]
    html: Sequence[Piece]


class NoticeComposer:
    """Makes the mails of notices. Keeps what it said before; one per process, safe to share between threads."""

    def __init__(self, composer: Composer, organisation: Organisation) -> None:
        self._templates = composer.templates
        self._voice = composer.voice
        self._organisation = organisation
        self._kept: dict[tuple[NoticeKind, str, tuple[str, ...]], _Words] = {}

    def warm(self, locales: Iterable[str], digests: Iterable[Digest]) -> None:
        """Make the words beforehand: nobody waits for MJML while a mail of theirs is due."""
        every = tuple(digests)
        about = [(digest,) for digest in every] + ([every] if len(every) > 1 else [])  # all: what the form begins with
        for kind, locale, some in product(NoticeKind, locales, about):
            self._words(kind, locale, some)

    def compose(self, notice: Notice, digests: Sequence[Digest], name: str, address: str, link: str) -> bytes:
        """The complete message (RFC 5322, CRLF ends). `digests` are those that the notice is about, none where it is
        about none or the settings know them no more. Raises InvalidInput for an address or a link that may not stand in
        a mail."""
        words = self._words(notice.kind, notice.locale, digests)
        name, link = clean_name(name), mime.link(link)
        text = {"name": mime.slot(name), "link": mime.slot(link)}
        html = {"name": mime.slot(escape(name)), "link": mime.slot(escape(link))}
        return b"".join(
            (
                words.opening,
                mime.mailbox(name, address),
                b"\r\nMessage-ID: ",
                mime.message_id(notice.unique, words.domain),
                b"\r\nDate: ",
                mime.date(notice.created_at),
                words.closing,
                mime.TO_TEXT,
                *_filled(words.text, text),
                mime.TO_HTML,
                *_filled(words.html, html),
                mime.END,
            )
        )

    def _words(self, kind: NoticeKind, locale: str, digests: Sequence[Digest]) -> _Words:
        key = (kind, locale, tuple(digest.id for digest in digests))
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            found = self._kept[key] = self._make(kind, locale, digests)
        return found

    def _make(self, kind: NoticeKind, locale: str, digests: Sequence[Digest]) -> _Words:
        voice, organisation = self._voice(locale), self._organisation
        digest = digests[0] if len(digests) == 1 else None
        quoted = voice.texts.pgettext("the name of a newsletter in a sentence", "%(letter)s")
        aside = voice.formats.aside
        address = digest.sender if digest else organisation.contact
        house = clean(organisation.name(locale))
        view = {
            "locale": locale,
            "direction": voice.direction,
            "start": "right" if voice.direction == "rtl" else "left",
            "organisation": aside(house),
            "sender": aside(sender_line(organisation, voice)),
            "letter": aside(clean(digest.name(locale))) if digest else aside(house),
            "letters": voice.formats.list([quoted % {"letter": aside(clean(one.name(locale)))} for one in digests])
            or aside(house),
            "contact": organisation.contact,
        }
        folder = f"notice/{kind.value}"
        subject = self._templates.render(f"{folder}/subject.txt", locale, notice=NoticeView(**view))
        notice = NoticeView(**view, subject=clean(subject))
        html = self._templates.html("notice/notice.mjml", locale, folder=folder, notice=notice, slot=HtmlSlots())
        text = self._templates.render("notice/notice.txt", locale, folder=folder, notice=notice, slot=TextSlots())
        return _Words(
            opening=b"From: %b\r\nSubject: %b\r\nTo: "
            % (mime.mailbox(house, address), mime.unstructured(notice.subject)),
            # RFC 3834: made by a program; asks other programs not to answer.
            closing=b"\r\nContent-Language: %b\r\nAuto-Submitted: auto-generated" % locale.encode(),
            domain=address.rpartition("@")[2],
            text=take_apart(text),
            html=take_apart(html),
        )


def _filled(pieces: Sequence[Piece], values: Mapping[str, bytes]) -> Iterator[bytes]:
    """The pieces with a person's values; without the part that names them where they have no name."""
    for piece in pieces:
        if piece.part == "named" and values["name"] == mime.SOFT:
            continue
        yield values[piece.slot] if piece.slot else piece.content
