"""How many people an edition that is next will find: those who have not stopped and do not wait."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.planned import add_people
from tribune.bootstrap import Application
from tribune.commands.check import warnings
from tribune.domain.audience import Cadence
from tribune.domain.schedule import Timing
from tribune.services.audience.pause_subscriber import pause_until
from tribune.services.audience.unsubscribe import unsubscribe

pytestmark = pytest.mark.both_stores


def with_people(app: Application, number: int, digest: str) -> list[int]:
    """So many who receive the digest at the same hour, and the row of that hour."""
    with app.store.write() as tx:
        ids = add_people(tx, number, digest=digest)
        person = tx.audience.one(ids[0])
        assert person is not None
        [rhythm] = person.rhythms
        timing = Timing(rhythm.cadence, rhythm.weekday, rhythm.hour, person.zone)
        tx.schedules.ensure_cohorts(digest, [timing], app.clock.now())
    return ids


def test_who_has_stopped_or_waits_is_not_counted(app: Application) -> None:
    now, ids = app.clock.now(), with_people(app, 7, "letter")
    with app.store.write() as tx:
        add_people(tx, 2, first=20, digest="other")

    def people() -> list[tuple[Cadence, int]]:
        with app.store.read() as tx:
            return [(found.row.cadence, found.people) for found in tx.schedules.upcoming(9, digest="letter")]

    assert people() == [(Cadence.DAILY, 7)]
    with app.store.write() as tx:
        unsubscribe(tx, ids[0], "letter", now)
        unsubscribe(tx, ids[1], None, now)
        pause_until(tx, ids[2], (now + timedelta(days=9)).date(), now)
    assert people() == [(Cadence.DAILY, 4)]


def test_check_names_a_digest_that_people_receive_and_the_settings_lack(app: Application) -> None:
    with_people(app, 1, "bulletin")
    told = "\n".join(warnings(app))
    assert "People receive the digest 'bulletin', which the settings do not have" in told
    app.settings.digests["bulletin"] = app.settings.digests["letter"]
    assert "People receive the digest" not in "\n".join(warnings(app))
