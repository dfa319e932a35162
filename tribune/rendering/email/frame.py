"""The frame of one edition in one locale: header fields, the pieces of the HTML and the text around the items."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum
from html import escape
from typing import Protocol

from tribune.domain.audience import Cadence, Choice
from tribune.domain.digests import Digest, Organisation
from tribune.rendering.email import mime
from tribune.rendering.email.fragments import Fragment, Voice
from tribune.rendering.email.item_view import fit_to_link
from tribune.rendering.email.pieces import HtmlSlots, Piece, TextSlots, take_apart
from tribune.rendering.email.templates import Templates, wrap
from tribune.rendering.public_addresses import Addresses
from tribune.rendering.text import clean


class Value(IntEnum):
    """A reader's own values, in the order in which `Mail.fill` makes them."""

    TO = 0
    ID = 1
    ONE_CLICK = 2
    NAME = 3
    NAME_HTML = 4
    WHY = 5
    WHY_HTML = 6
    UNSUBSCRIBE = 7
    PREFERENCES = 8
    UNSUBSCRIBE_HTML = 9
    PREFERENCES_HTML = 10


Entry = bytes | str | Value
"""What a message is made of: bytes as they stand, the name of something that depends on the items, a reader's value."""

KEPT = 10_000
_TEASERS = 3
_DOT = mime.body(" · ")


@dataclass(frozen=True, slots=True)
class EditionFacts:
    """Which edition a mail belongs to. `occasion` is the local date, for at once the instant; `due_at` is aware."""

    mailing: int
    digest: Digest
    cadence: Cadence
    occasion: str
    due_at: datetime


class Facts(Protocol):
    """What a frame needs of its edition or campaign."""

    @property
    def digest(self) -> Digest: ...

    @property
    def due_at(self) -> datetime: ...


class FrameWords(Protocol):
    """What a frame says of what it frames; `reason`: why somebody with these choices gets it."""

    @property
    def edition(self) -> str: ...

    @property
    def heading(self) -> str: ...

    @property
    def rest(self) -> str: ...

    def reason(self, choices: tuple[Choice, ...]) -> str: ...


class EditionWords:
    """The words of an edition."""

    def __init__(
        self, facts: EditionFacts, voice: Voice, organisation: Organisation, addresses: Addresses | None
    ) -> None:
        self._voice = voice
        self._cadence = facts.cadence
        self.edition = voice.wording.edition(facts.cadence, _day(facts))
        self.heading = voice.texts.gettext("Also new for you")
        self.rest = _rest(facts, voice, organisation, addresses)

    def reason(self, choices: tuple[Choice, ...]) -> str:
        return self._voice.wording.reason(self._cadence, choices)


@dataclass(frozen=True, slots=True)
class FrameView:
    """What the templates say around the items. Of a campaign `edition` and `rest` are ""."""

    locale: str
    direction: str
    start: str  # left or right: where lines begin
    end: str
    organisation: str
    sender: str  # the organisation with its postal address
    rest: str  # where the items that a mail leaves out can be seen; "" for nowhere
    digest: str
    edition: str
    heading: str  # over the items after the first, or after a campaign's text


class Frame:
    """Rendered once per edition and locale; what depends on the choice of items is kept by that choice. A campaign's is
    made of the same templates and says other words (campaign.py)."""

    def __init__(
        self,
        facts: Facts,
        voice: Voice,
        organisation: Organisation,
        templates: Templates,
        words: FrameWords,
    ) -> None:
        self.voice = voice
        self.words = words
        self._facts = facts
        self._templates = templates
        right_to_left = voice.direction == "rtl"
        self.view = FrameView(
            locale=voice.locale,
            direction=voice.direction,
            start="right" if right_to_left else "left",
            end="left" if right_to_left else "right",
            organisation=voice.formats.aside(clean(organisation.name(voice.locale))),
            sender=voice.formats.aside(sender_line(organisation, voice)),
            rest=words.rest,
            digest=voice.formats.aside(clean(facts.digest.name(voice.locale))),
            edition=words.edition,
            heading=words.heading,
        )
        html = templates.html("digest/digest.mjml", voice.locale, frame=self.view, slot=HtmlSlots())
        text = templates.render("digest/digest.txt", voice.locale, frame=self.view, slot=TextSlots())
        self._html = take_apart(html)
        self._text = take_apart(text)
        self.heading_html = _part(self._html, "heading")
        self.heading_text = _part(self._text, "heading")
        self.domain = facts.digest.sender.rpartition("@")[2]
        self._from = mime.mailbox(self.view.digest, facts.digest.sender)
        self._subjects: dict[tuple[str, int], bytes] = {}
        self._contents: dict[tuple[tuple[str, ...], int], tuple[bytes, bytes]] = {}
        self._reasons: dict[tuple[Choice, ...], tuple[bytes, bytes]] = {}
        self._more: dict[int, tuple[bytes, bytes]] = {}
        self._layouts: dict[tuple[bool, bool, bool], list[Entry]] = {}

    def opening_fields(self, lead: Fragment, others: int) -> bytes:
        """From and Subject, up to where To begins."""
        key = (lead.subject, others)
        found = self._subjects.get(key)
        if found is None:
            subject = self._templates.render("digest/subject.txt", self.voice.locale, lead=lead.subject, others=others)
            found = self.fields(subject)
            _keep(self._subjects, key, found)
        return found

    def fields(self, subject: str) -> bytes:
        """From and this Subject, up to where To begins."""
        return b"From: %b\r\nSubject: %b\r\nTo: " % (self._from, mime.unstructured(subject))

    def layout(self, *, named: bool, several: bool, more: bool) -> list[Entry]:
        """The whole message in its order: for readers with or without a name, of one item or several, with or without
        items left out."""
        found = self._layouts.get((named, several, more))
        if found is None:
            shown = {"named": named, "several": several, "more": more, "heading": False}
            left_out = {part for part, is_shown in shown.items() if not is_shown}
            entries: list[Entry] = ["opening", Value.TO, b"\r\nMessage-ID: ", Value.ID, self._fixed_fields()]
            entries += [Value.ONE_CLICK, b">" + mime.TO_TEXT]
            entries += _entries(self._text, left_out, html=False)
            entries.append(mime.TO_HTML)
            entries += _entries(self._html, left_out, html=True)
            entries.append(mime.END)
            found = self._layouts[named, several, more] = list(_joined(entries))
        return found

    def _fixed_fields(self) -> bytes:
        list_id = f" <{self._facts.digest.id}.{self.domain}>".encode()
        return b"".join(
            (
                b"\r\nDate: " + mime.date(self._facts.due_at),
                b"\r\nContent-Language: " + self.voice.locale.encode(),
                # RFC 3834: made by a program, nobody's answer; asks other programs not to answer.
                b"\r\nAuto-Submitted: auto-generated",
                b"\r\nList-Id: " + mime.phrase(self.view.digest) + b"\r\n" + list_id,
                b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click",
                b"\r\nList-Unsubscribe: <",
            )
        )

    def preheader(self, fragments: Sequence[Fragment]) -> list[bytes]:
        """What a list of mails shows after the subject: the titles after the first, or how a single item begins."""
        if len(fragments) == 1:
            return [fragments[0].opening]
        pieces: list[bytes] = []
        for fragment in fragments[1 : 1 + _TEASERS]:
            pieces += (fragment.teaser, _DOT)
        return pieces[:-1]

    def contents(self, fragments: Sequence[Fragment], more: int) -> tuple[bytes, bytes]:
        """`In this issue: 3 publications and 1 data release.` For the text, for the HTML. `more` are left out."""
        groups = tuple(sorted(fragment.group for fragment in fragments))
        found = self._contents.get((groups, more))
        if found is None:
            counts = {group: groups.count(group) for group in groups}
            found = _both(self.voice.wording.contents(counts, more))
            _keep(self._contents, (groups, more), found)
        return found

    def more(self, count: int) -> tuple[bytes, bytes]:
        """How many items the mail leaves out. For the text, for the HTML."""
        found = self._more.get(count)
        if found is None:
            found = _both(self.voice.wording.more(count))
            _keep(self._more, count, found)
        return found

    def reason(self, choices: tuple[Choice, ...]) -> tuple[bytes, bytes]:
        """Why a person gets this. For the text, for the HTML."""
        found = self._reasons.get(choices)
        if found is None:
            found = _both(clean(self.words.reason(choices)))
            _keep(self._reasons, choices, found)
        return found


def _both(said: str) -> tuple[bytes, bytes]:
    """A sentence for the text part and for the HTML part."""
    return mime.body(wrap(said)), mime.body(escape(said))


def _part(pieces: Iterable[Piece], part: str) -> bytes:
    """The bytes of a part that has no slots."""
    return b"".join(piece.content for piece in pieces if piece.part == part)


def _entries(pieces: Iterable[Piece], left_out: Collection[str], *, html: bool) -> Iterator[Entry]:
    for piece in pieces:
        if piece.part in left_out:
            continue
        if not piece.slot:
            yield piece.content
        elif piece.slot in ("name", "why", "unsubscribe", "preferences"):
            yield Value[f"{piece.slot.upper()}_HTML" if html else piece.slot.upper()]
        else:
            yield piece.slot if html else f"{piece.slot}_text"


def _joined(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The same with neighbouring bytes made one."""
    run: list[bytes] = []
    for entry in entries:
        if isinstance(entry, bytes):
            run.append(entry)
            continue
        if run:
            yield b"".join(run)
            run = []
        yield entry
    yield b"".join(run)


def _keep(kept: dict, key: object, value: object) -> None:  # type: ignore[type-arg]
    """Keep a value, forgetting all when there are too many."""
    if len(kept) >= KEPT:
        kept.clear()
    kept[key] = value


def sender_line(organisation: Organisation, voice: Voice) -> str:
    """Name and postal address in one line; an address that begins with the name is enough."""
    name, address = clean(organisation.name(voice.locale)), clean(organisation.address(voice.locale))
    if not address or address.casefold().startswith(name.casefold()):
        return address or name
    return voice.formats.parts([name, address])


def _rest(edition: EditionFacts, voice: Voice, organisation: Organisation, addresses: Addresses | None) -> str:
    """The public edition; where there are no public pages, the organisation's website."""
    if addresses is not None:
        address = addresses.rest_of_issue(voice.locale, edition.digest.id, edition.cadence, edition.occasion)
    else:
        address = organisation.website
    return address if fit_to_link(address) else ""


def _day(edition: EditionFacts) -> date:
    """The day that an edition bears: its local date; for at once the day on which it became due."""
    try:
        return date.fromisoformat(edition.occasion[:10])
    except ValueError:
        return edition.due_at.date()
