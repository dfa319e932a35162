"""Two who write the same address at the same moment: the one who comes second finds it, and nothing fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.sign_up_world import Door, wanted
from tests.waiting import until
from tribune.bootstrap import Application
from tribune.domain.audience import Status
from tribune.domain.imports import Basis, BasisKind
from tribune.domain.sign_up import Asking
from tribune.services.audience.import_subscribers import import_subscribers
from tribune.services.audience.sign_up import sign_up
from web.batches import Together

pytestmark = pytest.mark.postgres_only
ADA = "ada@example.org"


def while_somebody_signs_up(door: Door, do: Callable[[], Any]) -> Any:
    """What `do` gives that is begun, in a thread, before the sign-up of Ada is committed, and has to wait for it."""
    app = door.app

    def waits() -> bool:
        with app.store.engine.connect() as connection:
            mine = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            return bool(connection.scalar(text(f"{mine} AND wait_event_type = 'Lock'")))

    with ThreadPoolExecutor(1) as pool:
        with app.store.write() as tx:
            sign_up(tx, Asking(ADA, wanted(), "fr-0123456789abcdef", ""), door.needs, app.clock.now())
            done: Future[Any] = pool.submit(do)
            until(waits)
        return done.result(30)


def test_an_import_takes_in_who_signs_up_at_that_moment(app: Application, tmp_path: Path) -> None:
    door = Door(app)
    file = tmp_path / "people.csv"
    file.write_text(f"address,languages,zone,digest,policy_areas,cadence\n{ADA},en,UTC,letter,skills,weekly\n")
    basis = Basis(BasisKind.TRANSFER, "the former system")
    done = while_somebody_signs_up(
        door, lambda: import_subscribers(app.store, app.clock, file, app.digests, app.codelists, basis=basis)
    )
    assert (done.added, done.refused) == (1, 0)
    person = door.person(ADA)
    assert person is not None
    assert (person.status, person.languages) == (Status.ACTIVE, ("en",))


def test_a_form_that_comes_second_is_answered(app: Application) -> None:
    door = Door(app)
    asking = Asking(ADA, wanted(languages=("es",)), "es-0123456789abcdef", "")
    forms: Together[Asking, str] = Together("forms", app.store, lambda tx, asked: [_added(tx, one) for one in asked])
    assert while_somebody_signs_up(door, lambda: asyncio.run(forms(asking))) == "known"
    person = door.person(ADA)
    assert person is not None
    assert person.status is Status.PENDING


def _added(tx: Any, asking: Asking) -> str:
    """As a door that takes no turn with the form."""
    if tx.audience.by_address(asking.address) is not None:
        return "known"
    tx.connection.execute(
        text("INSERT INTO people (id, address, address_key, name) VALUES (99, :a, :a, '')"), {"a": ADA}
    )
    return "added"
