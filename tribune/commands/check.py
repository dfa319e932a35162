"""`tribune check`: try each configured connection."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlsplit

import typer

from producers.targets import mistakes
from tribune.bootstrap import Application
from tribune.domain.errors import ConfigurationError, TribuneError
from tribune.domain.topics import groups, reads

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def check() -> None:
    """Try each configured connection and say in plain words what works. Exit code 1 where something does not."""
    from sqlalchemy.exc import SQLAlchemyError

    from tribune.bootstrap import application
    from tribune.failures import reason

    well = True
    with application(prepared=False) as house:
        for name, attempt in attempts(house):
            try:
                print(f"  works   {name}: {attempt()}")
            except (TribuneError, ConfigurationError, OSError) as error:
                well = False
                print(f"  FAILS   {name}: {error}")
            except SQLAlchemyError as error:
                well = False
                print(f"  FAILS   {name}: {reason(error)}")
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
        from tribune.store.engine import shown_url
        from tribune.store.migrate import is_current

        if house.settings.log.kind == "embedded":
            house.prepare()
        else:  # what is not there is told, and not made by the way
            with house.store.read() as tx:
                tx.now()
            if not is_current(house.store.engine):
                raise ConfigurationError("The store is not in the shape of this version: run `tribune migrate`.")
        return f"{shown_url(house.settings.store.url)}, up to date"

    def suppression_list() -> str:
        from tribune.store.migrate import is_current

        if not is_current(house.store.engine):
            raise ConfigurationError("It cannot be read before `tribune migrate` has run.")
        with house.store.read() as tx:
            listed = sum(one.addresses for one in tx.people.keys_of_list())
            if not listed:
                return "nobody is on it"
            tx.audience.suppressed(["nobody@example.org"])  # raises where the key is another
        return f"{listed:,} address{'' if listed == 1 else 'es'}, made with this key"

    def log() -> str:
        return house.log.survey(house.topics, {group: reads(group) for group in groups()})

    def languages() -> str:
        missing = [told for told in house.organisation.languages if told not in house.translations.offered]
        if missing:
            raise ConfigurationError(
                f"organisation.languages has {', '.join(missing)}, for which there are no texts; there are "
                f"{', '.join(house.translations.offered)}. See docs/languages.md."
            )
        house.translations.load()
        return ", ".join(house.organisation.languages)

    def digests() -> str:
        for digest in house.every_digest.values():
            for kind in digest.kinds:
                house.codelists.kinds[kind]
        return ", ".join([*house.digests, *(f"{id} (retired)" for id in house.retired_digests)]) or "none"

    def links() -> str:
        return f"signed; they begin with {house.base_url}" if house.signer else ""

    yield "settings", settings
    yield "code lists", codelists
    yield "languages", languages
    yield "digests", digests
    yield "links", links
    yield "store", store
    yield "suppression list", suppression_list
    yield "event log", log
    yield f"e-mail ({house.settings.email.channel})", house.email.check
    wrong = dict(mistakes(house))
    sources = house.settings.sources
    for kind, section, configured in (
        ("feed", "feeds", sources.feeds),
        ("OAI-PMH", "oai", sources.oai),
        ("ILOSTAT", "ilostat", sources.ilostat),
    ):
        for name, source in configured.items():
            id = f"{section}/{quote(name)}"
            yield f"{kind} source {name}", partial(_source, house, source.address, wrong.get(id, ""))


def _source(house: Application, address: str, wrong: str) -> str:
    """Whether a source's settings fit the code lists, and whether it can be reached."""
    if wrong:
        raise ConfigurationError(wrong)
    if "://" not in address:
        if not Path(address).is_file():
            raise ConfigurationError(f"There is no file {address}.")
        return f"{address} is there"
    return house.fetcher.check(address)


def warnings(house: Application) -> Iterator[str]:
    """What works but may surprise."""
    if not house.digests:
        yield "No digest is configured: add a section [digests.NAME], or nobody can be mailed."
    yield from _left_digests(house)
    yield from _dead_links(house)
    yield from _hidden_readers(house)
    yield from _crowded_senders(house)
    if not house.settings.security.signing_keys:
        yield (
            f"Links are signed with this installation's own key in {house.settings.data_dir / 'signing.key'}: "
            "keep it with your backups, or unsubscribe links of old mails stop working."
        )


def _hidden_readers(house: Application) -> Iterator[str]:
    """Behind a proxy that is not trusted, all readers seem to come from one network: its own."""
    web = house.settings.web
    if urlsplit(house.base_url).scheme == "https" and not web.trusted_proxies:
        yield (
            f"Readers come to {house.base_url} through a proxy, as Tribune itself speaks no https, and none is "
            "trusted: limits of networks would count all readers as one, and consent records would hold the proxy's "
            "network. Set [web] trusted_proxies to the addresses of your proxies."
        )


def _crowded_senders(house: Application) -> Iterator[str]:
    """Each that sends has one connection at least."""
    from sqlalchemy.exc import SQLAlchemyError

    total = house.settings.email.throttle.connections
    if not total or house.settings.email.channel != "smtp":
        return
    try:
        with house.store.read() as tx:
            at_work = tx.throttles.workers(house.email.name, tx.now())
    except (SQLAlchemyError, TribuneError, ConfigurationError):
        return
    if at_work > total:
        yield (
            f"{at_work} streams of mail are being sent at this moment, each over one connection at least: more than "
            f"[email.throttle] connections = {total} allows. Run fewer senders, or raise it where the mail server does."
        )


def _left_digests(house: Application) -> Iterator[str]:
    """Digests that people receive and the settings do not know: renamed, or taken out."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with house.store.read() as tx:
            waiting = {found.row.digest for found in tx.schedules.upcoming(10_000)}
    except (SQLAlchemyError, TribuneError, ConfigurationError):
        return  # that the store is away is told above
    for digest in sorted(waiting - house.settings.digests.keys()):
        yield (
            f"People receive the digest {digest!r}, which the settings do not have: nothing is planned or sent for "
            f"them, and a mailing of it waits. Put [digests.{digest}] back, also where it was renamed; "
            "where it is no longer published, put it back with retired = true."
        )


def _dead_links(house: Application) -> Iterator[str]:
    """Addresses that readers' links and bounces would go to in vain."""
    if house.settings.email.channel != "smtp":
        return
    base = urlsplit(house.base_url)
    if base.scheme != "https" or (base.hostname or "") in ("127.0.0.1", "localhost", "::1"):
        yield (
            f"Unsubscribe links would begin with {house.base_url}: readers cannot open them, and mail "
            "services want https. Set [web] base_url to the public address."
        )
    domain = house.settings.email.return_path_domain
    if domain.endswith(("example.org", "example.com", ".example")):
        yield f"Bounces would go to {domain}, which belongs to nobody. Set [email] return_path_domain to yours."
