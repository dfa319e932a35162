"""What all tests share. Unit tests have no sockets; a real part that is missing skips, and under CI fails."""

from __future__ import annotations

import gc
import logging
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import structlog

from tests import kafka_broker, postgres_server
from tests.kafka_broker import broker, cluster  # noqa: F401 - fixtures
from tests.postgres_server import own_postgres  # noqa: F401 - fixtures
from tools.postgres.server import Server
from tribune.bootstrap import Application
from tribune.codelists import load
from tribune.config import Settings
from tribune.domain.codelists import Codelists
from tribune.log.kafka.cluster import Cluster
from tribune.ports.clock import StoppedClock
from tribune.resources import locate
from tribune.store import sqlite

if TYPE_CHECKING:
    from tests.api_world import Api

ROOT = Path(__file__).resolve().parent.parent
SHARED_ABSENT = "../shared is absent"


def pytest_configure(config: pytest.Config) -> None:
    os.environ.pop("TRIBUNE_CONFIG", None)
    sqlite.SYNCHRONOUS = "OFF"  # no test pulls the plug; processes that tests start and kill write as ever
    hypothesis.settings.register_profile("house", max_examples=50)
    hypothesis.settings.load_profile("house")
    gc.set_threshold(
        100_000, 20, 50
    )  # many small objects live as long as the run: looking through them takes half of it


def pytest_configure_node(node: Any) -> None:
    """xdist: tell a worker whose run it belongs to."""
    node.workerinput["tribune_owner"] = os.getpid()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        postgres_server.stop(config)
        kafka_broker.stop(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests whose subject is the store run on both stores."""
    marked = metafunc.definition.get_closest_marker
    if "store_kind" in metafunc.fixturenames and marked("postgres_only"):
        metafunc.parametrize("store_kind", ["postgresql"], indirect=True)
    elif "store_kind" in metafunc.fixturenames and marked("both_stores") and not marked("embedded_only"):
        metafunc.parametrize("store_kind", ["sqlite", "postgresql"], indirect=True)
    elif "store_kind" in metafunc.fixturenames and marked("both_pairs"):
        metafunc.parametrize("store_kind", ["sqlite", "postgresql+kafka"], indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits most comes first: at the end nobody may be left alone with it. No sockets in unit tests."""
    items.sort(key=lambda item: item.get_closest_marker("waits") is None)
    for item in items:
        if "tests/unit/" in item.path.as_posix():
            item.add_marker(pytest.mark.disable_socket)


def pytest_collection_finish() -> None:
    """What was imported stays to the end: the collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """In CI a skipped test is a failure, unless its reason is that ../shared is absent."""
    outcome: Any = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if SHARED_ABSENT not in reason:
            report.outcome = "failed"
            report.longrepr = f"skipped in CI: {reason}"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real test data beside the checkout."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(SHARED_ABSENT)
    return folder


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """What a test does to the logs ends with it."""
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers.clear()


@pytest.fixture
def clock() -> StoppedClock:
    """Monday 23 November 2026, 06:00 UTC, until a test moves it."""
    return StoppedClock(datetime(2026, 11, 23, 6, 0, tzinfo=UTC))


@pytest.fixture
def store_kind(request: pytest.FixtureRequest) -> str:
    """The store that the test runs on: sqlite, unless it is marked `both_stores` or, with the log that belongs to each,
    `both_pairs`."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def store_url(store_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a store of the test's own. On PostgreSQL it is there and migrated."""
    if store_kind == "sqlite":
        yield f"sqlite:///{tmp_path}/var/tribune.sqlite3"
        return
    with postgres_server.database(request.getfixturevalue("postgres")) as url:
        yield url


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Server:
    """The run's PostgreSQL server; where the machine has none, the test is skipped."""
    return postgres_server.start(request.config)


@pytest.fixture
def settings(tmp_path: Path, store_url: str, store_kind: str, request: pytest.FixtureRequest) -> Settings:
    """Embedded defaults in a folder of the test's own, with one digest."""
    log: dict[str, Any] = {"kind": "embedded" if store_kind == "sqlite" else "kafka"}
    if store_kind == "postgresql+kafka":
        kafka: Cluster = request.getfixturevalue("cluster")
        log |= {"bootstrap_servers": kafka.servers, "prefix": kafka.prefix}
    return Settings.model_validate(
        {
            "data_dir": tmp_path / "var",
            "store": {"url": store_url},
            "log": log,
            "email": {"outbox_folder": tmp_path / "outbox"},
            "digests": {
                "letter": {
                    "names": {"en": "The letter", "fr": "La lettre", "es": "El boletín"},
                    "sender": "letter@observatory.example",
                }
            },
            "organisation": {
                "names": {
                    "en": "Observatory of the World of Work",
                    "fr": "Observatoire du monde du travail",
                    "es": "Observatorio del Mundo del Trabajo",
                },
                "addresses": {"en": "1 Lake Street, Example City", "fr": "1, rue du Lac", "es": "Calle del Lago 1"},
            },
        }
    )


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that the migrations have built, to be copied: running them takes longer than most tests."""
    file = tmp_path_factory.mktemp("migrated") / "tribune.sqlite3"
    application = Application(Settings.model_validate({"store": {"url": f"sqlite:///{file}"}}))
    application.prepare()
    with application.store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    application.close()
    return file


@pytest.fixture(scope="session")
def codelists() -> Codelists:
    """The code lists, read once for all tests: they do not change."""
    return load(locate("codelists"))


@pytest.fixture
def app(
    settings: Settings, clock: StoppedClock, migrated: Path, codelists: Codelists, store_kind: str
) -> Iterator[Application]:
    """The whole house on embedded defaults, migrated, with a clock that the test moves.

    On PostgreSQL without Kafka: events stay in the outbox, and nobody asks for the log.
    """
    settings.data_dir.mkdir(parents=True)
    application = Application(settings, clock)
    application.codelists = codelists
    if store_kind == "sqlite":
        shutil.copy(migrated, settings.data_dir / "tribune.sqlite3")
    elif store_kind == "postgresql+kafka":
        application.prepare()
    yield application
    application.close()


@pytest.fixture
def api(app: Application) -> Api:
    """The API as an administrator calls it, with every scope, from a network of which nobody knows anything."""
    from tests.api_world import api_of
    from tribune.domain.staff import Role

    return api_of(app, [Role.ADMINISTRATOR])
