"""A rule says the same of everybody, whether the store is asked or the reasons are looked for."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.segment_world import Person, persons, rules, settle, terms
from tribune.bootstrap import Application
from tribune.domain.segment_matching import explain
from tribune.domain.segments import Rule

pytestmark = pytest.mark.both_stores

TABLES = ("person_tags", "engagement", "marks", "rhythms", "subscriptions", "suppressions", "subscribers", "people")


def empty(app: Application) -> None:
    """Nobody is there, and numbers begin at 1 again."""
    with app.store.write() as tx:
        for table in TABLES:
            tx.connection.execute(text(f"DELETE FROM {table}"))
        tx.connection.execute(text("UPDATE counters SET value = 0 WHERE name = 'people'"))


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(people=st.lists(persons, min_size=1, max_size=8), asked=st.lists(rules, min_size=1, max_size=6))
def test_the_store_and_the_reasons_agree(app: Application, people: list[Person], asked: list[Rule]) -> None:
    empty(app)
    ids = settle(app, people)
    read_with = terms(app)
    with app.store.read() as tx:
        facts = tx.segments.facts(ids)
        assert facts.keys() == set(ids)
        for rule in asked:
            inside = {id for id in ids if explain(rule, facts[id], read_with).inside}
            mailable = {id for id in inside if facts[id].mailable}
            assert tx.segments.count(rule, read_with) == (len(inside), len(mailable))
            look = tx.segments.look(rule, read_with, 100)
            assert look.numbers == (len(inside), len(mailable))
            assert set(look.sample) == inside
            for only, wanted in ((False, inside), (True, mailable)):
                told = [id for batch in tx.segments.ids(rule, read_with, mailable=only) for id in batch]
                assert told == sorted(wanted)
