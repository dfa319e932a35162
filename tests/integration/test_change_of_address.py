"""Changes of address in the store: what waits for the old mailbox, and who had the new one before."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

import scheduler
from tests.notice_world import work
from tests.sign_up_world import Door, both_at_once, wanted
from tribune.bootstrap import Application
from tribune.domain.audience import Status
from tribune.domain.consent import ConsentAct
from tribune.domain.notices import NoticeKind
from tribune.domain.sign_up import Standing
from tribune.ports.clock import StoppedClock
from tribune.ports.data_requests import RequestKind, RequestState
from tribune.services.audience.change_address import ask_for_address, confirm_address, stop_change
from tribune.services.audience.erase_person import CLEARED_AGAIN_AFTER
from tribune.services.audience.sign_up import SignUps
from tribune.services.audience.unsubscribe import unsubscribe
from tribune.store.tables import people, subscribers

pytestmark = pytest.mark.both_stores
OLD, NEW = "awa@travail.example", "awa.new@syndicat.example"
GOOD_FOR = timedelta(hours=48)


@pytest.fixture
def door(app: Application) -> Door:
    """Awa is subscribed."""
    made = Door(app)
    made.asks(OLD)
    made.confirms(made.link(OLD))
    work(app)
    return made


def awa(door: Door) -> int:
    """Her number: she was the first."""
    with door.app.store.read() as tx:
        return tx.audience.page(1)[0].id


def asks(door: Door, to: str = NEW, needs: SignUps | None = None) -> int | None:
    """The number of the change that Awa asks for; its mails are sent."""
    app = door.app
    with app.store.write() as tx:
        request = ask_for_address(tx, awa(door), to, "letter", needs or app.sign_ups, app.clock.now(), "203.0.113.0/24")
    work(app)
    return request.id if request else None


def says_yes(door: Door, request: int | None) -> bool:
    assert request is not None
    with door.app.store.write() as tx:
        return confirm_address(tx, awa(door), request, GOOD_FOR, door.app.clock.now())


def states(door: Door, kind: NoticeKind) -> list[str]:
    with door.app.store.read() as tx:
        found = tx.notices.recent(subscriber=awa(door), kinds=[kind])
    return [notice.state.value for notice in reversed(found)]


def test_a_warning_that_a_later_change_replaced_is_sent_all_the_same(app: Application, door: Door) -> None:
    with app.store.write() as tx:
        for to in ("one@example.org", NEW):
            ask_for_address(tx, awa(door), to, "letter", app.sign_ups, app.clock.now())
    work(app)
    assert states(door, NoticeKind.ADDRESS_ASKED) == ["sent", "sent"]
    assert states(door, NoticeKind.ADDRESS_CONFIRM) == ["suppressed", "sent"]


def test_what_waits_is_kept_where_one_more_may_not_be_told(app: Application, door: Door) -> None:
    numbers = [asks(door, f"n{n}@example.org") for n in range(4)]
    assert numbers[3] is None and None not in numbers[:3]
    with app.store.read() as tx:
        waiting = tx.data_requests.recent(states=[RequestState.WAITING], subscriber=awa(door))
        assert [one.id for one in waiting] == [numbers[2]]
        assert tx.data_requests.new_address(awa(door)) == "n2@example.org"


def test_the_first_warning_stops_the_last_change(app: Application, door: Door) -> None:
    first, last = asks(door, "one@example.org"), asks(door)
    assert first is not None and last is not None
    with app.store.write() as tx:
        assert not stop_change(tx, awa(door), last + 10, app.clock.now()), "there is no such change"
        assert not stop_change(tx, awa(door) + 1, first, app.clock.now()), "it is another person's"
        assert stop_change(tx, awa(door), first, app.clock.now())
        assert tx.data_requests.new_address(awa(door)) is None
    assert not says_yes(door, last)


def test_no_change_is_made_while_its_warning_has_not_left(app: Application, door: Door, clock: StoppedClock) -> None:
    with app.store.write() as tx:
        request = ask_for_address(tx, awa(door), NEW, "letter", app.sign_ups, clock.now())
    assert request is not None
    assert not says_yes(door, request.id)
    work(app)
    assert says_yes(door, request.id)


def test_a_change_to_an_address_of_which_nothing_is_sent_is_kept_like_any_other(app: Application, door: Door) -> None:
    door.asks("cleo@example.org")
    door.confirms(door.link("cleo@example.org"))
    with app.store.write() as tx:
        tx.audience.suppress("never@example.org", "complaint", app.clock.now())
    for to in ("free@example.org", "cleo@example.org", "never@example.org"):
        assert asks(door, to) is not None
    assert states(door, NoticeKind.ADDRESS_CONFIRM) == ["sent", "suppressed", "suppressed"]
    with app.store.read() as tx:
        kept = tx.notices.recent(subscriber=awa(door), kinds=[NoticeKind.ADDRESS_CONFIRM])
    assert {frozenset(notice.content) for notice in kept} == {frozenset({"digest", "request"})}


def test_an_address_is_asked_twice_an_hour_and_four_times_a_day(
    app: Application, door: Door, clock: StoppedClock
) -> None:
    clock.set(clock.now().replace(hour=0, minute=0, second=0) + timedelta(days=1))
    for _ in range(3):  # who asks too often counts as well
        asks(door)
    assert states(door, NoticeKind.ADDRESS_CONFIRM) == ["sent", "sent", "suppressed"]
    clock.move(timedelta(hours=2))
    for _ in range(2):
        asks(door)
    assert states(door, NoticeKind.ADDRESS_CONFIRM)[3:] == ["sent", "suppressed"]


def test_what_waits_for_the_old_mailbox_leads_nowhere_after_the_move(app: Application, door: Door) -> None:
    change = asks(door)
    with app.store.write() as tx:
        unsubscribe(tx, awa(door), None, app.clock.now())
    door.asks(OLD)
    link = door.link(OLD)
    assert says_yes(door, change)
    assert states(door, NoticeKind.CONFIRM_SUBSCRIPTION)[-1] == "suppressed", "it does not follow to the new one"
    assert door.confirms(link) is Standing.LEFT
    moved = door.person(NEW)
    assert moved is not None and moved.status is Status.UNSUBSCRIBED
    work(app)
    folder = app.settings.email.outbox_folder
    assert sum("confirm your subscription" in file.read_text().lower() for file in folder.glob("*.eml")) <= 1


def test_whoever_typed_the_new_address_is_gone_with_all_that_is_theirs(
    app: Application, door: Door, clock: StoppedClock
) -> None:
    door.asks(NEW)
    work(app)
    typed = door.person(NEW)
    assert typed is not None and typed.status is Status.PENDING
    (mail,) = [notice.name for notice in door.notices(NEW)]
    caught = app.settings.email.outbox_folder / f"{mail}.eml"
    assert caught.exists()
    assert says_yes(door, asks(door))
    moved = door.person(NEW)
    assert moved is not None and (moved.status, moved.id != typed.id) == (Status.ACTIVE, True)
    with app.store.read() as tx:
        assert tx.data_requests.rows_of(typed.id).keys() == {"data_requests"}
        assert tx.connection.scalars(select(people.c.id)).all() == [moved.id]
        assert tx.connection.scalars(select(subscribers.c.id)).all() == [moved.id]
        (erased,) = tx.data_requests.recent(subscriber=typed.id)
    assert (erased.kind, erased.state) == (RequestKind.ERASE, RequestState.CLEARING)
    clock.move(CLEARED_AGAIN_AFTER)
    scheduler.data_requests(app)
    assert not caught.exists()


def test_who_had_left_there_leaves_the_record_of_what_they_agreed_to(app: Application, door: Door) -> None:
    door.asks(NEW)
    door.confirms(door.link(NEW))
    left = door.person(NEW)
    assert left is not None
    with app.store.write() as tx:
        unsubscribe(tx, left.id, None, app.clock.now())
        tx.audience.suppress(NEW, "erased", app.clock.now())
    before = door.person(OLD)
    assert says_yes(door, asks(door))
    moved = door.person(NEW)
    assert before is not None and moved is not None
    assert (moved.id, moved.subscriptions, moved.status) == (before.id, before.subscriptions, Status.ACTIVE)
    with app.store.read() as tx:
        acts = [one.act for one in tx.consents.of(moved.id)]
        assert tx.consents.of(left.id) == []
        assert tx.audience.suppressed([NEW]) == {}
    assert acts.count(ConsentAct.SIGNED_UP) == 2 and ConsentAct.UNSUBSCRIBED in acts
    assert acts[-1] is ConsentAct.CHANGED


def test_who_complained_there_is_not_asked_and_stays_on_the_list(app: Application, door: Door) -> None:
    change = asks(door)
    with app.store.write() as tx:
        tx.audience.suppress(NEW, "complaint", app.clock.now())
    assert says_yes(door, change)
    with app.store.read() as tx:
        assert tx.audience.suppressed([NEW]) == {NEW: "complaint"}


@pytest.mark.postgres_only
def test_a_form_for_the_new_address_at_the_moment_of_the_change(app: Application, door: Door) -> None:
    for turn in range(6):
        change = asks(door, f"turn{turn}@example.org")
        who = awa(door)

        def moves(change: int | None = change, who: int = who) -> object:
            assert change is not None
            with app.store.write() as tx:
                return confirm_address(tx, who, change, GOOD_FOR, app.clock.now())

        def types(turn: int = turn) -> object:
            return door.asks(f"turn{turn}@example.org", wanted())

        moved, _ = both_at_once(moves, types)
        assert moved is True
        with app.store.read() as tx:
            person = tx.audience.by_address(f"turn{turn}@example.org")
        assert person is not None and person.id == who
        app.clock.move(timedelta(hours=13))  # type: ignore[attr-defined]
