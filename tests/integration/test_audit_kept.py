"""What is written down stays: the database refuses to change it, the chain tells who did all the same."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest
from sqlalchemy.exc import DatabaseError

from tribune.bootstrap import Application
from tribune.domain.audit import FIRST, AuditFilter
from tribune.services.audit import verify_audit as verifying
from tribune.services.audit.export_audit import export_audit, export_in_slices
from tribune.services.audit.verify_audit import Verdict, verify_audit

pytestmark = pytest.mark.both_stores


@pytest.fixture
def kept(app: Application, monkeypatch: pytest.MonkeyPatch) -> Application:
    """Twelve entries, read five at a time."""
    monkeypatch.setattr(verifying, "SLICE", 5)
    for number in range(1, 13):
        with app.store.write() as tx:
            who = "cli" if number % 3 else "staff/1"
            at = app.clock.now() + timedelta(hours=number)
            tx.audit.add(who, "looked" if number % 2 else "sign_in.done", f"subscriber/{number}", {"n": number}, at)
    return app


def verdict(app: Application, expected: str = "") -> Verdict:
    with app.store.read() as tx:
        return verify_audit(tx, expected)


def seals(app: Application) -> list[str]:
    with app.store.read() as tx:
        return [entry.seal for entry in tx.audit.entries()]


def by_the_owner(app: Application, *statements: str) -> None:
    """What somebody who owns the database can do: take the triggers away first."""
    off = {
        "sqlite": [f"DROP TRIGGER audit_{name}" for name in ("refuses_update", "refuses_delete", "follows")],
        "postgresql": [f"DROP TRIGGER audit_{name} ON audit" for name in ("refuses", "follows")],
    }[app.store.engine.dialect.name]
    with app.store.write() as tx:
        for statement in (*off, *statements):
            tx.connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'cli' WHERE number = 3",
        "DELETE FROM audit WHERE number = 12",
        "DELETE FROM audit",
        "UPDATE audit SET seal = seal",
    ],
)
def test_the_database_refuses_to_change_an_entry(kept: Application, statement: str) -> None:
    before = seals(kept)
    with pytest.raises(DatabaseError, match="only ever added"), kept.store.write() as tx:
        tx.connection.exec_driver_sql(statement)
    assert seals(kept) == before and verdict(kept).whole


def forged(kept: Application, number: int, before: str) -> str:
    """The values of an entry with a seal that fits, as who reads the code can make it."""
    from tribune.domain.audit import seal

    with kept.store.read() as tx:
        at = tx.audit.newest(1)[0].at
        stored = tx.connection.exec_driver_sql("SELECT at FROM audit WHERE number = 12").scalar_one()
    own = seal(before, number, at, "staff/9", "looked", "", {})
    return f"({number}, '{stored}', 'staff/9', 'looked', '', '{{}}', '{before}', '{own}')"


COLUMNS = "(number, at, actor, action, about, facts, before, seal)"


@pytest.mark.parametrize("number", [-1, 0, 1, 12, 14, 2**31 - 1])
def test_no_entry_is_taken_out_of_turn(kept: Application, number: int) -> None:
    values = forged(kept, number, seals(kept)[-1])
    with pytest.raises(DatabaseError, match="one after the other"), kept.store.write() as tx:
        tx.connection.exec_driver_sql(f"INSERT INTO audit {COLUMNS} VALUES {values}")
    assert verdict(kept) == Verdict(12, seals(kept)[-1])


def test_the_newest_entry_is_not_replaced(kept: Application) -> None:
    """INSERT OR REPLACE deletes without the trigger of DELETE; what PostgreSQL has for it is an UPDATE."""
    values, before = forged(kept, 12, seals(kept)[-2]), seals(kept)
    replacing = {
        "sqlite": f"INSERT OR REPLACE INTO audit {COLUMNS} VALUES {values}",
        "postgresql": f"INSERT INTO audit {COLUMNS} VALUES {values}"
        " ON CONFLICT (number) DO UPDATE SET actor = excluded.actor, seal = excluded.seal",
    }[kept.store.engine.dialect.name]
    with pytest.raises(DatabaseError, match="only ever added"), kept.store.write() as tx:
        tx.connection.exec_driver_sql(replacing)
    assert seals(kept) == before


@pytest.mark.parametrize("number", [-1, 0])
def test_an_entry_before_the_first_is_found_and_given_out(kept: Application, number: int) -> None:
    by_the_owner(kept, f"INSERT INTO audit {COLUMNS} VALUES {forged(kept, number, FIRST)}")
    told = verdict(kept)
    assert (told.broken, told.why) == (number, "it was slipped in before the first")
    with kept.store.read() as tx:
        assert json.loads(next(iter(export_audit(tx))))["number"] == number


def test_the_newest_entry_written_anew_by_the_owner_is_noticed_by_a_seal_that_was_noted(kept: Application) -> None:
    """Without one it cannot be: nothing that stands in the database tells it from what was there."""
    noted = verdict(kept).head
    by_the_owner(
        kept,
        "DELETE FROM audit WHERE number = 12",
        f"INSERT INTO audit {COLUMNS} VALUES {forged(kept, 12, seals(kept)[-2])}",
    )
    assert verdict(kept).whole
    told = verdict(kept, noted)
    assert not told.whole and "written anew" in told.why


def test_the_table_is_not_emptied_as_a_whole(kept: Application) -> None:
    """TRUNCATE, which only PostgreSQL has, passes triggers of rows by."""
    if kept.store.engine.dialect.name == "sqlite":
        return
    with pytest.raises(DatabaseError, match="only ever added"), kept.store.write() as tx:
        tx.connection.exec_driver_sql("TRUNCATE audit")


def test_a_whole_chain_is_told_with_its_newest_seal(kept: Application, app: Application) -> None:
    assert verdict(kept) == Verdict(12, seals(kept)[-1])
    assert verdict(kept, seals(kept)[6]).whole


def test_an_empty_log_is_whole(app: Application) -> None:
    assert verdict(app) == Verdict(0, FIRST)
    assert not verdict(app, "a" * 64).whole


@pytest.mark.parametrize(
    ("statement", "broken", "why"),
    [
        ("UPDATE audit SET actor = 'cli' WHERE number = 3", 3, "changed"),
        ("UPDATE audit SET about = 'subscriber/7' WHERE number = 12", 12, "changed"),
        ("UPDATE audit SET facts = '{\"n\": 4.0}' WHERE number = 4", 4, "changed"),
        ("DELETE FROM audit WHERE number = 6", 6, "missing"),
        ("DELETE FROM audit WHERE number = 1", 1, "missing"),
        ("UPDATE audit SET number = 99 WHERE number = 5", 5, "missing"),
    ],
)
def test_the_first_entry_that_does_not_hold_is_named(kept: Application, statement: str, broken: int, why: str) -> None:
    by_the_owner(kept, statement)
    told = verdict(kept)
    assert (told.broken, told.entries, told.head) == (broken, broken - 1, ([FIRST, *seals(kept)])[broken - 1])
    assert why in told.why


def test_an_entry_that_was_sealed_anew_breaks_the_chain_behind_it(kept: Application) -> None:
    from tribune.domain.audit import seal

    with kept.store.read() as tx:
        third = list(tx.audit.entries())[2]
    forged = seal(third.before, 3, third.at, "cli", third.action, third.about, third.facts)
    by_the_owner(kept, f"UPDATE audit SET actor = 'cli', seal = '{forged}' WHERE number = 3")
    assert verdict(kept).broken == 4


def test_an_end_that_was_cut_off_is_noticed_by_a_seal_that_was_noted(kept: Application) -> None:
    noted = verdict(kept).head
    by_the_owner(kept, "DELETE FROM audit WHERE number > 9")
    assert verdict(kept).whole, "a chain that ends earlier is a chain"
    told = verdict(kept, noted)
    assert not told.whole and told.broken == 10


def test_many_writers_make_one_chain_also_where_some_fail(app: Application) -> None:
    def write(who: int) -> None:
        for number in range(8):
            try:
                with app.store.write() as tx:
                    tx.audit.add(f"staff/{who}", "looked", f"subscriber/{number}", {}, app.clock.now())
                    if number % 3 == who % 3:
                        raise ZeroDivisionError
            except ZeroDivisionError:
                continue

    threads = [threading.Thread(target=write, args=(who,)) for who in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = verdict(app)
    assert told.whole and 25 <= told.entries < 48


def test_entries_are_found_by_who_what_about_whom_and_when(kept: Application) -> None:
    now = kept.clock.now()

    def numbers(**wanted: object) -> list[int]:
        with kept.store.read() as tx:
            return [entry.number for entry in tx.audit.newest(50, AuditFilter(**wanted))]  # type: ignore[arg-type]

    assert numbers() == list(range(12, 0, -1))
    assert numbers(actor="staff/1") == [12, 9, 6, 3]
    assert numbers(action="sign_in") == numbers(action="sign_in.done") == [12, 10, 8, 6, 4, 2]
    assert numbers(action="sign") == numbers(action="sign_in.") == numbers(action="%") == []
    assert numbers(about="subscriber/1") == [1]
    assert numbers(since=now + timedelta(hours=11)) == [12, 11]
    assert numbers(until=now + timedelta(hours=2)) == [1]
    assert numbers(actor="' OR 1=1 --") == []
    with kept.store.read() as tx:
        assert [entry.number for entry in tx.audit.newest(2, before=5)] == [4, 3]
        assert tx.audit.actions() == ["looked", "sign_in.done"]


@pytest.mark.parametrize("way", ["at once", "in slices"])
def test_what_is_given_out_can_be_checked_elsewhere(
    kept: Application, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tribune.services.audit.export_audit.SLICE", 5)
    if way == "in slices":
        text = "".join(export_in_slices(kept.store))
    else:
        with kept.store.read() as tx:
            text = "".join(export_audit(tx))
    told = [json.loads(line) for line in text.splitlines()]
    assert [one["number"] for one in told] == list(range(1, 13))
    assert [one["before"] for one in told[1:]] == [one["seal"] for one in told[:-1]]
    assert told[4]["facts"] == {"n": 5}
