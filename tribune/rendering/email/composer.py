"""Two stages (architecture.md, 6): a frame per edition and locale and a fragment per item are rendered once; a mail is
the joining of their bytes, and a reader's copy adds the name, the links and the ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from tribune.domain.audience import Choice
from tribune.domain.campaigns import Message
from tribune.domain.codelists import Codelists
from tribune.domain.digests import Organisation
from tribune.domain.errors import NotFound
from tribune.domain.items import Item
from tribune.domain.mailings import EditionContent, FragmentKey, Shape
from tribune.rendering.email import mime
from tribune.rendering.email.campaign import CampaignFacts, CampaignWords, MessageFragment, message_fragment
from tribune.rendering.email.fragments import Fragment, Fragments, Voice
from tribune.rendering.email.frame import EditionFacts, EditionWords, Frame, FrameWords
from tribune.rendering.email.templates import Templates
from tribune.rendering.locales import Translations
from tribune.rendering.public_addresses import Addresses
from tribune.rendering.text import clean_name

__all__ = ["CampaignFacts", "Composer", "EditionFacts", "Mail", "Reader", "ReaderLinks"]

KEPT_FRAMES = 200


class Reader(NamedTuple):
    """Whom a copy is for. `delivery` is its name, "mailing.chunk.place"; `choices` say why they get it."""

    name: str
    address: str
    choices: tuple[Choice, ...]
    delivery: str


class ReaderLinks(NamedTuple):
    """A reader's own links: absolute http(s) addresses. `one_click` takes the POST of RFC 8058."""

    unsubscribe: str
    one_click: str
    preferences: str


class Mail:
    """A mail for everyone who shares its content, in a locale. Made by `Composer.compose`."""

    __slots__ = ("_content", "_frame", "_named", "_unnamed", "locale")

    def __init__(self, frame: Frame, content: Mapping[str, list[bytes]]) -> None:
        self.locale = frame.voice.locale
        self._frame = frame
        self._content = content
        self._named: _Laid | None = None
        self._unnamed: _Laid | None = None

    def fill(self, reader: Reader, links: ReaderLinks) -> bytes:
        """The complete message for one reader (RFC 5322, CRLF ends). Raises InvalidInput for an address or a link that
        may not stand in a mail."""
        name = clean_name(reader.name)
        if name:
            laid = self._named = self._named or self._lay(named=True)
        else:
            laid = self._unnamed = self._unnamed or self._lay(named=False)
        why, why_html = self._frame.reason(reader.choices)
        unsubscribe, preferences = mime.link(links.unsubscribe), mime.link(links.preferences)
        one_click = unsubscribe if links.one_click == unsubscribe else mime.link(links.one_click)
        encoded, escaped = mime.slot(name), escape(name)
        # In the order of `Value`. Of what a link may hold, HTML escapes & alone (mime.link).
        values = (
            mime.mailbox(name, reader.address, cleaned=True),
            mime.message_id(reader.delivery, self._frame.domain),
            one_click.encode(),
            encoded,
            encoded if escaped == name else mime.slot(escaped),
            why,
            why_html,
            unsubscribe_text := mime.link_slot(unsubscribe),
            preferences_text := mime.link_slot(preferences),
            unsubscribe_text if "&" not in unsubscribe else mime.link_slot(escape(unsubscribe)),
            preferences_text if "&" not in preferences else mime.link_slot(escape(preferences)),
        )
        pieces = laid.pieces.copy()
        pieces[1::2] = laid.choose(values)
        return b"".join(pieces)

    def _lay(self, *, named: bool) -> _Laid:
        """The message as what is the same for everyone and a reader's own values in turn."""
        pieces: list[bytes] = []
        values: list[int] = []
        run: list[bytes] = []
        for entry in self._frame.layout(
            named=named,
            several="contents" in self._content and len(self._content["items"]) > 1,
            more="more" in self._content,
        ):
            if isinstance(entry, bytes):
                run.append(entry)
            elif isinstance(entry, str):
                run += self._content[entry]
            else:
                pieces += (b"".join(run), b"")
                values.append(entry)
                run = []
        return _Laid([*pieces, b"".join(run)], itemgetter(*values))


@dataclass(frozen=True, slots=True)
class _Laid:
    """A message in pieces: every second one is a reader's own. `choose` picks those, in order, out of the values in
    the order of `Value`."""

    pieces: list[bytes]
    choose: Callable[[Sequence[bytes]], tuple[bytes, ...]]


class Composer:
    """Makes mails. Keeps frames, fragments and what it said before; one per process, safe to share between threads."""

    def __init__(
        self,
        translations: Translations,
        codelists: Codelists,
        organisation: Organisation,
        templates: Path,
        addresses: Addresses | None = None,
    ) -> None:
        self._translations = translations
        self._codelists = codelists
        self._organisation = organisation
        self._addresses = addresses
        self.templates = Templates(templates, translations)
        self._fragments = Fragments(self.templates)
        self._voices: dict[str, Voice] = {}
        self._frames: dict[tuple[object, ...], Frame] = {}
        self._messages: dict[tuple[Message, str], MessageFragment] = {}

    def compose(
        self, content: EditionContent, items: Mapping[tuple[int, int], Item], facts: EditionFacts | CampaignFacts
    ) -> Mail:
        """The mail of a content. `items` holds each (item, version) of its fragments. Raises NotFound."""
        frame = self.frame(facts, content.locale)
        made = self._fragments.kept
        fragments = [made.get(key) or self._fragment(key, items, frame) for key in content.fragments]
        if isinstance(facts, CampaignFacts):
            return Mail(frame, _said_by_campaign(frame, self._message(facts, content, frame), fragments))
        if not fragments:
            raise NotFound("A mail without items cannot be made.", where=f"mailing {facts.mailing}")
        contents, contents_html = frame.contents(fragments, content.more)
        said = {
            "opening": [frame.opening_fields(fragments[0], len(fragments) - 1 + content.more)],
            "preheader": frame.preheader(fragments),
            "contents": [contents_html],
            "contents_text": [contents],
            "items": [fragment.html for fragment in fragments],
            "items_text": [fragment.text for fragment in fragments],
        }
        if len(fragments) > 1 and content.fragments[0].shape == Shape.LEAD:
            said["items"].insert(1, frame.heading_html)
            said["items_text"].insert(1, frame.heading_text)
        if content.more:
            more, more_html = frame.more(content.more)
            said["more"], said["more_text"] = [more_html], [more]
        return Mail(frame, said)

    def _message(self, facts: CampaignFacts, content: EditionContent, frame: Frame) -> MessageFragment:
        message = facts.messages.get(content.message)
        if message is None:
            raise NotFound(f"The campaign has no text in {content.message!r}.", where=f"mailing {facts.mailing}")
        key = (message, frame.voice.locale)
        found = self._messages.get(key)
        if found is None:
            if len(self._messages) >= KEPT_FRAMES:
                self._messages.clear()
            found = self._messages[key] = message_fragment(message, frame.voice, frame.view, self.templates)
        return found

    def _fragment(self, key: FragmentKey, items: Mapping[tuple[int, int], Item], frame: Frame) -> Fragment:
        item = items.get((key.item, key.version))
        if item is None:
            raise NotFound(f"Item {key.item} in version {key.version} is no longer in the catalogue.")
        return self._fragments.make(key, item, frame.voice, frame.view)

    def frame(self, facts: EditionFacts | CampaignFacts, locale: str) -> Frame:
        """The frame of an edition or a campaign in a locale."""
        of_edition = (facts.cadence, facts.occasion) if isinstance(facts, EditionFacts) else ()
        key = (facts.mailing, locale, facts.digest.id, facts.due_at, *of_edition)
        found = self._frames.get(key)
        if found is None:
            if len(self._frames) >= KEPT_FRAMES:
                self._frames.clear()
            voice = self.voice(locale)
            words: FrameWords = (
                EditionWords(facts, voice, self._organisation, self._addresses)
                if isinstance(facts, EditionFacts)
                else CampaignWords(facts, voice)
            )
            found = self._frames[key] = Frame(facts, voice, self._organisation, self.templates, words)
        return found

    def voice(self, locale: str) -> Voice:
        """Catalogue, formats and wording of a locale."""
        found = self._voices.get(locale)
        if found is None:
            default = self._organisation.default_language
            found = self._voices[locale] = Voice(locale, self._translations, self._codelists, default)
        return found


def _said_by_campaign(frame: Frame, message: MessageFragment, fragments: Sequence[Fragment]) -> dict[str, list[bytes]]:
    """The text first, then under a heading what goes with it."""
    heading, heading_text = ([frame.heading_html], [frame.heading_text]) if fragments else ([], [])
    return {
        "opening": [frame.fields(message.subject)],
        "preheader": [message.opening],
        "items": [message.html, *heading, *(fragment.html for fragment in fragments)],
        "items_text": [message.text, *heading_text, *(fragment.text for fragment in fragments)],
    }
