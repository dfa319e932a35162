"""Which sources are meant: all that are configured, one of them, a file, or an address."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import quote

from tribune.bootstrap import Application
from tribune.config import FeedSource, IlostatSource, OaiSource
from tribune.domain.codelists import Codelist, Codelists, Places
from tribune.domain.errors import InvalidInput
from tribune.domain.languages import tag
from tribune.services.sources.classify import Defaults


class Told(Protocol):
    """A source's section of the settings."""

    @property
    def address(self) -> str: ...

    @property
    def every_minutes(self) -> int: ...


T = TypeVar("T", bound=Told)


@dataclass(frozen=True, slots=True)
class Target(Generic[T]):
    """A source to pull: its name in events, where it is (address or file), what settings say of it."""

    name: str
    told: T
    address: str
    file: Path | None = None


def targets(
    kind: str, configured: Mapping[str, T], source: str | None, counted_as: str | None, plain: Callable[[str], T]
) -> list[Target[T]]:
    """All configured sources of `kind` (feeds, oai, ilostat), or the one meant by `source`: an id, a file, an address.

    `counted_as` is the source id under which a file or an address counts. Raises InvalidInput.
    """
    if source is None:
        if not configured:
            raise InvalidInput(
                f"No source is configured under sources.{kind}.",
                hint=f"Add a section [sources.{kind}.some-id] with an address, or name a file or an address.",
            )
        return [_configured(kind, id, told) for id, told in configured.items()]
    if source in configured and counted_as is None:
        return [_configured(kind, source, configured[source])]
    address = source.startswith(("http://", "https://"))
    if not address and not Path(source).is_file():
        near = difflib.get_close_matches(source, configured, n=1)
        known = f"Did you mean {near[0]!r}?" if near else f"Configured: {', '.join(configured) or 'none'}."
        raise InvalidInput(f"{source!r} is no configured source of {kind}, no file and no address.", hint=known)
    same = next((id for id, told in configured.items() if told.address == source), None)
    id = counted_as or same
    told = configured[id] if id and id in configured else plain(source)
    if id:
        name = f"{kind}/{quote(id)}"
    else:
        name = quote(source, safe="/:?&=%") if address else f"{kind}/{quote(Path(source).name)}"
    return [Target(name, told, source, None if address else Path(source))]


def _configured(kind: str, id: str, told: T) -> Target[T]:
    address = told.address.startswith(("http://", "https://"))
    return Target(f"{kind}/{quote(id)}", told, told.address, None if address else Path(told.address))


def due(app: Application, found: Iterable[Target[T]], now: datetime) -> Iterator[Target[T]]:
    """Those whose interval has passed since they were last pulled."""
    with app.store.read() as tx:
        pulled = {state.source: state.pulled_at for state in tx.sources.all_states()}
    for target in found:
        last = pulled.get(target.name)
        if last is None or now - last >= timedelta(minutes=target.told.every_minutes):
            yield target


def content(target: Target[T]) -> bytes | None:
    """The bytes of a target that is a file. Raises InvalidInput."""
    if target.file is None:
        return None
    try:
        return target.file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"This file cannot be read: {error.strerror}.", where=str(target.file)) from None


def defaults(target: Target[FeedSource] | Target[OaiSource]) -> Defaults:
    """What settings say of a feed or a repository."""
    told = target.told
    return Defaults(
        kind=told.kind,
        language=told.language,
        policy_areas=told.policy_areas,
        places=told.places,
        categories=told.categories,
        since=told.since,
    )


def mistakes(app: Application) -> Iterator[tuple[str, str]]:
    """What is wrong in the settings of configured sources, found without reading any: source and why, in words."""
    told = app.settings.sources
    for kind, configured in (("feeds", told.feeds), ("oai", told.oai), ("ilostat", told.ilostat)):
        for id, section in configured.items():
            for wrong in _wrong(section, app.codelists):
                yield f"{kind}/{quote(id)}", wrong


def check(target: Target[Any], codelists: Codelists) -> None:
    """Codes in the settings of a source must be codes. Raises InvalidInput with every mistake."""
    wrong = list(_wrong(target.told, codelists))
    if wrong:
        raise InvalidInput(" ".join(wrong), hint=f"Mend it in [sources.{target.name.replace('/', '.', 1)}].")


def _wrong(told: FeedSource | OaiSource | IlostatSource, codelists: Codelists) -> Iterator[str]:
    if isinstance(told, IlostatSource):
        yield from _no_codes("policy_areas", told.policy_areas, codelists.policy_areas)
        yield from _no_codes("headline_places", told.headline_places, codelists.places)
        yield from _no_languages("labels", told.labels)
        return
    yield from _no_codes("kind", (told.kind,), codelists.kinds)
    yield from _no_languages("language", (told.language,))
    yield from _no_codes("policy_areas", told.policy_areas, codelists.policy_areas)
    yield from _no_codes("places", told.places, codelists.places)
    yield from _no_codes("categories", told.categories.values(), codelists.policy_areas)


def _no_codes(key: str, codes: Iterable[str], known: Codelist | Places) -> Iterator[str]:
    for code in dict.fromkeys(codes):
        try:
            known[code]
        except InvalidInput as error:
            said = f"{key}: {error}"
            yield said if said.endswith((".", "?")) else f"{said}."


def _no_languages(key: str, languages: Iterable[str]) -> Iterator[str]:
    for language in languages:
        if not tag(language):
            yield f"{key}: {language!r} is not a language. Use a code such as en, fr or es."
