"""`tribune check`: try each configured connection."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial

import typer

from tribune.bootstrap import Application

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def check() -> None:
    """Try each configured connection and say in plain words what works. Exit code 1 where something does not."""
    from tribune.bootstrap import application
    from tribune.domain.errors import ConfigurationError, TribuneError

    well = True
    with application() as house:
        for name, attempt in attempts(house):
            try:
                print(f"  works   {name}: {attempt()}")
            except (TribuneError, ConfigurationError, OSError) as error:
                well = False
                print(f"  FAILS   {name}: {error}")
        for warning in warnings(house):
            print(f"  note    {warning}")
    if not well:
        sys.exit(1)


def attempts(house: Application) -> Iterator[tuple[str, Callable[[], str]]]:
    """Each connection's name and a call that tries it and says what it found."""

    def settings() -> str:
        return f"read; data in {house.settings.data_dir}"

    def codelists() -> str:
        lists = house.codelists
        return f"{len(lists.policy_areas)} policy areas, {len(lists.places.places)} places, {len(lists.kinds)} kinds"

    def store() -> str:
        house.prepare()
        return f"{house.settings.store.url}, up to date"

    def log() -> str:
        behind = sum(lag.behind for lag in house.log.lag())
        return f"embedded in the store; {behind} events wait"

    def languages() -> str:
        return ", ".join(house.translations.offered)

    yield "settings", settings
    yield "code lists", codelists
    yield "languages", languages
    yield "store", store
    yield "event log", log
    yield f"e-mail ({house.settings.email.channel})", house.email.check
    sources = house.settings.sources
    for kind, configured in (("feed", sources.feeds), ("OAI-PMH", sources.oai), ("ILOSTAT", sources.ilostat)):
        for name, source in configured.items():
            yield f"{kind} source {name}", partial(house.fetcher.check, source.address)


def warnings(house: Application) -> Iterator[str]:
    """What works but may surprise."""
    if not house.settings.digests:
        yield "No digest is configured: add a section [digests.NAME], or nobody can be mailed."
    if not house.settings.security.signing_keys:
        yield (
            f"Links are signed with this installation's own key in {house.settings.data_dir / 'signing.key'}: "
            "keep it with your backups, or unsubscribe links of old mails stop working."
        )
