"""The audit log: one chain, whoever writes."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from tribune.bootstrap import Application
from tribune.domain.audit import FIRST, holds
from tribune.domain.staff import Permission, Role, may

pytestmark = pytest.mark.both_stores
NOW = datetime(2026, 11, 30, 9, 0, 0, 123456, tzinfo=UTC)


def test_entries_are_sealed_one_with_the_other(app: Application) -> None:
    with app.store.write() as tx:
        tx.audit.add("staff/1", "segment.saved", "segment/4", {"name": "Été", "people": 12}, NOW)
    with app.store.write() as tx:
        tx.audit.add("cli", "person.erased", "subscriber/31", {}, NOW)
    before = FIRST
    with app.store.read() as tx:
        entries = list(tx.audit.entries())
        head = tx.audit.head()
    assert [(e.number, e.actor, e.facts.get("name")) for e in entries] == [(1, "staff/1", "Été"), (2, "cli", None)]
    for entry in entries:
        assert holds(entry, before)
        before = entry.seal
    assert head == entries[-1]


def test_writers_at_the_same_time_make_one_chain(app: Application) -> None:
    def write(who: int) -> None:
        for number in range(10):
            with app.store.write() as tx:
                tx.audit.add(f"staff/{who}", "looked", f"subscriber/{number}", {}, NOW)

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with app.store.read() as tx:
        entries = list(tx.audit.entries())
    assert [e.number for e in entries] == list(range(1, 41))
    before = FIRST
    for entry in entries:
        assert holds(entry, before)
        before = entry.seal


def test_what_was_undone_leaves_no_gap(app: Application) -> None:
    with pytest.raises(ZeroDivisionError), app.store.write() as tx:
        tx.audit.add("cli", "x", "", {}, NOW)
        raise ZeroDivisionError
    with app.store.write() as tx:
        assert tx.audit.add("cli", "y", "", {}, NOW).number == 1


def test_an_auditor_reads_and_changes_nothing() -> None:
    assert may([Role.AUDITOR], Permission.READ_AUDIT)
    assert not any(may([Role.AUDITOR], p) for p in Permission if p.value.startswith(("change", "manage")))
    assert all(may([Role.ADMINISTRATOR], p) for p in Permission)
