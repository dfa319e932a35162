"""Pulling through the doors from a real server: conditional requests, harvests, troubles of single sources."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from producers import feeds, ilostat, oai
from producers.targets import mistakes
from tests.conftest import ROOT
from tribune.bootstrap import Application
from tribune.config import FeedSource, Http, IlostatSource, OaiSource, Settings, Sources
from tribune.domain.errors import InvalidInput
from tribune.ports.clock import StoppedClock

FEED = """<rss version="2.0"><channel><title>News</title><language>fr</language>
<item><guid>1</guid><title>Salaires au Sénégal</title><link>/1</link><category>salaires</category></item>
<item><guid>2</guid><title>{second}</title></item></channel></rss>"""

Answer = tuple[int, dict[str, str], bytes]


def missing(_: dict[str, str], __: dict[str, str]) -> Answer:
    return 404, {}, b""


class Site:
    """Answers of a path as functions of the query and the request's headers."""

    def __init__(self) -> None:
        self.pages: dict[str, Callable[[dict[str, str], dict[str, str]], Answer]] = {}
        self.statuses: list[int] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                page = site.pages.get(parts.path, missing)
                status, told, body = page(query, headers)
                site.statuses.append(status)
                self.send_response(status)
                for name, value in told.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def feed(self, path: str, content: str, etag: str) -> None:
        def page(_: dict[str, str], headers: dict[str, str]) -> Answer:
            if headers.get("if-none-match") == etag:
                return 304, {"ETag": etag}, b""
            return 200, {"ETag": etag, "Content-Type": "application/rss+xml"}, content.encode()

        self.pages[path] = page


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    thread = threading.Thread(target=site.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield site
    site.server.shutdown()
    site.server.server_close()
    thread.join()


@pytest.fixture
def settings(settings: Settings, site: Site) -> Settings:
    """As everywhere, with sources on the local server."""
    sources = Sources(
        feeds={
            "broken": FeedSource(address=f"{site.url}/none"),
            "news": FeedSource(address=f"{site.url}/news", every_minutes=30),
        },
        oai={"repo": OaiSource(address=f"{site.url}/oai")},
    )
    http = Http(allowed_private_networks=("127.0.0.0/8",), timeout_seconds=5)
    return settings.model_copy(update={"http": http, "sources": sources})


def test_a_feed_is_read_once_and_then_only_when_it_changes(app: Application, site: Site) -> None:
    site.feed("/news", FEED.format(second="Deux"), '"1"')
    broken, news = feeds.pull(app)
    assert broken.error is not None and "404" in broken.outcome and "correct the address" in broken.outcome
    assert [event.type for event in news.events] == ["publication.published"] * 2
    assert {event.source for event in news.events} == {"feeds/news"}
    first = next(event for event in news.events if event.key == "1")
    assert first.data["versions"][0]["links"] == [{"url": f"{site.url}/1", "format": "html"}]
    assert first.data["policy_areas"] == ["wages"]
    (again,) = feeds.pull(app, "news")
    assert again.events == () and site.statuses[-1] == 304
    site.feed("/news", FEED.format(second="Deux, corrigé"), '"2"')
    (changed,) = feeds.pull(app, "news")
    assert [(event.type, event.key, event.revision) for event in changed.events] == [("publication.updated", "2", 2)]


def test_other_settings_read_an_unchanged_feed_again(app: Application, site: Site, clock: StoppedClock) -> None:
    site.feed("/news", FEED.format(second="Deux"), '"1"')
    list(feeds.pull(app, "news"))
    told = app.settings.sources.feeds["news"].model_copy(update={"places": ("002",)})
    sources = app.settings.sources.model_copy(update={"feeds": {"news": told}})
    other = Application(app.settings.model_copy(update={"sources": sources}), clock)
    (changed,) = feeds.pull(other, "news")
    assert [event.type for event in changed.events] == ["publication.updated"] * 2
    other.close()


def test_a_feed_is_bounded_by_the_setting(app: Application, site: Site, clock: StoppedClock) -> None:
    site.feed("/news", FEED.format(second="x" * 10_000), '"1"')
    small = Application(
        app.settings.model_copy(update={"http": app.settings.http.model_copy(update={"max_bytes": 9_000})}), clock
    )
    (pull,) = feeds.pull(small, "news")
    assert "9,000 bytes" in str(pull.error) and "max_bytes in [http]" in str(pull.error)
    small.close()
    site.feed("/news", FEED.format(second="x" * 11_000_000), '"2"')
    (pull,) = feeds.pull(app, "news")
    assert pull.error is None and len(pull.events) == 2


def test_a_feed_that_broke_off_is_read_again_under_the_same_validator(app: Application, site: Site) -> None:
    whole = FEED.format(second="Deux")
    site.feed("/news", whole[: whole.rindex("Deux")], '"1"')
    (half,) = feeds.pull(app, "news")
    assert [event.key for event in half.events] == ["1"]
    site.feed("/news", whole, '"1"')
    (rest,) = feeds.pull(app, "news")
    assert [event.key for event in rest.events] == ["2"] and site.statuses == [200, 200]


def test_sources_are_pulled_when_they_are_due(app: Application, site: Site, clock: StoppedClock) -> None:
    site.feed("/news", FEED.format(second="Deux"), '"1"')
    assert [pull.source for pull in feeds.pull_due(app)] == ["feeds/broken", "feeds/news"]
    clock.move(timedelta(minutes=29))
    assert list(feeds.pull_due(app)) == []
    clock.move(timedelta(minutes=1))
    assert [pull.source for pull in feeds.pull_due(app)] == ["feeds/broken", "feeds/news"]
    assert list(ilostat.pull_due(app)) == []


def test_a_harvest_of_the_samples_follows_their_tokens(app: Application, site: Site, shared_data: Path) -> None:
    folder = shared_data / "oai-pmh" / "sickle" / "tests" / "sample_data"

    def page(query: dict[str, str], _: dict[str, str]) -> Answer:
        if query["verb"] == "Identify":
            return 200, {}, (folder / "Identify.xml").read_bytes()
        return 200, {}, (folder / query.get("resumptionToken", "ListRecords.xml")).read_bytes()

    site.pages["/oai"] = page
    (pull,) = oai.pull(app)
    assert pull.error is None and len(site.statuses) > 3
    types = [event.type for event in pull.events]
    assert types.count("publication.published") >= 1
    (again,) = oai.pull(app)
    assert again.events == ()
    with app.store.read() as tx:
        assert tx.sources.state("oai/repo").mark.startswith("2013-02-27")


def test_what_is_no_source_is_told_with_what_is_near(app: Application) -> None:
    with pytest.raises(InvalidInput, match="Did you mean 'news'"):
        list(feeds.pull(app, "newz"))
    with pytest.raises(InvalidInput, match=r"\[sources\.ilostat"):
        list(ilostat.pull(app))


def with_sources(app: Application, clock: StoppedClock, **kinds: dict[str, Any]) -> Application:
    settings = app.settings.model_copy(update={"sources": app.settings.sources.model_copy(update=kinds)})
    return Application(settings, clock)


@pytest.fixture
def faulty(app: Application, clock: StoppedClock, site: Site) -> Iterator[Application]:
    """A good feed after three whose settings are wrong."""
    site.feed("/news", FEED.format(second="Deux"), '"1"')
    good = app.settings.sources.feeds["news"]
    wrong = {
        "novel": good.model_copy(update={"kind": "novel", "language": "xx", "places": ("SENN",)}),
        "areas": good.model_copy(update={"policy_areas": ("wagess",), "categories": {"a": "wagesss"}}),
        "missing": FeedSource(address="/nowhere/nope.xml"),
    }
    data = {
        "missing": IlostatSource(address="/nowhere/nope.csv"),
        "rate": IlostatSource(address="https://a.example/x.csv", headline_places=("XYZ",), labels={"qq": "x"}),
    }
    house = with_sources(app, clock, feeds=wrong | {"news": good}, ilostat=data)
    yield house
    house.close()


def test_a_wrong_setting_of_a_source_never_stops_the_others(faulty: Application) -> None:
    novel, areas, missing, news = feeds.pull(faulty)
    assert [pull.source for pull in (novel, areas, missing)] == ["feeds/novel", "feeds/areas", "feeds/missing"]
    assert "kind: 'novel' is not a kind" in str(novel.error) and "[sources.feeds.novel]" in str(novel.error)
    assert "wages" in str(areas.error) and "cannot be read" in str(missing.error)
    assert news.error is None and len(news.events) == 2
    missing, rate = ilostat.pull(faulty)
    assert str(missing.error) == "/nowhere/nope.csv: This file cannot be read: No such file or directory."
    assert "headline_places" in str(rate.error) and "labels: 'qq'" in str(rate.error)


def test_watching_goes_on_beside_wrong_settings_and_tells_them_once_an_interval(
    faulty: Application, clock: StoppedClock
) -> None:
    assert [pull.error is None for pull in feeds.pull_due(faulty)] == [False, False, False, True]
    assert [bool(pull.error) for pull in ilostat.pull_due(faulty)] == [True, True]
    assert list(feeds.pull_due(faulty)) == [] and list(ilostat.pull_due(faulty)) == []
    clock.move(timedelta(minutes=30))
    assert len(list(feeds.pull_due(faulty))) == 4
    with faulty.store.read() as tx:
        assert "'novel' is not a kind" in tx.sources.state("feeds/novel").outcome


def test_mistakes_in_settings_are_found_without_reading(faulty: Application, site: Site) -> None:
    found = list(mistakes(faulty))
    assert site.statuses == []
    assert [source for source, _ in found] == ["feeds/novel"] * 3 + ["feeds/areas"] * 2 + ["ilostat/rate"] * 2
    keys = [said.partition(":")[0] for _, said in found]
    assert keys == ["kind", "language", "places", "policy_areas", "categories", "headline_places", "labels"]


def tribune(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tribune", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_command_prints_events_and_a_dry_run_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "feed.xml").write_text(FEED.format(second="Deux"), encoding="utf-8")
    told = tribune(tmp_path, "pull", "feeds", "feed.xml", "--dry-run", "--json")
    assert told.returncode == 0, told.stderr
    events = [json.loads(line) for line in told.stdout.splitlines()]
    assert [event["subject"] for event in events] == ["2", "1"]
    assert all(event["specversion"] == "1.0" and event["type"] == "publication.published" for event in events)
    assert [path.name for path in tmp_path.iterdir()] == ["feed.xml"]


def test_commands_publish_once_and_tell_mistakes(tmp_path: Path) -> None:
    (tmp_path / "item.yaml").write_text(
        "record: a\nkind: report\nsource_language: en\nversions: {en: {title: A}}\n", encoding="utf-8"
    )
    first, second = (tribune(tmp_path, "publish", "item.yaml") for _ in range(2))
    assert "publication.published" in first.stdout and "1 event published" in first.stdout
    assert second.stdout.strip() == "Nothing has changed."
    (tmp_path / "bad.yaml").write_text("record: b\nkind: rapport annuel\n", encoding="utf-8")
    told = tribune(tmp_path, "publish", "item.yaml", "bad.yaml")
    assert told.returncode == 1 and "Traceback" not in told.stderr
    assert "bad.yaml, line 2: kind: 'rapport annuel' is not a kind. Did you mean report" in told.stderr
    (tmp_path / "gone.yaml").write_text("record: a\nwithdrawn: A wrong figure.\n", encoding="utf-8")
    gone = tribune(tmp_path, "publish", "gone.yaml")
    assert "publication.withdrawn  r2  a: A wrong figure." in gone.stdout
    refused = tribune(tmp_path, "pull", "feeds", "--accept-loss")
    assert refused.returncode == 1 and "--accept-loss is for one ILOSTAT source" in refused.stderr
    unknown = tribune(tmp_path, "pull", "oai", "nowhere")
    assert unknown.returncode == 1 and "Traceback" not in unknown.stderr and "no configured source" in unknown.stderr
