"""A campaign as a mail: what staff wrote stands in the frame of its digest, before the items that go with it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape

from tribune.domain.audience import Choice
from tribune.domain.campaigns import Message
from tribune.domain.digests import Digest
from tribune.rendering.email import mime
from tribune.rendering.email.fragments import Voice
from tribune.rendering.email.frame import FrameView
from tribune.rendering.email.pieces import HtmlSlots, cut_out
from tribune.rendering.email.templates import TEXT_WIDTH, Templates, wrap
from tribune.rendering.locales import direction
from tribune.rendering.marked_text import Block, Look, Span, blocks
from tribune.rendering.text import clean, cut_at_word, isolate, same_language

OPENING = 110
"""How much of a text a list of mails shows after the subject."""


@dataclass(frozen=True)
class CampaignFacts:
    """Which campaign a mail belongs to: `messages` by language. `due_at` is aware."""

    mailing: int
    digest: Digest
    due_at: datetime
    messages: Mapping[str, Message]


class CampaignWords:
    """What a campaign's frame says."""

    edition = rest = ""

    def __init__(self, facts: CampaignFacts, voice: Voice) -> None:
        self._texts = voice.texts
        self._digest = facts.digest.name(voice.locale)
        self.heading = voice.texts.gettext("Further reading")

    def reason(self, choices: tuple[Choice, ...]) -> str:
        return self._texts.gettext(
            "You receive this message because you are subscribed to %(letter)s. If you unsubscribe from it, you will "
            "receive no such messages either."
        ) % {"letter": self._digest}


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message as the templates lay it out; `note` says where it is not in the language of the frame."""

    title: str
    language: str
    direction: str
    note: str
    blocks: tuple[Block, ...]

    def lines(self, block: Block) -> str:
        """A paragraph or a list for the text part."""
        told = ["".join(map(_plain, line)) for line in block.lines]
        if block.look is Look.PARAGRAPH:
            return wrap(told[0])
        marks = ["- "] * len(told) if block.look is Look.BULLETS else [f"{n}. " for n in range(1, len(told) + 1)]
        return "\n".join(
            textwrap.fill(
                line,
                TEXT_WIDTH,
                initial_indent=mark,
                subsequent_indent=" " * len(mark),
                break_long_words=False,
                break_on_hyphens=False,
            )
            for mark, line in zip(marks, told, strict=True)
        )


@dataclass(frozen=True, slots=True)
class MessageFragment:
    """A message in a frame's locale, as mails hold it, encoded; `opening` is for the preheader."""

    html: bytes
    text: bytes
    subject: str
    opening: bytes


def message_fragment(message: Message, voice: Voice, frame: FrameView, templates: Templates) -> MessageFragment:
    """A message laid out inside `frame`."""
    told, title = blocks(message.text), clean(message.subject)
    view = MessageView(
        title=title,
        language=message.language,
        direction=direction(message.language),
        note="" if same_language(message.language, voice.locale) else _note(message.language, voice),
        blocks=told,
    )
    html = templates.html("digest/digest.mjml", voice.locale, frame=frame, slot=HtmlSlots(), message=view)
    text = templates.render("campaign/message.txt", voice.locale, message=view)
    first = next((block.plain for block in told if block.look is Look.PARAGRAPH), "")
    opening = isolate(cut_at_word(first, OPENING), message.language, voice.locale)
    return MessageFragment(
        html=mime.body(cut_out(html, "message")),
        text=mime.body(text + "\n\n"),
        subject=isolate(title, message.language, voice.locale),
        opening=mime.body(escape(opening)),
    )


def _note(language: str, voice: Voice) -> str:
    return voice.texts.gettext(
        "This message is not available in %(wanted)s. We are sending it to you in %(language)s."
    ) % {"wanted": voice.formats.language(voice.locale), "language": voice.formats.language(language)}


def _plain(span: Span) -> str:
    """A run of text without marks; a link's address after its words."""
    address = span.link.removeprefix("mailto:")
    return span.text if not address or address == span.text else f"{span.text} ({address})"
