"""Feeds: every form, language, encoding and mishap, read from bytes."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tribune.codelists import load
from tribune.domain.errors import SourceError
from tribune.domain.items import Identifier, ItemRecord, Link, Scheme
from tribune.ports.sources import SourceState
from tribune.services.events.event_data import to_data
from tribune.services.sources.classify import Defaults
from tribune.services.sources.feed_source import FeedSource
from tribune.services.sources.read_feed import read_feed

NOW = datetime(2026, 11, 23, tzinfo=UTC)
URL = "https://observatory.example/feeds/news.xml"


def records(content: bytes | str, defaults: Defaults | None = None, url: str = URL) -> list[ItemRecord]:
    data = content.encode() if isinstance(content, str) else content
    source = FeedSource("feeds/test", url, defaults or Defaults(), load(), content=data)
    (reading,) = source.read(SourceState("feeds/test"), NOW)
    return [record for record in reading.told if isinstance(record, ItemRecord)]


def rss(items: str, head: str = "", version: str = "2.0", root: str = "") -> str:
    return f'<rss version="{version}" {root}><channel><title>News</title>{head}{items}</channel></rss>'


RSS_ITEM = """<item><guid isPermaLink="false">pub-1</guid><title>Wages in Senegal &amp;amp; beyond</title>
<link>/pub/1?b=2#top</link>
<description>&lt;p&gt;Wages rose.&lt;/p&gt;&lt;p&gt;Prices &amp;amp; rents rose more.&lt;/p&gt;
&lt;script&gt;alert(1)&lt;/script&gt;</description><pubDate>Mon, 16 Nov 2026 23:30:00 -0500</pubDate>
<category>Wages</category><category>Senegal</category><category>working paper</category><category>Odd words</category>
<enclosure url="/pub/1.pdf" type="application/pdf" length="12345"/></item>"""


def test_an_rss_entry_becomes_a_record() -> None:
    (record,) = records(rss(RSS_ITEM, "<language>en-gb</language>"))
    assert record.record == "pub-1"
    assert record.source_language == "en"
    (version,) = record.versions
    assert version.title == "Wages in Senegal & beyond"
    assert version.abstract == "Wages rose.\nPrices & rents rose more."
    assert version.links == (
        Link("https://observatory.example/pub/1?b=2", "html"),
        Link("https://observatory.example/pub/1.pdf", "pdf", 12345),
    )
    assert record.published_on == date(2026, 11, 17)  # UTC
    assert record.policy_areas == ("wages",)
    assert record.places == ("SEN",)
    assert record.kind == "working_paper"
    assert record.categories == ("Odd words",)
    assert Identifier(Scheme.URL, "https://observatory.example/pub/1?b=2") in record.identifiers


@pytest.mark.parametrize("version", ["0.90", "0.91", "0.92", "0.93", "0.94", "2.0"])
def test_every_rss_version(version: str) -> None:
    (record,) = records(rss("<item><title>One</title><link>https://a.example/1</link></item>", version=version))
    assert (record.record, record.versions[0].title) == ("https://a.example/1", "One")


def test_rss_1_and_dublin_core() -> None:
    (record,) = records(
        """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
        xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://a.example"><title>N</title></channel>
        <item rdf:about="https://a.example/1"><title>L’emploi des jeunes</title><link>https://a.example/1</link>
        <dc:language>fr</dc:language><dc:date>2026-11-01</dc:date><dc:creator>Awa Diop</dc:creator>
        <dc:subject>emploi des jeunes</dc:subject><dc:identifier>doi:10.5555/ABC</dc:identifier></item></rdf:RDF>"""
    )
    assert record.source_language == "fr"
    assert record.authors == ("Awa Diop",)
    assert record.policy_areas == ("youth_employment",)
    assert Identifier(Scheme.DOI, "10.5555/abc") in record.identifiers
    assert record.published_on == date(2026, 11, 1)


def test_atom_languages_and_identifiers() -> None:
    one, two = records(
        """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="es" xml:base="https://a.example/x/"><title>N</title>
        <entry><id>urn:isbn:9789220327531</id><title>Salarios</title><updated>2026-11-02T00:00:00Z</updated>
        <link rel="alternate" href="../salarios"/><summary type="text">1 &lt; 2 &amp; 3</summary></entry>
        <entry xml:lang="fr-CH"><id>tag:a.example,2026:2</id><title type="html">L’&lt;b&gt;emploi&lt;/b&gt;</title>
        <author><name>Awa Diop</name><email>awa@a.example</email></author><author><name>x@y.example</name></author>
        <updated>2026-11-03T00:00:00Z</updated><published>2026-11-01T00:00:00Z</published>
        <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Un</p><p>deux</p></div></content></entry>
        </feed>"""
    )[::-1]
    assert one.source_language == "es" and one.versions[0].abstract == "1 < 2 & 3"
    assert one.versions[0].links == (Link("https://a.example/salarios"),)
    assert Identifier(Scheme.ISBN, "9789220327531") in one.identifiers
    assert two.source_language == "fr" and two.versions[0].title == "L’emploi"
    assert two.versions[0].abstract == "Un\ndeux"
    assert two.authors == ("Awa Diop",), "addresses are personal data and no names"
    assert two.published_on == date(2026, 11, 1)


def test_alternate_links_in_other_languages_declare_translations() -> None:
    (record,) = records(
        """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en"><title>N</title><entry><id>tag:a,2026:1</id>
        <title>Wages</title><link rel="alternate" hreflang="fr" href="https://a.example/fr/1"/>
        <link rel="alternate" hreflang="en-GB" href="https://a.example/en/1"/>
        <link rel="alternate" hreflang="es" href="https://a.example/es/1"/></entry></feed>"""
    )
    assert record.versions[0].links == (Link("https://a.example/en/1"),)
    assert record.translation_of == (
        Identifier(Scheme.URL, "https://a.example/fr/1"),
        Identifier(Scheme.URL, "https://a.example/es/1"),
    )


def test_json_feed() -> None:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "N",
        "language": "fr-FR",
        "home_page_url": "https://a.example/",
        "items": [
            {
                "id": 7,
                "url": "/sept",
                "title": "Sept",
                "content_html": "<p>Un &amp; deux</p>",
                "date_published": "2026-11-20T10:00:00+02:00",
                "tags": ["salaires", "Sénégal", 3],
                "authors": [{"name": "Awa Diop"}, "x"],
                "attachments": [{"url": "/7.pdf", "mime_type": "application/pdf", "size_in_bytes": 9}, 4],
            },
            {"id": "8", "language": "en", "content_text": "No title, but words."},
            {"id": "9"},
            "odd",
        ],
    }
    two, one = records(json.dumps(feed))
    assert (one.record, one.source_language, one.published_on) == ("7", "fr", date(2026, 11, 20))
    assert one.versions[0].abstract == "Un & deux"
    assert one.versions[0].links == (Link("https://a.example/sept"), Link("https://a.example/7.pdf", "pdf", 9))
    assert (one.policy_areas, one.places, one.authors) == (("wages",), ("SEN",), ("Awa Diop",))
    assert (two.source_language, two.versions[0].title) == ("en", "No title, but words.")


@pytest.mark.parametrize(
    "content", [b'{"version": 1, "items": 3}', b"{", b'{"a":' * 100_000, b"[]", b'{"items": []}', b"\xff{"]
)
def test_json_that_is_no_feed(content: bytes) -> None:
    with pytest.raises(SourceError):
        read_feed(content)


def test_missing_ids_and_dates_give_stable_records() -> None:
    feed = rss("<item><title>Only a title</title></item><item><description>Only words.</description></item><item/>")
    first, second = records(feed), records(feed)
    assert [r.record for r in first] == [r.record for r in second]
    assert len({r.record for r in first}) == 2
    assert {r.versions[0].title for r in first} == {"Only a title", "Only words."}
    assert all(r.published_on is None for r in first)


def test_an_id_does_not_change_when_the_feed_moves() -> None:
    feed = rss("<item><guid>1</guid><title>T</title><link>/1</link></item>")
    (here,), (there,) = records(feed), records(feed, url="https://moved.example/feed")
    assert here.record == there.record == "1"
    assert there.versions[0].links == (Link("https://moved.example/1"),)


@pytest.mark.parametrize("when", ["not a date", "Mon, 99 Foo 20261 25:61:00", "0000-00-00", "9999999999999", ""])
def test_odd_dates_are_no_dates(when: str) -> None:
    (record,) = records(rss(f"<item><title>T</title><pubDate>{when}</pubDate></item>"))
    assert record.published_on is None


def test_the_same_entry_twice_is_one_record_and_the_newest_counts() -> None:
    feed = rss("<item><guid>a</guid><title>New</title></item><item><guid>a</guid><title>Old</title></item>")
    (record,) = records(feed)
    assert record.versions[0].title == "New"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
def test_encodings(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + rss("<item><title>Été à l’œuvre</title></item>")
    # Declared Latin-1, and yet windows-1252 within: what half the world sends.
    content = text.encode("windows-1252" if encoding == "iso-8859-1" else encoding)
    assert records(content)[0].versions[0].title == "Été à l’œuvre"


def test_utf_8_declared_and_latin_1_sent() -> None:
    content = ('<?xml version="1.0" encoding="utf-8"?>' + rss("<item><title>Été</title></item>")).encode("latin-1")
    assert records(content)[0].versions[0].title == "Été"


def test_settings_map_categories_first_and_fill_in_what_is_not_said() -> None:
    defaults = Defaults(
        kind="brief",
        language="es",
        policy_areas=("employment",),
        places=("005",),
        categories={"Odd Words": "skills"},
        since=date(2026, 11, 1),
    )
    new, bare = records(
        rss(
            "<item><title>b</title></item><item><title>a</title><category>odd words</category></item>"
            "<item><title>old</title><pubDate>Fri, 30 Oct 2026 00:00:00 GMT</pubDate></item>"
        ),
        defaults,
    )
    assert (new.policy_areas, new.categories) == (("skills",), ())
    assert (bare.policy_areas, bare.places, bare.kind, bare.source_language) == (
        ("employment",),
        ("005",),
        "brief",
        "es",
    )


def test_an_entry_about_statistics_is_not_a_data_release() -> None:
    (record,) = records(rss("<item><title>t</title><category>data</category><category>webinar</category></item>"))
    assert record.kind == "report"
    assert record.categories == ("data", "webinar")


def test_bombs_and_entities_from_outside_are_harmless(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("top secret")
    outside = f'<!DOCTYPE r [<!ENTITY x SYSTEM "{secret.as_uri()}">]>' + rss("<item><title>a &x; b</title></item>")
    assert "top secret" not in str([to_data(r) for r in records(outside)])
    nested = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE r [<!ENTITY l0 "lol">{nested}]>' + rss("<item><title>x &l11;</title></item>")
    started = time.process_time()
    assert all(len(r.versions[0].title) < 1000 for r in records(bomb))
    assert time.process_time() - started < 10


def test_a_body_that_is_a_file_name_is_not_opened(tmp_path: Path) -> None:
    other = tmp_path / "feed.xml"
    other.write_text(rss("<item><title>t</title></item>"))
    with pytest.raises(SourceError, match="not a feed"):
        read_feed(str(other).encode())


def test_a_web_page_is_told_apart() -> None:
    with pytest.raises(SourceError, match="web page"):
        read_feed(b"<!DOCTYPE html><html><head><title>Hello</title></head><body><p>x</p></body></html>")


@pytest.mark.parametrize(
    ("first", "half"),
    [
        ("<item><guid>1</guid><title>Whole</title></item>", "<item><guid>2</guid><title>Hal"),
        ("<item><guid>1</guid><title>Whole</title></item>", "<item><guid>2</guid><title>Half</title><descr"),
        ("<item><guid>1</guid><title>Whole</title></item>", "<item xml:lang='fr'>"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_the_half_read_entry_of_a_feed_that_breaks_off_is_left_out(first: str, half: str, encoding: str) -> None:
    whole = f'<?xml version="1.0" encoding="{encoding}"?>' + rss(first + half)
    content = whole[: whole.rindex(half) + len(half)].encode(encoding)
    source = FeedSource("feeds/test", URL, Defaults(), load(), content=content)
    (reading,) = source.read(SourceState("feeds/test"), NOW)
    assert [told.record for told in reading.told] == ["1"]
    assert any("breaks off" in problem for problem in reading.problems)


def test_other_faults_of_form_cost_no_entry() -> None:
    feed = read_feed(rss("<item><title>A & B</title></item><item><title>C<br>D</title></item>").encode())
    assert feed.broken and not feed.cut_off
    assert [entry.title for entry in feed.entries] == ["A & B", "C D"]


@pytest.mark.parametrize("content", [b"", b"<?xml version='1.0' encoding='undefined'?><rss/>", b"\0" * 1000, b"hello"])
def test_what_is_no_feed_says_so(content: bytes) -> None:
    with pytest.raises(SourceError):
        read_feed(content)


@pytest.mark.parametrize(
    "title",
    [
        "&lt;img src=x onerror=alert(1)&gt;Hi",
        "&lt;svg&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;/svg&gt;Hi",
        "Hi\u202e\u200b",
    ],
)
def test_markup_and_tricks_in_titles_do_not_come_through(title: str) -> None:
    (record,) = records(rss(f"<item><title>{title}</title></item>"))
    assert record.versions[0].title == "Hi"


def test_links_that_are_not_web_addresses_are_dropped() -> None:
    (record,) = records(rss("<item><title>t</title><link>javascript:alert(1)</link></item>"))
    assert record.versions[0].links == ()


def test_no_sample_crashes_hangs_or_is_lost(shared_data: Path) -> None:
    files = sorted(p for p in (shared_data / "feeds" / "feedparser").rglob("*.xml"))
    assert len(files) > 1800
    entries = worded = 0
    refused = []
    for path in files:
        content = path.read_bytes()
        started = time.process_time()
        try:
            found = records(content)
        except SourceError as error:
            refused.append((path.name, str(error)))
            continue
        assert time.process_time() - started < 5, path
        entries += len(found)
        feed = read_feed(content, url=URL)
        worded += bool(feed.entries)
        assert bool(found) == bool(feed.entries), path
        for record in found:
            to_data(record)
            assert record.record and record.versions[0].title, path
    assert refused == []
    assert entries > 450 and worded > 400


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_bytes_end_in_a_feed_or_a_clear_error(content: bytes) -> None:
    for whole in (content, rss("<item><title>t</title><description>").encode() + content):
        try:
            records(whole)
        except SourceError as error:
            assert error.hint


@pytest.mark.parametrize(
    ("told", "names"),
    [
        ("webmaster@ituc.global (Jane Doe)", ("Jane Doe",)),
        ("jane@museum.international", ()),
        ("jane@ilo.org (Jane Doe)", ("Jane Doe",)),
        ("Jane Doe", ("Jane Doe",)),
    ],
)
def test_an_author_is_a_name_and_never_a_piece_of_an_address(told: str, names: tuple[str, ...]) -> None:
    item = f"<item><title>x</title><author>{told}</author></item>"
    (entry,) = read_feed(f'<rss version="2.0"><channel><title>t</title>{item}</channel></rss>'.encode()).entries
    assert entry.authors == names


def test_a_feed_that_is_nested_without_end_is_refused_at_once() -> None:
    with pytest.raises(SourceError, match="nested too deeply"):
        read_feed(b"<rss><channel><item>" + b"<a>" * 300_000)
