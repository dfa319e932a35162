"""A Dublin Core record -> what we know of a work. Sources: DCMI elements 1.1, OpenAIRE and DRIVER guidelines.

Which languages a work exists in is what dc:language says; xml:lang only says in which language a title or an
abstract is written. Declared translations come from relations that say so in words; a version of a work may be
another edition, so "isVersionOf" joins nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from urllib.parse import urlsplit

from tribune.domain import identifiers
from tribune.domain.items import Identifier, ItemRecord, LanguageVersion, Link, Scheme
from tribune.domain.languages import tag
from tribune.services.sources.classify import Classifier
from tribune.services.sources.link_formats import format_of
from tribune.services.sources.oai_pages import OaiRecord, Value
from tribune.services.sources.plain_text import MAX_ABSTRACT, from_html, line, paragraphs

_TRANSLATION = re.compile(
    r"^\s*(?:is\s*)?(?:translation\s*of|translationof|traduction\s+de|traducci[oó]n\s+de)\b[\s:;,-]*(.+)$",
    re.IGNORECASE | re.DOTALL,
)
_ALTERNATIVE = re.compile(r"^info:eu-repo/semantics/altIdentifier/(doi|isbn|issn|urn|hdl)/(.+)$", re.IGNORECASE)
_TAGS = re.compile(r"</?[a-z][a-z0-9]*(?:\s[^<>]*)?/?>", re.IGNORECASE)
_FULL_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ].*)?")


def to_item(record: OaiRecord, classifier: Classifier, language: str) -> ItemRecord | None:
    """The work that `record` describes; None where it has no title. `language` holds where it says none."""
    titles = [Value(title, value.language) for value in record.values.get("title", ()) if (title := _line(value))]
    if not titles:
        return None
    abstracts = [
        Value(told, value.language)
        for name in ("description", "abstract")
        for value in record.values.get(name, ())
        if (told := _paragraphs(value))
    ]
    languages = _languages(record, titles, language)
    links = _links(record)
    meaning = classifier.meaning(
        _subjects(record), types=record.texts("type"), coverage=[*record.texts("coverage"), *record.texts("spatial")]
    )
    return ItemRecord(
        record=record.identifier,
        kind=meaning.kind,
        source_language=languages[0],
        versions=tuple(
            LanguageVersion(
                one, _best(titles, one, first=True), _best(abstracts, one, first=len(languages) == 1), links
            )
            for one in languages
        ),
        identifiers=tuple(sorted(set(_identifiers(record)))),
        translation_of=tuple(sorted(set(_translations(record)))),
        policy_areas=meaning.policy_areas,
        places=meaning.places,
        categories=meaning.unmapped,
        authors=tuple(dict.fromkeys(name for told in record.texts("creator") if (name := line(told, 200))))[:50],
        published_on=_published(record),
    )


def _line(value: Value) -> str:
    return line(_plain(value.text))


def _paragraphs(value: Value) -> str:
    # XML's own line breaks are layout, not paragraphs.
    return paragraphs(_plain(value.text) if _TAGS.search(value.text) else " ".join(value.text.split()), MAX_ABSTRACT)


def _plain(text: str) -> str:
    return from_html(text) if _TAGS.search(text) or re.search(r"&(?:[a-z]+|#\d+);", text, re.IGNORECASE) else text


def _languages(record: OaiRecord, titles: list[Value], default: str) -> list[str]:
    told = [tag(part) for text in record.texts("language") for part in re.split(r"[;,|/]", text)]
    whole = [tag(text) for text in record.texts("language")]
    found = list(dict.fromkeys(one for one in (*whole, *told) if one))
    if not found:
        found = list(dict.fromkeys(one for value in titles if (one := tag(value.language))))
    return found or [default]


def _best(values: list[Value], language: str, *, first: bool) -> str:
    """The text in `language`; else one that names no language; else, with `first`, the first there is."""
    for value in values:
        if tag(value.language) == language:
            return value.text
    unmarked = next((value.text for value in values if not tag(value.language)), "")
    if unmarked or not first:
        return unmarked
    return values[0].text if values else ""


def _subjects(record: OaiRecord) -> Iterator[str]:
    for text in record.texts("subject"):
        # One element often holds a whole list.
        yield from (word for part in re.split(r"\s*[;|]\s*", text) if (word := line(part, 200)))


def _identifiers(record: OaiRecord) -> Iterator[Identifier]:
    own = identifiers.oai(record.identifier)
    if own:
        yield Identifier(Scheme.OAI, own)
    for text in record.texts("identifier"):
        found = identifiers.recognise(text)
        if found:
            yield found
    for text in record.texts("relation"):
        alternative = _ALTERNATIVE.match(text.strip())
        if alternative:
            found = identifiers.recognise(f"{alternative[1].lower()}:{alternative[2]}")
            if found:
                yield found


def _translations(record: OaiRecord) -> Iterator[Identifier]:
    for text in (*record.texts("relation"), *record.texts("source")):
        declared = _TRANSLATION.match(text)
        found = identifiers.recognise(declared[1]) if declared else None
        if found and found.scheme is not Scheme.ISSN:
            yield found


def _links(record: OaiRecord) -> tuple[Link, ...]:
    types = [text for text in record.texts("format") if "/" in text]
    found: dict[str, Link] = {}
    for text in record.texts("identifier"):
        address = identifiers.url(text)
        if address:
            # A media type tells of a file; an address without an ending is the page about it.
            found.setdefault(address, Link(address, format_of(urlsplit(address).path)))
    for known in _identifiers(record):
        if known.scheme is Scheme.DOI and not any(known.value in address.lower() for address in found):
            address = identifiers.url(f"https://doi.org/{known.value}")
            if address:
                found[address] = Link(address)
    if len(found) == 1 and len(types) == 1 and next(iter(found)).endswith(_DOWNLOADS):
        address = next(iter(found))
        return (Link(address, format_of(urlsplit(address).path, types[0])),)
    return tuple(found.values())[:20]


_DOWNLOADS = ("/download", "/file", "/fulltext", "/pdf")


def _published(record: OaiRecord) -> date | None:
    """The earliest full date: repositories add the days of deposit to the day of issue. A year alone is no day."""
    names: Iterable[str] = ("issued", "date") if not record.texts("issued") else ("issued",)
    found = []
    for text in (text for name in names for text in record.texts(name)):
        told = _FULL_DATE.fullmatch(text.strip())
        if told:
            try:
                found.append(date(int(told[1]), int(told[2]), int(told[3])))
            except ValueError:
                continue
    return min(found, default=None)
