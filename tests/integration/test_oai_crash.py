"""kill -9 in the middle of a harvest, and two processes at once: nothing lost, nothing twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from producers import oai
from tests.conftest import ROOT
from tribune.bootstrap import Application
from tribune.config import Settings, load
from tribune.services.events.event_codec import decode

PAGES, PER_PAGE = 5, 20


class Repository(ThreadingHTTPServer):
    """Five pages; from the third on it answers only when `go` is set."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.go = threading.Event()
        self.at_third = threading.Event()


class Handler(BaseHTTPRequestHandler):
    """Answers Identify and ListRecords."""

    server: Repository

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if query["verb"] == ["Identify"]:
            body = "<Identify><granularity>YYYY-MM-DD</granularity></Identify>"
        else:
            page = int(query.get("resumptionToken", ["1"])[0])
            if page == 3:
                self.server.at_third.set()
                self.server.go.wait(30)
            records = "".join(_record(page, place) for place in range(PER_PAGE))
            token = f"<resumptionToken>{page + 1}</resumptionToken>" if page < PAGES else ""
            body = f"<ListRecords>{records}{token}</ListRecords>"
        content = (
            '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2026-11-23T06:00:00Z</responseDate>'
            f"{body}</OAI-PMH>"
        ).encode()
        with suppress(ConnectionError):
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_: object) -> None: ...


def _record(page: int, place: int) -> str:
    return (
        f"<record><header><identifier>oai:r:{page}-{place}</identifier></header><metadata>"
        f'<title xmlns="http://purl.org/dc/elements/1.1/">Title {page}-{place}</title></metadata></record>'
    )


@pytest.fixture
def repository() -> Iterator[Repository]:
    server = Repository()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.go.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def configured(tmp_path: Path, repository: Repository) -> Settings:
    (tmp_path / "tribune.toml").write_text(
        f'[http]\nallowed_private_networks = ["127.0.0.0/8"]\n[store]\nurl = "sqlite:///{tmp_path}/t.sqlite3"\n'
        f'[sources.oai.repo]\naddress = "http://127.0.0.1:{repository.server_port}/"\n',
        encoding="utf-8",
    )
    return load(tmp_path / "tribune.toml")


def pull(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tribune", "pull", "oai", "repo"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def published(settings: Settings) -> Counter[str]:
    """How often each record's first revision is on the log, and that there is no other."""
    house = Application(settings)
    house.prepare()
    consumer = house.log.consumer("test", ["publications"])
    try:
        events = [decode(m.value, key=m.key, received_at=m.published_at).event for m in consumer.poll(10_000)]
    finally:
        consumer.close()
        house.close()
    assert all(event.revision == 1 for event in events)
    return Counter(event.key for event in events)


def test_a_harvest_killed_in_the_middle_is_taken_up(
    tmp_path: Path, repository: Repository, configured: Settings
) -> None:
    process = pull(tmp_path)
    assert repository.at_third.wait(60), process.communicate(timeout=5)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert len(published(configured)) == 2 * PER_PAGE, "whole pages that were read are out, and nothing else"
    repository.go.set()
    done = pull(tmp_path)
    said, told = done.communicate(timeout=60)
    assert done.returncode == 0, told
    assert f"{3 * PER_PAGE} events published" in said
    once = published(configured)
    assert len(once) == PAGES * PER_PAGE and set(once.values()) == {1}


def test_two_at_once_publish_once(configured: Settings, repository: Repository) -> None:
    repository.go.set()
    houses = [Application(configured) for _ in range(3)]
    houses[0].prepare()

    def harvest(house: Application) -> int:
        (told,) = oai.pull(house)
        assert told.error is None, told.error
        return len(told.events)

    with ThreadPoolExecutor(3) as pool:
        counts = list(pool.map(harvest, houses))
    for house in houses:
        house.close()
    assert sum(counts) == PAGES * PER_PAGE
    once = published(configured)
    assert len(once) == PAGES * PER_PAGE and set(once.values()) == {1}
