"""Save a segment: a new one, or the next version of one. Every version stays to be read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from tribune.domain.audit import Facts
from tribune.domain.codelists import fold
from tribune.domain.errors import Conflict, InvalidInput, NotFound
from tribune.domain.segment_problems import Fault, InvalidRule, Problem
from tribune.domain.segments import TAG, Rule
from tribune.ports.segments import SEGMENTS, Segment
from tribune.ports.store import Transaction

MAX_NAME = 120
MAX_DESCRIPTION = 2_000
RESERVED = ("new", "live")
"""Short names that no segment can have: the newsroom has pages there."""
SENT_TWICE = timedelta(minutes=1)
"""So soon after another the same form of the same person is that form, sent again."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A segment as it is to be. `slug` "" lets the name give one to a new segment; `version` is the one that the writer
    has read (None: a new segment). `once`: it comes from a form, whose button may have been pressed twice."""

    name: str
    description: str
    rule: Rule
    slug: str = ""
    version: int | None = None
    once: bool = False


def save_segment(tx: Transaction, draft: Draft, actor: str, now: datetime) -> Segment:
    """Store it. Nothing is stored, and no version made, where nothing differs.

    Raises InvalidInput (`where` names the field), InvalidRule for people who do not exist, NotFound, and Conflict where
    the slug is taken or somebody else has saved in the meantime.
    """
    tx.lock(SEGMENTS)
    name, description = one_line(draft.name), draft.description.replace("\r\n", "\n").strip()
    _check_words(name, description)
    if draft.version is None:
        return _add(tx, draft, name, description, actor, now)
    kept = tx.segments.one(draft.slug)
    if kept is None:
        raise NotFound(f"There is no segment {draft.slug!r}.")
    if kept.archived_at is not None:
        raise Conflict(f"The segment {kept.slug!r} is archived.", hint="Take it back into use first.")
    if (kept.name, kept.description, kept.rule) == (name, description, draft.rule):
        return kept
    if kept.version != draft.version:
        raise Conflict(
            f"Somebody has saved version {kept.version} of {kept.slug!r} while you worked on version {draft.version}.",
            hint="Look at theirs, then save yours over it or not.",
        )
    _check_people(tx, draft.rule, kept.rule)
    tx.segments.change(kept.id, name, description, draft.rule, now, actor)
    facts: Facts = {"slug": kept.slug, "version": kept.version + 1}
    tx.audit.add(actor, "segment.saved", f"segment/{kept.id}", facts, now)
    return _again(tx, kept.slug)


def _add(tx: Transaction, draft: Draft, name: str, description: str, actor: str, now: datetime) -> Segment:
    if draft.slug and not TAG.fullmatch(draft.slug):
        raise InvalidInput(
            f"{draft.slug!r} cannot be a segment's short name.",
            where="slug",
            hint="Use a to z, digits and hyphens, at most 60 of them.",
        )
    if draft.slug in RESERVED:
        hint = "The newsroom has a page of this name. Choose another short name."
        raise InvalidInput(f"{draft.slug!r} cannot be a segment's short name.", where="slug", hint=hint)
    if draft.slug and tx.segments.one(draft.slug) is not None:
        raise Conflict(f"There is a segment {draft.slug!r} already.", where="slug", hint="Choose another short name.")
    if draft.once and (sent := _sent_before(tx, name, description, draft.rule, actor, now)) is not None:
        return sent
    _check_people(tx, draft.rule, Rule(None))
    added = tx.segments.add(draft.slug or _free_slug(tx, name), name, description, draft.rule, now, actor)
    tx.audit.add(actor, "segment.created", f"segment/{added.id}", {"slug": added.slug, "version": 1}, now)
    return added


def one_line(text: str) -> str:
    """Without line breaks and doubled spaces."""
    return " ".join(text.split(" ")).strip() if text.isprintable() else " ".join(text.split())


def slug_of(name: str) -> str:
    """A short name for addresses and the command line: `Ministries, Latin America` -> `ministries-latin-america`."""
    made = re.sub(r"[^a-z0-9]+", "-", fold(name)).strip("-")[:50].strip("-")
    return made or "segment"


def _free_slug(tx: Transaction, name: str) -> str:
    wanted = slug_of(name)
    number = 1
    while (slug := wanted if number == 1 else f"{wanted}-{number}") in RESERVED or tx.segments.one(slug) is not None:
        number += 1
    return slug


def _sent_before(tx: Transaction, name: str, description: str, rule: Rule, actor: str, now: datetime) -> Segment | None:
    """The segment that this very form has just made."""
    told = (name, description, rule, actor, 1)
    for one in tx.segments.all():
        alike = (one.name, one.description, one.rule, one.changed_by, one.version) == told
        if alike and one.created_at > now - SENT_TWICE:
            return one
    return None


def _check_words(name: str, description: str) -> None:
    if not name:
        raise InvalidInput("The segment has no name.", where="name", hint="Say in a few words who is in it.")
    for where, text, most in (("name", name, MAX_NAME), ("description", description, MAX_DESCRIPTION)):
        if len(text) > most:
            raise InvalidInput(f"This is longer than {most:,} characters.", where=where, hint="Make it shorter.")
        if not "".join(text.split()).isprintable():
            raise InvalidInput("Here are signs that cannot be shown.", where=where, hint="Type it anew.")


def _check_people(tx: Transaction, rule: Rule, before: Rule) -> None:
    """Who is named now must exist; who was named before may have been erased since."""
    problems = []
    for field in ("include", "exclude"):
        named: tuple[int, ...] = getattr(rule, field)
        new = [person for person in named if person not in getattr(before, field)]
        there = tx.segments.facts(new)
        problems += [
            Problem(f"{field}[{named.index(person)}]", Fault.NO_SUCH_PERSON, str(person), "Look the number up.")
            for person in new
            if person not in there
        ]
    if problems:
        raise InvalidRule(problems)


def _again(tx: Transaction, slug: str) -> Segment:
    found = tx.segments.one(slug)
    assert found is not None  # noqa: S101 - it has just been read, under the lock
    return found
