"""One answer of an OAI-PMH repository -> headers, Dublin Core records, resumption token. Source: OAI-PMH 2.0.

Read with lxml: no entities, no DTD, no network, no huge trees. oaipmh-scythe is not used; docs/adr says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tribune.domain.errors import SourceError
from tribune.services.sources.plain_text import line

if TYPE_CHECKING:
    from lxml.etree import _Element

OAI = "{http://www.openarchives.org/OAI/2.0/}"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
# Dublin Core elements and terms; what else a record holds is passed over.
_DC = ("http://purl.org/dc/elements/1.1/", "http://purl.org/dc/terms/")
MAX_VALUES = 200

HINTS = {
    "badArgument": "Check the repository's address, set, prefix and dates in the settings.",
    "badResumptionToken": "The list expired at the repository: pull again.",
    "badVerb": "This address does not speak OAI-PMH 2.0: check it.",
    "cannotDisseminateFormat": "Set `prefix` to a format that the repository lists (ListMetadataFormats).",
    "idDoesNotExist": "The record has gone: nothing to do.",
    "noMetadataFormats": "Ask the repository's owner.",
    "noRecordsMatch": "There is nothing to read: nothing to do.",
    "noSetHierarchy": "The repository has no sets: take `set` out of the settings.",
}


class OaiError(SourceError):
    """The repository answered with an error; `code` is its own word."""

    def __init__(self, code: str, message: str, where: str) -> None:
        self.code = code
        said = f": {message}" if message else ""
        super().__init__(
            f"The repository answered {code or 'an error without a code'}{said}.".replace("..", "."),
            where=where,
            hint=HINTS.get(code, "Try again later, or ask the repository's owner."),
        )


@dataclass(frozen=True, slots=True)
class Value:
    """A text of a record and the language it says it is in."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class OaiRecord:
    """A record: its id, datestamp as told, whether it was deleted, and its Dublin Core values by element."""

    identifier: str
    datestamp: str
    deleted: bool = False
    values: dict[str, tuple[Value, ...]] = field(default_factory=dict)
    sets: tuple[str, ...] = ()

    def texts(self, element: str) -> list[str]:
        """The texts of one element."""
        return [value.text for value in self.values.get(element, ())]


@dataclass(frozen=True, slots=True)
class OaiPage:
    """A page of ListRecords. `token` is empty on the last one. `skipped` records had no identifier."""

    records: tuple[OaiRecord, ...]
    token: str
    response_date: str
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Repository:
    """What Identify says."""

    name: str
    granularity: str
    earliest: str
    deleted: str


def read_page(content: bytes, where: str) -> OaiPage:
    """A page of ListRecords or the answer to GetRecord. Raises OaiError for an error in the body, else SourceError."""
    root = _root(content, where)
    verb = next(
        (root.find(OAI + name) for name in ("ListRecords", "GetRecord") if root.find(OAI + name) is not None), None
    )
    if verb is None:
        raise SourceError("The answer holds no records.", where=where, hint="Ask for ListRecords or GetRecord.")
    records = []
    skipped = 0
    for element in verb.iterfind(OAI + "record"):
        record = _record(element)
        if record:
            records.append(record)
        else:
            skipped += 1
    return OaiPage(tuple(records), _child(verb, "resumptionToken"), _child(root, "responseDate"), skipped)


def read_identify(content: bytes, where: str) -> Repository:
    """The answer to Identify."""
    found = _root(content, where).find(OAI + "Identify")
    if found is None:
        raise SourceError("The answer to Identify is empty.", where=where, hint="Check the address.")
    return Repository(
        line(_child(found, "repositoryName")),
        _child(found, "granularity"),
        _child(found, "earliestDatestamp"),
        _child(found, "deletedRecord"),
    )


def _root(content: bytes, where: str) -> _Element:
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        root = _repaired(content, parser)
        if root is None:
            said = str(error).partition(" (<string>")[0]
            raise SourceError(
                f"The answer is not XML: {line(said, 200)}.", where=where, hint=_page_hint(content)
            ) from None
    if root.tag != OAI + "OAI-PMH":
        raise SourceError("The answer is not OAI-PMH 2.0.", where=where, hint=_page_hint(content))
    said = root.find(OAI + "error")
    if said is not None:
        raise OaiError(said.get("code", ""), line(_text(said), 300), where)
    return root


def _repaired(content: bytes, parser: Any) -> _Element | None:
    """Repositories put control characters of old databases into abstracts, which no XML may hold: without them."""
    from lxml import etree

    bare = re.sub(
        rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#(?:[0-8]|1[124-9]|2\d|3[01]|x0*(?:[0-8bce-f]|1[0-9a-f]));", b"", content
    )
    if bare == content:
        return None
    try:
        return etree.fromstring(bare, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _page_hint(content: bytes) -> str:
    if b"<html" in content[:2000].lower():
        return "It is a web page: give the repository's OAI-PMH address (often .../oai)."
    return "Check the address; if it is right, try again later."


def _text(element: _Element) -> str:
    return "".join(part for part in element.itertext() if isinstance(part, str)).strip()


def _child(element: _Element, name: str) -> str:
    found = element.find(OAI + name)
    return "" if found is None else _text(found)


def _record(element: _Element) -> OaiRecord | None:
    header = element.find(OAI + "header")
    identifier = "" if header is None else line(_child(header, "identifier"), 500)
    if header is None or not identifier:
        return None
    deleted = header.get("status") == "deleted"
    values: dict[str, list[Value]] = {}
    metadata = element.find(OAI + "metadata")
    if metadata is not None and not deleted:
        for name, value in _dublin_core(metadata):
            told = values.setdefault(name, [])
            if len(told) < MAX_VALUES:
                told.append(value)
    sets = tuple(line(_text(one), 200) for one in header.iterfind(OAI + "setSpec"))
    return OaiRecord(
        identifier,
        _child(header, "datestamp"),
        deleted,
        {name: tuple(told) for name, told in values.items()},
        sets,
    )


def _dublin_core(metadata: _Element) -> Iterator[tuple[str, Value]]:
    for element in metadata.iter():
        tag = element.tag
        if not isinstance(tag, str) or not tag.startswith("{"):
            continue
        namespace, _, name = tag[1:].partition("}")
        text = _text(element) if namespace in _DC else ""
        if text:
            yield name, Value(text, _language(element))


def _language(element: _Element) -> str:
    """The nearest xml:lang within the record's metadata."""
    at: _Element | None = element
    while at is not None and at.tag != OAI + "metadata":
        told = at.get(_LANG)
        if told is not None:
            return str(told)
        at = at.getparent()
    return ""
