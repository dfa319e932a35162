"""JSON Feed 1.0 and 1.1, which feedparser 6 does not read. Source: https://www.jsonfeed.org/version/1.1/"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

from tribune.domain.errors import SourceError
from tribune.services.sources.plain_text import from_html, line, paragraphs
from tribune.services.sources.read_feed import MAX_ENTRIES, Enclosure, Feed, FeedEntry, join


def read_json_feed(content: bytes, *, url: str = "") -> Feed:
    """The feed in `content`. Raises SourceError where it is not JSON Feed. An odd item is passed over, not fatal."""
    try:
        told = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SourceError(f"This is not JSON: {line(str(error), 200)}.", where=url, hint="Check the address.") from None
    items = told.get("items") if isinstance(told, dict) else None
    version = _text(told.get("version")) if isinstance(told, dict) else ""
    if not isinstance(items, list) or not version.startswith(("https://jsonfeed.org/", "http://jsonfeed.org/")):
        raise SourceError(
            "This is JSON, but not JSON Feed.", where=url, hint="Check the address: JSON Feed says its version."
        )
    base = _text(told.get("home_page_url")) or _text(told.get("feed_url")) or url
    language = _text(told.get("language"))
    feed_authors = _authors(told)
    entries = tuple(
        entry
        for entry in (
            _entry(item, join(url, base), language, feed_authors)
            for item in items[:MAX_ENTRIES]
            if isinstance(item, dict)
        )
        if entry
    )
    odd = len(items[:MAX_ENTRIES]) - len(entries)
    return Feed("json" + version.rpartition("/")[2], line(_text(told.get("title"))), language, entries, "", odd)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _entry(item: dict[str, Any], base: str, language: str, feed_authors: tuple[str, ...]) -> FeedEntry | None:
    abstract = paragraphs(
        _text(item.get("summary")) or _text(item.get("content_text")) or from_html(_text(item.get("content_html")))
    )
    title = line(_text(item.get("title"))) or line(abstract, 160)
    raw_id = item.get("id")
    id = str(raw_id) if isinstance(raw_id, str | int | float) and not isinstance(raw_id, bool) else ""
    if not title:
        return None
    link = join(base, _text(item.get("url")) or _text(item.get("external_url")))
    return FeedEntry(
        id=line(id, 2000),
        title=title,
        abstract=abstract,
        link=link or (id if id.startswith(("http://", "https://")) else ""),
        language=_text(item.get("language")) or language,
        enclosures=tuple(_enclosures(item, base)),
        categories=tuple(line(tag, 200) for tag in _list(item.get("tags")) if isinstance(tag, str) and line(tag)),
        identifiers=tuple(told for told in (id, _text(item.get("url")), _text(item.get("external_url"))) if told),
        authors=_authors(item) or feed_authors,
        published=_date(_text(item.get("date_published"))) or _date(_text(item.get("date_modified"))),
    )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _enclosures(item: dict[str, Any], base: str) -> list[Enclosure]:
    found = []
    for told in _list(item.get("attachments")):
        if isinstance(told, dict) and _text(told.get("url")):
            size = told.get("size_in_bytes")
            number = int(size) if isinstance(size, int | float) and 0 < size < 1e15 else None
            found.append(Enclosure(join(base, told["url"]), _text(told.get("mime_type")), number))
    return found


def _authors(told: dict[str, Any]) -> tuple[str, ...]:
    listed = _list(told.get("authors")) or [told.get("author")]  # 1.0 had one `author`
    names = [line(_text(one.get("name")), 200) for one in listed if isinstance(one, dict)]
    return tuple(dict.fromkeys(name for name in names if name and "@" not in name))


def _date(told: str) -> date | None:
    try:
        found = datetime.fromisoformat(told.strip())
    except ValueError:
        return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    try:
        return found.astimezone(UTC).date()
    except (OverflowError, ValueError):
        return None
