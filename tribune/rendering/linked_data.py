"""What search engines are told of an item: schema.org as JSON-LD. Source: https://schema.org, JSON-LD 1.1 (W3C).

The text stands in a `<script type="application/ld+json">`: data, which no browser runs. `script_safe` keeps it from
ending that element, whatever a source has written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tribune.domain.items import DataSummary, Identifier, Item, LanguageVersion, Scheme, SessionInfo
from tribune.rendering.email.item_view import fit_to_link
from tribune.rendering.text import clean
from tribune.rendering.wording import ends_in, starts_in

TYPES = {
    "working_paper": "ScholarlyArticle",
    "data_release": "Dataset",
    "faq": "CreativeWork",
    "guide": "CreativeWork",
    "seminar": "CreativeWork",
    "standard": "CreativeWork",
    "session": "Event",
}
"""Kind -> type; what is not named here is a Report."""

MEDIA = {
    "html": "text/html",
    "pdf": "application/pdf",
    "epub": "application/epub+zip",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_DESCRIPTION = 5_000


@dataclass(frozen=True, slots=True)
class Told:
    """What of a page goes into the data beside the item: absolute addresses, and names in the language of the page."""

    url: str
    publisher: str
    publisher_url: str
    released_at: datetime
    updated_at: datetime
    topics: Sequence[str] = ()
    places: Sequence[str] = ()
    translations: Sequence[tuple[str, str]] = ()
    """Language and the address of its page."""


def of_item(item: Item, version: LanguageVersion, told: Told) -> dict[str, Any]:
    """The item in one language version. `item` holds visible versions only."""
    kind = "Event" if item.session else "Dataset" if item.data else TYPES.get(item.kind, "Report")
    publisher = {"@type": "Organization", "name": told.publisher, "url": told.publisher_url}
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": kind,
        "@id": told.url,
        "url": told.url,
        "name": clean(version.title),
        "description": clean(version.abstract)[:_DESCRIPTION],
        "inLanguage": version.language,
    }
    if item.session:
        data |= _event(item.session, publisher)
    else:
        published = item.published_on.isoformat() if item.published_on else told.released_at.date().isoformat()
        data |= {
            "datePublished": published,
            "dateModified": told.updated_at.isoformat(timespec="seconds"),
            "publisher": publisher,
            "isAccessibleForFree": True,
            "author": _authors(item, publisher),
            "isPartOf": {"@type": "CreativeWorkSeries", "name": clean(item.series)} if item.series else None,
            "encoding": list(_encodings(version)),
            "workTranslation": [
                {"@type": kind, "@id": url, "inLanguage": language} for language, url in told.translations
            ],
        }
        if item.data:
            data |= _dataset(item.data, version)
        else:
            data["spatialCoverage"] = [{"@type": "Place", "name": name} for name in told.places]
    data["about"] = [{"@type": "Thing", "name": name} for name in told.topics]
    data["identifier"] = list(_identifiers(item.identifiers))
    return {name: value for name, value in data.items() if value not in (None, "", [], {})}


def _event(session: SessionInfo, publisher: Mapping[str, str]) -> dict[str, Any]:
    place = {"@type": "VirtualLocation"}
    if fit_to_link(session.registration_url):
        place["url"] = session.registration_url
    return {
        "startDate": starts_in(session, session.zone).isoformat(),
        "endDate": ends_in(session, session.zone).isoformat(),
        "eventStatus": "https://schema.org/EventScheduled",
        "eventAttendanceMode": "https://schema.org/OnlineEventAttendanceMode",
        "location": place,
        "organizer": publisher,
        "inLanguage": list(session.languages) or None,
        "maximumVirtualAttendeeCapacity": session.capacity,
    }


def _dataset(data: DataSummary, version: LanguageVersion) -> dict[str, Any]:
    periods = sorted(seen.period for seen in data.headline)
    links = [link for link in version.links if fit_to_link(link.url)]
    return {
        "variableMeasured": clean(data.labels.get(version.language) or next(iter(data.labels.values()), "")),
        "temporalCoverage": "/".join(dict.fromkeys((periods[0], periods[-1]))) if periods else None,
        "distribution": [
            {"@type": "DataDownload", "contentUrl": link.url, "encodingFormat": MEDIA[link.format]}
            for link in links
            if link.format in ("csv", "xlsx")
        ],
        "encoding": None,
    }


def _authors(item: Item, publisher: Mapping[str, str]) -> list[Mapping[str, str]]:
    """Of data the authors are its sources, which are bodies."""
    kind = "Organization" if item.data else "Person"
    names = [clean(name) for name in item.authors]
    return [{"@type": kind, "name": name} for name in names if name] or [publisher]


def _encodings(version: LanguageVersion) -> Iterable[dict[str, Any]]:
    for link in version.links:
        if fit_to_link(link.url) and link.format in MEDIA and link.format != "html":
            told: dict[str, Any] = {"@type": "MediaObject", "contentUrl": link.url}
            told["encodingFormat"] = MEDIA[link.format]
            if link.size_bytes:
                told["contentSize"] = str(link.size_bytes)
            yield told


def _identifiers(identifiers: Iterable[Identifier]) -> Iterable[dict[str, str]]:
    for told in identifiers:
        if told.scheme in (Scheme.DOI, Scheme.ISBN, Scheme.ISSN):
            yield {"@type": "PropertyValue", "propertyID": told.scheme.value, "value": clean(told.value)}


def of_list(name: str, url: str, addresses: Sequence[str]) -> dict[str, Any]:
    """A page that lists items."""
    return {
        "@context": "https://schema.org",
        "@type": "CollectionPage",
        "@id": url,
        "url": url,
        "name": name,
        "mainEntity": {
            "@type": "ItemList",
            "itemListElement": [
                {"@type": "ListItem", "position": place, "url": address} for place, address in enumerate(addresses, 1)
            ],
        },
    }


def script_safe(data: Mapping[str, Any]) -> str:
    """JSON that can stand inside a script element: no `<`, no `&`, no line separator of JavaScript's own."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
