"""Queries that look back. Implements tribune.ports.stories.Stories."""

from __future__ import annotations

from sqlalchemy import Connection, String, cast, select

from tribune.domain.mailings import EditionContent
from tribune.ports.stories import Shown
from tribune.store.tables import deliveries, signatures


class SqlStories:
    """Named queries over signatures and deliveries."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def shown(self, item: int, *, mailings: int = 50) -> list[Shown]:
        holds: dict[int, dict[int, tuple[str, str]]] = {}
        # The text of a fragment begins with its item: [12, ... The pattern only narrows; the content decides.
        asked = (
            select(signatures.c.mailing_id, signatures.c.signature, signatures.c.content)
            .where(cast(signatures.c.content, String).like(f"%[{item:d},%"))
            .order_by(signatures.c.mailing_id.desc())
        )
        for mailing, signature, kept in self._connection.execute(asked):
            content = EditionContent.from_json(kept)
            language = next((key.language for key in content.fragments if key.item == item), None)
            if language is not None:
                if mailing not in holds and len(holds) == mailings:
                    break
                holds.setdefault(mailing, {})[signature] = (content.locale, language)
        found = []
        for mailing, of_signature in holds.items():
            people: dict[tuple[str, str], set[int]] = {}
            for subscriber, signature in self._connection.execute(
                select(deliveries.c.subscriber_id, deliveries.c.signature).where(deliveries.c.mailing_id == mailing)
            ):
                if signature in of_signature:
                    people.setdefault(of_signature[signature], set()).add(subscriber)
            found += [Shown(mailing, *how, frozenset(who)) for how, who in sorted(people.items())]
        return found

    def delivery(self, mailing: int, chunk: int, place: int) -> tuple[int, int] | None:
        row = self._connection.execute(
            select(deliveries.c.subscriber_id, deliveries.c.signature).where(
                deliveries.c.mailing_id == mailing, deliveries.c.chunk == chunk, deliveries.c.place == place
            )
        ).first()
        return (row.subscriber_id, row.signature) if row else None
