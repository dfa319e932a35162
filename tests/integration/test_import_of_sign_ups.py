"""A file names people whose sign-up waits for its confirmation: they are taken in as if they were new."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import event, select

from tests.sign_up_world import HOUR, Door
from tribune.bootstrap import Application
from tribune.domain.audience import Fallback, Status, Subscriber
from tribune.domain.consent import ConsentAct
from tribune.domain.imports import Basis, BasisKind, Import
from tribune.domain.sign_up import Standing
from tribune.ports.clock import StoppedClock
from tribune.services.audience.import_subscribers import import_subscribers
from tribune.store.tables import subscribers

pytestmark = pytest.mark.both_stores

ADA = "ada@example.org"
HEADER = "address,languages,zone,digest,policy_areas,cadence,status"
Take = Callable[..., Import]


@pytest.fixture
def door(app: Application) -> Door:
    return Door(app)


@pytest.fixture
def take(app: Application, tmp_path: Path) -> Take:
    def taken(*rows: str, header: str = HEADER, dry_run: bool = False) -> Import:
        file = tmp_path / "people.csv"
        file.write_text("\n".join([header, *rows, ""]))
        basis = Basis(BasisKind.TRANSFER, "the former system")
        return import_subscribers(app.store, app.clock, file, app.digests, app.codelists, basis=basis, dry_run=dry_run)

    return taken


def person(door: Door, address: str = ADA) -> Subscriber:
    found = door.person(address)
    assert found is not None
    return found


def waiting(door: Door, address: str = ADA) -> int:
    with door.app.store.read() as tx:
        return len(tx.sign_ups.of(person(door, address).id))


def test_what_waited_is_settled_and_its_link_changes_nothing_any_more(
    door: Door, take: Take, clock: StoppedClock
) -> None:
    door.asks("Ada@example.org")
    door.asks("ben@example.org")
    waits, link, bens = person(door), door.link(ADA), door.link("ben@example.org")
    clock.move(HOUR)
    done = take("ada@example.org,en,Africa/Accra,letter,skills,weekly,")
    assert (done.added, done.changed, done.unchanged, done.refused) == (1, 0, 0, 0)
    told = person(door)
    assert (told.id, told.status, told.address) == (waits.id, Status.ACTIVE, ADA)
    assert (told.languages, told.zone) == (("en",), "Africa/Accra")
    assert (told.group, told.fallback) == ("other", Fallback.SOURCE), "nothing of what the form said stands"
    assert [s.choice.policy_areas for s in told.subscriptions] == [{"skills"}]
    assert waiting(door) == 0
    with door.app.store.read() as tx:
        assert [r.act for r in tx.consents.of(told.id)] == [ConsentAct.IMPORTED]
        confirmed = tx.connection.scalar(select(subscribers.c.confirmed_at).where(subscribers.c.id == told.id))
    assert confirmed == clock.now()
    assert door.confirms(link) is Standing.DONE
    assert person(door) == told
    assert waiting(door, "ben@example.org") == 1, "of nobody else is anything settled"
    assert door.confirms(bens) is Standing.DONE
    assert take("ada@example.org,en,Africa/Accra,letter,skills,weekly,").unchanged == 1


def test_a_dry_run_says_so_and_leaves_it_waiting(door: Door, take: Take) -> None:
    door.asks(ADA)
    assert take(f"{ADA},en,Africa/Accra,letter,skills,weekly,", dry_run=True).added == 1
    assert (person(door).status, waiting(door)) == (Status.PENDING, 1)


def test_a_file_of_addresses_alone_takes_them_in_as_it_does_anybody_new(door: Door, take: Take) -> None:
    door.asks(ADA)
    assert take(f"{ADA},en,Africa/Accra", header="address,languages,zone").added == 1
    told = person(door)
    assert (told.status, len(told.subscriptions), waiting(door)) == (Status.ACTIVE, 1, 0)


def test_who_is_taken_in_as_having_left_can_still_confirm(door: Door, take: Take) -> None:
    door.asks(ADA)
    link = door.link(ADA)
    take(f"{ADA},en,Africa/Accra,letter,skills,weekly,unsubscribed")
    assert (person(door).status, waiting(door)) == (Status.UNSUBSCRIBED, 1)
    assert door.confirms(link) is Standing.DONE
    assert (person(door).status, person(door).languages) == (Status.ACTIVE, ("fr", "en"))


def test_who_had_left_and_signed_up_again_is_not_brought_back(door: Door, take: Take) -> None:
    take(f"{ADA},en,Africa/Accra,letter,skills,weekly,unsubscribed")
    door.asks(ADA)
    assert take(f"{ADA},en,Africa/Accra,letter,skills,weekly,").refused == 1
    assert (person(door).status, waiting(door)) == (Status.UNSUBSCRIBED, 1)
    assert door.confirms(door.link(ADA)) is Standing.DONE


def test_many_are_settled_in_few_statements_and_none_where_nobody_waits(door: Door, take: Take) -> None:
    for n in range(30):
        door.asks(f"ada{n}@example.org", network="")
    told: list[str] = []

    def heard(connection: object, cursor: object, statement: str, *_: object) -> None:
        told.append(statement)

    def of_sign_ups() -> int:
        found = sum("sign_ups" in one for one in told)
        told.clear()
        return found

    event.listen(door.app.store.engine, "before_cursor_execute", heard)
    assert take(*(f"ada{n}@example.org,en,Africa/Accra,letter,skills,weekly," for n in range(30))).added == 30
    assert of_sign_ups() == 1
    # Whom nothing waits for costs nothing, new or changed.
    take(f"{ADA},en,Africa/Accra,letter,,weekly,", "ada1@example.org,fr,Africa/Accra,letter,,daily,")
    assert of_sign_ups() == 0
