"""Less of it, or nothing for a time: what a link of a mail may do, and its undoing. The unsubscribe page and the
preference centre share it."""

from __future__ import annotations

from datetime import date
from typing import Any

from tribune.bootstrap import Application
from tribune.domain.audience import Cadence
from tribune.domain.digests import Digest
from tribune.domain.errors import InvalidInput, NotFound
from tribune.domain.preferences import packed, unpacked
from tribune.domain.sign_up import received
from tribune.ports.store import Transaction
from tribune.services.audience.choose_topics import TopicsChosen, keep_topics_only, leave_topics_out, undo_topics
from tribune.services.audience.pause_subscriber import pause_until, resume
from tribune.services.audience.unsubscribe import less_often, subscribe_again
from tribune.services.desk.reader_choices import as_often_as_before, reader_choices
from tribune.services.segments.note_visit import note_visit
from web.forms import Fields
from web.public.links import Link

UNDO = "undo-less-often"
UNDO_TOPICS = "undo-topics"

NOTHING: dict[str, Any] = {"done": "", "pace": "", "undo": "", "named": (), "wrong": "", "fixed": False}
"""What a page says of an action that was none. `fixed`: who wanted any topic has a list of topics by now, in which
those that come later will not be."""


def act(app: Application, link: Link, do: str, fields: Fields, network: str = "") -> dict[str, Any] | None:
    """Do what was asked for, from this network (shortened); the facts that the page tells of it. None where it is no
    action of these."""
    doing = _ACTS.get(do)
    if doing is None:
        return None
    try:
        with app.store.write() as tx:
            told = doing(app, tx, link, fields, network)
            note_visit(tx, link.subscriber, app.clock.now())
            return {**NOTHING, "done": do, **told}
    except NotFound:
        # Erased meanwhile: there is nobody left to mail, which is what was asked for.
        return {**NOTHING, "done": do}


def _again(app: Application, tx: Transaction, link: Link, fields: Fields, network: str) -> dict[str, Any]:
    digest = app.digests.get(fields.one("digest") or link.digest)
    if digest is None:
        return {"done": ""}
    back = subscribe_again(tx, link.subscriber, digest.id, app.rules.pause_reach_back, app.clock.now(), network)
    return {} if back or digest.id in _received(tx, link) else {"done": ""}


def _all_again(app: Application, tx: Transaction, link: Link, fields: Fields, network: str) -> dict[str, Any]:
    back = subscribe_again(tx, link.subscriber, None, app.rules.pause_reach_back, app.clock.now(), network)
    return {} if back or _received(tx, link) else {"done": ""}


def _slower(app: Application, tx: Transaction, link: Link, fields: Fields, network: str) -> dict[str, Any]:
    before = reader_choices(tx, link.subscriber, link.digest, app.digests)
    if before.pace is None or before.slower is None:
        return {"done": ""}
    less_often(tx, link.subscriber, app.digests[link.digest], app.codelists, app.clock.now(), network)
    undo = app.signer.sign(UNDO, link.subscriber, link.digest, before.pace.value, before.slower.value)
    return {"pace": before.slower.value, "undo": undo if before.exact_undo else ""}


def _undo_slower(app: Application, tx: Transaction, link: Link, fields: Fields, network: str) -> dict[str, Any]:
    told = _undo_token(app, UNDO, link, fields, 2)
    if told is None:
        return {"done": ""}
    before, after = told
    steps = Cadence(after), Cadence(before)
    digest = app.digests[link.digest]
    undone = as_often_as_before(tx, link.subscriber, digest, *steps, app.codelists, app.clock.now(), network)
    return {"done": "undo-slower" if undone else "", "pace": before}


def _leave_out(app: Application, tx: Transaction, link: Link, fields: Fields, network: str) -> dict[str, Any]:
    return _topics(app, tx, link, fields, network, only=False)


def _only(app: Application, tx: Transaction, link: Link, fields: Fields, network: str) -> dict[str, Any]:
    return _topics(app, tx, link, fields, network, only=True)


def _topics(
    app: Application, tx: Transaction, link: Link, fields: Fields, network: str, *, only: bool
) -> dict[str, Any]:
    digest = _digest(app, link)
    topics = fields.all("topic")
    if digest is None:
        return {"done": ""}
    choose = keep_topics_only if only else leave_topics_out
    try:
        became: TopicsChosen = choose(
            tx, link.subscriber, digest, topics, app.codelists, app.rules.pause_reach_back, app.clock.now(), network
        )
    except InvalidInput:
        return {"done": "", "wrong": "topic"}
    if not became.changed:
        return {"done": "same"}
    if became.stopped or became.before is None:
        return {"done": "stop"}
    undo = app.signer.sign(UNDO_TOPICS, link.subscriber, link.digest, packed(became.before), became.now)
    named = [topic for topic in topics if topic in app.codelists.policy_areas]
    had_any = any(not wish.choice.policy_areas for wish in became.before.subscriptions)
    return {"undo": undo, "named": named, "fixed": had_any and not only}


def _undo_topics(app: Application, tx: Transaction, link: Link, fields: Fields, network: str) -> dict[str, Any]:
    told, digest = _undo_token(app, UNDO_TOPICS, link, fields, 2), _digest(app, link)
    if told is None or digest is None:
        return {"done": ""}
    before, as_of = told
    undone = undo_topics(
        tx,
        link.subscriber,
        digest,
        unpacked(before),
        as_of,
        app.codelists,
        app.rules.pause_reach_back,
        app.clock.now(),
        network,
    )
    return {"done": "undo-topics" if undone else ""}


def _pause(app: Application, tx: Transaction, link: Link, fields: Fields, network: str) -> dict[str, Any]:
    try:
        until = date.fromisoformat(fields.one("until").strip())
        pause_until(tx, link.subscriber, until, app.clock.now(), network=network)
    except (ValueError, InvalidInput):
        return {"done": "", "wrong": "until"}
    return {}


def _resume(app: Application, tx: Transaction, link: Link, fields: Fields, network: str) -> dict[str, Any]:
    """Who does not pause any more is told how things are, and of nothing that was done: it is a tab of before."""
    if resume(tx, link.subscriber, app.rules.pause_reach_back, app.clock.now(), network=network):
        return {}
    return {"done": "same" if _received(tx, link) else ""}


def _received(tx: Transaction, link: Link) -> set[str]:
    person = tx.audience.one(link.subscriber)
    return received(person) if person is not None else set()


def _digest(app: Application, link: Link) -> Digest | None:
    return app.digests.get(link.digest)


def _undo_token(app: Application, purpose: str, link: Link, fields: Fields, parts: int) -> list[str] | None:
    """What an undo token says beyond whom and what; None for a forged one, and for one of somebody else."""
    try:
        subscriber, digest, *rest = app.signer.verify(purpose, fields.one("undo"))
    except (InvalidInput, ValueError):
        return None
    mine = (subscriber, digest) == (str(link.subscriber), link.digest) and digest in app.digests
    return rest if mine and len(rest) == parts else None


_ACTS = {
    "again": _again,
    "all-again": _all_again,
    "slower": _slower,
    "undo-slower": _undo_slower,
    "leave-out": _leave_out,
    "only": _only,
    "undo-topics": _undo_topics,
    "pause": _pause,
    "resume": _resume,
}
