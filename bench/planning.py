"""100,000 subscribers on SQLite: import, then planning of an edition with 20 and with 200 items, deliveries written.
Then the dear case: people in 40 time zones, two of the items are live sessions (so that mails differ by zone), and
every twentieth person has an item carried over.

Each step is a process of its own, so that its peak of memory is its own. `python -m bench.planning [PEOPLE]`.
"""

from __future__ import annotations

import csv
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tribune.bootstrap import Application
from tribune.config import Digest, Settings, Store
from tribune.domain.codelists import PlaceType
from tribune.domain.events import CloudEvent, Cohort, EditionDue
from tribune.domain.imports import Basis, BasisKind
from tribune.domain.items import LanguageVersion, Release
from tribune.domain.merging import Content
from tribune.ports.clock import StoppedClock

PEOPLE = 100_000
INVENTED = Basis(BasisKind.TRANSFER, "invented")
ITEMS = (20, 200)
DEAR_ITEMS = 20
START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
CHOICE = ("policy_areas", "places", "kinds")
ZONES = ("Africa/Dakar", "Africa/Abidjan", "Europe/London", "Africa/Accra")

MORE_ZONES = (
    *("Africa/Cairo", "Africa/Johannesburg", "Africa/Lagos", "Africa/Nairobi", "Africa/Casablanca", "Africa/Tunis"),
    *("America/Bogota", "America/Lima", "America/Mexico_City", "America/New_York", "America/Denver"),
    *("America/Argentina/Buenos_Aires", "America/Santiago", "America/Toronto", "America/Sao_Paulo"),
    *("Asia/Amman", "Asia/Bangkok", "Asia/Beirut", "Asia/Dhaka", "Asia/Jakarta", "Asia/Karachi", "Asia/Kathmandu"),
    *("Asia/Kolkata", "Asia/Manila", "Asia/Seoul", "Asia/Shanghai", "Asia/Tokyo", "Asia/Tashkent", "Asia/Ho_Chi_Minh"),
    *("Europe/Brussels", "Europe/Zurich", "Europe/Kyiv", "Europe/Lisbon", "Europe/Madrid", "Europe/Paris"),
    *("America/Caracas", "Pacific/Auckland", "Pacific/Fiji", "Australia/Sydney", "Europe/Istanbul"),
)


def application(folder: Path) -> Application:
    settings = Settings(
        data_dir=folder,
        store=Store(url=f"sqlite:///{folder}/bench.sqlite3"),
        digests={"letter": Digest(names={"en": "Letter"}, sender="letter@observatory.example")},
    )
    return Application(settings, StoppedClock(START))


def write_people(app: Application, path: Path, people: int) -> None:
    """Invented people: most choose a few topics and places, some anything; daily, a fifth also weekly."""
    dice = random.Random(1)
    areas = [code.code for code in app.codelists.policy_areas]
    places = [place.code for place in app.codelists.places.of_type(PlaceType.COUNTRY)]
    places += [place.code for place in app.codelists.places.of_type(PlaceType.REGION)]
    kinds = [code.code for code in app.codelists.kinds]
    hosts = ["gmail.com", "outlook.com", "yahoo.fr", *(f"ministry{n}.example" for n in range(2_000))]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("address", "name", "group", "languages", "zone", "fallback", *CHOICE, "cadence", "hour"))
        for number in range(people):
            row = [
                f"person{number}@{dice.choice(hosts)}",
                f"Zoë Ñandú {number}",
                "government",
                dice.choice(("fr|en", "en", "es|en", "en|fr", "fr", "pt|es")),
                dice.choice(ZONES),
                dice.choice(("source", "source", "omit")),
                "|".join(dice.sample(areas, dice.choice((0, 1, 2, 4)))),
                "|".join(dice.sample(places, dice.choice((0, 1, 3)))),
                "|".join(dice.sample(kinds, dice.choice((0, 0, 2)))),
            ]
            writer.writerow([*row, "daily", 8])
            if number % 5 == 0:
                writer.writerow([*row[:6], "", "", "", "weekly", 8])


def add_items(app: Application, number: int) -> None:
    """Invented items: a few topics and countries each, in one to three languages."""
    dice = random.Random(2)
    areas = [code.code for code in app.codelists.policy_areas]
    places = [place.code for place in app.codelists.places.of_type(PlaceType.COUNTRY)]
    kinds = [code.code for code in app.codelists.kinds if code.code != "session"]
    with app.store.write() as tx:
        for n in range(number):
            languages = dice.choice((("en",), ("en", "fr"), ("en", "fr", "es"), ("fr",)))
            content = Content(
                kind=dice.choice(kinds),
                source_language=languages[0],
                versions=tuple(LanguageVersion(language, f"Title {n}") for language in languages),
                policy_areas=tuple(dice.sample(areas, 2)),
                places=tuple(dice.sample(places, dice.choice((0, 2, 20)))),
            )
            item = tx.catalogue.add_item(content, embargo_until=None, correlation_id=f"bench-{n}", now=START)
            sequences = tx.catalogue.next_sequences(len(languages))
            tx.catalogue.add_releases(
                Release(sequence, item, language, START)
                for sequence, language in zip(sequences, languages, strict=True)
            )


def make_it_dear(app: Application, people: int) -> None:
    """People move to 40 zones, two sessions are announced, and every twentieth waits for an item of before."""
    from sqlalchemy import text

    from tribune.domain.audience import Cadence
    from tribune.domain.items import SessionInfo
    from tribune.ports.audience import CarryOver

    with app.store.write() as tx:
        # By the store's own hand: an import of 100,000 changes is measured elsewhere.
        for number, zone in enumerate(MORE_ZONES):
            values = {"zone": zone, "number": number, "zones": len(MORE_ZONES)}
            for table, column in (("subscribers", "id"), ("rhythms", "subscriber_id")):
                tx.connection.execute(
                    text(f"UPDATE {table} SET zone = :zone WHERE {column} % :zones = :number"), values
                )
        for day in (3, 5):
            at = START.replace(tzinfo=None) + timedelta(days=300 + day)
            session = SessionInfo(starts_at=at, zone="Africa/Dakar", minutes=60)
            content = Content("session", "en", (LanguageVersion("en", f"Session {day}"),), session=session)
            item = tx.catalogue.add_item(content, embargo_until=None, correlation_id=f"session-{day}", now=START)
            tx.catalogue.add_releases([Release(tx.catalogue.next_sequences(1)[0], item, "en", START)])
        tx.planning.carry_over(
            [CarryOver(person, "letter", Cadence.DAILY, 1, "cancelled") for person in range(1, people + 1, 20)]
        )


def step(name: str, folder: Path, number: int) -> None:
    """One step in a process of its own; prints its line."""
    app = application(folder)
    file = folder / "people.csv"
    if name == "prepare":
        app.prepare()
        write_people(app, file, number)
        return
    if name == "import":
        from tribune.services.audience.import_subscribers import import_subscribers

        for again in ("first", "again"):
            began = time.perf_counter()
            done = import_subscribers(app.store, app.clock, file, app.digests, app.codelists, basis=INVENTED)
            took = time.perf_counter() - began
            print(
                f"import, {again}: {done.rows:,} rows in {took:.1f} s = {done.rows / took:,.0f} a second"
                f" ({done.added:,} added, {done.unchanged:,} unchanged, {done.refused:,} refused), peak {_peak()} MB"
            )
        return
    from tribune.services.planning.plan_edition import plan_edition

    add_items(app, DEAR_ITEMS if name == "dear" else number)
    now = START + timedelta(days=number)
    zones: tuple[str, ...] = ZONES
    if name == "dear":
        make_it_dear(app, number)
        now, zones = START + timedelta(days=300), MORE_ZONES
    edition = EditionDue("letter", "daily", now.date().isoformat(), now, tuple(Cohort(0, 8, zone) for zone in zones))
    event = CloudEvent(f"bench{number}", "/bench", "edition.due", now, "letter/daily", {})
    before = _peak()
    began = time.perf_counter()
    with app.store.write() as tx:
        planned = plan_edition(tx, edition, event, app.digests, app.codelists, app.rules, now)
    took = time.perf_counter() - began
    what = f"{number} items"
    if name == "dear":
        what = f"{DEAR_ITEMS} items and 2 sessions, {len(zones)} zones, {-(-number // 20):,} carried over"
    print(
        f"planning, {what}: {took:.2f} s for {planned.recipients:,} deliveries"
        f" ({planned.skipped_empty:,} people had nothing new, {planned.signatures:,} signatures,"
        f" {planned.chunks:,} chunks), peak {_peak()} MB ({before} MB before)"
    )


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main(people: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        plans = (("plan", items) for items in ITEMS)
        for name, number in (("prepare", people), ("import", people), *plans, ("dear", people)):
            subprocess.run([sys.executable, "-m", "bench.planning", name, folder, str(number)], check=True)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        step(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) == 2 else PEOPLE)
