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
from tribune.domain.audit import AuditFilter
from tribune.domain.errors import ConfigurationError, Conflict, NotFound
from tribune.services.audience.forget_list_key import forget_list_key
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
    migrate(app.store.engine, lambda connection: key_hashes(connection, app.find_suppression_hash))


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
        key_hashes(connection, lambda _: SuppressionHash(b"another key than it was made with"))


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


def with_key(app: Application, *keys: str) -> Application:
    """The same house as a process with another key sees it; with former ones behind it."""
    security = {"suppression_key": keys[0], "former_suppression_keys": keys[1:]}
    told = app.settings.model_copy(update={"security": Security.model_validate(security)})
    return Application(told, app.clock)


def suppress(app: Application, address: str) -> None:
    with app.store.write() as tx:
        tx.audience.suppress(address, "complaint", app.clock.now())


def test_another_key_may_neither_add_to_the_list_nor_look_into_it(app: Application) -> None:
    suppress(app, "reader1@example.org")
    other = with_key(app, "o" * 32)
    with other.store.write() as tx, pytest.raises(ConfigurationError, match="another key"):
        tx.audience.suppress("reader2@example.org", "complaint", app.clock.now())
    with other.store.read() as tx, pytest.raises(ConfigurationError, match="another key"):
        tx.newcomers.suppressed(["reader1@example.org"])
    with other.store.read() as tx, pytest.raises(ConfigurationError, match="another key"):
        tx.people.listed("reader1@example.org")
    other.close()
    assert len(rows(app)) == 1
    suppress(app, "reader2@example.org")
    upgrade(app)


def test_a_process_that_began_with_an_empty_list_may_not_add_to_anothers(app: Application) -> None:
    other = with_key(app, "o" * 32)
    with other.store.read() as tx:
        assert not tx.audience.suppressed(["reader1@example.org"])
    suppress(app, "reader1@example.org")
    with pytest.raises(ConfigurationError, match="another key"):
        suppress(other, "reader2@example.org")
    with app.store.write() as tx:
        tx.audience.lift(["reader1@example.org"], ["complaint"])
    suppress(other, "reader2@example.org")
    with pytest.raises(ConfigurationError, match="another key"):
        suppress(app, "reader3@example.org")
    other.close()


def test_no_key_is_made_where_the_list_has_one(app: Application, tmp_path: Path) -> None:
    suppress(app, "reader1@example.org")
    elsewhere = Application(app.settings.model_copy(update={"data_dir": tmp_path / "elsewhere"}), app.clock)
    with elsewhere.store.write() as tx, pytest.raises(ConfigurationError, match=r"not here: there is no .*elsewhere"):
        tx.audience.suppress("reader2@example.org", "complaint", app.clock.now())
    with pytest.raises(ConfigurationError, match="not here"):
        migrate(elsewhere.store.engine, lambda connection: key_hashes(connection, elsewhere.find_suppression_hash))
    elsewhere.close()
    assert not (tmp_path / "elsewhere" / "suppression.key").exists()


def of_two_keys(app: Application) -> Application:
    """reader1 and reader2 are listed with the house's key, reader3 (known) and reader4 (erased) with another."""
    with app.store.write() as tx:
        add_people(tx, 3)
    suppress(app, "reader1@example.org")
    suppress(app, "reader2@example.org")
    other = with_key(app, "o" * 32)
    with app.store.write() as tx:
        tx.connection.execute(
            insert(suppressions),
            [
                {"address_hash": other.suppression_hash(f"reader{n}@example.org"), "reason": "erased"}
                | {"since": app.clock.now(), "key_id": other.suppression_hash.fingerprint}
                | {"subscriber_id": 3 if n == 3 else None}
                for n in (3, 4)
            ],
        )
    return other


def test_a_list_of_two_keys_is_told_as_such_and_read_with_both(app: Application) -> None:
    other = of_two_keys(app)
    for house, own in ((app, app.suppression_hash), (other, other.suppression_hash)):
        fresh = Application(house.settings, app.clock)
        with fresh.store.read() as tx, pytest.raises(ConfigurationError) as refused:
            tx.audience.suppressed(["reader4@example.org"])
        fresh.close()
        assert "made with several keys" in str(refused.value) and f"this process's is {own.fingerprint}" in str(
            refused.value
        )
        assert f"{other.suppression_hash.fingerprint} (2 addresses)" in str(refused.value)
    file = (app.settings.data_dir / "suppression.key").read_text()
    both = with_key(app, file, "o" * 32)
    addresses = [f"reader{n}@example.org" for n in range(1, 6)]
    with both.store.write() as tx:
        assert sorted(tx.newcomers.suppressed(addresses)) == addresses[:4]
        assert sorted(tx.audience.suppressed(addresses)) == addresses[:4]
        listed = tx.people.listed("reader4@example.org")
        assert listed is not None and listed.reason == "erased"
        tx.audience.suppress("reader5@example.org", "complaint", app.clock.now())
        tx.audience.lift(["reader3@example.org"], ["erased"])
    with both.store.read() as tx:
        assert sorted(tx.audience.suppressed(addresses)) == [*addresses[:2], *addresses[3:]]
    upgrade(both)
    other.close()
    both.close()


def test_a_key_that_is_lost_can_be_forgotten(app: Application) -> None:
    other = of_two_keys(app)
    lost, own = other.suppression_hash.fingerprint, app.suppression_hash
    house = Application(app.settings, app.clock)
    with pytest.raises(Conflict, match="This process has the key"):
        forget_list_key(house.store, own, own.fingerprint, "cli", app.clock.now())
    with pytest.raises(NotFound, match="nothing"):
        forget_list_key(house.store, own, "nothing", "cli", app.clock.now())
    done = forget_list_key(house.store, own, lost, "cli", app.clock.now())
    assert done == (1, 1)
    with house.store.read() as tx:
        found = tx.audience.suppressed([f"reader{n}@example.org" for n in range(1, 5)])
        entry = tx.audit.newest(1, AuditFilter())[0]
    assert sorted(found) == ["reader1@example.org", "reader2@example.org", "reader3@example.org"]
    assert (entry.action, entry.about) == ("suppression.key_forgotten", lost)
    assert entry.facts == {"listed_anew": 1, "gone": 1}
    upgrade(house)
    house.close()
    other.close()


def test_what_is_claimed_to_be_sent_is_looked_for_with_each_key(app: Application) -> None:
    made = SuppressionHash(b"a" * 32, [b"b" * 32])
    assert made.each("reader@example.org") == (
        SuppressionHash(b"a" * 32)("reader@example.org"),
        SuppressionHash(b"b" * 32)("reader@example.org"),
    )
    assert made.fingerprint == SuppressionHash(b"a" * 32).fingerprint
