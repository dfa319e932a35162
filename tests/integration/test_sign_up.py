"""Signing up and confirming: nothing is in force before the mailbox has said yes, and nobody is flooded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from tests.notice_world import events
from tests.planning_world import World
from tests.sign_up_world import HOUR, WAGES, Door, both_at_once, wanted
from tribune.bootstrap import Application
from tribune.domain.audience import Cadence, Choice, Status
from tribune.domain.consent import ConsentAct
from tribune.domain.notices import NoticeKind
from tribune.domain.sign_up import Asking, Quota, Standing
from tribune.ports.clock import StoppedClock
from tribune.ports.quotas import Counted, Window
from tribune.ports.store import PLANNING
from tribune.services.audience.carry_out_retention import Periods, retention_slice
from tribune.services.audience.confirm_sign_up import Confirmation, confirm_together, look_at_sign_up
from tribune.services.audience.sign_up import CHECK_YOUR_MAIL, sign_up_together
from tribune.services.audience.unsubscribe import Stop, unsubscribe, unsubscribe_together

pytestmark = pytest.mark.both_stores

ANNA = "anna@example.org"
CONFIRM = NoticeKind.CONFIRM_SUBSCRIPTION


@pytest.fixture
def door(app: Application) -> Door:
    return Door(app)


def test_before_the_confirmation_there_is_a_mail_and_nothing_else(app: Application, door: Door) -> None:
    assert door.asks(ANNA) is CHECK_YOUR_MAIL
    person = door.person(ANNA)
    assert person is not None
    assert (person.status, person.name, person.subscriptions, person.rhythms) == (Status.PENDING, "", (), ())
    (notice,) = door.notices(ANNA)
    assert (notice.kind, notice.locale) == (CONFIRM, "fr")
    assert [event["type"].split(".", 2)[-1] for event in events(app)], "a sender is told"
    with app.store.read() as tx:
        assert tx.consents.of(person.id) == []
        assert not tx.schedules.upcoming(5), "strangers make no cohorts"


def test_a_confirmation_makes_a_subscriber_from_now_on(app: Application, door: Door) -> None:
    world = World(app)
    world.item("fr", areas=("wages",))
    door.asks(ANNA)
    world.item("fr", areas=("wages",))
    link = replace(door.link(ANNA), name="Anna Ndiaye")
    assert door.confirms(link) is Standing.DONE
    person = door.person(ANNA)
    assert person is not None
    assert (person.status, person.name, person.languages) == (Status.ACTIVE, "Anna Ndiaye", ("fr", "en"))
    assert person.subscriptions == wanted().subscriptions
    with app.store.read() as tx:
        assert [rhythm.mark for rhythm in person.rhythms] == [tx.catalogue.last_sequence()], "no older item comes"
        assert [(r.act, r.text_version, r.network) for r in tx.consents.of(person.id)] == [
            (ConsentAct.SIGNED_UP, "fr-0123456789abcdef", "198.51.100.0/24"),
            (ConsentAct.CONFIRMED, "fr-0123456789abcdef", "203.0.113.0/24"),
        ]
        assert tx.consents.of(person.id)[0].agreed["digests"]["letter"][0]["policy_areas"] == ["wages"]
        assert [u.row.zone for u in tx.schedules.upcoming(5)] == ["Africa/Dakar"]
        assert tx.sign_ups.of(person.id) == []


def test_confirming_twice_is_confirming_once(app: Application, door: Door) -> None:
    door.asks(ANNA)
    link = door.link(ANNA)
    assert door.confirms(link) is Standing.DONE
    before = door.person(ANNA)
    assert door.confirms(replace(link, name="Somebody else")) is Standing.DONE
    assert door.person(ANNA) == before
    with app.store.read() as tx:
        assert len(tx.consents.of(link.subscriber)) == 2


def test_each_link_is_about_what_its_own_mail_was_about(app: Application, door: Door, clock: StoppedClock) -> None:
    door.asks(ANNA, wanted(WAGES))
    clock.move(timedelta(minutes=5))
    door.asks(ANNA, wanted(Choice(kinds=frozenset({"report"}))))  # a stranger, who chooses for her
    hers, strangers = door.link(ANNA, 0), door.link(ANNA, 1)
    assert door.confirms(hers) is Standing.DONE
    person = door.person(ANNA)
    assert person is not None
    assert person.subscriptions[0].choice == WAGES
    assert door.confirms(strangers) is Standing.CHANGES, "she is asked, and a button of before changes nothing"
    assert door.person(ANNA) == person


def test_a_link_names_its_own_person_only(app: Application, door: Door) -> None:
    door.asks(ANNA)
    door.asks("ben@example.org")
    anna, ben = door.link(ANNA), door.link("ben@example.org")
    assert door.confirms(Confirmation(anna.subscriber, ben.sign_up)) is Standing.OVER
    assert door.confirms(Confirmation(anna.subscriber, 999)) is Standing.OVER
    assert door.confirms(Confirmation(999, 999)) is Standing.OVER
    for address in (ANNA, "ben@example.org"):
        person = door.person(address)
        assert person is not None
        assert person.status is Status.PENDING


def test_who_is_subscribed_keeps_their_choices_and_is_shown_the_way_to_them(app: Application, door: Door) -> None:
    door.asks(ANNA)
    door.confirms(door.link(ANNA))
    before = door.person(ANNA)
    assert door.asks("ANNA@EXAMPLE.org", wanted(Choice())) is CHECK_YOUR_MAIL
    assert door.person(ANNA) == before
    assert [notice.kind for notice in door.notices(ANNA)] == [CONFIRM, NoticeKind.ALREADY_SUBSCRIBED]


def test_who_had_left_comes_back_only_by_confirming(app: Application, door: Door, clock: StoppedClock) -> None:
    door.asks(ANNA)
    door.confirms(door.link(ANNA))
    clock.move(HOUR * 2)
    with app.store.write() as tx:
        unsubscribe(tx, door.link(ANNA).subscriber, None, clock.now())
    gone = door.person(ANNA)
    assert gone is not None
    assert gone.status is Status.UNSUBSCRIBED
    assert door.confirms(door.link(ANNA)) is Standing.LEFT, "the old link brings nobody back"
    door.asks(ANNA, wanted(Choice(), cadence=Cadence.WEEKLY))
    assert door.person(ANNA) == gone, "nothing changes before"
    assert door.confirms(door.link(ANNA)) is Standing.DONE
    back = door.person(ANNA)
    assert back is not None
    assert (back.status, [s.cadence for s in back.subscriptions]) == (Status.ACTIVE, [Cadence.WEEKLY])
    assert all(rhythm.stopped_at is None for rhythm in back.rhythms)


@pytest.mark.parametrize("reason", ["hard_bounce", "complaint", "staff"])
def test_who_is_never_mailed_is_not_mailed_and_the_answer_is_the_same(
    app: Application, door: Door, reason: str
) -> None:
    with app.store.write() as tx:
        tx.audience.suppress(ANNA, reason, app.clock.now())
    assert door.asks(ANNA) is CHECK_YOUR_MAIL
    assert door.person(ANNA) is None
    assert not events(app)


def test_who_had_themselves_erased_may_come_back(app: Application, door: Door) -> None:
    with app.store.write() as tx:
        tx.audience.suppress(ANNA, "erased", app.clock.now())
    door.asks(ANNA)
    with app.store.read() as tx:
        assert tx.audience.suppressed([ANNA]), "a stranger's form takes nothing from the list"
    door.confirms(door.link(ANNA))
    with app.store.read() as tx:
        assert not tx.audience.suppressed([ANNA])


def test_one_address_is_not_mailed_again_and_again(app: Application, door: Door, clock: StoppedClock) -> None:
    for _ in range(10):
        assert door.asks(ANNA, network="") is CHECK_YOUR_MAIL
        clock.move(timedelta(seconds=1))
    assert len(door.notices(ANNA)) == 2
    for _ in range(60):
        clock.move(HOUR)
        door.asks(ANNA, network="")
    assert len(door.notices(ANNA)) == 6, "in a week"
    with app.store.read() as tx:
        assert len(tx.sign_ups.of(door.link(ANNA).subscriber)) == 6


def test_a_network_may_ask_so_often_and_others_are_not_hit(app: Application, clock: StoppedClock) -> None:
    door = Door(app, (Quota(3, HOUR), Quota(5, HOUR * 24)))
    answers = [door.asks(f"p{n}@example.org").again_at for n in range(5)]
    assert answers == [None] * 3 + [clock.now() + HOUR * 4 / 3] * 2, "once a third of the hour is out of sight"
    assert door.person("p3@example.org") is None
    assert door.asks("q@example.org", network="203.0.113.0/24") is CHECK_YOUR_MAIL
    clock.move(HOUR * 4 / 3)
    again = door.asks("p5@example.org").again_at
    assert again == datetime(2026, 11, 24, 4, 48, tzinfo=UTC), "in a day, refused ones count too"


@pytest.mark.parametrize("before", [timedelta(seconds=1), HOUR / 2])
def test_at_a_border_no_more_may_pass_than_anywhere(app: Application, clock: StoppedClock, before: timedelta) -> None:
    door = Door(app, (Quota(4, HOUR),))
    clock.move(HOUR - before)
    assert [door.asks(f"p{n}@example.org").again_at for n in range(4)] == [None] * 4
    clock.move(before)  # the next window begins
    assert door.asks("a@example.org").again_at == clock.now() + HOUR / 2, "one was refused: two must be out of sight"
    clock.move(HOUR / 2)
    assert door.asks("b@example.org") is CHECK_YOUR_MAIL
    again = door.asks("c@example.org").again_at
    assert again == clock.now() + HOUR / 2
    clock.move(HOUR / 2)
    clock.move(HOUR)
    assert [door.asks(f"d{n}@example.org").again_at for n in range(4)] == [None] * 4, "it is all out of sight"


def test_a_window_is_kept_while_it_is_in_sight(app: Application, clock: StoppedClock) -> None:
    door = Door(app, (Quota(1, HOUR * 24),))
    periods = Periods(HOUR * 999, HOUR * 999)

    def windows_gone() -> int:
        with app.store.write() as tx:
            return retention_slice(tx, periods, clock.now()).windows

    door.asks(ANNA)
    clock.move(HOUR * 24)
    assert windows_gone() == 0
    assert door.asks("ben@example.org").again_at is not None
    clock.move(HOUR * 24)
    assert windows_gone() == 1
    clock.move(HOUR * 24)
    assert windows_gone() == 1


def test_counting_is_one_statement_for_all_networks_of_a_batch(app: Application, clock: StoppedClock) -> None:
    windows = [Window(f"n{n}", clock.now() + HOUR, HOUR) for n in range(30)]
    former = [window._replace(until=clock.now()) for window in windows[:9]]
    told: list[str] = []

    def heard(connection: object, cursor: object, statement: str, *_: object) -> None:
        told.append(statement)

    with app.store.write() as tx:
        assert tx.quotas.count(dict.fromkeys(former, 7)) == dict.fromkeys(former, Counted(7, 0))
    event.listen(app.store.engine, "before_cursor_execute", heard)
    with app.store.write() as tx:
        assert tx.quotas.count({}) == {}
        first = tx.quotas.count(dict.fromkeys(windows, 2))
        assert first == {window: Counted(2, 7 if window.who in {w.who for w in former} else 0) for window in windows}
        assert tx.quotas.count({windows[0]: 1, windows[20]: 3}) == {
            windows[0]: Counted(3, 7),
            windows[20]: Counted(5, 0),
        }
    event.remove(app.store.engine, "before_cursor_execute", heard)
    # On SQLite, which is in the same process, one a window.
    assert len([one for one in told if "quotas" in one]) == (2 if app.store.waits else 32)


def test_several_forms_at_once_share_a_transaction_and_the_quota(app: Application) -> None:
    door = Door(app, (Quota(3, HOUR),))
    asked = [Asking(f"p{n % 4}@example.org", wanted(), "v", "198.51.100.0/24") for n in range(5)]
    asked.append(Asking("x@example.org", wanted(), "v", "2001:db8::/48"))
    with app.store.write() as tx:
        answers = sign_up_together(tx, asked, door.needs, app.clock.now())
    assert [told.again_at is None for told in answers] == [True] * 3 + [False] * 2 + [True]
    assert [door.person(f"p{n}@example.org") is not None for n in range(4)] == [True, True, True, False]


def test_several_confirm_and_leave_at_once(app: Application, door: Door) -> None:
    names = [f"p{n}@example.org" for n in range(6)]
    for address in names:
        door.asks(address)
    links = [door.link(address) for address in names]
    now = app.clock.now()
    with app.store.write() as tx:
        told = confirm_together(tx, [*links, links[0], Confirmation(99, 99)], app.digests, app.codelists, now)
    assert [one.stands for one in told] == [Standing.DONE] * 7 + [Standing.OVER]
    assert [one.now for one in told] == [True] * 6 + [False] * 2
    stops = [Stop(links[0].subscriber, "letter"), Stop(links[1].subscriber, None), Stop(links[0].subscriber, "letter")]
    with app.store.write() as tx:
        assert unsubscribe_together(tx, [*stops, Stop(99, None), Stop(links[2].subscriber, "other")], now) == [
            *(True, True, False),
            *(False, False),
        ]
    states = [person.status for address in names if (person := door.person(address))]
    assert states == [Status.UNSUBSCRIBED] * 2 + [Status.ACTIVE] * 4
    with app.store.read() as tx:
        assert [r.act for r in tx.consents.of(links[0].subscriber)][-1] is ConsentAct.UNSUBSCRIBED
        assert len(tx.consents.of(links[2].subscriber)) == 2


def test_two_who_type_the_same_new_address_at_once_make_one_person(app: Application, door: Door) -> None:
    assert both_at_once(lambda: door.asks(ANNA), lambda: door.asks(ANNA)) == [CHECK_YOUR_MAIL] * 2
    assert len(door.notices(ANNA)) == 2
    with app.store.read() as tx:
        assert tx.audience.count() == {Status.PENDING: 1}


def test_two_at_once_are_counted_one_after_the_other(app: Application, door: Door) -> None:
    door.asks(ANNA)
    both_at_once(lambda: door.asks(ANNA), lambda: door.asks(ANNA))
    assert len(door.notices(ANNA)) == 2


def test_pressing_the_button_twice_at_once(app: Application, door: Door) -> None:
    door.asks(ANNA)
    link = door.link(ANNA)
    assert both_at_once(lambda: door.confirms(link), lambda: door.confirms(link)) == [Standing.DONE] * 2
    with app.store.read() as tx:
        assert len(tx.consents.of(link.subscriber)) == 2


@pytest.mark.postgres_only  # on SQLite a write has the whole store
def test_nobody_waits_for_a_plan(app: Application, door: Door) -> None:
    with app.store.write() as planner:
        planner.lock(PLANNING)
        door.asks(ANNA)
        assert door.confirms(door.link(ANNA)) is Standing.DONE
        with app.store.write() as tx:
            assert unsubscribe(tx, door.link(ANNA).subscriber, None, app.clock.now())


def test_a_failure_before_the_commit_leaves_nothing(app: Application, door: Door) -> None:
    asked = [Asking(ANNA, wanted(), "v", "198.51.100.0/24")]

    def crash() -> Any:
        with app.store.write() as tx:
            sign_up_together(tx, asked, door.needs, app.clock.now())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crash()
    assert door.person(ANNA) is None
    assert not events(app)
    with app.store.write() as tx:
        assert tx.quotas.forget_before(app.clock.now() + timedelta(days=9)) == 0


def test_what_a_link_is_about_can_be_read_without_changing_anything(app: Application, door: Door) -> None:
    door.asks(ANNA)
    link = door.link(ANNA)
    with app.store.read() as tx:
        stands, found = look_at_sign_up(tx, link.subscriber, link.sign_up, app.digests)
    assert stands is Standing.WAITS
    assert found is not None
    assert found.wanted == wanted()
    with app.store.read() as tx:
        assert look_at_sign_up(tx, link.subscriber, link.sign_up, {}) == (Standing.OVER, None), (
            "no such digest any more"
        )


def test_who_never_confirms_is_erased_and_others_stay(app: Application, door: Door, clock: StoppedClock) -> None:
    door.asks(ANNA)
    door.asks("ben@example.org")
    door.confirms(door.link("ben@example.org"))
    clock.move(timedelta(days=3))
    door.asks("cleo@example.org")
    link = door.link(ANNA)
    clock.move(timedelta(days=5))
    with app.store.write() as tx:
        assert tx.sign_ups.forget_before(clock.now() - timedelta(days=7), 100)[:2] == (1, 1)
    assert door.person(ANNA) is None
    assert door.confirms(link) is Standing.OVER
    assert door.person("ben@example.org") is not None
    assert door.person("cleo@example.org") is not None
    with app.store.read() as tx:
        assert not tx.notices.recent(subscriber=link.subscriber)


def test_a_returning_person_who_does_not_confirm_stays_as_they_were(
    app: Application, door: Door, clock: StoppedClock
) -> None:
    door.asks(ANNA)
    door.confirms(door.link(ANNA))
    with app.store.write() as tx:
        unsubscribe(tx, door.link(ANNA).subscriber, None, clock.now())
    gone = door.person(ANNA)
    door.asks(ANNA)
    clock.move(timedelta(days=8))
    with app.store.write() as tx:
        assert tx.sign_ups.forget_before(clock.now() - timedelta(days=7), 100) == (1, 0, ())
    assert door.person(ANNA) == gone
