"""Queries of planning: set work over who is due (due_people.py)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from tribune.domain.audience import Cadence
from tribune.domain.errors import Conflict
from tribune.domain.events import Cohort
from tribune.domain.mailings import ChunkState, EditionContent
from tribune.ports.audience import CarryOver
from tribune.ports.planning import ChunkPlan, DeliveryPlans, Due, MailingPlan, Wishes
from tribune.store.bulk import insert_columns, insert_rows
from tribune.store.carry_overs import add_carry_overs
from tribune.store.delivery_blocks import add_blocks
from tribune.store.due_people import DuePeople
from tribune.store.due_people_pg import PostgresDuePeople
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
    releases,
    rhythms,
    signatures,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

_IDS_AT_ONCE = 500
_MAKE_EDITION = text(
    "INSERT INTO editions (digest, cadence, occasion) VALUES (:digest, :cadence, :occasion) ON CONFLICT DO NOTHING"
)
"""As text, because Core spells ON CONFLICT once per database; SQLite and PostgreSQL read it alike."""


class SqlPlanning(MaskQueries):
    """Implements tribune.ports.planning.Planning."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._people = (PostgresDuePeople if connection.dialect.name == "postgresql" else DuePeople)(connection)

    # -- editions and mailings

    def edition(self, digest: str, cadence: Cadence, occasion: str) -> int:
        wanted = {"digest": digest, "cadence": cadence.value, "occasion": occasion}
        query = select(editions.c.id).where(*(editions.c[name] == value for name, value in wanted.items()))
        found = self._connection.scalar(query)
        if found is None:
            self._connection.execute(_MAKE_EDITION, wanted)  # another transaction may be first
            found = self._connection.execute(query).scalar_one()
        return int(found)

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
            campaign_id=plan.campaign,
        )

    def _insert(self, table: Table, **values: Any) -> int:
        key = self._connection.execute(insert(table).values(**values)).inserted_primary_key
        if key is None:
            raise RuntimeError(f"{table.name} gave no key")
        return int(key[0])

    # -- who is due

    def due(
        self,
        digest: str,
        cadence: Cadence,
        cohorts: Sequence[Cohort],
        local_date: date | None,
        *,
        dated: bool = False,
        newcomers: Collection[int] = (),
    ) -> Due:
        return self._people.due(digest, cadence, cohorts, local_date, dated=dated, newcomers=newcomers)

    def these(self, digest: str, cadence: Cadence, ids: Collection[int]) -> Due:
        return self._people.these(digest, cadence, ids)

    def subscribed(self, digest: str, ids: Ints) -> Due:
        return self._people.subscribed(digest, ids)

    def wishes(self, digest: str, cadence: Cadence, due: Due, *, with_marks: bool) -> Wishes:
        return self._people.wishes(digest, cadence, due, with_marks=with_marks)

    # -- what waits for people, and what they had

    def carried(self, digest: str, cadence: Cadence, due: Due) -> list[tuple[int, int]]:
        import numpy as np

        rows = self._connection.execute(
            select(carry_overs.c.subscriber_id, carry_overs.c.item_id).where(*self._of(due, digest, cadence))
        ).all()
        people = np.searchsorted(due.ids, [row[0] for row in rows]).tolist()
        return [(person, row[1]) for person, row in zip(people, rows, strict=True)]

    def drop_carried(self, digest: str, cadence: Cadence, due: Due) -> None:
        self._connection.execute(delete(carry_overs).where(*self._of(due, digest, cadence)))

    def _of(self, due: Due, digest: str, cadence: Cadence) -> tuple[ColumnElement[bool], ...]:
        return (
            carry_overs.c.digest == digest,
            carry_overs.c.cadence == cadence.value,
            self._people.among(due, carry_overs.c.subscriber_id),
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
        return {
            (subscriber, sequence)
            for subscriber, sequence in self._connection.execute(
                select(at_once_served.c.subscriber_id, at_once_served.c.sequence).where(
                    self._people.among(due, at_once_served.c.subscriber_id), at_once_served.c.sequence > above
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
                        "not_before": chunk.not_before,
                    }
                    for chunk in planned
                ],
            )

    def add_deliveries(self, mailing: int, planned: DeliveryPlans) -> None:
        columns = {
            "chunk": planned.chunk,
            "place": planned.place,
            "subscriber_id": planned.subscriber,
            "signature": planned.signature,
        }
        insert_columns(self._connection, deliveries, columns, {"mailing_id": mailing})
        add_blocks(self._connection, mailing, planned)

    def add_served_at_once(self, mailing: int, rows: Iterable[tuple[int, int]]) -> None:
        insert_rows(self._connection, at_once_served, ["subscriber_id", "sequence"], rows, mailing_id=mailing)

    def advance_marks(self, digest: str, cadence: Cadence, due: Due, mark: int, local_date: date | None) -> None:
        change = update(marks).where(
            marks.c.digest == digest,
            marks.c.cadence == cadence.value,
            self._people.among(due, marks.c.subscriber_id),
        )
        if local_date is None:
            change = change.values(mark=mark)
        else:
            change = change.where(or_(marks.c.last_date.is_(None), marks.c.last_date < local_date))
            change = change.values(mark=mark, last_date=local_date)
        if self._connection.execute(change).rowcount != len(due.ids):
            raise Conflict(
                "some of these people were served meanwhile, or their subscriptions changed",
                where=f"{digest}, {cadence.value}",
            )
