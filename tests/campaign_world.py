"""Campaigns for tests: a segment, a text, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tests.planning_world import World
from tribune.bootstrap import Application
from tribune.domain.campaigns import Draft, Message
from tribune.domain.mailings import Mailing
from tribune.domain.segment_json import read
from tribune.ports.segments import Segment
from tribune.services.campaigns.plan_campaign import Outline, Wanted, outline_campaign, plan_campaign
from tribune.services.planning.approve_mailing import approve_mailing
from tribune.services.segments.save_segment import Draft as SegmentDraft
from tribune.services.segments.save_segment import save_segment

EVERYONE = {"everyone": True}


def draft(*languages: str, items: Sequence[int] = (), name: str = "Survey", text: str = "") -> Draft:
    """A campaign that says in each language which one it is; the first is the one that was written first."""
    told = languages or ("en",)
    return Draft(
        name,
        tuple(Message(one, f"Subject in {one}", text or f"Text in {one}.") for one in told),
        tuple(items),
    )


def segment(app: Application, slug: str = "everyone", who: object = EVERYONE) -> Segment:
    """A saved segment, or its next version."""
    with app.store.write() as tx:
        kept = tx.segments.one(slug)
        rule = read({"version": 1, "who": who})
        told = SegmentDraft(slug, "", rule, slug, kept.version if kept else None)
        return save_segment(tx, told, "test", app.clock.now())


def outline(app: Application, told: Draft, slug: str = "everyone", at: datetime | None = None) -> Outline:
    with app.store.read() as tx:
        wanted = Wanted(told, slug, "letter", at)
        return outline_campaign(tx, wanted, app.digests, app.codelists, app.rules, app.clock.now())


def plan(app: Application, told: Draft, slug: str = "everyone", at: datetime | None = None) -> Mailing:
    """Planned for a segment, in the name of the letter; it waits for approval."""
    with app.store.write() as tx:
        wanted = Wanted(told, slug, "letter", at)
        return plan_campaign(tx, wanted, app.digests, app.codelists, app.rules, "test", app.clock.now())


def approve(app: Application, mailing: Mailing | int) -> None:
    with app.store.write() as tx:
        approve_mailing(tx, mailing if isinstance(mailing, int) else mailing.id, app.clock.now())


def readers(app: Application, number: int, **facts: Any) -> list[int]:
    """People who have the letter daily: reader1@example.org and so on, as the channel of mailing_world knows them."""
    world = World(app)
    return [world.person("daily", address=f"reader{n}@example.org", **facts) for n in range(1, number + 1)]
