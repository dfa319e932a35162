"""Queries of planning. Who is due stands in a temporary table while a plan is made, so that each query is set work."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import chain
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Select,
    Table,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from tribune.domain.audience import Cadence, Fallback
from tribune.domain.events import Cohort
from tribune.domain.mailings import ChunkState, EditionContent
from tribune.ports.audience import CarryOver
from tribune.ports.planning import ChunkPlan, Due, MailingPlan, Profile, Wishes
from tribune.store.bulk import insert_rows
from tribune.store.carry_overs import add_carry_overs
from tribune.store.ledger_views import NOT_CANCELLED, delivery_states
from tribune.store.masks import MaskQueries
from tribune.store.tables import (
    at_once_served,
    carry_overs,
    chunks,
    deliveries,
    editions,
    mailings,
    marks,
    mask_columns,
    releases,
    rhythms,
    signatures,
    subscribers,
    subscriptions,
    suppressions,
)

CHANNEL = "email"
_READ_AT_ONCE = 20_000
_IDS_AT_ONCE = 500

_held = Table("planning_held", MetaData(), Column("id", Integer, primary_key=True))


class SqlPlanning(MaskQueries):
    """Implements tribune.ports.planning.Planning."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._holding: Due | None = None

    # -- editions and mailings

    def edition(self, digest: str, cadence: Cadence, occasion: str) -> int:
        found = self._connection.scalar(
            select(editions.c.id).where(
                editions.c.digest == digest, editions.c.cadence == cadence.value, editions.c.occasion == occasion
            )
        )
        if found is not None:
            return int(found)
        return self._insert(editions, digest=digest, cadence=cadence.value, occasion=occasion)

    def mailing_of(self, digest: str, cadence: Cadence, occasion: str, due_at: datetime) -> int | None:
        return self._connection.scalar(
            select(mailings.c.id)
            .join(editions, editions.c.id == mailings.c.edition_id)
            .where(
                editions.c.digest == digest,
                editions.c.cadence == cadence.value,
                editions.c.occasion == occasion,
                mailings.c.due_at == due_at,
            )
        )

    def add_mailing(self, plan: MailingPlan) -> int:
        return self._insert(
            mailings,
            edition_id=plan.edition,
            due_at=plan.due_at,
            state=plan.state.value,
            approval=plan.approval,
            recipients=plan.recipients,
            skipped_empty=plan.skipped_empty,
            correlation_id=plan.correlation_id,
            planned_at=plan.planned_at,
            in_doubt=plan.in_doubt,
            finished_at=None if plan.recipients else plan.planned_at,
        )

    def _insert(self, table: Table, **values: Any) -> int:
        key = self._connection.execute(insert(table).values(**values)).inserted_primary_key
        if key is None:
            raise RuntimeError(f"{table.name} gave no key")
        return int(key[0])

    # -- who is due

    def due(self, digest: str, cadence: Cadence, cohorts: Sequence[Cohort], local_date: date | None) -> Due:
        wanted = (
            select(rhythms.c.subscriber_id)
            .join(subscribers, subscribers.c.id == rhythms.c.subscriber_id)
            .join(marks, _same_rhythm(marks, rhythms))
            .where(
                rhythms.c.digest == digest,
                rhythms.c.cadence == cadence.value,
                rhythms.c.stopped_at.is_(None),
                subscribers.c.status == "active",
                rhythms.c.subscriber_id.not_in(
                    select(suppressions.c.subscriber_id).where(suppressions.c.subscriber_id.is_not(None))
                ),
            )
        )
        if local_date is not None:
            wanted = wanted.where(
                tuple_(rhythms.c.zone, rhythms.c.hour, rhythms.c.weekday).in_(
                    [(cohort.zone, cohort.hour, cohort.weekday) for cohort in cohorts]
                ),
                or_(marks.c.last_date.is_(None), marks.c.last_date < local_date),
            )
        self._empty_held()
        self._connection.execute(insert(_held).from_select([_held.c.id], wanted))
        return self._read_due(digest, cadence)

    def these(self, digest: str, cadence: Cadence, ids: Collection[int]) -> Due:
        self._hold_ids(ids)
        return self._read_due(digest, cadence)

    def _read_due(self, digest: str, cadence: Cadence) -> Due:
        import numpy as np

        query = (
            select(
                _held.c.id,
                marks.c.mark,
                subscribers.c.languages,
                subscribers.c.fallback,
                subscribers.c.zone,
                subscribers.c.domain_group,
            )
            .select_from(_held)
            .join(subscribers, subscribers.c.id == _held.c.id)
            .join(
                marks,
                and_(marks.c.subscriber_id == _held.c.id, marks.c.digest == digest, marks.c.cadence == cadence.value),
            )
            .order_by(_held.c.id)
        )
        number: dict[Any, int] = {}
        parts = []
        for rows in self._partitions(query):
            known = [(row[0], row[1], number.setdefault(row[2:], len(number))) for row in rows]
            parts.append(np.array(known, np.int64))
        table = np.concatenate(parts) if parts else np.empty((0, 3), np.int64)
        profiles = tuple(
            Profile(tuple(languages.split(",")), Fallback(fallback), zone, group)
            for languages, fallback, zone, group in number
        )
        ids, marked, profile = (np.ascontiguousarray(table[:, column]) for column in range(3))
        due = self._holding = Due(ids, marked, profile, profiles)
        return due

    def wishes(self, digest: str, cadence: Cadence, due: Due, *, with_marks: bool) -> Wishes:
        import numpy as np

        self._hold(due)
        ranks = {known.value: known.rank for known in Cadence if known.rank <= cadence.rank}
        query = select(
            subscriptions.c.subscriber_id,
            case(ranks, value=subscriptions.c.cadence),
            marks.c.mark if with_marks else literal(0),
            *(subscriptions.c[name] for name in mask_columns),
        ).where(
            subscriptions.c.subscriber_id.in_(select(_held.c.id)),
            subscriptions.c.digest == digest,
            subscriptions.c.cadence.in_(list(ranks)),
        )
        if with_marks:
            query = query.join(marks, _same_rhythm(marks, subscriptions))
        width = 3 + len(mask_columns)
        parts = [
            np.fromiter(chain.from_iterable(rows), np.int64, len(rows) * width).reshape(-1, width)
            for rows in self._partitions(query)
        ]
        table = np.concatenate(parts) if parts else np.empty((0, width), np.int64)
        return Wishes(
            person=np.searchsorted(due.ids, table[:, 0]).astype(np.int64),
            rank=np.ascontiguousarray(table[:, 1]),
            marks=np.ascontiguousarray(table[:, 2]),
            words=np.ascontiguousarray(table[:, 3:].T),
        )

    def _partitions(self, query: Select[Any]) -> Iterator[Sequence[Any]]:
        # The driver's own rows: SQLAlchemy's would cost as much again, and there is nothing to convert in them.
        result = self._connection.execute(query)
        while rows := result.cursor.fetchmany(_READ_AT_ONCE):
            yield rows
        result.close()

    def _hold(self, due: Due) -> None:
        if self._holding is not due:
            self._hold_ids(due.ids.tolist())
            self._holding = due

    def _hold_ids(self, ids: Collection[int]) -> None:
        self._empty_held()
        insert_rows(self._connection, _held, ["id"], ((id,) for id in sorted(set(ids))))

    def _empty_held(self) -> None:
        self._connection.exec_driver_sql("CREATE TEMPORARY TABLE IF NOT EXISTS planning_held (id INTEGER PRIMARY KEY)")
        self._connection.execute(delete(_held))
        self._holding = None

    # -- what waits for people, and what they had

    def carried(self, digest: str, cadence: Cadence, due: Due) -> list[tuple[int, int]]:
        import numpy as np

        self._hold(due)
        rows = self._connection.execute(
            select(carry_overs.c.subscriber_id, carry_overs.c.item_id).where(*self._of_held(digest, cadence))
        ).all()
        people = np.searchsorted(due.ids, [row[0] for row in rows]).tolist()
        return [(person, row[1]) for person, row in zip(people, rows, strict=True)]

    def drop_carried(self, digest: str, cadence: Cadence, due: Due) -> None:
        self._hold(due)
        self._connection.execute(delete(carry_overs).where(*self._of_held(digest, cadence)))

    def _of_held(self, digest: str, cadence: Cadence) -> tuple[ColumnElement[bool], ...]:
        return (
            carry_overs.c.digest == digest,
            carry_overs.c.cadence == cadence.value,
            carry_overs.c.subscriber_id.in_(select(_held.c.id)),
        )

    def carry_over(self, rows: Sequence[CarryOver]) -> None:
        add_carry_overs(self._connection, rows)

    def with_rhythm(self, digest: str, cadence: Cadence, ids: Collection[int]) -> set[int]:
        wanted = sorted(set(ids))
        found: set[int] = set()
        for start in range(0, len(wanted), _IDS_AT_ONCE):
            found.update(
                self._connection.scalars(
                    select(rhythms.c.subscriber_id).where(
                        rhythms.c.digest == digest,
                        rhythms.c.cadence == cadence.value,
                        rhythms.c.stopped_at.is_(None),
                        rhythms.c.subscriber_id.in_(wanted[start : start + _IDS_AT_ONCE]),
                    )
                )
            )
        return found

    def mailed_at_once(self, digest: str, since: datetime) -> dict[datetime, list[int]]:
        found: dict[datetime, list[int]] = {}
        for due_at, subscriber in self._connection.execute(
            delivery_states()
            .with_only_columns(mailings.c.due_at, deliveries.c.subscriber_id)
            .join(editions, editions.c.id == mailings.c.edition_id)
            .where(
                editions.c.digest == digest,
                editions.c.cadence == Cadence.AT_ONCE.value,
                mailings.c.due_at > since,
                NOT_CANCELLED,
            )
        ):
            found.setdefault(due_at, []).append(subscriber)
        return found

    def served_at_once(self, due: Due, above: int) -> set[tuple[int, int]]:
        self._hold(due)
        return {
            (subscriber, sequence)
            for subscriber, sequence in self._connection.execute(
                select(at_once_served.c.subscriber_id, at_once_served.c.sequence).where(
                    at_once_served.c.subscriber_id.in_(select(_held.c.id)), at_once_served.c.sequence > above
                )
            )
        }

    def served_otherwise(
        self, digest: str, cadence: Cadence, items: Collection[int], since: datetime
    ) -> dict[int, set[int]]:
        found: dict[int, set[int]] = {item: set() for item in items}
        rows = self._connection.execute(
            select(signatures.c.mailing_id, signatures.c.signature, signatures.c.content)
            .join(mailings, mailings.c.id == signatures.c.mailing_id)
            .join(editions, editions.c.id == mailings.c.edition_id)
            .where(editions.c.digest == digest, editions.c.cadence != cadence.value, mailings.c.planned_at >= since)
        )
        for mailing, signature, content in rows:
            shown = found.keys() & {key.item for key in EditionContent.from_json(content).fragments}
            if shown:
                people = self._connection.scalars(
                    select(deliveries.c.subscriber_id).where(
                        deliveries.c.mailing_id == mailing, deliveries.c.signature == signature
                    )
                ).all()
                for item in shown:
                    found[item].update(people)
        return found

    def announced_again(self, items: Collection[int]) -> set[int]:
        earlier = releases.alias()
        superseded = exists().where(
            earlier.c.item_id == releases.c.item_id,
            earlier.c.language == releases.c.language,
            earlier.c.sequence < releases.c.sequence,
            earlier.c.hidden_at == releases.c.released_at,
        )
        found: set[int] = set()
        wanted = sorted(items)
        for start in range(0, len(wanted), _IDS_AT_ONCE):
            batch = wanted[start : start + _IDS_AT_ONCE]
            found.update(
                self._connection.scalars(select(releases.c.sequence).where(releases.c.item_id.in_(batch), superseded))
            )
        return found

    def sequence_before(self, instant: datetime) -> int:
        return int(
            self._connection.scalar(
                select(func.coalesce(func.max(releases.c.sequence), 0)).where(releases.c.released_at < instant)
            )
            or 0
        )

    # -- what a plan leaves

    def add_signatures(self, mailing: int, rows: Iterable[tuple[int, str, str]]) -> None:
        insert_rows(self._connection, signatures, ["signature", "locale", "content"], rows, mailing_id=mailing)

    def add_chunks(self, mailing: int, planned: Sequence[ChunkPlan]) -> None:
        if planned:
            self._connection.execute(
                insert(chunks),
                [
                    {
                        "mailing_id": mailing,
                        "chunk": chunk.chunk,
                        "lane": chunk.lane.value,
                        "domain_group": chunk.domain_group,
                        "locale": chunk.locale,
                        "size": chunk.size,
                        "state": ChunkState.READY.value,
                        "sent_upto": 0,
                        "doubt_upto": 0,
                        "epoch": 0,
                    }
                    for chunk in planned
                ],
            )

    def add_deliveries(self, mailing: int, edition: int, rows: Iterable[tuple[int, int, int, int]]) -> None:
        insert_rows(
            self._connection,
            deliveries,
            ["chunk", "place", "subscriber_id", "signature"],
            rows,
            mailing_id=mailing,
            edition_id=edition,
            channel=CHANNEL,
        )

    def add_served_at_once(self, mailing: int, rows: Iterable[tuple[int, int]]) -> None:
        insert_rows(self._connection, at_once_served, ["subscriber_id", "sequence"], rows, mailing_id=mailing)

    def advance_marks(self, digest: str, cadence: Cadence, due: Due, mark: int, local_date: date | None) -> None:
        self._hold(due)
        values: dict[str, Any] = {"mark": mark} if local_date is None else {"mark": mark, "last_date": local_date}
        self._connection.execute(
            update(marks)
            .where(
                marks.c.digest == digest,
                marks.c.cadence == cadence.value,
                marks.c.subscriber_id.in_(select(_held.c.id)),
            )
            .values(values)
        )


def _same_rhythm(one: Table, other: Table) -> ColumnElement[bool]:
    return and_(
        one.c.subscriber_id == other.c.subscriber_id, one.c.digest == other.c.digest, one.c.cadence == other.c.cadence
    )
