"""10,000 records of two sources into the catalogue: joined, released, indexed; then searches.

`python -m bench.catalogue [RECORDS]`.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from tribune.bootstrap import Application
from tribune.config import Settings, Store
from tribune.domain.events import CloudEvent, event_id
from tribune.domain.items import Identifier, ItemRecord, LanguageVersion, Scheme
from tribune.services.catalogue.catalogue_item import catalogue_record
from tribune.services.events.event_data import to_data

RECORDS = 10_000
IN_ONE_COMMIT = 50
START = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
WORDS = {
    "en": "employment has kept pace with population growth while the quality of jobs and the wages of workers have not",
    "fr": "l’emploi a suivi la croissance démographique, la qualité des emplois et les salaires des travailleurs non",
    "es": "el empleo ha crecido al ritmo de la población, la calidad y los salarios de los trabajadores no",
}
SEARCHES = (("wages employment", "en"), ("salaires", "fr"), ("trabajadores", "es"), ("report 777", "en"))


def _event(number: int) -> CloudEvent:
    """Every second record is the translation of the one before it, told by another source."""
    original = number % 2 == 0
    languages = ("en", "fr") if original else ("es",)
    versions = tuple(
        LanguageVersion(language, f"Report {number // 2}: {WORDS[language][:50]}", f"{WORDS[language]} {number}. " * 6)
        for language in languages
    )
    record = ItemRecord(
        record=f"r{number}",
        kind="report",
        source_language=languages[0],
        versions=versions,
        identifiers=(Identifier(Scheme.DOI, f"10.5555/report.{number // 2}"),),
        policy_areas=("wages",),
        places=("SEN",),
    )
    source = "repository" if original else "feed"
    at = START + timedelta(seconds=number)
    type = "publication.published"
    return CloudEvent(event_id(source, record.record, 1, type), source, type, at, record.record, to_data(record))


def _milliseconds(run: Callable[[], object], times: int = 10) -> float:
    began = time.perf_counter()
    for _ in range(times):
        run()
    return (time.perf_counter() - began) / times * 1000


def main(records: int) -> None:
    events = [_event(number) for number in range(records)]
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), store=Store(url=f"sqlite:///{folder}/bench.sqlite3"))
        app = Application(settings)
        app.prepare()
        codelists = app.codelists
        began = time.perf_counter()
        for first in range(0, records, IN_ONE_COMMIT):
            with app.store.write() as tx:
                for event in events[first : first + IN_ONE_COMMIT]:
                    catalogue_record(tx, event, codelists, START)
        seconds = time.perf_counter() - began
        with app.store.read() as tx:
            items, releases = tx.catalogue.count(), tx.catalogue.last_sequence()
            found = [
                (text, language, _milliseconds(partial(tx.catalogue.search, text, language)))
                for text, language in SEARCHES
            ]
        app.close()
    print(f"catalogued   {records:,} records -> {items:,} items, {releases:,} releases")
    print(f"             {records / seconds:,.0f} events/s")
    for text, language, took in found:
        print(f"search       {text!r} ({language}): {took:.1f} ms")
    print(f"peak memory  {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS)
