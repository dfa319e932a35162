"""A feed's bytes -> its entries: RSS 0.9x-2.0, RDF, Atom and CDF through feedparser, JSON Feed by our own reader.

feedparser forgives broken XML, wrong encodings and odd dates. It gets the bytes as a stream, never as a string: it
would take a string for an address or a file name and open it. Entities from outside are not loaded, and expat
bounds what entities inside may grow to.
"""

from __future__ import annotations

import io
import re
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urljoin

from tribune.domain.errors import SourceError
from tribune.domain.languages import tag
from tribune.services.sources.plain_text import from_html, line, paragraphs

MAX_ENTRIES = 2_000
MAX_DEPTH = 1_000
ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.1"
)
_ENTRY = re.compile(r"<(/?)(?:[\w.-]+:)?(?:item|entry)(?:\s[^<>]*?)?(/?)>", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s<>()]+@[^\s<>()]+")
_CDATA = re.compile(rb"<!\[CDATA\[.*?\]\]>", re.DOTALL)
_TAG = re.compile(rb"<(/?)[A-Za-z][^<>]*?(/?)>")
_PLACE = re.compile(r"^<unknown>:(\d+):\d+: ")
_MARKUP = re.compile(r"</?[a-z][a-z0-9]*(?:\s[^<>]*)?/?>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that an entry carries."""

    url: str
    type: str = ""
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """An entry as plain text. `id` is empty where the feed gives none; `language` is as the feed says it.

    `translations` are addresses that the entry declares to be itself in other languages.
    """

    id: str
    title: str
    abstract: str = ""
    link: str = ""
    language: str = ""
    enclosures: tuple[Enclosure, ...] = ()
    categories: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    series: str = ""
    published: date | None = None
    translations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed. `version` is empty where it was not recognised; `broken` says what is wrong with its form; `passed_over`
    counts entries that have neither a title nor a text. With `cut_off` the last entry was not whole and is left out."""

    version: str
    title: str
    language: str
    entries: tuple[FeedEntry, ...]
    broken: str = ""
    passed_over: int = 0
    cut_off: bool = False


def read_feed(content: bytes, *, url: str = "", headers: Mapping[str, str] | None = None) -> Feed:
    """The feed in `content`; `url` is the base of relative links. Raises SourceError where it is no feed at all."""
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        from tribune.services.sources.read_json_feed import read_json_feed

        return read_json_feed(content, url=url)
    if _depth(content) > MAX_DEPTH:
        raise SourceError("The feed is nested too deeply to be a real one.", where=url, hint=_advice(content))
    told = _parse(content, url, headers or {})
    feed = told.get("feed") or {}
    version = str(told.get("version") or "")
    every = list(told.get("entries") or ())
    cut_off = bool(every) and _is_cut_off(content, told)
    raw = (every[:-1] if cut_off else every)[:MAX_ENTRIES]
    language = _text(feed.get("language"))
    entries = tuple(entry for entry in (_entry(one, language, url) for one in raw) if entry)
    if not version and not every and b"<channel" not in content[:5000].lower():  # CDF names no version
        raise SourceError("This is not a feed.", where=url, hint=_advice(content))
    fault = _PLACE.sub(r"line \1, ", str(told.get("bozo_exception") or "")) if told.get("bozo") else ""
    return Feed(version, _title(feed), language, entries, line(fault, 200), len(raw) - len(entries), cut_off)


def _parse(content: bytes, url: str, headers: Mapping[str, str]) -> Any:
    import feedparser

    # No content-location: feedparser would resolve ids against it too, and a feed that moved would be all new.
    told = {name: value for name, value in headers.items() if name in ("content-type", "content-language")}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # feedparser warns about its own past
            return feedparser.parse(io.BytesIO(content), response_headers=told)
    except Exception as error:
        # Forgiving as it is, some declared encodings and hostile inputs raise in its depth, with any type.
        raise SourceError(
            f"The feed cannot be read: {type(error).__name__}: {line(str(error), 200)}.",
            where=url,
            hint=_advice(content),
        ) from None


def _depth(content: bytes) -> int:
    """How deeply elements stand in one another, at most: feedparser's time grows with its square."""
    depth = deepest = 0
    for closing, empty in _TAG.findall(_CDATA.sub(b"", content)):
        if closing:
            depth = max(depth - 1, 0)
        elif not empty:
            depth += 1
            deepest = max(deepest, depth)
    return deepest


def _is_cut_off(content: bytes, told: Any) -> bool:
    """Whether the last entry has a beginning and no end. Other faults of form (a stray &) leave entries whole."""
    if not told.get("bozo") or type(told.get("bozo_exception")).__name__ != "SAXParseException":
        return False
    try:
        text = content.decode(_text(told.get("encoding")) or "utf-8", "replace")
    except LookupError:
        return False
    tags = _ENTRY.findall(text)
    return bool(tags) and tags[-1] == ("", "")


def _advice(content: bytes) -> str:
    head = content[:2000].lower()
    if b"<html" in head or b"<!doctype html" in head:
        return "It is a web page: give the address of its feed."
    return "Check the address; it must answer RSS, Atom or JSON Feed."


def join(base: str, address: str) -> str:
    """`address` as seen from `base`; "" where it is none."""
    try:
        return urljoin(base, address.strip()) if address.strip() else ""
    except ValueError:
        return ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _own(entry: Any, key: str) -> Any:
    """The entry's own value: feedparser's get() falls back from updated to published, and warns about it."""
    return dict.get(entry, key)


def _title(entry: Any) -> str:
    return line(_plain(_own(entry, "title_detail"), _text(_own(entry, "title"))))


def _plain(detail: Any, value: str) -> str:
    """The text of a construct. RSS cannot say whether it sends text or HTML, so tags count even in plain text."""
    kind = _text(detail.get("type")) if isinstance(detail, dict) else ""
    return value if kind == "text/plain" and not _MARKUP.search(value) else from_html(value)


def _entry(entry: Any, feed_language: str, url: str) -> FeedEntry | None:
    abstract, language = _abstract(entry)
    title = _title(entry) or line(abstract, 160)
    if not title:
        return None
    details = _own(entry, "title_detail")
    title_language = _text(details.get("language")) if isinstance(details, dict) else ""
    language = _text(_own(entry, "language")) or title_language or language or feed_language
    link, translations = _pages(entry, language, url)
    return FeedEntry(
        id=line(_text(_own(entry, "id")), 2000),
        title=title,
        abstract=abstract,
        link=link,
        language=language,
        enclosures=tuple(_enclosures(entry, link or url)),
        categories=tuple(_categories(entry)),
        identifiers=tuple(_identifiers(entry)),
        authors=tuple(_authors(entry)),
        series=line(_text(_own(entry, "prism_publicationname")), 200),
        published=_date(_own(entry, "published_parsed"))
        or _date(_own(entry, "created_parsed"))
        or _date(_own(entry, "updated_parsed")),
        translations=translations,
    )


def _pages(entry: Any, language: str, url: str) -> tuple[str, tuple[str, ...]]:
    """The entry's page, and those that are its translations: an alternate link with hreflang implies one (RFC 4287)."""
    alternates = [
        (tag(_text(link.get("hreflang"))), join(url, _text(link.get("href"))))
        for link in _own(entry, "links") or ()
        if _text(link.get("rel")) == "alternate" and _text(link.get("href"))
    ]
    link = join(url, _text(_own(entry, "link")))
    told = [at for at in alternates if at[0]]
    if not told:
        return link, ()
    own = next((at for at in alternates if at[0] == tag(language)), None) or next(
        (at for at in alternates if not at[0]), told[0]
    )
    return own[1], tuple(
        dict.fromkeys(address for lang, address in told if lang != tag(language) and address != own[1])
    )


def _abstract(entry: Any) -> tuple[str, str]:
    """The summary, else the content in text: what it says and its language."""
    candidates = [(_own(entry, "summary_detail"), _text(_own(entry, "summary")))]
    candidates += [(one, _text(one.get("value"))) for one in _own(entry, "content") or () if isinstance(one, dict)]
    for detail, value in candidates:
        kind = _text(detail.get("type")) if isinstance(detail, dict) else ""
        if kind and not kind.startswith("text/") and kind != "application/xhtml+xml":
            continue  # base64 and the like: a file, not words
        told = paragraphs(_plain(detail, value))
        if told:
            return told, _text(detail.get("language")) if isinstance(detail, dict) else ""
    return "", ""


def _enclosures(entry: Any, base: str) -> Iterator[Enclosure]:
    for link in _own(entry, "links") or ():
        if _text(link.get("rel")) == "enclosure" and _text(link.get("href")):
            size = _text(link.get("length")).strip()
            number = int(size) if size.isascii() and size.isdigit() and len(size) < 16 else 0
            yield Enclosure(join(base, link["href"]), _text(link.get("type")), number or None)


def _categories(entry: Any) -> Iterator[str]:
    for category in _own(entry, "tags") or ():
        told = line(_text(category.get("label")) or _text(category.get("term")), 200)
        if told:
            yield told


def _identifiers(entry: Any) -> Iterator[str]:
    """What the entry declares as identifiers; never a find in its text."""
    for key in ("dc_identifier", "prism_doi", "prism_isbn", "id", "link"):
        told = _text(_own(entry, key)).strip()
        if told:
            yield f"doi:{told}" if key == "prism_doi" and told.startswith("10.") else told


def _authors(entry: Any) -> Iterator[str]:
    """Names only: an address is personal data and no name (decisions.md, 6)."""
    told = [_text(author.get("name")) for author in _own(entry, "authors") or ()]
    raw = _text(_own(entry, "author"))
    if "@" in raw and len(told) < 2:
        # feedparser cuts an address out of "jane@ituc.global (Jane)" as far as it takes it for one, which is too short.
        told = [_ADDRESS.sub(" ", raw).strip(" ()<>[],;")]
    seen: set[str] = set()
    for name in (line(from_html(one), 200) for one in told):
        if name and "@" not in name and name not in seen:
            seen.add(name)
            yield name


def _date(told: object) -> date | None:
    """feedparser gives UTC as a struct_time, sometimes one that no calendar has."""
    if not isinstance(told, time.struct_time):
        return None
    try:
        found = datetime(*told[:6], tzinfo=UTC).date()
    except ValueError:
        return None
    return found if 1900 <= found.year <= 2200 else None
