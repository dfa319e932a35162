"""How the catalogue is printed: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tribune.domain.codelists import Codelists
from tribune.domain.items import Item
from tribune.domain.merging import KeptRecord
from tribune.ports.catalogue import HistoryEntry, Hit, UnmappedCategory
from tribune.services.events.event_data import instant_text, to_data


def known_kind(told: str, codelists: Codelists) -> str | None:
    """The code that `told` names, None for "". Raises InvalidInput with the nearest ones."""
    if not told:
        return None
    return codelists.kinds.find(told) or codelists.kinds[told].code


def print_hits(hits: Sequence[Hit], language: str, codelists: Codelists, *, as_json: bool) -> None:
    """What a search found."""
    if as_json:
        return _print_json([to_data(hit) for hit in hits])
    if not hits:
        return print("Nothing was found.")
    table = _table("Item", "Kind", "Language", "Title")
    for hit in hits:
        title = escape(hit.title) + (f"\n[dim]{escape(hit.excerpt)}[/dim]" if hit.excerpt else "")
        table.add_row(str(hit.item_id), escape(codelists.kinds.label(hit.kind, "en")), hit.language, title)
    return Console().print(table)


def print_items(found: Sequence[Item], codelists: Codelists, *, title: str, as_json: bool) -> None:
    """Items, a line each."""
    if as_json:
        return _print_json([to_data(item) for item in found])
    if not found:
        return print("The catalogue is empty. `tribune publish` or `tribune pull` brings something in.")
    return Console().print(_items_table(found, codelists, title))


def print_item(item: Item, records: Sequence[KeptRecord], codelists: Codelists, *, as_json: bool) -> None:
    """One item and the records behind it."""
    if as_json:
        return _print_json(to_data(item) | {"records": [_record_json(record) for record in records]})
    console = Console()
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name, told in _facts(item, codelists):
        table.add_row(name, escape(told))
    for record in records:
        table.add_row("record", escape(f"{record.source} {record.record}, revision {record.revision}{_fate(record)}"))
    console.print(table)
    return None


def print_history(entries: Sequence[HistoryEntry], *, as_json: bool) -> None:
    """What changed."""
    if as_json:
        return _print_json([to_data(entry) for entry in entries])
    table = _table("When", "Item", "Version", "Change", "Event", "Note")
    for entry in entries:
        when = f"{entry.changed_at:%Y-%m-%d %H:%M:%S}"
        told = (when, str(entry.item_id), str(entry.version), entry.change, entry.event_id, entry.note)
        table.add_row(*map(escape, told))
    return Console().print(table)


def print_unmapped(
    found: Sequence[Item], categories: Sequence[UnmappedCategory], codelists: Codelists, *, as_json: bool
) -> None:
    """What waits for staff."""
    if as_json:
        told = {"items": [to_data(item) for item in found], "categories": [to_data(one) for one in categories]}
        return _print_json(told)
    if not found and not categories:
        return print("Every item maps to a policy area, and every word of the sources is known.")
    console = Console()
    if found:
        console.print(_items_table(found, codelists, "Items without a policy area"))
    if categories:
        table = _table(
            "Word of a source", "Items", "Without any area", "Newest", title="Words that name no policy area"
        )
        for one in categories:
            table.add_row(escape(one.category), str(one.items), str(one.without_area), str(one.newest))
        console.print(table)
    return None


def _items_table(found: Sequence[Item], codelists: Codelists, title: str) -> Table:
    table = _table("Item", "Kind", "Languages", "State", "Title", title=title)
    for item in found:
        languages = " ".join(version.language for version in item.versions)
        kind = codelists.kinds.label(item.kind, "en")
        table.add_row(str(item.id), escape(kind), languages, _state(item), escape(item.versions[0].title))
    return table


def _state(item: Item) -> str:
    if item.withdrawn_at:
        return "withdrawn"
    if item.embargo_until and not item.releases:
        return f"embargo until {item.embargo_until:%Y-%m-%d %H:%M} UTC"
    return f"released {item.releases[0].released_at:%Y-%m-%d}" if item.releases else "not released"


def _facts(item: Item, codelists: Codelists) -> list[tuple[str, str]]:
    facts = [
        ("item", f"{item.id}, version {item.version}"),
        ("state", _state(item)),
        ("kind", codelists.kinds.label(item.kind, "en")),
    ]
    for version in item.versions:
        source = " (source language)" if version.language == item.source_language else ""
        facts.append((version.language, f"{version.title}{source}"))
        facts += [("", link.url) for link in version.links]
    facts += [
        ("released", f"{told.language}: {told.released_at:%Y-%m-%d %H:%M} UTC, number {told.sequence}")
        for told in item.releases
    ]
    if item.session:
        starts = f"{item.session.starts_at:%Y-%m-%d %H:%M} {item.session.zone}"
        facts.append(("session", f"{starts}, {item.session.minutes} minutes"))
    if item.data:
        told_of = f"{item.data.observations:,} observations, {item.data.new_count:,} new"
        facts.append(("data", f"{item.data.dataflow}: {told_of}, {item.data.revised_count:,} revised"))
    facts += [(told.scheme.value.upper(), told.value) for told in item.identifiers]
    facts += [
        ("policy areas", ", ".join(codelists.policy_areas.label(code, "en") for code in item.policy_areas) or "none"),
        ("places", ", ".join(codelists.places.label(code, "en") for code in item.places) or "everywhere"),
        ("categories", ", ".join(item.categories)),
        ("series", item.series),
        ("authors", ", ".join(item.authors)),
        ("published on", item.published_on.isoformat() if item.published_on else ""),
        ("reviewed on", item.reviewed_on.isoformat() if item.reviewed_on else ""),
        ("maintained", {True: "yes", False: "no", None: ""}[item.maintained]),
        ("story", item.correlation_id),
    ]
    return [(name, told) for name, told in facts if told]


def _fate(record: KeptRecord) -> str:
    if record.withdrawn:
        return ", withdrawn"
    if record.waiting and record.waiting.embargo_until:
        return f", under embargo until {record.waiting.embargo_until:%Y-%m-%d %H:%M} UTC"
    return ""


def _record_json(record: KeptRecord) -> dict[str, Any]:
    return {
        "source": record.source,
        "record": record.record,
        "revision": record.revision,
        "told_at": instant_text(record.told_at),
        "event": record.event_id,
        "withdrawn": record.withdrawn,
        "waiting": record.waiting is not None,
    }


def _print_json(told: object) -> None:
    print(json.dumps(told, ensure_ascii=False, indent=2))


def _table(*columns: str, title: str = "") -> Table:
    table = Table(box=None, title=title or None, title_justify="left", padding=(0, 2, 0, 0), pad_edge=False)
    for column in columns:
        table.add_column(column)
    return table
