"""The moves that a sender makes for each window, as statements built once: building one costs more than running it.

Each is one conditioned update: where it meets no row, someone else was first, or the mailing may not leave any more.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, exists, or_, select, update

from tribune.domain.mailings import WINDOW, ChunkState, DeliveryState, MailingState
from tribune.domain.sending import Claim
from tribune.store.tables import chunks, delivery_exceptions, mailings

LEAVING = (MailingState.APPROVED.value, MailingState.RUNNING.value)
"""Mailings whose chunks may leave. Retries may leave after the finish too: staff send quarantined ones again."""

_c, _m = chunks.c, mailings.c


def may_leave(mailing: ColumnElement[int], states: Collection[str]) -> ColumnElement[bool]:
    """Whether a mailing is in one of these states."""
    return exists().where(_m.id == mailing, _m.state.in_(states))


_THIS = and_(_c.mailing_id == bindparam("of_mailing"), _c.chunk == bindparam("of_chunk"))
_HELD = and_(_THIS, _c.epoch == bindparam("of_epoch"), _c.state == ChunkState.SENDING.value)
"""The fence: the chunk is still this claim's."""

CLAIM = (
    update(chunks)
    .where(_THIS, may_leave(_c.mailing_id, LEAVING))
    .where(
        or_(
            and_(_c.state == ChunkState.READY.value, or_(_c.not_before.is_(None), _c.not_before <= bindparam("now"))),
            and_(_c.state == ChunkState.SENDING.value, _c.lease_until <= bindparam("now")),
        )
    )
    .values(
        state=ChunkState.SENDING.value,
        epoch=_c.epoch + 1,
        owner=bindparam("by"),
        lease_until=bindparam("until"),
        not_before=None,
    )
    .returning(_c.epoch, _c.lane, _c.domain_group, _c.locale, _c.size, _c.sent_upto, _c.doubt_upto, _c.handovers)
)

GOES_ON = select(_m.id).where(_m.id == bindparam("mailing"), _m.state.in_(LEAVING))

OPEN = (
    update(chunks)
    .where(_HELD, may_leave(_c.mailing_id, LEAVING), _c.sent_upto == bindparam("sent"))
    # The budget of doubt is counted from the durable mark, never from what a sender remembers.
    .where(or_(_c.doubt_upto == bindparam("doubt"), _c.sent_upto + WINDOW >= bindparam("doubt")))
    .values(doubt_upto=bindparam("doubt"), handovers=bindparam("tried"), lease_until=bindparam("until"))
)

SETTLE = (
    update(chunks)
    .where(_HELD, _c.sent_upto <= bindparam("sent"))
    .values(sent_upto=bindparam("sent"), doubt_upto=bindparam("doubt"), handovers=bindparam("tried"))
)

SETTLE_LAST = SETTLE.values(state=ChunkState.DONE.value, owner=None, lease_until=None)

RENEW = update(chunks).where(_HELD).values(lease_until=bindparam("until"))

RELEASE = (
    update(chunks)
    .where(_HELD)
    .values(state=ChunkState.READY.value, owner=None, lease_until=None, not_before=bindparam("again_at"))
)

START = (
    update(mailings)
    .where(_m.id == bindparam("of_mailing"), _m.state == MailingState.APPROVED.value)
    .values(state=MailingState.RUNNING.value, started_at=bindparam("now"))
)

LOCK_MAILING = select(_m.id).where(_m.id == bindparam("of_mailing")).with_for_update(key_share=True)

_NOT_DONE = tuple(state.value for state in ChunkState if state is not ChunkState.DONE)
"""Told one by one, for the index (mailing, state): this is asked at the end of each chunk."""

FINISH = (
    update(mailings)
    .where(_m.id == bindparam("of_mailing"), _m.state == MailingState.RUNNING.value)
    .where(~exists().where(_c.mailing_id == bindparam("of_mailing"), _c.state.in_(_NOT_DONE)))
    .where(
        ~exists().where(
            delivery_exceptions.c.mailing_id == bindparam("of_mailing"),
            delivery_exceptions.c.state.in_((DeliveryState.RETRY.value, DeliveryState.IN_DOUBT.value)),
        )
    )
    .values(state=MailingState.FINISHED.value, finished_at=bindparam("now"))
)


def fence(claim: Claim) -> dict[str, Any]:
    """The values of a claim's fence."""
    return {"of_mailing": claim.mailing, "of_chunk": claim.chunk, "of_epoch": claim.epoch}
