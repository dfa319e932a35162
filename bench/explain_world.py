"""What `bench.explain` looks at: beside 1 M subscribers, ten editions of a million deliveries, items, inbox, outbox.

Deliveries, chunks and signatures go in as planning writes them; what else is many is made by the server.
"""

from __future__ import annotations

import random
import time
from datetime import date, timedelta

import numpy as np
from sqlalchemy import text

from bench.planning import START
from tribune.bootstrap import Application
from tribune.domain.audience import Cadence
from tribune.domain.items import LanguageVersion, Release
from tribune.domain.mailings import CHUNK_SIZE, EditionContent, FragmentKey, Lane, MailingState, Shape
from tribune.domain.merging import Content
from tribune.ports.planning import ChunkPlan, DeliveryPlans, MailingPlan
from tribune.store.engine import SqlTransaction

EDITIONS = 10
SIGNATURES = 1_000
ITEMS = 5_000
QUIET = 3_000
"""Mailings of other due instants, to whom nothing was new."""

INBOX = 1_000_000
OUTBOX = 20_000
SUPPRESSED = 50_000
NOTICES = 200_000
SMALL_COHORT = 1_000
"""Every so many-th person lives in the zone of the small cohort."""

SMALL_ZONE = "Pacific/Fiji"
_WORDS = [f"{first}{last}" for first in ("wage", "safety", "care", "youth", "skill", "rural") for last in range(300)]

NOW = f"timestamptz '{START.isoformat()}'"
"""The time of the store's stopped clock, in SQL."""


def _many(fingerprint: str) -> tuple[str, ...]:
    """What the server makes by itself, much of each; the suppression list as if made with the key of this one."""
    return (
        "INSERT INTO editions (digest, cadence, occasion) SELECT 'letter', 'at_once', CAST(n AS text)"
        f" FROM generate_series(1, {QUIET}) n",
        "INSERT INTO mailings (edition_id, due_at, state, approval, recipients, correlation_id, planned_at,"
        f" finished_at) SELECT id, {NOW} - id * interval '1 hour', 'finished', 'standing', 0, 'c', {NOW},"
        f" {NOW} - id * interval '1 hour'"
        " FROM editions WHERE cadence = 'at_once'",
        f"INSERT INTO inbox SELECT 'deliveries', '/tribune/mailings', 'event-' || n, {NOW} - n * interval '7 seconds'"
        f" FROM generate_series(1, {INBOX}) n",
        "INSERT INTO outbox (topic, key, value, added_at) SELECT 'deliveries', CAST(n % 12 AS text),"
        f" convert_to(repeat('x', 400), 'UTF8'), {NOW} FROM generate_series(1, {OUTBOX}) n",
        f"INSERT INTO suppressions SELECT encode(sha256(convert_to(CAST(n AS text), 'UTF8')), 'hex'), 'bounce', {NOW},"
        f" n * 97, '{fingerprint}' FROM generate_series(1, {SUPPRESSED}) n",
        "INSERT INTO notices (subscriber_id, kind, locale, content, state, correlation_id, created_at, settled_at,"
        " next_attempt_at) SELECT n * 5, 'preferences_link', 'en', '{}', CASE WHEN n % 1000 = 0 THEN 'waiting'"
        f" ELSE 'sent' END, 'c', {NOW} - n * interval '30 seconds', CASE WHEN n % 1000 = 0 THEN NULL ELSE {NOW} END,"
        f" CASE WHEN n % 1000 = 0 THEN {NOW} + interval '1 hour' END FROM generate_series(1, {NOTICES}) n",
        f"UPDATE subscribers SET zone = '{SMALL_ZONE}' WHERE id % {SMALL_COHORT} = 7",
        f"UPDATE rhythms SET zone = '{SMALL_ZONE}', hour = 7 WHERE subscriber_id % {SMALL_COHORT} = 7"
        " AND cadence = 'daily'",
        # Of each mailing that ended, some failed for good; of the one that runs, some wait for another attempt.
        "INSERT INTO delivery_exceptions (mailing_id, chunk, place, state, code, changed_at, next_attempt_at)"
        " SELECT m.id, n / 5, n % 5 * 7, CASE WHEN m.state = 'running' THEN 'retry' ELSE 'failed' END, '550 5.1.1',"
        f" {NOW}, CASE WHEN m.state = 'running' THEN {NOW} - interval '1 minute' + n * interval '1 second' END"
        " FROM mailings m, generate_series(0, 4999) n WHERE m.recipients > 0",
    )


def fill_ledger(app: Application, people: int) -> None:
    """Editions of everybody, of which the last one is running; then whatever else there is many of."""
    began = time.perf_counter()
    with app.store.write() as tx:
        _items(tx)
    for day in range(EDITIONS):
        with app.store.write() as tx:
            _edition(tx, day, people)
    with app.store.write() as tx:
        for statement in _many(app.suppression_hash.fingerprint):
            tx.connection.execute(text(statement))
    with app.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    print(f"{EDITIONS * people:,} deliveries and the rest in {time.perf_counter() - began:.0f} s", flush=True)


def _edition(tx: SqlTransaction, day: int, people: int) -> None:
    last = day == EDITIONS - 1
    at = START - timedelta(days=EDITIONS - day)
    plan = MailingPlan(
        edition=tx.planning.edition("letter", Cadence.DAILY, date.isoformat(at.date())),
        due_at=at,
        state=MailingState.RUNNING if last else MailingState.FINISHED,
        approval="standing",
        recipients=people,
        skipped_empty=0,
        correlation_id=f"bench-{day}",
        planned_at=at,
    )
    mailing = tx.planning.add_mailing(plan)
    keys = [FragmentKey(item, 1, Shape.ROW, "en", "en") for item in range(1, 6)]
    content = EditionContent("en", tuple(keys)).to_json()
    import json

    tx.planning.add_signatures(mailing, ((n, "en", json.dumps(content | {"more": n})) for n in range(SIGNATURES)))
    sizes = [min(CHUNK_SIZE, people - start) for start in range(0, people, CHUNK_SIZE)]
    tx.planning.add_chunks(mailing, [ChunkPlan(n, Lane.MAILING, "other", "en", size) for n, size in enumerate(sizes)])
    place = np.arange(people)
    who = np.random.default_rng(day).permutation(people) + 1
    signature = place * SIGNATURES // people
    tx.planning.add_deliveries(mailing, DeliveryPlans(place // CHUNK_SIZE, place % CHUNK_SIZE, who, signature))
    done = "TRUE" if not last else f"chunk < {len(sizes) // 2}"
    tx.connection.exec_driver_sql(
        "UPDATE chunks SET state = 'done', sent_upto = size, doubt_upto = size, epoch = 1"
        f" WHERE mailing_id = {mailing} AND {done}"
    )
    if not last:
        tx.connection.exec_driver_sql(f"UPDATE mailings SET finished_at = due_at WHERE id = {mailing}")


def _items(tx: SqlTransaction) -> None:
    dice = random.Random(4)
    for n in range(ITEMS):
        title = f"{' '.join(dice.sample(_WORDS, 4))} {n}"
        abstract = " ".join(dice.choices(_WORDS, k=60))
        content = Content("report", "en", (LanguageVersion("en", title, abstract),))
        item = tx.catalogue.add_item(content, embargo_until=None, correlation_id=f"item-{n}", now=START)
        tx.catalogue.add_releases([Release(tx.catalogue.next_sequences(1)[0], item, "en", START)])
        tx.catalogue.index(item, content, ["en"])
