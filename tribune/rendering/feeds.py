"""Feeds: Atom 1.0 (RFC 4287) and JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/).

What a reader is told of an item is plain text, so no reader can take a part of it for markup. Characters that XML 1.0
does not know are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_XML = '<?xml version="1.0" encoding="utf-8"?>\n'


@dataclass(frozen=True, slots=True)
class Category:
    """A topic, place or kind: its code, the address that the codes stand under, and its name."""

    term: str
    scheme: str
    label: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An item. `language` is that of title and summary; `text` is what else there is to say, in the feed's language.
    `translations`: language -> page."""

    id: str
    url: str
    title: str
    language: str
    published: datetime
    updated: datetime
    summary: str = ""
    text: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[Category, ...] = ()
    translations: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed. `url` is its own address ("" for one that is a secret), `home` the page of the same list."""

    id: str
    title: str
    subtitle: str
    language: str
    url: str
    home: str
    author: str
    author_url: str
    updated: datetime
    entries: tuple[Entry, ...] = ()


def tag_id(host: str, *parts: str | int) -> str:
    """A `tag:` URI (RFC 4151) that never changes: `tag:letters.example.org,2026:item/12/fr`."""
    return f"tag:{host},2026:{'/'.join(str(part) for part in parts)}"


def instant(at: datetime) -> str:
    """RFC 3339, whole seconds, UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def fit(text: str) -> str:
    """`text` without what XML 1.0 does not know."""
    return _UNFIT.sub("", text)


def atom(feed: Feed) -> bytes:
    """The feed as Atom 1.0."""
    lines = [_XML, f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang={_q(feed.language)}>\n']
    lines += [f"<id>{_t(feed.id)}</id>\n<title>{_t(feed.title)}</title>\n"]
    lines += [f"<subtitle>{_t(feed.subtitle)}</subtitle>\n"] if feed.subtitle else []
    lines += [f"<updated>{instant(feed.updated)}</updated>\n"]
    lines += [f"<author><name>{_t(feed.author)}</name><uri>{_t(feed.author_url)}</uri></author>\n"]
    lines += [f'<link rel="alternate" type="text/html" href={_q(feed.home)}/>\n']
    if feed.url:
        lines += [f'<link rel="self" type="application/atom+xml" href={_q(feed.url)}/>\n']
    for entry in feed.entries:
        lines += _atom_entry(entry, feed.language)
    return "".join((*lines, "</feed>\n")).encode("utf-8")


def _atom_entry(entry: Entry, frame: str) -> Iterator[str]:
    yield f"<entry xml:lang={_q(entry.language)}>\n<id>{_t(entry.id)}</id>\n<title>{_t(entry.title)}</title>\n"
    yield f"<published>{instant(entry.published)}</published>\n<updated>{instant(entry.updated)}</updated>\n"
    yield f'<link rel="alternate" type="text/html" hreflang={_q(entry.language)} href={_q(entry.url)}/>\n'
    for language, url in entry.translations:
        yield f'<link rel="alternate" type="text/html" hreflang={_q(language)} href={_q(url)}/>\n'
    for name in entry.authors:
        yield f"<author><name>{_t(name)}</name></author>\n"
    for one in entry.categories:
        yield f"<category term={_q(one.term)} scheme={_q(one.scheme)} label={_q(one.label)}/>\n"
    if entry.summary:
        yield f"<summary>{_t(entry.summary)}</summary>\n"
    if entry.text:
        said = f"{entry.summary}\n\n{entry.text}" if entry.summary else entry.text
        language = "" if entry.summary else f" xml:lang={_q(frame)}"
        yield f'<content type="text"{language}>{_t(said)}</content>\n'
    yield "</entry>\n"


def _t(text: str) -> str:
    return escape(fit(text))


def _q(text: str) -> str:
    return quoteattr(fit(text))


def json_feed(feed: Feed) -> bytes:
    """The feed as JSON Feed 1.1."""
    told: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": fit(feed.title),
        "home_page_url": feed.home,
        "feed_url": feed.url,
        "description": fit(feed.subtitle),
        "language": feed.language,
        "authors": [{"name": fit(feed.author), "url": feed.author_url}],
        "items": [_json_entry(entry) for entry in feed.entries],
    }
    kept = {name: value for name, value in told.items() if value or name == "items"}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _json_entry(entry: Entry) -> dict[str, Any]:
    said = "\n\n".join(part for part in (entry.summary, entry.text) if part)
    told: dict[str, Any] = {
        "id": entry.id,
        "url": entry.url,
        "title": fit(entry.title),
        "content_text": fit(said or entry.title),
        "date_published": instant(entry.published),
        "date_modified": instant(entry.updated),
        "authors": [{"name": fit(name)} for name in entry.authors],
        "tags": [fit(one.label) for one in entry.categories],
        "language": entry.language,
    }
    return {name: value for name, value in told.items() if value}
