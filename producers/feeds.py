"""Feeds enter: RSS, Atom, JSON Feed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from producers.targets import Target, check, content, defaults, due, targets
from tribune.bootstrap import Application
from tribune.config import FeedSource as Told
from tribune.services.sources.feed_source import FeedSource
from tribune.services.sources.pull_sources import Pull, Source, pull_sources


def pull(
    app: Application, source: str | None = None, *, counted_as: str | None = None, dry_run: bool = False
) -> Iterator[Pull]:
    """Pull each configured feed, or the one meant by `source`: an id, a file or an address."""
    found = targets("feeds", app.settings.sources.feeds, source, counted_as, lambda address: Told(address=address))
    return pull_sources(_sources(app, found), app.store, app.clock, dry_run=dry_run)


def pull_due(app: Application) -> Iterator[Pull]:
    """Pull the configured feeds whose interval has passed."""
    configured = app.settings.sources.feeds
    found = targets("feeds", configured, None, None, lambda address: Told(address=address)) if configured else []
    return pull_sources(_sources(app, due(app, found, app.clock.now())), app.store, app.clock)


def _sources(app: Application, found: Iterable[Target[Told]]) -> Iterator[Source]:
    return (Source(target.name, partial(_reader, app, target)) for target in found)


def _reader(app: Application, target: Target[Told]) -> FeedSource:
    check(target, app.codelists)
    return FeedSource(target.name, target.address, defaults(target), app.codelists, app.fetcher, content(target))
