"""The ledger in SQL. Every move is one conditioned statement: where it meets no row, someone else was first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Update, and_, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from tribune.domain.audience import Cadence
from tribune.domain.errors import Conflict
from tribune.domain.mailings import (
    MAILING_MOVES,
    ChunkState,
    DeliveryState,
    EditionContent,
    Lane,
    Mailing,
    MailingState,
)
from tribune.domain.sending import Claim, Marks, RetryClaim, Slot, Verdict
from tribune.ports.ledger import ChunkView, DeliveryView, Seat
from tribune.store import ledger_moves as moves
from tribune.store import ledger_views as views
from tribune.store.ledger_moves import LEAVING, may_leave
from tribune.store.ledger_waking import wake_chunks, wake_retries
from tribune.store.ledger_window import read_seats, read_window
from tribune.store.suppressions import Hashes
from tribune.store.tables import chunks, deliveries, delivery_exceptions, mailings, signatures

log = structlog.get_logger()
_AT_ONCE = 5_000


class SqlLedger:
    """Implements tribune.ports.ledger.Ledger."""

    def __init__(self, connection: Connection, hashes: Hashes) -> None:
        self._connection = connection
        self._hashes = hashes

    # -- looking ----------------------------------------------------------------------------------------------

    def mailing(self, mailing: int) -> Mailing | None:
        return next(iter(views.find_mailings(self._connection, mailing=mailing)), None)

    def mailings(
        self,
        *,
        states: Collection[MailingState] = (),
        since: datetime | None = None,
        limit: int | None = 50,
        edition: int | None = None,
        before: int | None = None,
        empty: bool = True,
    ) -> list[Mailing]:
        return views.find_mailings(
            self._connection, states=states, since=since, limit=limit, edition=edition, before=before, empty=empty
        )

    def count_empty(self, oldest: int) -> int:
        return views.count_empty(self._connection, oldest)

    def chunks(self, mailing: int) -> list[ChunkView]:
        return views.find_chunks(self._connection, mailing)

    def progress(self, mailing: int) -> Mapping[str, Mapping[DeliveryState, int]]:
        return views.progress(self._connection, mailing)

    def progress_since(self, since: datetime) -> Mapping[int, Mapping[DeliveryState, int]]:
        return views.progress_since(self._connection, since)

    def chunk_progress(self, mailing: int, chunk: int) -> Mapping[DeliveryState, int]:
        return next(iter(views.progress(self._connection, mailing, chunk).values()), {})

    def deliveries(
        self,
        mailing: int,
        *,
        states: Collection[DeliveryState] = (),
        subscriber: int | None = None,
        limit: int = 1000,
        after: tuple[int, int] | None = None,
    ) -> list[DeliveryView]:
        return views.find_deliveries(
            self._connection, mailing=mailing, subscriber=subscriber, states=states, limit=limit, after=after
        )

    def deliveries_to(self, subscriber: int, *, limit: int = 100) -> list[DeliveryView]:
        return views.find_deliveries(self._connection, subscriber=subscriber, limit=limit)

    # -- what a window needs ----------------------------------------------------------------------------------

    def slots(self, claim: Claim, start: int, end: int) -> list[Slot]:
        rows = self._connection.execute(
            select(deliveries.c.place, deliveries.c.subscriber_id, deliveries.c.signature)
            .where(deliveries.c.mailing_id == claim.mailing, deliveries.c.chunk == claim.chunk)
            .where(deliveries.c.place >= start, deliveries.c.place < end)
            .order_by(deliveries.c.place)
        )
        return [Slot(*row) for row in rows]

    def window(self, claim: Claim, start: int, end: int, digest: str, cadence: Cadence | None) -> list[Seat]:
        return read_window(self._connection, self._hashes(), claim.mailing, claim.chunk, start, end, digest, cadence)

    def seats(
        self, mailing: int, chunk: int, places: Collection[int], digest: str, cadence: Cadence | None
    ) -> list[Seat]:
        return read_seats(self._connection, self._hashes(), mailing, chunk, places, digest, cadence)

    def with_retries_due(self, chunks_: Collection[tuple[int, int]], now: datetime) -> list[tuple[int, int]]:
        e = delivery_exceptions.c
        rows = self._connection.execute(
            select(e.mailing_id, e.chunk)
            .where(tuple_(e.mailing_id, e.chunk).in_(list(chunks_)), e.state == DeliveryState.RETRY.value)
            .where(or_(e.next_attempt_at.is_(None), e.next_attempt_at <= now))
            .distinct()
            .order_by(e.mailing_id, e.chunk)
        )
        return [(mailing, chunk) for mailing, chunk in rows]

    def contents(self, mailing: int, signatures_: Collection[int]) -> dict[int, EditionContent]:
        rows = self._connection.execute(
            select(signatures.c.signature, signatures.c.content)
            .where(signatures.c.mailing_id == mailing)
            .where(signatures.c.signature.in_(signatures_))
        )
        found = {}
        for signature, content in rows:
            try:
                found[signature] = EditionContent.from_json(content)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                # Its own deliveries are held back (make_mails.py); nobody else waits for it.
                log.error("a content cannot be read", mailing=mailing, signature=signature, error=type(error).__name__)
        return found

    # -- the moves of a mailing -------------------------------------------------------------------------------

    def move(self, mailing: int, to: MailingState, now: datetime, *, of: MailingState | None = None) -> bool:
        m = mailings.c
        allowed = [state.value for state, moves in MAILING_MOVES.items() if to in moves and of in (None, state)]
        rest = self._connection.execute(
            select(func.coalesce(m.paused_at, m.finished_at, type_=m.paused_at.type).label("since"), m.rested_seconds)
            .where(m.id == mailing)
            .with_for_update()
        ).first()
        change = (
            update(mailings)
            .where(m.id == mailing, m.state.in_(allowed))
            .values(state=to.value, changes=m.changes + 1, paused_at=now if to is MailingState.PAUSED else None)
        )
        if to is MailingState.FINISHED:
            change = change.values(finished_at=now)
        elif to is MailingState.RUNNING:
            change = change.values(finished_at=None)  # it is tried again
        if rest is not None and rest.since is not None:
            rested = max((now - rest.since).total_seconds(), 0.0)
            change = change.values(rested_seconds=rest.rested_seconds + rested)
        return self._connection.execute(change).rowcount == 1

    def put_off(self, mailing: int, due_at: datetime) -> None:
        m = mailings.c
        self._connection.execute(update(mailings).where(m.id == mailing, m.due_at < due_at).values(due_at=due_at))

    def going_on(self, mailing: int, now: datetime) -> list[int]:
        c, e = chunks.c, delivery_exceptions.c
        waiting = select(e.chunk).where(
            e.mailing_id == mailing,
            e.state == DeliveryState.RETRY.value,
            or_(e.next_attempt_at.is_(None), e.next_attempt_at <= now),
        )
        return list(
            self._connection.scalars(
                select(c.chunk)
                .where(c.mailing_id == mailing, or_(c.state != ChunkState.DONE.value, c.chunk.in_(waiting)))
                .order_by(c.chunk)
            )
        )

    def start(self, mailing: int, now: datetime) -> bool:
        return self._connection.execute(moves.START, {"of_mailing": mailing, "now": now}).rowcount == 1

    def finish(self, mailing: int, now: datetime) -> bool:
        told = {"of_mailing": mailing, "now": now}
        # One after the other: two senders that settle the last two chunks would each see the other's as open.
        self._connection.execute(moves.LOCK_MAILING, told)
        return self._connection.execute(moves.FINISH, told).rowcount == 1

    # -- the moves of a chunk ---------------------------------------------------------------------------------

    def claim(self, mailing: int, chunk: int, owner: str, now: datetime, lease: timedelta) -> Claim | None:
        told = {"of_mailing": mailing, "of_chunk": chunk, "by": owner, "now": now, "until": now + lease}
        row = self._connection.execute(moves.CLAIM, told).one_or_none()
        if row is None:
            return None
        marks = Marks(row.size, row.sent_upto, row.doubt_upto, row.handovers)
        return Claim(mailing, chunk, row.epoch, row.lane, row.domain_group, row.locale, marks)

    def open_window(self, claim: Claim, marks: Marks, now: datetime, lease: timedelta) -> bool:
        told = moves.fence(claim) | {"sent": marks.sent, "doubt": marks.doubt, "tried": marks.handovers}
        return self._connection.execute(moves.OPEN, told | {"until": now + lease}).rowcount == 1

    def goes_on(self, mailing: int) -> bool:
        return self._connection.scalar(moves.GOES_ON, {"mailing": mailing}) is not None

    def settle(self, claim: Claim, marks: Marks, verdicts: Sequence[Verdict], now: datetime) -> None:
        if any(verdict.place >= marks.sent for verdict in verdicts):
            raise ValueError("an exception is recorded only once the mark has passed it")
        told = {"sent": marks.sent, "doubt": marks.doubt, "tried": marks.handovers}
        self._moved(claim, moves.SETTLE_LAST if marks.finished else moves.SETTLE, told)
        if verdicts:
            # Where the answer to a commit was lost they stand there already: by the fence above nobody else writes any.
            into = (sqlite if self._connection.dialect.name == "sqlite" else postgresql).insert(delivery_exceptions)
            self._connection.execute(
                into.on_conflict_do_nothing(),
                [
                    {
                        "mailing_id": claim.mailing,
                        "chunk": claim.chunk,
                        "place": verdict.place,
                        "state": verdict.state.value,
                        "code": verdict.code[:200],
                        "attempts": verdict.attempts,
                        "handovers": verdict.handovers,
                        "next_attempt_at": verdict.next_attempt_at,
                        "changed_at": now,
                    }
                    for verdict in verdicts
                ],
            )

    def release(self, claim: Claim, not_before: datetime | None, *, whole_lane: bool = False) -> None:
        self._moved(claim, moves.RELEASE, {"again_at": not_before})
        if not_before is not None and whole_lane:
            self.rest_lane(claim, not_before)

    def rest_lane(self, claim: Claim, until: datetime) -> None:
        c = chunks.c
        self._connection.execute(
            update(chunks)
            .where(c.state == ChunkState.READY.value, c.lane == claim.lane)
            .where(c.domain_group == claim.domain_group, may_leave(c.mailing_id, LEAVING))
            .where(or_(c.not_before.is_(None), c.not_before < until))
            .values(not_before=until)
        )

    def _moved(self, claim: Claim, move: Update, told: dict[str, Any]) -> None:
        if self._connection.execute(move, moves.fence(claim) | told).rowcount != 1:
            raise Conflict(
                "another sender has this chunk, or its mailing may not leave any more",
                where=f"chunk {claim.mailing}.{claim.chunk}",
            )

    def renew(self, claim: Claim, now: datetime, lease: timedelta) -> bool:
        return self._connection.execute(moves.RENEW, moves.fence(claim) | {"until": now + lease}).rowcount == 1

    # -- the moves of a retry ---------------------------------------------------------------------------------

    def claim_retries(self, mailing: int, chunk: int, now: datetime, lease: timedelta, limit: int) -> list[RetryClaim]:
        e, of_chunk = delivery_exceptions.c, (chunks.c.mailing_id == mailing, chunks.c.chunk == chunk)
        # Against a cancellation, which closes the chunk: whoever comes second sees what the first one did.
        self._connection.execute(select(chunks.c.chunk).where(*of_chunk).with_for_update(read=True, key_share=True))
        due = (
            select(e.place)
            .where(e.mailing_id == mailing, e.chunk == chunk, e.state == DeliveryState.RETRY.value)
            .where(or_(e.next_attempt_at.is_(None), e.next_attempt_at <= now))
            .order_by(e.place)
            .limit(limit)
        )
        claimed = self._connection.execute(
            update(delivery_exceptions)
            .where(e.mailing_id == mailing, e.chunk == chunk, e.state == DeliveryState.RETRY.value, e.place.in_(due))
            .where(may_leave(e.mailing_id, (*LEAVING, MailingState.FINISHED.value)))
            .values(
                state=DeliveryState.IN_DOUBT.value,
                attempts=e.attempts + 1,
                handovers=e.handovers + 1,
                next_attempt_at=now + lease,
                changed_at=now,
            )
            .returning(e.place, e.attempts, e.handovers)
        ).all()
        held = {place: (attempts, handovers) for place, attempts, handovers in claimed}
        d, c = deliveries.c, chunks.c
        rows = self._connection.execute(
            select(d.place, d.subscriber_id, d.signature, c.domain_group)
            .join_from(deliveries, chunks, and_(c.mailing_id == d.mailing_id, c.chunk == d.chunk))
            .where(d.mailing_id == mailing, d.chunk == chunk, d.place.in_(held))
            .order_by(d.place)
        )
        return [RetryClaim(Slot(*slot), *held[slot[0]], group) for *slot, group in rows]

    def renew_retries(
        self, mailing: int, chunk: int, claims: Sequence[RetryClaim], now: datetime, lease: timedelta
    ) -> None:
        e = delivery_exceptions.c
        held = tuple_(e.place, e.attempts).in_([(claim.slot.place, claim.attempts) for claim in claims])
        self._connection.execute(
            update(delivery_exceptions)
            .where(e.mailing_id == mailing, e.chunk == chunk, e.state == DeliveryState.IN_DOUBT.value, held)
            .values(next_attempt_at=now + lease)
        )

    def settle_retry(self, mailing: int, chunk: int, claim: RetryClaim, verdict: Verdict | None, now: datetime) -> bool:
        e = delivery_exceptions.c
        held = and_(
            e.mailing_id == mailing,
            e.chunk == chunk,
            e.place == claim.slot.place,
            e.state == DeliveryState.IN_DOUBT.value,
            e.attempts == claim.attempts,
        )
        if verdict is None:
            return self._connection.execute(delete(delivery_exceptions).where(held)).rowcount == 1
        change = update(delivery_exceptions).where(held)
        return (
            self._connection.execute(
                change.values(
                    state=verdict.state.value,
                    code=verdict.code[:200],
                    attempts=verdict.attempts,
                    handovers=verdict.handovers,
                    next_attempt_at=verdict.next_attempt_at,
                    changed_at=now,
                )
            ).rowcount
            == 1
        )

    def retry_now(self, mailing: int, states: Collection[DeliveryState], now: datetime) -> dict[DeliveryState, int]:
        e = delivery_exceptions.c
        found = {}
        # What becomes RETRY here must not be counted as having been it.
        for state in sorted(states, key=lambda one: one is not DeliveryState.RETRY):
            change = update(delivery_exceptions).where(e.mailing_id == mailing, e.state == state.value)
            change = change.values(state=DeliveryState.RETRY.value, next_attempt_at=now, changed_at=now)
            if state is not DeliveryState.RETRY:  # staff have decided: count anew
                change = change.values(attempts=0, handovers=0)
            found[state] = self._connection.execute(change).rowcount
        return found

    def leave(self, mailing: int, places: Collection[tuple[int, int]], code: str, now: datetime) -> int:
        e, asked, left = delivery_exceptions.c, sorted(places), 0
        for start in range(0, len(asked), _AT_ONCE):
            some = tuple_(e.chunk, e.place).in_(asked[start : start + _AT_ONCE])
            left += self._connection.execute(_leave(mailing, code, now).where(some)).rowcount
        return left

    def leave_all(self, mailing: int, code: str, now: datetime) -> int:
        return self._connection.execute(_leave(mailing, code, now)).rowcount

    # -- what time brings back --------------------------------------------------------------------------------

    def wake(self, now: datetime, limit: int = 1000) -> list[tuple[int, int]]:
        found: dict[tuple[int, int], None] = {}
        for lane in (Lane.TRANSACTIONAL, Lane.MAILING):
            found |= dict.fromkeys(wake_chunks(self._connection, now, lane, limit))
        found |= dict.fromkeys(wake_retries(self._connection, now, limit))
        return list(found)


def _leave(mailing: int, code: str, now: datetime) -> Update:
    e = delivery_exceptions.c
    held = update(delivery_exceptions).where(e.mailing_id == mailing, e.state == DeliveryState.QUARANTINED.value)
    return held.values(state=DeliveryState.FAILED.value, code=code, changed_at=now)
