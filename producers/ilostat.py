"""Data releases enter: ILOSTAT's bulk files and the answers of its data API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from producers.targets import Target, check_codes, due, targets
from tribune.bootstrap import Application
from tribune.config import IlostatSource as Told
from tribune.services.sources.ilostat_source import Dataflow, IlostatSource
from tribune.services.sources.pull_sources import Pull, pull_sources
from tribune.services.sources.read_ilostat import first_indicator
from tribune.store.releases import ReleaseFolder


def pull(
    app: Application, source: str | None = None, *, counted_as: str | None = None, dry_run: bool = False
) -> Iterator[Pull]:
    """Pull each configured dataflow, or the one meant by `source`: an id, a file or an address.

    A file that is not counted as a configured source counts under its indicator, so that the next file of the same
    indicator is compared with it.
    """
    found = targets("ilostat", app.settings.sources.ilostat, source, counted_as, lambda address: Told(address=address))
    if source is not None and counted_as is None and found[0].file is not None:
        found = [_by_indicator(found[0])] if found[0].told.address == source else found
    readers = [_reader(app, target, dry_run=dry_run) for target in found]
    return pull_sources(readers, app.store, app.clock, dry_run=dry_run)


def pull_due(app: Application) -> Iterator[Pull]:
    """Pull the configured dataflows whose interval has passed."""
    configured = app.settings.sources.ilostat
    found = targets("ilostat", configured, None, None, lambda address: Told(address=address)) if configured else []
    readers = [_reader(app, target) for target in due(app, found, app.clock.now())]
    return pull_sources(readers, app.store, app.clock)


def _by_indicator(target: Target[Told]) -> Target[Told]:
    indicator = first_indicator(target.file) if target.file else ""
    return replace(target, name=f"ilostat/{indicator}") if indicator else target


def _reader(app: Application, target: Target[Told], *, dry_run: bool = False) -> IlostatSource:
    told = target.told
    check_codes(target.name, app.codelists, areas=told.policy_areas)
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
    return IlostatSource(target.name, target.address, dataflow, app.codelists, shelf, app.fetcher, target.file)
