"""Queries that look back. Implements tribune.ports.stories.Stories."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, String, cast, func, select, tuple_

from tribune.ports.stories import Shown
from tribune.store.delivery_blocks import latest_places_of, places_of
from tribune.store.ledger_views import NOT_CANCELLED, delivery_states
from tribune.store.tables import deliveries, signatures
from tribune.store.tables import mailings as mailings_table

_AT_ONCE = 500


class SqlStories:
    """Named queries over signatures and deliveries."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def shown(self, item: int, since: datetime, until: datetime, *, mailings: int = 50) -> list[Shown]:
        of_time = select(mailings_table.c.id).where(mailings_table.c.due_at.between(since, until))
        found = []
        for mailing, of_signature in self._holding(item, signatures.c.mailing_id.in_(of_time), mailings).items():
            people: Counter[tuple[str, str]] = Counter()
            contents: dict[tuple[str, str], list[int]] = defaultdict(list)
            for signature, number in self._connection.execute(
                delivery_states()
                .with_only_columns(deliveries.c.signature, func.count())
                .where(deliveries.c.mailing_id == mailing, NOT_CANCELLED)
                .group_by(deliveries.c.signature)
            ):
                if signature in of_signature:
                    people[of_signature[signature]] += number
                    contents[of_signature[signature]].append(signature)
            found += [Shown(mailing, *how, number, contents[how]) for how, number in sorted(people.items())]
        return found

    def readers(self, among: Collection[int], shown: Collection[Shown]) -> set[int]:
        contents: dict[int, set[int]] = defaultdict(set)
        for one in shown:
            contents[one.mailing].update(one.signatures)
        found: set[int] = set()
        for mailing, of_item in contents.items():
            places = sorted(places_of(self._connection, mailing, among).values())
            for start in range(0, len(places), _AT_ONCE):
                asked = (
                    delivery_states()
                    .with_only_columns(deliveries.c.subscriber_id, deliveries.c.signature)
                    .where(deliveries.c.mailing_id == mailing, NOT_CANCELLED)
                    .where(tuple_(deliveries.c.chunk, deliveries.c.place).in_(places[start : start + _AT_ONCE]))
                )
                found.update(who for who, signature in self._connection.execute(asked) if signature in of_item)
        return found

    def _holding(self, item: int, which: ColumnElement[bool], most: int) -> dict[int, dict[int, tuple[str, str]]]:
        """Mailing -> its signatures that hold the item -> (locale, language shown); the newest mailings first."""
        # The text of a fragment begins with its item: [12, ... The pattern only narrows; the content decides. There
        # may be thousands: of each only what is asked for is read (EditionContent.to_json says how it is kept).
        asked = (
            select(signatures.c.mailing_id, signatures.c.signature, signatures.c.content)
            .where(which, cast(signatures.c.content, String).like(f"%[{item:d},%"))
            .order_by(signatures.c.mailing_id.desc())
        )
        found: dict[int, dict[int, tuple[str, str]]] = {}
        for mailing, signature, kept in self._connection.execute(asked):
            language = next((language for of, _, _, language, *_ in kept["fragments"] if of == item), None)
            if language is not None:
                if mailing not in found and len(found) == most:
                    break
                found.setdefault(mailing, {})[signature] = (kept["locale"], language)
        return found

    def places(self, among: Collection[int], *, limit: int = 100) -> dict[int, list[tuple[int, int, int]]]:
        return latest_places_of(self._connection, among, limit)

    def delivery(self, mailing: int, chunk: int, place: int) -> tuple[int, int] | None:
        row = self._connection.execute(
            select(deliveries.c.subscriber_id, deliveries.c.signature).where(
                deliveries.c.mailing_id == mailing, deliveries.c.chunk == chunk, deliveries.c.place == place
            )
        ).first()
        return (row.subscriber_id, row.signature) if row else None
