"""OAI-PMH repositories enter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from producers.targets import Target, check, content, defaults, due, targets
from tribune.bootstrap import Application
from tribune.config import OaiSource as Told
from tribune.services.sources.oai_source import OaiSource
from tribune.services.sources.pull_sources import Pull, Source, pull_sources


def pull(
    app: Application, source: str | None = None, *, counted_as: str | None = None, dry_run: bool = False
) -> Iterator[Pull]:
    """Harvest each configured repository, or the one meant by `source`: an id, a file (one page) or an address."""
    found = targets("oai", app.settings.sources.oai, source, counted_as, lambda address: Told(address=address))
    return pull_sources(_sources(app, found), app.store, app.clock, dry_run=dry_run)


def pull_due(app: Application) -> Iterator[Pull]:
    """Harvest the configured repositories whose interval has passed."""
    configured = app.settings.sources.oai
    found = targets("oai", configured, None, None, lambda address: Told(address=address)) if configured else []
    return pull_sources(_sources(app, due(app, found, app.clock.now())), app.store, app.clock)


def _sources(app: Application, found: Iterable[Target[Told]]) -> Iterator[Source]:
    return (Source(target.name, partial(_reader, app, target)) for target in found)


def _reader(app: Application, target: Target[Told]) -> OaiSource:
    check(target, app.codelists)
    return OaiSource(
        target.name,
        target.address,
        defaults(target),
        app.codelists,
        app.clock,
        app.fetcher,
        prefix=target.told.prefix,
        set=target.told.set,
        content=content(target),
    )
