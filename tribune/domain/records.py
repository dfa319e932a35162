"""What a source said of a work, put into the house's form before it is kept. Pure rules.

Nothing good is lost and nothing is guessed (docs/adr/0010-codes-that-no-list-knows.md): a policy area or place that no
code list knows becomes a category, which staff see; a kind that no list knows stays as it is, and reaches those who
asked for any kind. Only a record that cannot be shown in any language is broken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from tribune.domain import identifiers
from tribune.domain.codelists import Codelists, fold
from tribune.domain.errors import BrokenEvent
from tribune.domain.items import Identifier, ItemRecord, LanguageVersion, Link, Scheme
from tribune.domain.languages import tag

_NORMAL: dict[Scheme, Callable[[str], str | None]] = {
    Scheme.DOI: identifiers.doi,
    Scheme.ISBN: identifiers.isbn,
    Scheme.ISSN: identifiers.issn,
    Scheme.OAI: identifiers.oai,
    Scheme.URL: identifiers.url,
}
MAX_KIND = 40
_SPACES = re.compile(r"[^\S\u00a0\u202f]+")  # no-break spaces are typography: « prix\u202f? »


def tidy(record: ItemRecord, codelists: Codelists) -> ItemRecord:
    """`record` with languages, identifiers and codes in their normal form, categories mapped to policy areas.

    `categories` keeps what names no policy area. Tidying twice changes nothing; with a code list that has learnt a
    word, it maps what had waited. Raises BrokenEvent where no version has both a language and a title, or the kind is
    empty.
    """
    versions = _versions(record.versions)
    if not versions:
        raise BrokenEvent(
            "No language version has both a language and a title.",
            where=f"data.versions of {record.record}",
            hint="Give at least one, such as language: en, title: ...",
        )
    kind = _kind(record, codelists)
    coded = _coded(record, codelists)
    return replace(
        record,
        kind=kind,
        source_language=_language(record.source_language) or versions[0].language,
        versions=versions,
        identifiers=_identifiers(record.identifiers),
        translation_of=_identifiers(record.translation_of),
        policy_areas=coded.areas,
        places=coded.places,
        categories=coded.categories,
    )


def _versions(told: Iterable[LanguageVersion]) -> tuple[LanguageVersion, ...]:
    found: dict[str, LanguageVersion] = {}
    for version in told:
        language, title = _language(version.language), _SPACES.sub(" ", version.title).strip(" ")
        if not language or not title:
            continue
        before = found.get(language)
        if before is None:
            found[language] = replace(
                version,
                language=language,
                title=title,
                abstract=version.abstract.strip(),
                links=tuple(link for link in version.links if _is_web(link)),
            )
        else:
            # fr-FR and fr-CA, or one language told twice: the first speaks, the others fill what it leaves empty.
            found[language] = replace(
                before,
                abstract=before.abstract or version.abstract.strip(),
                links=(*before.links, *(link for link in version.links if _is_web(link) and link not in before.links)),
                pages=before.pages or version.pages,
            )
    return tuple(found.values())


def _is_web(link: Link) -> bool:
    """Only web addresses: a link of another kind (javascript:, file:) has no business in a mail or a page."""
    return link.url.lower().startswith(("https://", "http://"))


def _language(told: str) -> str:
    known = tag(told)
    if known:
        return known
    # A tag that we have no name for (a lesser-known language) is still a tag.
    bare = told.strip().replace("_", "-").lower()
    shaped = bare.replace("-", "").isascii() and bare.replace("-", "").isalnum() and 2 <= len(bare.split("-")[0]) <= 3
    return bare if shaped and len(bare) <= 20 and bare not in _NO_LANGUAGE else ""


_NO_LANGUAGE = frozenset({"und", "mul", "xx", "zxx", "mis", "n-a"})


def _kind(record: ItemRecord, codelists: Codelists) -> str:
    kind = record.kind.strip()
    if kind in codelists.kinds:
        return kind
    known = codelists.kinds.find(kind) or fold(kind).replace(" ", "_")[:MAX_KIND]
    if not known:
        raise BrokenEvent(
            "The kind is empty.",
            where=f"data.kind of {record.record}",
            hint=codelists.kinds.suggestion("report"),
        )
    return known


@dataclass(frozen=True, slots=True)
class _Coded:
    areas: tuple[str, ...]
    places: tuple[str, ...]
    categories: tuple[str, ...]


def _coded(record: ItemRecord, codelists: Codelists) -> _Coded:
    areas: dict[str, None] = {}
    places: dict[str, None] = {}
    categories: dict[str, None] = {}
    for word in record.policy_areas:
        area = word if word in codelists.policy_areas else codelists.policy_areas.find(word)
        (areas if area else categories)[area or word] = None
    for word in record.places:
        place = word if word in codelists.places else codelists.places.find(word)
        (places if place else categories)[place or word] = None
    for word in record.categories:
        words = " ".join(word.split())
        area = codelists.policy_areas.find(words)
        if area:
            areas[area] = None
        elif words:
            categories[words] = None
    return _Coded(tuple(areas), tuple(places), tuple(categories))


def _identifiers(told: Iterable[Identifier]) -> tuple[Identifier, ...]:
    """In normal form, each once; one that is none (a wrong check digit) is passed over: it must not join works."""
    found: dict[Identifier, None] = {}
    for one in told:
        value = _NORMAL[one.scheme](one.value)
        if value and len(value) <= identifiers.MAX_LENGTH:
            found[Identifier(one.scheme, value)] = None
    return tuple(found)
