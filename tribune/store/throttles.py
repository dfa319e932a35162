"""The throttles in SQL. Implements tribune.ports.throttles.Throttles."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tribune.domain.throttling import (
    LONGEST_REST,
    SHARE_LASTS,
    Permit,
    Rates,
    both,
    moved_on,
    permit,
    rest,
    share_of,
)
from tribune.store.tables import connection_shares, throttles

CHANNEL = ""
"""The row of a whole channel."""

_t = throttles.c
_HERE = and_(_t.channel == bindparam("of_channel"), _t.domain_group == bindparam("of_group"))

# Each window asks: built once, for building one costs more than running it.
_REST = select(_t.rest_until).where(_HERE)
_WELL = (
    update(throttles)
    .where(_HERE, _t.failures > 0, or_(_t.rest_until.is_(None), _t.rest_until <= bindparam("began")))
    .values(failures=0)
)


class SqlThrottles:
    """Rows of the table `throttles`; whoever takes from one holds it until the end of the transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def take(self, channel: str, group: str, wanted: int, rates: Rates, now: datetime) -> Permit:
        resting = self._rest_until(channel, group, now)
        if resting is not None:
            return Permit(0, resting - now)
        told = Permit(wanted)
        own = {}
        limits = {CHANNEL: rates.channel, group: rates.of_group(group)}
        for name, rate in limits.items():  # the channel first, always: two senders never wait for each other
            if rate:
                own[name] = permit(wanted, rate, self._next_at(channel, name, now), now)
                told = both(told, own[name])
        if told.number:
            for name, its in own.items():
                # The channel gives its next places, however late a slow group comes to use them: nobody else waits for
                # it. The group's own begin when its mails do.
                after = its.after if name == CHANNEL else told.after
                self._set(channel, name, next_at=moved_on(Permit(told.number, after, its.apart), now))
        return told

    def hold(self, channel: str, worker: str, total: int, now: datetime) -> int:
        self._next_at(channel, CHANNEL, now)  # one at a time, or two would take the same ones
        c = connection_shares.c
        self._connection.execute(delete(connection_shares).where(c.channel == channel, c.until <= now))
        self._connection.execute(  # so long in the future only where the clock was set back
            update(connection_shares)
            .where(c.channel == channel, c.until > now + SHARE_LASTS)
            .values(until=now + SHARE_LASTS)
        )
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

    def workers(self, channel: str, now: datetime) -> int:
        c = connection_shares.c
        query = select(func.count()).where(c.channel == channel, c.until > now)
        return self._connection.execute(query).scalar_one()

    def failed(self, channel: str, group: str, now: datetime) -> datetime:
        self._next_at(channel, group, now)
        until = self._rest_until(channel, group, now)
        here = (_t.channel == channel, _t.domain_group == group)
        failures = self._connection.execute(select(_t.failures).where(*here)).scalar_one()
        if failures and until is not None:
            return until  # two windows, or two workers, met the same trouble
        until = max(until or now, now + rest(failures + 1))
        self._set(channel, group, failures=failures + 1, rest_until=until)
        return until

    def asked_for(self, channel: str, group: str, wait: timedelta, now: datetime) -> None:
        self._next_at(channel, group, now)
        until = self._rest_until(channel, group, now)
        self._set(channel, group, rest_until=max(until or now, now + min(wait, LONGEST_REST)))

    def went_well(self, channel: str, group: str, began: datetime) -> None:
        self._connection.execute(_WELL, {"of_channel": channel, "of_group": group, "began": began})

    def _rest_until(self, channel: str, group: str, now: datetime) -> datetime | None:
        """The end of the rest; None: there is none (any more)."""
        until = self._connection.execute(_REST, {"of_channel": channel, "of_group": group}).scalar()
        if until is None or until <= now:
            return None
        if until > now + LONGEST_REST:  # the clock was set back
            until = now + LONGEST_REST
            self._set(channel, group, rest_until=until)
        return until

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
