"""The throttles in SQL. Implements tribune.ports.throttles.Throttles."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tribune.domain.throttling import SHARE_LASTS, Permit, Rates, both, moved_on, permit, rest, share_of
from tribune.store.tables import connection_shares, throttles

CHANNEL = ""
"""The row of a whole channel."""

_t = throttles.c
_WELL = (
    update(throttles)
    .where(_t.channel == bindparam("of_channel"), _t.domain_group == bindparam("of_group"), _t.failures > 0)
    .values(failures=0)
)


class SqlThrottles:
    """Rows of the table `throttles`; whoever takes from one holds it until the end of the transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def take(self, channel: str, group: str, wanted: int, rates: Rates, now: datetime) -> Permit:
        limits = {CHANNEL: rates.channel, group: rates.of_group(group)}
        resting = self._rest_until(channel, group) if any(limits.values()) else None
        if resting is not None and resting > now:
            return Permit(0, resting - now)
        told = Permit(wanted)
        at = {}
        for name, rate in limits.items():  # the channel first, always: two senders never wait for each other
            if rate:
                at[name] = self._next_at(channel, name, now)
                told = both(told, permit(wanted, rate, at[name], now))
        if told.number:
            for name in at:
                apart = Permit(told.number, max(at[name], now) - now, permit(1, limits[name], None, now).apart)
                self._set(channel, name, next_at=max(moved_on(apart, now), now + told.after))
        return told

    def hold(self, channel: str, worker: str, total: int, now: datetime) -> int:
        self._next_at(channel, CHANNEL, now)  # one at a time, or two would take the same ones
        c = connection_shares.c
        self._connection.execute(delete(connection_shares).where(c.channel == channel, c.until <= now))
        held: dict[str, int] = {
            row.worker: row.held
            for row in self._connection.execute(select(c.worker, c.held).where(c.channel == channel))
        }
        held.pop(worker, None)
        place = sorted([*held, worker]).index(worker)
        mine = share_of(total, len(held) + 1, place, sum(held.values()))
        into = (sqlite if self._connection.dialect.name == "sqlite" else postgresql).insert(connection_shares)
        values = {"held": mine, "until": now + SHARE_LASTS}
        self._connection.execute(
            into.values(channel=channel, worker=worker, **values).on_conflict_do_update(
                index_elements=["channel", "worker"], set_=values
            )
        )
        return mine

    def let_go(self, channel: str, worker: str) -> None:
        c = connection_shares.c
        self._connection.execute(delete(connection_shares).where(c.channel == channel, c.worker == worker))

    def failed(self, channel: str, group: str, now: datetime) -> datetime:
        self._next_at(channel, group, now)
        until = self._rest_until(channel, group)
        here = (_t.channel == channel, _t.domain_group == group)
        failures = self._connection.execute(select(_t.failures).where(*here)).scalar_one()
        if failures and until is not None and until > now:
            return until  # two windows, or two workers, met the same trouble
        until = now + rest(failures + 1)
        self._set(channel, group, failures=failures + 1, rest_until=until)
        return until

    def went_well(self, channel: str, group: str) -> None:
        self._connection.execute(_WELL, {"of_channel": channel, "of_group": group})

    def _rest_until(self, channel: str, group: str) -> datetime | None:
        asked = select(_t.rest_until).where(_t.channel == channel, _t.domain_group == group)
        return self._connection.execute(asked).scalar()

    def _next_at(self, channel: str, group: str, now: datetime) -> datetime:
        """The row's instant, locked; the row is made where there is none."""
        asked = select(_t.next_at).where(_t.channel == channel, _t.domain_group == group).with_for_update()
        found: datetime | None = self._connection.execute(asked).scalar()
        if found is None:
            into = (sqlite if self._connection.dialect.name == "sqlite" else postgresql).insert(throttles)
            self._connection.execute(
                into.values(channel=channel, domain_group=group, next_at=now).on_conflict_do_nothing()
            )
            found = self._connection.execute(asked).scalar() or now
        return found

    def _set(self, channel: str, group: str, **values: Any) -> None:
        self._connection.execute(
            update(throttles).where(_t.channel == channel, _t.domain_group == group).values(**values)
        )
