"""Fragments: each item once per shape, language shown, locale of the frame and, for live sessions, zone."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from tribune.domain.codelists import Codelists
from tribune.domain.items import Item
from tribune.domain.mailings import FragmentKey, Shape
from tribune.rendering.email import item_view, mime
from tribune.rendering.email.pieces import HtmlSlots, cut_out
from tribune.rendering.email.templates import Templates
from tribune.rendering.formats import Formats
from tribune.rendering.locales import Translations, direction
from tribune.rendering.text import cut_at_word, isolate, short_title
from tribune.rendering.wording import Wording

KEPT = 20_000
"""Fragments kept in memory: about 100 MB at most."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """An item as mails hold it, encoded. `subject` is what a subject says of it when it leads; `teaser` its title and
    `opening` the beginning of its abstract, for the preheader."""

    html: bytes
    text: bytes
    group: str
    subject: str
    teaser: bytes
    opening: bytes


class Voice:
    """All that speaks one locale."""

    def __init__(self, locale: str, translations: Translations, codelists: Codelists, default: str) -> None:
        self.locale = locale
        self.direction = direction(locale)
        self.texts = translations.gettext(locale)
        self.formats = Formats(locale, codelists, default)
        self.wording = Wording(self.texts, self.formats)
        self._codelists = codelists

    def own_name(self, language: str) -> str:
        """A language's name in itself: `Français`."""
        formats = Formats(language, self._codelists)
        return formats.capitalised(formats.language(language))


class Fragments:
    """Makes fragments and keeps them: an item's version never changes, so a fragment never does."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self.kept: dict[FragmentKey, Fragment] = {}

    def make(self, key: FragmentKey, item: Item, voice: Voice, frame: object) -> Fragment:
        """The fragment of `item`, compiled inside `frame` (what digest.mjml says of the mail around it)."""
        view = item_view.view(item, key, voice.formats, voice.wording, voice.texts)
        shape = Shape(key.shape).value
        html = self._templates.html("digest/digest.mjml", voice.locale, frame=frame, slot=HtmlSlots(), **{shape: view})
        text = self._templates.render("digest/item.txt", voice.locale, item=view, shape=shape)
        opening = cut_at_word(view.abstract or view.when or view.particulars, 110)
        made = Fragment(
            html=mime.body(cut_out(html, shape)),
            text=mime.body(text + "\n\n\n"),
            group=view.group,
            subject=view.subject,
            teaser=_escaped(isolate(short_title(view.title, 72), view.language, voice.locale)),
            opening=_escaped(isolate(opening, view.language, voice.locale)),
        )
        if len(self.kept) >= KEPT:
            self.kept.clear()
        self.kept[key] = made
        return made


def _escaped(text: str) -> bytes:
    return mime.body(escape(text))
