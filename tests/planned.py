"""A planned mailing, written straight into the tables, for tests of what comes after planning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import insert

from tribune.bootstrap import Application
from tribune.codelists import load
from tribune.domain.codelists import Codelists
from tribune.domain.items import Item, ItemRecord, LanguageVersion, Withdrawal
from tribune.domain.mailings import ChunkState, EditionContent, FragmentKey, Lane, MailingState, Shape
from tribune.ports.channels import EmailChannel
from tribune.ports.planning import DeliveryPlans
from tribune.rendering.email.composer import EditionFacts, Reader, ReaderLinks
from tribune.resources import locate
from tribune.services.catalogue.catalogue_item import catalogue_record, withdraw_record
from tribune.services.events.event_codec import new_event
from tribune.services.sending.make_mails import Sender
from tribune.store.engine import SqlStore, SqlTransaction
from tribune.store.tables import (
    chunks,
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
        for number, told in enumerate(locales):
            tx.connection.execute(
                insert(signatures).values(
                    mailing_id=mailing, signature=number, locale=told, content=content(told, *items).to_json()
                )
            )
        person = first
        rows: list[tuple[int, int, int, int]] = []
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
            rows += [(number, place, person + place, locale) for place in range(size)]
            person += size
        tx.planning.add_deliveries(mailing, DeliveryPlans(*np.array(rows, np.int64).reshape(-1, 4).T))
    return mailing


@cache
def codelists() -> Codelists:
    return load(locate("codelists"))


def add_item(tx: SqlTransaction, title: str = "Work in figures", language: str = "en") -> int:
    """A visible brief in one language; its id."""
    told = ItemRecord(title, "brief", language, (LanguageVersion(language, title, "An abstract."),))
    event = new_event("publication.published", told, source="/test", key=title, time=DUE)
    id = catalogue_record(tx, event, codelists(), DUE).item_id
    assert id is not None
    return id


def withdraw_item(tx: SqlTransaction, title: str = "Work in figures") -> None:
    """Its source takes it back."""
    told = Withdrawal(title, "a mistake")
    event = new_event("publication.withdrawn", told, source="/test", key=title, time=DUE, revision=2)
    withdraw_record(tx, event, DUE)


class PlainMail:
    """A mail without craft: who, what, which links."""

    def __init__(self, titles: list[str], locale: str, sender: str) -> None:
        self._titles, self.locale, self._sender = titles, locale, sender

    def fill(self, reader: Reader, links: ReaderLinks) -> bytes:
        lines = [
            f"From: <{self._sender}>",
            f"To: <{reader.address}>",
            f"Message-ID: <{reader.delivery}@observatory.example>",
            f"List-Unsubscribe: <{links.one_click}>",
            "",
            f"For {reader.name}, in {self.locale}:",
            *self._titles,
            "",
        ]
        return "\r\n".join(lines).encode()


class PlainComposer:
    """Stands in for the composer where a test is about sending. An item called "broken" breaks it."""

    def compose(
        self, content: EditionContent, items: Mapping[tuple[int, int], Item], edition: EditionFacts
    ) -> PlainMail:
        titles = [items[key.item, key.version].versions[0].title for key in content.fragments]
        if "broken" in titles:
            raise ValueError("secret@example.org cannot be rendered")
        return PlainMail(titles, content.locale, edition.digest.sender)


def make_sender(app: Application, channel: EmailChannel, owner: str = "a", **more: Any) -> Sender:
    """A sender with the plain composer over a channel of the test's."""
    return Sender(
        store=app.store,
        clock=app.clock,
        channel=channel,
        composer=PlainComposer(),  # type: ignore[arg-type]
        links=app.reader_links,
        digests=app.digests,
        owner=owner,
        **more,
    )
