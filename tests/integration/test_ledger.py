"""The ledger: conditioned moves, fences, derived states, exact numbers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.planned import plan
from tribune.bootstrap import Application
from tribune.domain.errors import Conflict
from tribune.domain.mailings import WINDOW, DeliveryState, Lane, MailingState
from tribune.domain.sending import LEASE, Claim, Verdict
from tribune.ports.clock import StoppedClock
from tribune.store.tables import chunks, mailings

pytestmark = pytest.mark.both_stores

S = DeliveryState


def take(app: Application, mailing: int, chunk: int = 0, owner: str = "a") -> Claim | None:
    with app.store.write() as tx:
        return tx.ledger.claim(mailing, chunk, owner, app.clock.now(), LEASE)


def must_take(app: Application, mailing: int, chunk: int = 0, owner: str = "a") -> Claim:
    claim = take(app, mailing, chunk, owner)
    assert claim is not None
    return claim


def open_(app: Application, claim: Claim) -> bool:
    with app.store.write() as tx:
        return tx.ledger.open_window(claim, claim.marks.opened(), app.clock.now(), LEASE)


def settle(app: Application, claim: Claim, reached: int, *verdicts: Verdict) -> None:
    with app.store.write() as tx:
        tx.ledger.settle(claim, claim.marks.opened().reached(reached), verdicts, app.clock.now())


def states(app: Application, mailing: int) -> list[str]:
    with app.store.read() as tx:
        return [view.state.value for view in tx.ledger.deliveries(mailing)]


# -- claims and fences ----------------------------------------------------------------------------------------


def test_a_chunk_has_one_sender_at_a_time(app: Application) -> None:
    mailing = plan(app.store, [3])
    assert must_take(app, mailing, owner="a").epoch == 1
    assert take(app, mailing, owner="b") is None


def test_a_lease_that_ran_out_passes_to_another_sender_with_a_higher_epoch(
    app: Application, clock: StoppedClock
) -> None:
    mailing = plan(app.store, [3])
    must_take(app, mailing)
    clock.move(LEASE - timedelta(seconds=1))
    assert take(app, mailing, owner="b") is None
    clock.move(timedelta(seconds=1))
    assert must_take(app, mailing, owner="b").epoch == 2


def test_a_stalled_sender_is_fenced_at_its_next_write(app: Application, clock: StoppedClock) -> None:
    mailing = plan(app.store, [3])
    stalled = must_take(app, mailing)
    assert open_(app, stalled)
    clock.move(LEASE)
    fresh = must_take(app, mailing, owner="b")
    assert not open_(app, stalled)
    with pytest.raises(Conflict):
        settle(app, stalled, 3)
    with pytest.raises(Conflict), app.store.write() as tx:
        tx.ledger.release(stalled, None)
    assert fresh.marks.in_doubt, "what the first one had in hand is in doubt"
    assert states(app, mailing) == ["in_doubt"] * 3


def test_opening_a_window_renews_the_lease(app: Application, clock: StoppedClock) -> None:
    mailing = plan(app.store, [3])
    claim = must_take(app, mailing)
    clock.move(LEASE / 2)
    assert open_(app, claim)
    clock.move(LEASE / 2)
    assert take(app, mailing, owner="b") is None


@pytest.mark.parametrize(
    "state", [MailingState.PLANNED, MailingState.PAUSED, MailingState.CANCELLED, MailingState.FINISHED]
)
def test_only_what_may_leave_is_claimed(app: Application, state: MailingState) -> None:
    mailing = plan(app.store, [3], state=state)
    assert take(app, mailing) is None


def test_a_pause_is_heeded_at_the_next_window(app: Application) -> None:
    mailing = plan(app.store, [600])
    claim = must_take(app, mailing)
    with app.store.write() as tx:
        tx.connection.execute(update(mailings).values(state="paused"))
    assert not open_(app, claim)
    assert states(app, mailing)[0] == "waiting"


def test_a_resting_chunk_is_not_claimed_before_its_time(app: Application, clock: StoppedClock) -> None:
    mailing = plan(app.store, [3])
    claim = must_take(app, mailing)
    with app.store.write() as tx:
        tx.ledger.release(claim, clock.now() + timedelta(minutes=1))
    assert take(app, mailing) is None
    clock.move(timedelta(minutes=1))
    assert take(app, mailing) is not None


def test_a_throttle_lets_the_ready_chunks_of_its_lane_and_group_rest_and_no_others(
    app: Application, clock: StoppedClock
) -> None:
    mailing = plan(app.store, [1, 1, 1, 1], groups=["gmail", "other"])
    waiting = plan(app.store, [1], groups=["gmail"], occasion="2026-11-24", state=MailingState.PLANNED, first=10)
    must_take(app, mailing, 2, "b")
    claim = must_take(app, mailing, 0)
    rest = clock.now() + timedelta(minutes=1)
    with app.store.write() as tx:
        tx.connection.execute(
            update(chunks).where(chunks.c.chunk == 1).values(domain_group="gmail", lane=Lane.TRANSACTIONAL)
        )
        tx.ledger.release(claim, rest, whole_lane=True)
        times = [view.not_before for view in tx.ledger.chunks(mailing)]
        assert times == [rest, None, None, None], "another lane, a chunk at work, another group go on"
        assert tx.ledger.chunks(waiting)[0].not_before is None


# -- the marks ------------------------------------------------------------------------------------------------


def test_states_follow_from_the_marks_and_the_exceptions(app: Application) -> None:
    mailing = plan(app.store, [WINDOW + 3])
    claim = must_take(app, mailing)
    assert open_(app, claim)
    assert states(app, mailing)[WINDOW - 1 : WINDOW + 1] == ["in_doubt", "waiting"]
    settle(app, claim, WINDOW, Verdict(1, S.FAILED, "550 5.1.1"), Verdict(2, S.RETRY, "450"))
    assert states(app, mailing)[:4] == ["sent", "failed", "retry", "sent"]
    with app.store.read() as tx:
        assert tx.ledger.progress(mailing) == {"en": {S.WAITING: 3, S.SENT: WINDOW - 2, S.FAILED: 1, S.RETRY: 1}}


def test_an_exception_is_recorded_only_once_the_mark_has_passed_it(app: Application) -> None:
    mailing = plan(app.store, [5])
    claim = must_take(app, mailing)
    assert open_(app, claim)
    with pytest.raises(ValueError, match="only once the mark"):
        settle(app, claim, 3, Verdict(3, S.FAILED))
    settle(app, claim, 3, Verdict(2, S.FAILED))
    assert states(app, mailing) == ["sent", "sent", "failed", "waiting", "waiting"]


def test_the_budget_of_doubt_is_counted_from_the_durable_mark(app: Application) -> None:
    """A sender that believes to have settled more than it has cannot open a window beyond."""
    mailing = plan(app.store, [600])
    claim = must_take(app, mailing)
    assert open_(app, claim)
    imagined = claim.marks.opened().reached(WINDOW).opened()
    with app.store.write() as tx:
        assert not tx.ledger.open_window(claim, imagined, app.clock.now(), LEASE)
        wider = claim.marks.opened()
        wider = type(wider)(600, 0, 2 * WINDOW, 1)
        assert not tx.ledger.open_window(claim, wider, app.clock.now(), LEASE)
        assert tx.ledger.chunks(mailing)[0].marks.doubt == WINDOW


def test_the_sent_mark_never_goes_back(app: Application) -> None:
    mailing = plan(app.store, [600])
    claim = must_take(app, mailing)
    assert open_(app, claim)
    settle(app, claim, 100)
    with pytest.raises(Conflict):
        settle(app, claim, 50)


def test_a_full_chunk_is_done_and_stays_so(app: Application, clock: StoppedClock) -> None:
    mailing = plan(app.store, [3])
    claim = must_take(app, mailing)
    assert open_(app, claim)
    settle(app, claim, 3)
    clock.move(timedelta(days=1))
    assert take(app, mailing) is None
    with app.store.write() as tx:
        assert tx.ledger.wake(clock.now()) == []


# -- a mailing ------------------------------------------------------------------------------------------------


def test_a_mailing_starts_once_and_finishes_once_when_nothing_is_open(app: Application, clock: StoppedClock) -> None:
    mailing = plan(app.store, [1, 1])
    now = clock.now()
    with app.store.write() as tx:
        assert [tx.ledger.start(mailing, now), tx.ledger.start(mailing, now)] == [True, False]
        assert not tx.ledger.finish(mailing, now)
    for number in (0, 1):
        claim = must_take(app, mailing, number)
        assert open_(app, claim)
        settle(app, claim, 1, *([Verdict(0, S.RETRY, "450", next_attempt_at=now)] if number else []))
    with app.store.write() as tx:
        assert not tx.ledger.finish(mailing, now), "a retry is open"
        (retry,) = tx.ledger.claim_retries(mailing, 1, now, LEASE, 10)
        assert not tx.ledger.finish(mailing, now), "and at work"
        assert tx.ledger.settle_retry(mailing, 1, retry, None, now)
        assert [tx.ledger.finish(mailing, now), tx.ledger.finish(mailing, now)] == [True, False]
        told = tx.ledger.mailing(mailing)
    assert told is not None
    assert (told.state, told.started_at, told.finished_at) == (MailingState.FINISHED, now, now)


def test_moves_of_a_mailing_follow_its_state_machine(app: Application) -> None:
    mailing = plan(app.store, [1], state=MailingState.PLANNED)
    now = app.clock.now()
    with app.store.write() as tx:
        assert not tx.ledger.move(mailing, MailingState.RUNNING, now)
        assert tx.ledger.move(mailing, MailingState.APPROVED, now)
        assert not tx.ledger.move(mailing, MailingState.APPROVED, now)
        assert tx.ledger.move(mailing, MailingState.CANCELLED, now)
        assert not tx.ledger.move(mailing, MailingState.APPROVED, now)
        assert not tx.ledger.move(99, MailingState.APPROVED, now)


# -- retries --------------------------------------------------------------------------------------------------


def with_retry(app: Application, *, wait: timedelta = timedelta(minutes=5)) -> int:
    mailing = plan(app.store, [2])
    claim = must_take(app, mailing)
    assert open_(app, claim)
    settle(app, claim, 2, Verdict(1, S.RETRY, "450", next_attempt_at=app.clock.now() + wait))
    return mailing


def test_a_retry_has_one_worker_at_a_time_and_waits_for_its_time(app: Application, clock: StoppedClock) -> None:
    mailing = with_retry(app)
    with app.store.write() as tx:
        assert tx.ledger.claim_retries(mailing, 0, clock.now(), LEASE, 10) == []
    clock.move(timedelta(minutes=5))
    with app.store.write() as tx:
        (claim,) = tx.ledger.claim_retries(mailing, 0, clock.now(), LEASE, 10)
        assert (claim.slot.place, claim.slot.subscriber, claim.attempts, claim.handovers) == (1, 2, 2, 1)
        assert tx.ledger.claim_retries(mailing, 0, clock.now(), LEASE, 10) == []
    assert states(app, mailing) == ["sent", "in_doubt"]
    with app.store.write() as tx:
        assert tx.ledger.settle_retry(mailing, 0, claim, None, clock.now())
        assert not tx.ledger.settle_retry(mailing, 0, claim, None, clock.now())
    assert states(app, mailing) == ["sent", "sent"]


def test_a_worker_that_lost_its_lease_on_a_retry_writes_nothing(app: Application, clock: StoppedClock) -> None:
    mailing = with_retry(app)
    clock.move(timedelta(minutes=5))
    with app.store.write() as tx:
        (stalled,) = tx.ledger.claim_retries(mailing, 0, clock.now(), LEASE, 10)
    clock.move(LEASE)
    with app.store.write() as tx:
        assert tx.ledger.wake(clock.now()) == [(mailing, 0)]
        assert not tx.ledger.settle_retry(mailing, 0, stalled, None, clock.now())
        (fresh,) = tx.ledger.claim_retries(mailing, 0, clock.now(), LEASE, 10)
        assert (fresh.attempts, fresh.handovers) == (3, 2), "the one that died has cost an attempt"
        assert not tx.ledger.settle_retry(mailing, 0, stalled, Verdict(1, S.FAILED), clock.now())
        assert tx.ledger.settle_retry(mailing, 0, fresh, Verdict(1, S.FAILED, "550"), clock.now())
    assert states(app, mailing) == ["sent", "failed"]


# -- what time brings back ------------------------------------------------------------------------------------


def test_what_waits_is_given_out_once_at_its_time(app: Application, clock: StoppedClock) -> None:
    resting, dead, paused = plan(app.store, [1]), plan(app.store, [1], occasion="b"), plan(app.store, [1], occasion="c")
    retry = plan(app.store, [1], occasion="d")
    with app.store.write() as tx:
        tx.ledger.release(must_claim(tx.ledger.claim(resting, 0, "a", clock.now(), LEASE)), clock.now() + LEASE)
        tx.ledger.claim(dead, 0, "a", clock.now(), LEASE)
        tx.ledger.release(must_claim(tx.ledger.claim(paused, 0, "a", clock.now(), LEASE)), clock.now() + LEASE)
        tx.connection.execute(update(mailings).where(mailings.c.id == paused).values(state="paused"))
    claim = must_take(app, retry)
    assert open_(app, claim)
    settle(app, claim, 1, Verdict(0, S.RETRY, "450", next_attempt_at=clock.now() + LEASE))
    clock.move(LEASE - timedelta(seconds=1))
    with app.store.write() as tx:
        assert tx.ledger.wake(clock.now()) == []
    clock.move(timedelta(seconds=1))
    with app.store.write() as tx:
        assert tx.ledger.wake(clock.now()) == [(resting, 0), (dead, 0), (retry, 0)]
        assert tx.ledger.wake(clock.now()) == []
        assert tx.ledger.chunks(dead)[0].epoch == 2, "a sender that only slept is fenced"
        assert len(tx.ledger.claim_retries(retry, 0, clock.now(), LEASE, 10)) == 1


def test_transactional_mail_goes_before_mailings(app: Application, clock: StoppedClock) -> None:
    plan(app.store, [1, 1])
    with app.store.write() as tx:
        tx.connection.execute(update(chunks).where(chunks.c.chunk == 1).values(lane=Lane.TRANSACTIONAL.value))
        tx.connection.execute(update(chunks).values(not_before=clock.now()))
        assert [chunk for _, chunk in tx.ledger.wake(clock.now())] == [1, 0]


def must_claim(claim: Claim | None) -> Claim:
    assert claim is not None
    return claim
