"""What the demo does, and how it tells it."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

import scheduler
from consumers import all_consumers
from consumers.loop import Drain, drain
from producers import by_hand, ilostat
from tribune import config
from tribune.bootstrap import Application
from tribune.commands.staff import link_address
from tribune.domain.audience import Cadence
from tribune.domain.errors import ConfigurationError
from tribune.domain.events import CloudEvent
from tribune.domain.imports import Basis, BasisKind, Refusal
from tribune.domain.staff import Role
from tribune.domain.staff_members import LinkPurpose
from tribune.ports.clock import StoppedClock
from tribune.resources import locate
from tribune.services.audience.import_subscribers import import_subscribers
from tribune.services.staff.change_staff import make_staff
from tribune.services.staff.links import give_link

START = datetime(2026, 11, 19, 6, 0, tzinfo=UTC)
"""A Thursday. The sample's dates (an embargo, two sessions) stand around these days."""

INVENTED = Basis(BasisKind.TRANSFER, "the demonstration's invented people")

END = START + timedelta(days=12, hours=18)
"""The first Tuesday of December, evening: each cadence has had its turn."""

MARKER = ".tribune-demo"
SOURCE = "unemployment"
UNEMPLOYMENT: dict[str, Any] = {
    "address": "https://observatory.example/data/SDG_0852_SEX_AGE_RT_A.csv",
    "labels": {"en": "Unemployment rate", "fr": "Taux de chômage", "es": "Tasa de desempleo"},
    "policy_areas": ["labour_statistics", "employment"],
    "headline_places": ["COL", "RWA", "VNM", "ESP"],
    "link": "https://observatory.example/data/unemployment-rate",
}
"""SDG indicator 8.5.2 in ILOSTAT's bulk form. The demo reads files; the address belongs to no one (RFC 2606)."""
ADMINISTRATOR = "administrator@observatory.example"
console = Console(highlight=False)


def demo_settings(folder: Path, *, host: str | None, base_url: str | None) -> config.Settings:
    """The sample organisation's settings, with an empty data folder. A folder that is not the demo's is not touched."""
    folder = folder.resolve()
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).exists():
            raise ConfigurationError(f"{folder} holds files that the demo did not make; give another --folder.")
        for made in folder.iterdir():
            shutil.rmtree(made) if made.is_dir() else made.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text("Made by `tribune demo`, which empties this folder at each start.\n", encoding="utf-8")
    return config.load(
        locate("demo") / "tribune.toml",
        data_dir=folder,
        store={"url": f"sqlite:///{folder / 'tribune.sqlite3'}"},
        email={"channel": "outbox", "outbox_folder": folder / "outbox"},
        web={key: value for key, value in (("host", host), ("base_url", base_url)) if value},
        sources={"ilostat": {SOURCE: UNEMPLOYMENT}},
    )


def tell(app: Application, clock: StoppedClock) -> None:
    """Run the demo and print its story."""
    began = time.perf_counter()
    title = f"{app.organisation.name('en')}: twelve days from {_day(START)}"
    console.print(f"\n[bold]{title}[/bold]  (an invented organisation; its clock is moved on, yours is not)\n")
    app.prepare()
    _first_release(app)
    _subscribers(app)
    events = _publish(app)
    _catalogue(app)
    _pass_time(app, clock)
    mails = _sent(app)
    took = time.perf_counter() - began
    console.print(
        f"\n[bold]{len(events)} events in, {sum(mails.values())} mails out "
        f"({', '.join(f'{count} {locale}' for locale, count in sorted(mails.items()))}) in {took:.1f} seconds.[/bold]"
    )
    console.print(f"Each mail is a file in {_shown(app.settings.email.outbox_folder)}", soft_wrap=True)
    for letter in app.log.dead_letters(limit=5):
        console.print(f"[red]Not handled:[/red] {letter.reason}  (`tribune events dead` tells more)")


def invite(app: Application, address: str) -> None:
    """Say where the newsroom is, and how to come in: by a link that works once."""
    with app.store.write() as tx:
        now = app.clock.now()
        admin = make_staff(tx, ADMINISTRATOR, "Demo administrator", "en", [Role.ADMINISTRATOR], "cli", now)
        given = give_link(tx, admin, LinkPurpose.SIGN_IN, timedelta(days=1), "cli", now)
    console.print(
        "\nThe newsroom shows each mail, and the story of each event. This link signs you in, once:\n"
        f"[bold]{link_address(app, given, 'sign-in')}[/bold]\n"
        f"Readers begin at {address}   (Ctrl-C ends it)\n",
        soft_wrap=True,
    )


def _first_release(app: Application) -> None:
    """What the data source had before anybody subscribed: the release that the next one is compared with."""
    _read_release(app, "release-1.csv")
    drain(all_consumers(app), app)


def _read_release(app: Application, file: str) -> list[CloudEvent]:
    events: list[CloudEvent] = []
    for pull in ilostat.pull(app, str(locate("demo") / "data" / file), counted_as=SOURCE):
        if pull.error:
            raise pull.error
        events += pull.events
    return events


def _subscribers(app: Application) -> None:
    refused: list[Refusal] = []
    file = locate("demo") / "subscribers.csv"
    import_subscribers(
        app.store,
        app.clock,
        file,
        app.digests,
        app.codelists,
        basis=INVENTED,
        tell=refused.append,
    )
    with app.store.read() as tx:
        people = list(tx.audience.everyone())
    _say("Subscribers", f"{len(people)} people in {len({p.zone for p in people})} time zones")
    _say("  groups", _counted(Counter(person.group.replace("_", " ") for person in people)))
    languages = Counter(person.languages[0] for person in people)
    _say("  languages", f"{_counted(languages)} (the first that each reads)")
    for refusal in refused:
        _say("  refused", str(refusal))


def _publish(app: Application) -> list[CloudEvent]:
    files = sorted((locate("demo") / "items").glob("*.yaml"))
    events = list(by_hand.publish(app, files)) + _read_release(app, "release-2.csv")
    _say("\nEvents in", _counted(Counter(event.type for event in events)))
    return events


def _catalogue(app: Application) -> None:
    drain(all_consumers(app), app)
    with app.store.read() as tx:
        items = tx.catalogue.recent(1000)
    kinds = Counter(item.kind for item in items)
    named = [(n, app.codelists.kinds[kind]) for kind, n in kinds.most_common()]
    _say("\nItems", f"{len(items)} in the catalogue")
    _say("  kinds", ", ".join(f"{n} {kind.plural('en') if n > 1 else kind.label('en')}" for n, kind in named))
    spread = Counter("+".join(sorted(version.language for version in item.versions)) for item in items)
    _say("  languages", _counted(spread))
    for item in items:
        if item.embargo_until and item.embargo_until > app.clock.now():
            until = f"{item.embargo_until:%A %d %B, %H:%M} UTC"
            _say("  embargo", f"“{item.versions[0].title}” waits until {until}")


def _pass_time(app: Application, clock: StoppedClock) -> None:
    """Move the clock from one due instant to the next, and let everything happen that then happens."""
    with console.status("The days pass ..."), Drain(all_consumers(app), app) as work:
        while (due := scheduler.next_due(app)) is not None and due <= END:
            clock.set(max(due, clock.now()))
            scheduler.tick(app)
            work()
        clock.set(END)


def _sent(app: Application) -> Counter[str]:
    """The table of what went out, and one subject line per language. Mails per language."""
    with app.store.read() as tx:
        mailings = [mailing for mailing in tx.ledger.mailings(limit=10_000) if mailing.recipients]
        progress = {mailing.id: tx.ledger.progress(mailing.id) for mailing in mailings}
    languages = list(app.settings.organisation.languages)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Mails out")
    for heading in ("editions", "mailings", "mails", *languages):
        table.add_column(heading, justify="right")
    totals: Counter[str] = Counter()
    for cadence in Cadence:
        of_cadence = [mailing for mailing in mailings if mailing.cadence is cadence]
        counts: Counter[str] = Counter()
        for mailing in of_cadence:
            counts.update({locale: sum(states.values()) for locale, states in progress[mailing.id].items()})
        totals += counts
        editions = len({mailing.edition for mailing in of_cadence})
        cells = (editions, len(of_cadence), sum(counts.values()), *(counts[language] for language in languages))
        table.add_row(f"  {cadence.value.replace('_', ' ')}", *map(str, cells))
    console.print()
    console.print(table)
    _say("\nFor instance", "")
    for locale, subject, address in _examples(app):
        _say(f"  {locale}", f"{subject}\nto {address}")
    return totals


def _examples(app: Application) -> list[tuple[str, str, str]]:
    """One mail per language: the one whose subject is longest."""
    found: dict[str, tuple[str, str]] = {}
    for file in sorted(app.settings.email.outbox_folder.rglob("*.eml")):
        message = message_from_bytes(file.read_bytes(), policy=policy.default)
        locale, subject = str(message["Content-Language"]), str(message["Subject"])
        if len(subject) > len(found.get(locale, ("", ""))[0]):
            found[locale] = (subject, message["To"].addresses[0].addr_spec)
    return [(locale, *found[locale]) for locale in sorted(found)]


def _say(label: str, text: str) -> None:
    """A line of the story, its text hanging behind the label. A label that begins with a line break is a heading."""
    if label.startswith("\n"):
        console.print()
    line = Table.grid(padding=(0, 1))
    line.add_column(width=14, style="" if label.startswith(" ") else "bold")
    line.add_column()
    line.add_row(label.strip("\n"), Text(text))
    console.print(line)


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())


def _day(at: datetime) -> str:
    return f"{at:%A} {at.day} {at:%B %Y}"


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
