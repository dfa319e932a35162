"""What is visible of an item: releases are numbered, hidden, shown again, taken along (decisions.md, 2 and 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tribune.domain.events import CloudEvent, ItemReleased
from tribune.domain.items import Release
from tribune.domain.merging import KeptRecord, merge
from tribune.services.events.event_codec import new_event

if TYPE_CHECKING:
    from tribune.ports.store import Transaction

SOURCE = "/tribune/catalogue"

SERVED_AFTER = timedelta(days=36)
"""A release that was visible for so long has reached the slowest rhythm (monthly: five weeks at most)."""


def bring_releases_up_to_date(
    tx: Transaction,
    id: int,
    current: Sequence[Release],
    visible: Sequence[str],
    anew: set[str],
    now: datetime,
) -> list[Release]:
    """Make exactly the languages of `visible` visible; the releases that are new."""
    out: dict[str, Release] = {}
    hide: list[int] = []
    for release in current:
        # Two items became one and both had this language: the earlier release stands.
        if release.language not in visible or release.language in anew or release.language in out:
            hide.append(release.sequence)
        else:
            out[release.language] = release
    tx.catalogue.hide_releases(hide, now)
    missing = [language for language in visible if language not in out]
    past = tx.catalogue.past_releases(id) if missing else {}
    back = [
        past[language].release.sequence
        for language in missing
        if language in past and language not in anew and _served(past[language].release, past[language].hidden_at)
    ]
    tx.catalogue.show_releases(back)
    fresh = [language for language in missing if language not in past or past[language].release.sequence not in back]
    return release_languages(tx, id, fresh, now)


def release_languages(tx: Transaction, id: int, languages: Sequence[str], now: datetime) -> list[Release]:
    """Give each language version of an item the next catalogue sequence number."""
    if not languages:
        return []
    sequences = tx.catalogue.next_sequences(len(languages))
    releases = [Release(number, id, language, now) for number, language in zip(sequences, languages, strict=True)]
    tx.catalogue.add_releases(releases)
    return releases


def _served(release: Release, hidden_at: datetime) -> bool:
    """Whether everyone had it before it went away, so that its return is no news. If not, some may see it twice; the
    other way round some would never see it."""
    return hidden_at - release.released_at >= SERVED_AFTER


def take_releases_along(tx: Transaction, groups: Sequence[Sequence[KeptRecord]], ids: Sequence[int]) -> None:
    """A work that came apart takes the releases of its languages along where the item that it leaves has none."""
    if len(groups) < 2:
        return
    languages = {id: set(merge(group).languages) for id, group in zip(ids, groups, strict=True)}
    for id, group in zip(ids, groups, strict=True):
        for former in {record.item_id for record in group} & (set(ids) - {id}):
            if former is None:
                continue
            leaving = [
                release.sequence
                for release in tx.catalogue.releases_of([former])[former]
                if release.language in languages[id] - languages[former]
            ]
            tx.catalogue.move_releases(leaving, id)


def item_released(release: Release, correlation_id: str) -> CloudEvent:
    """The event that says so."""
    event = new_event(
        "item.released",
        ItemReleased(item=release.item_id, language=release.language, sequence=release.sequence),
        source=SOURCE,
        key=str(release.item_id),
        record=f"{release.item_id}/{release.language}/{release.sequence}",
        time=release.released_at,
    )
    return replace(event, correlation_id=correlation_id)
