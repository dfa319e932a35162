"""Data releases enter: ILOSTAT's bulk files and the answers of its data API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

from producers.targets import Target, check, due, targets
from tribune.bootstrap import Application
from tribune.config import IlostatSource as Told
from tribune.services.sources.ilostat_source import Dataflow, IlostatSource
from tribune.services.sources.pull_sources import Pull, Source, pull_sources
from tribune.services.sources.read_ilostat import first_indicator
from tribune.store.releases import ReleaseFolder


def pull(
    app: Application,
    source: str | None = None,
    *,
    counted_as: str | None = None,
    dry_run: bool = False,
    accept_loss: bool = False,
) -> Iterator[Pull]:
    """Pull each configured dataflow, or the one meant by `source`: an id, a file or an address.

    A file that is not counted as a configured source counts under its indicator, so that the next file of the same
    indicator is compared with it. A release that lost most of its observations is refused without `accept_loss`.
    """
    found = targets("ilostat", app.settings.sources.ilostat, source, counted_as, lambda address: Told(address=address))
    if source is not None and counted_as is None and found[0].file is not None:
        found = [_by_indicator(found[0])] if found[0].told.address == source else found
    readers = _sources(app, found, dry_run=dry_run, accept_loss=accept_loss)
    return pull_sources(readers, app.store, app.clock, dry_run=dry_run)


def pull_due(app: Application) -> Iterator[Pull]:
    """Pull the configured dataflows whose interval has passed."""
    configured = app.settings.sources.ilostat
    found = targets("ilostat", configured, None, None, lambda address: Told(address=address)) if configured else []
    return pull_sources(_sources(app, due(app, found, app.clock.now())), app.store, app.clock)


def _sources(
    app: Application, found: Iterable[Target[Told]], *, dry_run: bool = False, accept_loss: bool = False
) -> Iterator[Source]:
    return (Source(target.name, partial(_reader, app, target, dry_run, accept_loss)) for target in found)


def _by_indicator(target: Target[Told]) -> Target[Told]:
    indicator = first_indicator(target.file) if target.file else ""
    return replace(target, name=f"ilostat/{indicator}") if indicator else target


def _reader(app: Application, target: Target[Told], dry_run: bool, accept_loss: bool) -> IlostatSource:
    told = target.told
    check(target, app.codelists)
    dataflow = Dataflow(
        labels=told.labels,
        unit=told.unit,
        policy_areas=told.policy_areas,
        headline_places=told.headline_places,
        link=told.link,
        credit=told.credit,
        max_bytes=told.max_bytes,
    )
    shelf = ReleaseFolder(app.settings.data_dir / "releases", read_only=dry_run)
    return IlostatSource(
        target.name,
        target.address,
        dataflow,
        app.codelists,
        shelf,
        app.fetcher,
        target.file,
        accept_loss=accept_loss,
    )
