"""The rows behind the public lists: written where an item changes, in its transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select

from tribune.domain.archive import EVERYWHERE, base_language, day_of, slug
from tribune.domain.items import LanguageVersion
from tribune.domain.merging import Content
from tribune.store.item_codec import content_to_json
from tribune.store.tables import items, listing_codes, listings, releases

TOPICS, PLACES = "topics", "places"
LONGEST_CODE = 60
ANY_OTHER = ""
"""The base under which stands what readers of other languages are shown."""

_VISIBLE = (
    select(releases.c.language, releases.c.sequence, releases.c.released_at)
    .where(releases.c.item_id == bindparam("id"), releases.c.hidden_at.is_(None))
    .order_by(releases.c.sequence)
)
_KNOWN = select(listings.c.base, listings.c.digest, listings.c.updated_at).where(listings.c.item_id == bindparam("id"))
_VERSION = select(items.c.version).where(items.c.id == bindparam("id"))
_FORGET = [delete(table).where(table.c.item_id == bindparam("id")) for table in (listings, listing_codes)]
_ADD, _ADD_CODES = insert(listings), insert(listing_codes)


def write(connection: Connection, item_id: int, content: Content, now: datetime) -> None:
    """List the item's visible versions. `updated_at` stays where nothing of what is shown has changed."""
    known = {row.base: row for row in connection.execute(_KNOWN, {"id": item_id})}
    visible = connection.execute(_VISIBLE, {"id": item_id}).all()
    number = connection.scalar(_VERSION, {"id": item_id})
    remove(connection, item_id)
    rows: list[dict[str, Any]] = []
    for base, release in _by_base(visible, content.source_language).items():
        version = next((one for one in content.versions if one.language == release.language), None)
        if version is None:
            continue
        digest = _digest(content, version, release.sequence)
        before = known.get(base)
        rows.append(
            {
                "item_id": item_id,
                "base": base,
                "language": release.language,
                "version": number,
                "sequence": release.sequence,
                "day": day_of(content.published_on, release.released_at).isoformat(),
                "released_at": release.released_at,
                "updated_at": before.updated_at if before is not None and before.digest == digest else now,
                "kind": content.kind,
                "slug": slug(version.title),
                "digest": digest,
            }
        )
    if not rows:
        return
    connection.execute(_ADD, rows)
    named = [(TOPICS, code) for code in content.policy_areas]
    named += [(PLACES, code) for code in content.places or (EVERYWHERE,)]
    # A code that no list knows may be of any length; nobody can ask for it.
    told = [pair for pair in dict.fromkeys(named) if len(pair[1]) <= LONGEST_CODE]
    if told:
        connection.execute(_ADD_CODES, [{"axis": axis, "code": code, "item_id": item_id} for axis, code in told])


def remove(connection: Connection, item_id: int) -> None:
    """Take an item off the lists."""
    for statement in _FORGET:
        connection.execute(statement, {"id": item_id})


def _by_base(visible: Sequence[Any], source_language: str) -> dict[str, Any]:
    """Base language -> the release that its readers are shown, as tribune.domain.audience.shown_language has it."""
    found: dict[str, Any] = {}
    for release in visible:
        base = base_language(release.language)
        if base not in found or release.language == base:
            found[base] = release
    if visible:
        found[ANY_OTHER] = next((one for one in visible if one.language == source_language), visible[0])
    return found


def _digest(content: Content, version: LanguageVersion, sequence: int) -> str:
    """A hash of what is shown of a version; how it is filed is not."""
    shown = replace(
        content, versions=(version,), policy_areas=(), places=(), categories=(), reviewed_on=None, maintained=None
    )
    text = json.dumps([sequence, content_to_json(shown)], sort_keys=True)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
