"""A planned mailing, written straight into the tables, for tests of what comes after planning."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import insert

from tribune.domain.mailings import ChunkState, EditionContent, FragmentKey, Lane, MailingState, Shape
from tribune.store.engine import SqlStore, SqlTransaction
from tribune.store.tables import (
    chunks,
    deliveries,
    editions,
    mailings,
    marks,
    mask_columns,
    people,
    rhythms,
    signatures,
    subscribers,
    subscriptions,
)

DUE = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


def content(locale: str, *items: int) -> EditionContent:
    """A mail with these items, the first one as lead, all in version 1."""
    shapes = [Shape.LEAD, *[Shape.ROW] * len(items)]
    return EditionContent(
        locale, tuple(FragmentKey(item, 1, shape, locale, locale) for item, shape in zip(items, shapes, strict=False))
    )


def add_people(tx: SqlTransaction, number: int, *, first: int = 1, digest: str = "letter") -> list[int]:
    """Active people who have the digest daily: reader1@example.org and so on."""
    ids = list(range(first, first + number))
    rows = [{"id": n, "address": f"reader{n}@example.org", "address_key": f"reader{n}@example.org"} for n in ids]
    tx.connection.execute(insert(people), [row | {"name": f"Reader {row['id']}"} for row in rows])
    facts = {
        "audience_group": "government",
        "languages": "en",
        "fallback": "source",
        "zone": "Africa/Dakar",
        "domain_group": "other",
        "status": "active",
        "confirmed_at": DUE,
        "changed_at": DUE,
    }
    tx.connection.execute(insert(subscribers), [facts | {"id": n} for n in ids])
    wish = {"digest": digest, "cadence": "daily", "choice": {}} | dict.fromkeys(mask_columns, 1)
    tx.connection.execute(insert(subscriptions), [wish | {"subscriber_id": n} for n in ids])
    rhythm = {"digest": digest, "cadence": "daily", "weekday": 0, "hour": 6, "zone": "Africa/Dakar"}
    tx.connection.execute(insert(rhythms), [rhythm | {"subscriber_id": n} for n in ids])
    mark = {"digest": digest, "cadence": "daily", "mark": 0}
    tx.connection.execute(insert(marks), [mark | {"subscriber_id": n} for n in ids])
    return ids


def plan(
    store: SqlStore,
    sizes: Sequence[int],
    *,
    state: MailingState = MailingState.APPROVED,
    locales: Sequence[str] = ("en",),
    groups: Sequence[str] = ("other",),
    occasion: str = "2026-11-23",
    items: Sequence[int] = (1,),
    with_people: bool = False,
    digest: str = "letter",
    first: int = 1,
) -> int:
    """A mailing with a chunk of each size; locales and domain groups go round. Its id."""
    with store.write() as tx:
        total = sum(sizes)
        if with_people:
            add_people(tx, total, first=first, digest=digest)
        made = tx.connection.execute(insert(editions).values(digest=digest, cadence="daily", occasion=occasion))
        assert made.inserted_primary_key
        edition = made.inserted_primary_key[0]
        made = tx.connection.execute(
            insert(mailings).values(
                edition_id=edition,
                due_at=DUE,
                state=state.value,
                approval="standing",
                recipients=total,
                correlation_id="story-1",
                planned_at=DUE,
            )
        )
        assert made.inserted_primary_key
        mailing = int(made.inserted_primary_key[0])
        for number, locale in enumerate(locales):
            tx.connection.execute(
                insert(signatures).values(
                    mailing_id=mailing, signature=number, locale=locale, content=content(locale, *items).to_json()
                )
            )
        person = first
        for number, size in enumerate(sizes):
            locale = number % len(locales)
            tx.connection.execute(
                insert(chunks).values(
                    mailing_id=mailing,
                    chunk=number,
                    lane=Lane.MAILING.value,
                    domain_group=groups[number % len(groups)],
                    locale=locales[locale],
                    size=size,
                    state=ChunkState.READY.value,
                    sent_upto=0,
                    doubt_upto=0,
                    epoch=0,
                )
            )
            rows = [
                {
                    "mailing_id": mailing,
                    "chunk": number,
                    "place": place,
                    "subscriber_id": person + place,
                    "channel": "email",
                    "edition_id": edition,
                    "signature": locale,
                }
                for place in range(size)
            ]
            if rows:
                tx.connection.execute(insert(deliveries), rows)
            person += size
    return mailing
