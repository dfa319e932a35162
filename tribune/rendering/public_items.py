"""What the public pages and feeds show of an item, in words of a locale: the templates only lay it out.

Items that come in here hold visible language versions only (tribune.services.archive.visible_items).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from urllib.parse import quote

from tribune.domain.archive import Listing, day_of
from tribune.domain.items import DataSummary, Identifier, Item, LanguageVersion, Link, Scheme
from tribune.domain.mailings import FragmentKey, Shape
from tribune.domain.matching import over
from tribune.rendering.email import item_view
from tribune.rendering.email.fragments import Voice
from tribune.rendering.email.item_view import Figure, fit_to_link
from tribune.rendering.locales import direction
from tribune.rendering.public_addresses import Addresses
from tribune.rendering.text import clean, cut_at_sentence, same_language

CARD_ABSTRACT = 220
DESCRIPTION = 200
MOST_FIGURES = 12
MOST_PARAGRAPHS = 40
MOST_LINKS = 20
MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Card:
    """An item in a list. `language` and `direction` are of title and abstract; all else is the page's. `foreign`: it is
    shown in another language than the page's, as `particulars` says ("Report, 48 pages, in English")."""

    number: int
    address: str
    group: str
    title: str
    language: str
    direction: str
    foreign: bool
    abstract: str
    particulars: str
    day: date
    day_said: str
    places: str
    figures: tuple[Figure, ...]
    figures_of: str
    news: str
    source: str
    when: str


@dataclass(frozen=True, slots=True)
class File:
    """Where a version can be had: the address, and what it says on it."""

    url: str
    label: str
    format: str


@dataclass(frozen=True, slots=True)
class Version:
    """A language version on an item's page. `own_name` is the language's name in itself; `page` the address of the page
    that shows it as its own ("" where no pages are in that language)."""

    language: str
    direction: str
    name: str
    own_name: str
    title: str
    page: str
    page_locale: str
    files: tuple[File, ...]
    shown: bool


@dataclass(frozen=True, slots=True)
class ItemPage:
    """An item on its own page."""

    card: Card
    kind: str
    kind_code: str
    paragraphs: tuple[str, ...]
    description: str
    button: File | None
    versions: tuple[Version, ...]
    topics: tuple[tuple[str, str], ...]
    places: tuple[tuple[str, str], ...]
    authors: str
    series: str
    identifiers: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    figures: tuple[Figure, ...]
    spoken: str
    over: bool
    updated_said: str


class PublicItems:
    """Makes them in one locale."""

    def __init__(self, voice: Voice, addresses: Addresses) -> None:
        self.voice = voice
        self._addresses = addresses
        self._cards: dict[tuple[int, int, str, int], Card] = {}

    def card(self, item: Item, listing: Listing) -> Card:
        """An item as a list shows it: kept, as neither a version nor a release ever changes."""
        key = (item.id, item.version, listing.language, listing.sequence)
        found = self._cards.get(key)
        if found is None:
            if len(self._cards) >= MOST_KEPT:
                self._cards.clear()
            found = self._cards[key] = self._card(item, listing)
        return found

    def card_of_place(self, item: Item, listing: Listing, place: str) -> Card:
        """The card of an item on the page of a place ("": on any other): the place is named before others."""
        card = self.card(item, listing)
        if not card.places or place not in item.places:
            return card
        formats = self.voice.formats
        named = self.voice.wording.names(map(formats.place, item.places), item_view.MOST_PLACES, formats.place(place))
        return replace(card, places=named)

    def _card(self, item: Item, listing: Listing) -> Card:
        key = FragmentKey(item.id, item.version, Shape.ROW, listing.language, self.voice.locale)
        view = item_view.view(item, key, self.voice.formats, self.voice.wording, self.voice.texts)
        version = item.version_in(listing.language)
        day = day_of(item.published_on, listing.released_at)
        return Card(
            number=item.id,
            address=self._addresses.item(self.voice.locale, item.id, listing.slug),
            group=view.group,
            title=view.title,
            language=view.language,
            direction=view.direction,
            foreign=not same_language(view.language, self.voice.locale),
            abstract=cut_at_sentence(version.abstract if version else "", CARD_ABSTRACT),
            particulars=view.particulars,
            day=day,
            day_said=self.voice.formats.date(day),
            places=view.places,
            figures=view.figures,
            figures_of=view.figures_of,
            news=view.news,
            source=view.source,
            when=view.when,
        )

    def page(self, item: Item, listing: Listing, pages: dict[str, Listing], now: datetime) -> ItemPage:
        """An item as its page shows it. `pages`: locale -> the version that its page shows as its own."""
        formats = self.voice.formats
        card = self.card(item, listing)
        version = item.version_in(listing.language) or item.versions[0]
        link = item_view.link_of(item, version)
        ended = over(item, now)
        button = None
        if link and not (ended and item.session and link.url == item.session.registration_url):
            label = item_view.action_of(item, link, formats, self.voice.texts)
            button = File(link.url, label, link.format)
        updated = listing.updated_at.date()
        return ItemPage(
            card=card,
            kind=formats.capitalised(formats.kind(item.kind)),
            kind_code=item.kind,
            paragraphs=tuple(paragraphs(version.abstract)),
            description=cut_at_sentence(version.abstract, DESCRIPTION) or card.particulars,
            button=button,
            versions=tuple(self._version(item, one, listing, pages) for one in item.versions),
            topics=tuple((code, formats.policy_area(code)) for code in item.policy_areas),
            places=tuple((code, formats.place(code)) for code in item.places),
            authors=formats.aside(clean(formats.list(item.authors))) if item.authors and not item.data else "",
            series=clean(item.series),
            identifiers=_identifiers(item.identifiers),
            figures=self._figures(item.data) if item.data else (),
            spoken=self.voice.wording.languages(item.session.languages)
            if item.session and item.session.languages
            else "",
            over=ended,
            updated_said=formats.date(updated) if updated > listing.released_at.date() else "",
        )

    def _version(self, item: Item, version: LanguageVersion, shown: Listing, pages: dict[str, Listing]) -> Version:
        formats = self.voice.formats
        locale = next((tag for tag, listing in pages.items() if listing.language == version.language), "")
        page = self._addresses.item(locale, item.id, pages[locale].slug) if locale else ""
        own = self.voice.own_name(version.language)
        fit = [link for link in version.links if fit_to_link(link.url)][:MOST_LINKS]
        return Version(
            language=version.language,
            direction=direction(version.language),
            name=formats.capitalised(formats.language(version.language)),
            own_name=own,
            title=clean(version.title),
            page=page,
            page_locale=locale,
            files=tuple(File(link.url, self._file(link), link.format) for link in fit),
            shown=version.language == shown.language,
        )

    def _file(self, link: Link) -> str:
        """`PDF, 1.2 MB`."""
        formats, gettext = self.voice.formats, self.voice.texts.gettext
        names = {"html": gettext("Web page"), "audio": gettext("Audio"), "video": gettext("Video")}
        name = names.get(link.format) or (gettext("File") if link.format == "other" else link.format.upper())
        return formats.parts([name, formats.size(link.size_bytes)]) if link.size_bytes else name

    def _figures(self, data: DataSummary) -> tuple[Figure, ...]:
        shown = data.headline[:MOST_FIGURES] or item_view.shown_of(data)
        with_period = len({seen.period for seen in shown}) > 1
        return tuple(
            item_view.figure_of(seen, data.unit, self.voice.formats, self.voice.wording, with_period=with_period)
            for seen in shown
        )


def paragraphs(text: str) -> list[str]:
    """The paragraphs of an abstract, each on one line."""
    said = [clean(part) for part in text.splitlines()]
    return [part for part in said if part][:MOST_PARAGRAPHS]


def _identifiers(told: Iterable[Identifier]) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Each name with its values and where they lead ("" for nowhere). What is internal to sources is not shown."""
    found: dict[str, list[tuple[str, str]]] = {}
    for one in told:
        if one.scheme in (Scheme.DOI, Scheme.ISBN, Scheme.ISSN):
            value = clean(one.value)
            leads = f"https://doi.org/{quote(value, safe='/')}" if one.scheme is Scheme.DOI else ""
            found.setdefault(one.scheme.value.upper(), []).append((value, leads))
    return tuple((name, tuple(values)) for name, values in found.items())
