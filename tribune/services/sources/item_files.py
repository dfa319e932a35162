"""An item written by hand (YAML or JSON) -> a record. All mistakes of a file are told at once.

record: global-wage-review-2026        # our own id; the same id again is a new revision
kind: report                           # a code of the code lists, as policy_areas and places
source_language: en
versions: {en: {title: ..., abstract: ..., pages: 148, links: [{url: ..., format: pdf}]}, fr: {...}}
identifiers: {doi: ..., isbn: [...], issn: ...}
translation_of: [doi:10.5555/...]
policy_areas: [wages]
places: [SEN, "002", LIC]
series, authors, published_on, embargo_until, reviewed_on, maintained, new
session: {starts_at: 2026-12-03 15:00, zone: Africa/Dakar, minutes: 90, languages: [fr, en], ...}
withdrawn: why                         # takes the record back; needs `record` only
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from tribune.domain import identifiers
from tribune.domain.codelists import Codelist, Codelists
from tribune.domain.errors import Fault, InvalidInput
from tribune.domain.items import Identifier, ItemRecord, LanguageVersion, Link, Scheme, SessionInfo, Withdrawal
from tribune.domain.languages import tag
from tribune.domain.zones import zone
from tribune.services.sources.link_formats import format_of
from tribune.services.sources.plain_text import MAX_ABSTRACT, MAX_TITLE, line, paragraphs
from tribune.services.sources.publish_records import Told
from tribune.services.sources.yaml_nodes import At, Mistakes, documents

KEYS = (
    *("record", "kind", "source_language", "versions", "identifiers", "translation_of", "policy_areas", "places"),
    *("series", "authors", "published_on", "embargo_until", "reviewed_on", "maintained", "new", "session", "withdrawn"),
)
FORMATS = ("html", "pdf", "epub", "csv", "xlsx", "audio", "video", "other")
_RECORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}")
_NORMAL: Mapping[Scheme, tuple[Callable[[str], str | None], str]] = {
    Scheme.DOI: (identifiers.doi, "Write it as 10.5555/abc."),
    Scheme.ISBN: (identifiers.isbn, "Check its digits: the last one must agree with the others."),
    Scheme.ISSN: (identifiers.issn, "Check its digits: the last one must agree with the others."),
    Scheme.OAI: (identifiers.oai, "Write it as oai:repository.example:12."),
    Scheme.URL: (identifiers.url, "Write it with https://."),
}


def read_items(text: str, where: str, codelists: Codelists) -> list[Told]:
    """The items of a file (several: a list, or documents set apart by ---). Raises InvalidInput with every mistake."""
    mistakes = Mistakes()
    reader = _Items(codelists)
    found = [told for at in documents(text, mistakes, json=where.endswith(".json")) if (told := reader.item(at))]
    if not found and not mistakes.found:
        raise InvalidInput("The file holds no item.", where=where)
    if mistakes.found:
        in_order = sorted(set(mistakes.found))
        text = "\n".join(mistake.told(where) for mistake in in_order)
        raise InvalidInput(text, faults=[Fault(mistake.pointer, mistake.what, mistake.hint) for mistake in in_order])
    return found


class _Items:
    """Reads items against the code lists."""

    def __init__(self, codelists: Codelists) -> None:
        self._lists = codelists

    def item(self, at: At) -> Told | None:
        """The record or its withdrawal; what it gives in spite of a mistake is not used."""
        keys = {key for key, _ in At(at.node, "", Mistakes()).pairs()}
        required = ("record",) if "withdrawn" in keys else ("record", "kind", "source_language", "versions")
        told = at.fields(KEYS, required)
        record = self._record(told.get("record"))
        if "withdrawn" in keys:
            return Withdrawal(record, line(told["withdrawn"].text(), 500) if "withdrawn" in told else "")
        versions = tuple(self._versions(told.get("versions")))
        kind = self._code(told["kind"], self._lists.kinds) if "kind" in told else ""
        session = _session(told["session"]) if "session" in told else None
        if "kind" in told and (kind == "session") != ("session" in told):
            told["kind"].wrong(
                "the kind `session` and the key `session` go together.", "Add the one or change the other."
            )
        return ItemRecord(
            record=record,
            kind=kind,
            source_language=self._source_language(told.get("source_language"), versions),
            versions=versions,
            identifiers=tuple(sorted(set(_identifiers(told["identifiers"])))) if "identifiers" in told else (),
            translation_of=tuple(_references(told["translation_of"])) if "translation_of" in told else (),
            policy_areas=self._codes(told.get("policy_areas"), self._lists.policy_areas),
            places=self._places(told.get("places")),
            series=line(told["series"].text(), 200) if "series" in told else "",
            authors=tuple(line(one.text(), 200) for one in told["authors"].items()) if "authors" in told else (),
            published_on=_day(told.get("published_on")),
            embargo_until=_instant(told.get("embargo_until")),
            reviewed_on=_day(told.get("reviewed_on")),
            maintained=_yes_or_no(told.get("maintained")),
            new=bool(_yes_or_no(told.get("new"))),
            session=session,
        )

    def _record(self, at: At | None) -> str:
        told = at.text().strip() if at else ""
        if at and told and not _RECORD.fullmatch(told):
            at.wrong(f"{told[:80]!r} is not an id.", "Use letters, digits and . _ : / -, at most 200.")
        return told

    def _versions(self, at: At | None) -> Iterator[LanguageVersion]:
        if at is None:
            return
        seen: set[str] = set()
        for name, version in at.pairs():
            language = _language(name, version)
            if language in seen:
                version.wrong(f"{name!r} is {language!r} a second time.", "Keep one.")
            seen.add(language)
            told = version.fields(("title", "abstract", "pages", "links"), ("title",))
            yield LanguageVersion(
                language,
                line(told["title"].text(MAX_TITLE)) if "title" in told else "",
                paragraphs(told["abstract"].text(MAX_ABSTRACT)) if "abstract" in told else "",
                tuple(_links(told["links"])) if "links" in told else (),
                _number(told.get("pages"), 1, 100_000),
            )

    def _source_language(self, at: At | None, versions: tuple[LanguageVersion, ...]) -> str:
        told = at.text() if at else ""
        language = _language(told, at) if at and told else ""
        languages = [version.language for version in versions]
        if at and language and languages and language not in languages:
            at.wrong(f"there is no version in {language!r}.", f"Use one of: {', '.join(languages)}.")
        return language

    def _code(self, at: At, codelist: Codelist) -> str:
        told = at.text().strip()
        if told and told not in codelist:
            at.wrong(f"{told[:80]!r} is not a {codelist.name}.", codelist.suggestion(told))
        return told

    def _codes(self, at: At | None, codelist: Codelist) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._code(one, codelist) for one in at.items())) if at else ()

    def _places(self, at: At | None) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for one in at.items() if at else ():
            told = one.text().strip()
            try:
                found[self._lists.places.get(told) if told else ""] = None
            except InvalidInput as error:
                one.wrong(f"{told[:80]!r} is not a place.", error.hint)
        return tuple(found)


def _language(name: str, at: At) -> str:
    language = tag(name)
    if not language:
        at.wrong(f"{name[:40]!r} is not a language.", "Use a code such as en, fr or es.")
    return language or name


def _links(at: At) -> Iterator[Link]:
    for one in at.items():
        told = one.fields(("url", "format", "size_bytes"), ("url",))
        if "url" not in told:
            continue
        address = told["url"].parsed(identifiers.url, "a web address", "Write it with https://.") or ""
        said = told["format"].text().strip() if "format" in told else format_of(urlsplit(address).path)
        if said and said not in FORMATS:
            told["format"].wrong(f"{said[:40]!r} is not a format.", f"Use one of: {', '.join(FORMATS)}.")
        yield Link(address, said, _number(told.get("size_bytes"), 1, 10**15))


def _identifiers(at: At) -> Iterator[Identifier]:
    for name, told in at.fields(tuple(Scheme)).items():
        normal, hint = _NORMAL[Scheme(name)]
        for one in told.items():
            found = one.parsed(normal, f"a valid {name.upper()}", hint)
            if found:
                yield Identifier(Scheme(name), found)


def _references(at: At) -> Iterator[Identifier]:
    for one in at.items():
        found = one.parsed(identifiers.recognise, "an identifier", "Write doi:10.5555/abc or ISBN 978-...")
        if found:
            yield found


def _session(at: At) -> SessionInfo | None:
    known = ("starts_at", "zone", "minutes", "languages", "registration_url", "capacity", "cancelled")
    told = at.fields(known, ("starts_at", "zone", "minutes"))
    starts_at = (
        told["starts_at"].parsed(_wall_clock, "a date and time", "Write 2026-12-03 15:00.")
        if "starts_at" in told
        else None
    )
    name = told["zone"].text().strip() if "zone" in told else ""
    if name:
        try:
            there = zone(name)
            if starts_at:
                _on_the_clock(told["starts_at"], starts_at, there)
        except InvalidInput as error:
            told["zone"].wrong(error.what, error.hint)
    address = told.get("registration_url")
    minutes = _number(told.get("minutes"), 1, 7 * 24 * 60)
    if starts_at is None or not name or minutes is None:
        return None
    return SessionInfo(
        starts_at=starts_at,
        zone=name,
        minutes=minutes,
        languages=tuple(_language(one.text(), one) for one in told["languages"].items()) if "languages" in told else (),
        registration_url=(address.parsed(identifiers.url, "a web address", "Write it with https://.") or "")
        if address
        else "",
        capacity=_number(told.get("capacity"), 1, 10_000_000),
        cancelled=bool(_yes_or_no(told.get("cancelled"))),
    )


def _wall_clock(text: str) -> datetime | None:
    """A time as on the wall of the session's zone: with an offset of its own it would say the same thing twice."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is None and len(text) > 10 else None


def _on_the_clock(at: At, starts_at: datetime, there: ZoneInfo) -> None:
    """A mistake where no clock in the zone ever shows that time: it is put forward over it, once a year."""
    try:
        shown = starts_at.replace(tzinfo=there).astimezone(UTC).astimezone(there).replace(tzinfo=None)
    except OverflowError:
        at.wrong("this time is too far away.", "Check the year.")
        return
    if shown != starts_at:
        at.wrong(
            f"in {there.key} there is no {starts_at:%H:%M} on {starts_at:%Y-%m-%d}: the clocks are put forward then.",
            f"Write {shown:%Y-%m-%d %H:%M} if that is meant.",
        )


def _day(at: At | None) -> date | None:
    return at.parsed(date.fromisoformat, "a date", "Write 2026-11-30.") if at else None


def _instant(at: At | None) -> datetime | None:
    def parse(text: str) -> datetime | None:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo and found.year > 1 else None

    hint = "Write 2026-11-30T09:00:00Z, or the local time with its offset: 2026-11-30T10:00+01:00."
    return at.parsed(parse, "an instant with its zone", hint) if at else None


def _number(at: At | None, least: int, most: int) -> int | None:
    def parse(text: str) -> int | None:
        found = int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None
        return found if found is not None and least <= found <= most else None

    return at.parsed(parse, "such a number", f"Write a whole number from {least} to {most}.") if at else None


def _yes_or_no(at: At | None) -> bool | None:
    words = {"true": True, "yes": True, "false": False, "no": False}
    return at.parsed(lambda text: words.get(text.lower()), "true or false", "Write true or false.") if at else None
