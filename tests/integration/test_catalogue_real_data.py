"""Real feeds and repository pages, all the way from bytes to items, through the log and the consumer."""

from __future__ import annotations

from pathlib import Path

import pytest

from consumers import catalogue
from consumers.loop import drain
from producers import by_hand
from tribune.bootstrap import Application
from tribune.domain.errors import SourceError
from tribune.domain.items import Withdrawal
from tribune.resources import locate
from tribune.services.sources.classify import Classifier, Defaults
from tribune.services.sources.dublin_core import to_item
from tribune.services.sources.feed_source import FeedSource
from tribune.services.sources.oai_pages import read_page
from tribune.services.sources.publish_records import publish_records

EVERY = 6
"""Each sixth of the 1,800 feeds: the whole folder is the feed reader's own test."""


def settle_and_check(app: Application, published: int) -> None:
    """All events are handled, none is dead; every visible language version has exactly one release."""
    assert drain([catalogue.consumer(app)], app) == published
    assert list(app.log.dead_letters()) == []
    with app.store.read() as tx:
        assert 0 < tx.catalogue.count() <= published
        items = tx.catalogue.recent(10_000)
        assert [release.sequence for release in tx.catalogue.releases_after(0)] == sorted(
            release.sequence for item in items for release in item.releases
        )
        for item in items:
            assert item.releases or item.embargo_until
            assert {release.language for release in item.releases} <= {version.language for version in item.versions}
            found = tx.catalogue.search(item.versions[0].title, item.versions[0].language, limit=200)
            if item.releases and found:
                assert item.versions[0].title in {hit.title for hit in found} or len(found) == 200


def test_feeds_become_items(app: Application, shared_data: Path) -> None:
    files = sorted(path for path in (shared_data / "feeds").rglob("*") if path.suffix in {".xml", ".json"})[::EVERY]
    assert len(files) > 200
    published = 0
    now = app.clock.now()
    with app.store.write() as tx:
        for number, path in enumerate(files):
            source = FeedSource(f"feed/{number}", "", Defaults(), app.codelists, content=path.read_bytes())
            try:
                readings = list(source.read(tx.sources.state(source.name), now))
            except SourceError:
                continue
            for reading in readings:
                published += len(publish_records(tx, source.name, reading.told, now))
    assert published > 50
    settle_and_check(app, published)


def test_repository_pages_become_items_and_deleted_records_leave(app: Application, shared_data: Path) -> None:
    folder = shared_data / "oai-pmh" / "sickle" / "tests" / "sample_data"
    classifier = Classifier(Defaults(), app.codelists)
    records = [
        record
        for name in ("ListRecords", "ListRecords2", "ListRecords3", "ListRecords4")
        for record in read_page((folder / f"{name}.xml").read_bytes(), name).records
    ]
    told = [item for record in records if not record.deleted and (item := to_item(record, classifier, "en"))]
    assert told and any(record.deleted for record in records)
    now = app.clock.now()
    with app.store.write() as tx:
        published = len(publish_records(tx, "oai/sample", told, now))
    settle_and_check(app, published)
    with app.store.write() as tx:
        publish_records(tx, "oai/sample", [Withdrawal(item.record) for item in told], now)
    drain([catalogue.consumer(app)], app)
    with app.store.read() as tx:
        assert tx.catalogue.releases_after(0) == []
        assert all(item.withdrawn_at == now for item in tx.catalogue.recent(100))


def test_the_sample_organisation_becomes_its_items_and_a_replay_changes_nothing(app: Application) -> None:
    published = by_hand.publish(app, [locate("demo") / "items"])
    settle_and_check(app, len(published))
    with app.store.read() as tx:
        before = (tx.catalogue.recent(100), tx.catalogue.last_sequence())
        assert before[1] >= len(published)
    app.log.rewind("catalogue", "publications", offset=0)
    assert drain([catalogue.consumer(app)], app) == len(published)
    with app.store.read() as tx:
        assert (tx.catalogue.recent(100), tx.catalogue.last_sequence()) == before


@pytest.mark.parametrize(
    ("text", "language", "record"),
    [
        ("salaire minimum", "fr", "minimum-wage-faq"),
        ("salario minimo", "es", "minimum-wage-faq"),
        ("chaleur chantier", "fr", "heat-construction-west-africa"),
        ("10.5555/oww.report.2026", "es", "world-of-work-report-2026"),
    ],
)
def test_the_sample_organisations_items_are_found(app: Application, text: str, language: str, record: str) -> None:
    by_hand.publish(app, [locate("demo") / "items"])
    drain([catalogue.consumer(app)], app)
    with app.store.read() as tx:
        hits = tx.catalogue.search(text, language)
        names = [kept.record for hit in hits[:2] for kept in tx.catalogue.records_of([hit.item_id])]
    assert record in names
    assert hits[0].language == language
