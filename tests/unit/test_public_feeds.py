"""Our feeds, read by our own reader of feeds: what goes in comes out, whatever a source has written."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribune.rendering.feeds import Category, Entry, Feed, atom, fit, json_feed, tag_id
from tribune.services.sources.read_feed import read_feed

AT = datetime(2026, 11, 23, 9, 30, 15, 250_000, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script> ]]> &amp; \"'\x00\x08\x0b\ufffe\ud800 {{ 7*7 }}"
A = "{http://www.w3.org/2005/Atom}"
ENTRY = Entry(
    id=tag_id("letters.example.org", "item", 7, "fr"),
    url="https://letters.example.org/fr/items/7-les-salaires",
    title="Les salaires : où en est-on ?",
    language="fr",
    published=AT,
    updated=AT,
    summary="Un résumé.\n\nEn deux paragraphes.",
    text="Rapport, 48 pages",
    authors=("Awa Diop",),
    categories=(
        Category("wages", "https://letters.example.org/topics", "Salaires"),
        Category("SEN", "https://letters.example.org/places", "Sénégal"),
    ),
    translations=(("en", "https://letters.example.org/en/items/7-wages"),),
)
FEED = Feed(
    id=tag_id("letters.example.org", "feed", "fr"),
    title="Observatoire : Salaires",
    subtitle="Les dernières publications",
    language="fr",
    url="https://letters.example.org/fr/feed.atom?topic=wages",
    home="https://letters.example.org/fr/topics/wages",
    author="Observatoire",
    author_url="https://letters.example.org/fr/",
    updated=AT,
    entries=(ENTRY, replace(ENTRY, id=tag_id("letters.example.org", "item", 8, "ar"), language="ar", title="الأجور")),
)


@pytest.mark.parametrize("written", [atom(FEED), json_feed(FEED)], ids=["atom", "json"])
def test_our_own_reader_reads_what_we_write(written: bytes) -> None:
    read = read_feed(written, url="https://letters.example.org/fr/feed")
    assert (read.title, read.language, read.broken, read.passed_over) == ("Observatoire : Salaires", "fr", "", 0)
    first, second = read.entries
    assert (first.id, first.link) == (ENTRY.id, ENTRY.url)
    assert (first.title, first.language) == (ENTRY.title, "fr")
    assert first.abstract.startswith("Un résumé.\nEn deux paragraphes.")
    assert first.authors == ("Awa Diop",)
    assert first.categories == ("Salaires", "Sénégal")
    assert str(first.published) == "2026-11-23"
    assert (second.language, second.title) == ("ar", "الأجور")


def test_atom_declares_translations_as_such() -> None:
    entry = read_feed(atom(FEED)).entries[0]
    assert entry.translations == ("https://letters.example.org/en/items/7-wages",)


def test_atom_keeps_the_rules_of_rfc_4287() -> None:
    feed = ElementTree.fromstring(atom(FEED))
    assert feed.get("{http://www.w3.org/XML/1998/namespace}lang") == "fr"
    for parent in (feed, *feed.iter(f"{A}entry")):
        for name in ("id", "title", "updated"):
            assert len(parent.findall(f"{A}{name}")) == 1, name
    rels = {link.get("rel"): link.get("href") for link in feed.findall(f"{A}link")}
    assert rels == {"alternate": FEED.home, "self": FEED.url}
    for entry in feed.iter(f"{A}entry"):
        alternates = [(link.get("type"), link.get("hreflang")) for link in entry.findall(f"{A}link")]
        assert len(set(alternates)) == len(alternates)
        assert entry.findtext(f"{A}updated") == "2026-11-23T09:30:15Z"
        assert not [link for link in entry.findall(f"{A}link") if link.get("rel") == "enclosure"]


def test_json_feed_keeps_the_rules_of_1_1() -> None:
    told: dict[str, Any] = json.loads(json_feed(FEED))
    assert told["version"] == "https://jsonfeed.org/version/1.1"
    assert set(told) == {
        *("version", "title", "home_page_url", "feed_url", "description", "language", "authors", "items")
    }
    for item in told["items"]:
        assert item["id"] and item["content_text"] and item["url"].startswith("https://")
        assert datetime.fromisoformat(item["date_published"]) == AT.replace(microsecond=0)
    assert json.loads(json_feed(replace(FEED, entries=())))["items"] == []


def test_a_feed_whose_address_is_a_secret_does_not_tell_it() -> None:
    quiet = replace(FEED, url="")
    assert b"self" not in atom(quiet)
    assert "feed_url" not in json.loads(json_feed(quiet))


@given(st.text(max_size=80) | st.just(HOSTILE))
def test_any_text_stays_text(text: str) -> None:
    category = Category(text, "https://letters.example.org/topics", text)
    entry = replace(ENTRY, title=text, summary=text, text=text, authors=(text,), categories=(category,))
    feed = replace(FEED, title=text, subtitle=text, author=text, entries=(entry,))
    read = ElementTree.fromstring(atom(feed))
    known = {f"{A}{name}" for name in ("feed", "entry", "id", "title", "subtitle", "updated", "author", "name", "uri")}
    known |= {f"{A}{name}" for name in ("link", "published", "category", "summary", "content")}
    assert {element.tag for element in read.iter()} <= known
    # XML itself turns a carriage return into a new line.
    assert read.findtext(f"{A}title") == fit(text).replace("\r\n", "\n").replace("\r", "\n")
    assert json.loads(json_feed(feed)).get("title", "") == fit(text)


def test_ids_do_not_change() -> None:
    assert tag_id("letters.example.org", "item", 12, "fr") == "tag:letters.example.org,2026:item/12/fr"
