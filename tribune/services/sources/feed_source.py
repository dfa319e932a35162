"""A feed as a source: fetched only when it changed, its entries as records.

An entry that a feed no longer lists is not withdrawn: feeds list what is new. An entry that changed is the next
revision of its record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from tribune.domain import identifiers
from tribune.domain.codelists import Codelists
from tribune.domain.errors import SourceError
from tribune.domain.items import Identifier, ItemRecord, LanguageVersion, Link, Scheme
from tribune.domain.languages import tag
from tribune.ports.http import Fetcher
from tribune.ports.sources import SourceState
from tribune.services.sources.classify import Classifier, Defaults
from tribune.services.sources.link_formats import format_of
from tribune.services.sources.plain_text import counted
from tribune.services.sources.pull_sources import Reading
from tribune.services.sources.read_feed import ACCEPT, FeedEntry, read_feed


class FeedSource:
    """Reads the feed at `address`, or `content` where it is already at hand (a file)."""

    def __init__(
        self,
        name: str,
        address: str,
        defaults: Defaults,
        codelists: Codelists,
        fetcher: Fetcher | None = None,
        content: bytes | None = None,
    ) -> None:
        self.name = name
        self._address = address
        self._defaults = defaults
        self._classifier = Classifier(defaults, codelists)
        self._fetcher = fetcher
        self._content = content
        told = repr((address, defaults, sorted(defaults.categories.items()), sorted(codelists.versions.items())))
        self._mark = hashlib.sha256(told.encode()).hexdigest()[:16]

    def read(self, since: SourceState, now: datetime) -> Iterator[Reading]:
        """One reading with all entries, the oldest first; none where the feed has not changed."""
        if self._content is not None:
            yield self._reading(self._content, self._address, {}, SourceState(self.name))
            return
        if self._fetcher is None:
            raise SourceError("There is nothing to fetch it with.", where=self.name)
        # Other settings or code lists give the same bytes another meaning: then the validators do not count.
        same = since.mark == self._mark
        answer = self._fetcher.fetch(
            self._address,
            etag=since.etag if same else "",
            last_modified=since.last_modified if same else "",
            accept=ACCEPT,
        )
        if answer.not_modified:
            return
        state = replace(since, etag=answer.etag, last_modified=answer.last_modified, mark=self._mark, pulled_at=now)
        yield self._reading(answer.body, answer.url, answer.headers, state)

    def settle(self, states: Iterable[SourceState], now: datetime) -> None:
        """Nothing is left behind."""

    def _reading(self, content: bytes, url: str, headers: object, state: SourceState) -> Reading:
        told = headers if isinstance(headers, dict) else {}
        base = url if url.startswith(("http://", "https://")) else ""
        feed = read_feed(content, url=base, headers=told)
        records: dict[str, ItemRecord] = {}
        for entry in reversed(feed.entries):  # feeds begin with the newest, the catalogue counts in order of arrival
            record = self._record(entry, feed.language)
            if not (self._defaults.since and record.published_on and record.published_on < self._defaults.since):
                records[record.record] = record
        problems = [f"The feed is not well formed: {feed.broken}."] if feed.broken else []
        if feed.cut_off:
            problems = [f"The feed breaks off ({feed.broken}): its last entry, which is not whole, was left out."]
            state = replace(state, etag="", last_modified="")  # whole next time, perhaps under the same validators
        if feed.passed_over:
            said = counted(feed.passed_over, "entry that has", "entries that have")
            problems.append(f"Passed over {said} neither a title nor a text.")
        return Reading(tuple(records.values()), state, tuple(problems))

    def _record(self, entry: FeedEntry, feed_language: str) -> ItemRecord:
        language = tag(entry.language) or tag(feed_language) or self._defaults.language
        meaning = self._classifier.meaning(entry.categories)
        version = LanguageVersion(language, entry.title, entry.abstract, tuple(_links(entry)))
        return ItemRecord(
            record=_record_id(entry),
            kind=meaning.kind,
            source_language=language,
            versions=(version,),
            identifiers=_identifiers(entry),
            translation_of=tuple(
                Identifier(Scheme.URL, page)
                for one in entry.translations[:20]
                if (page := _short(identifiers.url(one)))
            ),
            policy_areas=meaning.policy_areas,
            places=meaning.places,
            categories=meaning.unmapped,
            series=entry.series,
            authors=entry.authors[:50],
            published_on=entry.published,
        )


def _record_id(entry: FeedEntry) -> str:
    """The entry's own id; else its address; else a hash of what does not change about it: title and date."""
    told = entry.id or entry.link
    if told and len(told) <= 500:
        return told
    if not told:
        told = f"{entry.title}\n{entry.published or ''}"
    return "sha256:" + hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()


def _links(entry: FeedEntry) -> Iterator[Link]:
    page = identifiers.url(entry.link)
    if page:
        yield Link(page, format_of(urlsplit(page).path))
    seen = {page}
    for enclosure in entry.enclosures[:20]:
        address = identifiers.url(enclosure.url)
        if address and address not in seen:
            seen.add(address)
            yield Link(address, format_of(urlsplit(address).path, enclosure.type), enclosure.size_bytes)


def _identifiers(entry: FeedEntry) -> tuple[Identifier, ...]:
    found = dict.fromkeys(filter(None, map(identifiers.recognise, entry.identifiers)))
    address = _short(identifiers.url(entry.link))
    if address:
        found[Identifier(Scheme.URL, address)] = None
    return tuple(sorted(found))[:20]


def _short(address: str | None) -> str | None:
    return address if address and len(address) <= identifiers.MAX_LENGTH else None
