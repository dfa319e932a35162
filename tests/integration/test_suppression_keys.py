"""The suppression list has keyed hashes; what an older version wrote is carried over, by several processes at once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from tests.planned import add_people
from tribune.bootstrap import Application
from tribune.config import Security
from tribune.domain.addresses import SuppressionHash, plain_hash
from tribune.domain.errors import ConfigurationError
from tribune.store.migrate import migrate
from tribune.store.suppressions import key_hashes
from tribune.store.tables import suppressions

pytestmark = pytest.mark.both_stores


def old_rows(app: Application, number: int) -> None:
    """What a released version wrote of reader1 ... readerN."""
    with app.store.write() as tx:
        tx.connection.execute(
            insert(suppressions),
            [
                {"address_hash": plain_hash(f"reader{n}@example.org"), "reason": "complaint", "since": app.clock.now()}
                | {"subscriber_id": n}
                for n in range(1, number + 1)
            ],
        )


def upgrade(app: Application) -> None:
    migrate(app.store.engine, lambda connection: key_hashes(connection, lambda: app.suppression_hash))


def rows(app: Application) -> list[tuple[str, str]]:
    with app.store.read() as tx:
        return [(row.address_hash, row.key_id) for row in tx.connection.execute(select(suppressions))]


def test_old_hashes_become_keyed_ones_and_are_still_found(app: Application) -> None:
    old_rows(app, 3)
    upgrade(app)
    told = rows(app)
    assert {key for _, key in told} == {app.suppression_hash.fingerprint}
    assert plain_hash("reader1@example.org") not in dict(told)
    with app.store.read() as tx:
        found = tx.audience.suppressed(["Reader1@example.org", "reader9@example.org"])
    assert found == {"Reader1@example.org": "complaint"}
    upgrade(app)
    assert rows(app) == told, "a second time changes nothing"


def test_several_processes_at_once_carry_each_over_once(app: Application) -> None:
    old_rows(app, 50)
    app.suppression_hash  # noqa: B018 - one key for all
    failures: list[BaseException] = []

    def run() -> None:
        try:
            upgrade(app)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    hashed = {app.suppression_hash(f"reader{n}@example.org") for n in range(1, 51)}
    assert {hash for hash, _ in rows(app)} == hashed


def test_an_older_version_that_still_runs_beside_us_does_no_harm(app: Application) -> None:
    with app.store.write() as tx:
        tx.audience.suppress("reader1@example.org", "hard_bounce", app.clock.now())
    old_rows(app, 2)
    upgrade(app)
    assert len(rows(app)) == 2
    with app.store.read() as tx:
        found = tx.audience.suppressed(["reader1@example.org", "reader2@example.org"])
    assert found == {"reader1@example.org": "hard_bounce", "reader2@example.org": "complaint"}


def test_another_key_is_refused_rather_than_protect_nobody(app: Application) -> None:
    with app.store.write() as tx:
        tx.audience.suppress("reader1@example.org", "complaint", app.clock.now())
    with app.store.engine.connect() as connection, pytest.raises(ConfigurationError, match="another key"):
        key_hashes(connection, lambda: SuppressionHash(b"another key than it was made with"))


def test_a_list_with_nobody_on_it_asks_for_no_key(app: Application) -> None:
    upgrade(app)
    assert not (app.settings.data_dir / "suppression.key").exists()


def test_the_key_is_the_settings_or_a_file_of_its_own(app: Application, tmp_path: Path) -> None:
    with app.store.write() as tx:
        add_people(tx, 1)
        tx.audience.suppress("reader1@example.org", "complaint", app.clock.now())
    file = app.settings.data_dir / "suppression.key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert SuppressionHash(file.read_bytes()).fingerprint == app.suppression_hash.fingerprint
    told = app.settings.model_copy(update={"security": Security.model_validate({"suppression_key": "s" * 32})})
    assert Application(told, app.clock).suppression_hash.fingerprint == SuppressionHash(b"s" * 32).fingerprint
    short = app.settings.model_copy(update={"security": Security.model_validate({"suppression_key": "short"})})
    with pytest.raises(ConfigurationError, match="32 characters"):
        Application(short, app.clock).suppression_hash  # noqa: B018
    assert "s" * 32 not in repr(told)
