"""A plan of PostgreSQL in one line, and whether it reads a large table from end to end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

LARGE = 2_000
"""Rows read one after the other from which on a table is large."""

_ASKED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
_SHORT = {
    "Index Only Scan": "index-only {index}",
    "Index Scan": "index {index}",
    "Bitmap Index Scan": "bitmap {index}",
    "Seq Scan": "WHOLE {table}",
}
_PASSED_OVER = frozenset(("Result", "Limit", "Materialize", "Memoize", "Bitmap Heap Scan", "Hash", "Gather"))


@dataclass(frozen=True, slots=True)
class Plan:
    """`text`: what it does, from the outside in; `figures`: time, rows, pages; `whole`: large tables read whole."""

    text: str
    figures: str
    whole: tuple[str, ...]


def explain(connection: psycopg.Connection[Any], query: str, values: Any) -> Plan | None:
    """Run a statement behind EXPLAIN; None for what has no plan worth a look (locks, settings, savepoints)."""
    if not query.lstrip().upper().startswith(_ASKED) or "pg_advisory" in query or "FROM pg_" in query:
        return None
    with psycopg.Cursor(connection) as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}".encode(), values, prepare=False)
        row = cursor.fetchone()
    told = row[0] if row else "[]"
    (found,) = told if isinstance(told, list) else json.loads(told)
    top = found["Plan"]
    pages = top.get("Shared Hit Blocks", 0) + top.get("Shared Read Blocks", 0)
    rows = top["Actual Rows"] if top["Actual Rows"] or "Plans" not in top else top["Plans"][0]["Actual Rows"]
    figures = f"{found['Execution Time']:,.2f} ms (planned in {found['Planning Time']:.2f} ms), {rows:,} rows,"
    return Plan(_text(top), f"{figures} {pages:,} pages", tuple(_whole(top)))


def _text(node: dict[str, Any]) -> str:
    kind = node["Node Type"]
    inner = [_text(child) for child in node.get("Plans", ())]
    inner = [f"{one} x {inner.count(one)}" if inner.count(one) > 1 else one for one in dict.fromkeys(inner) if one]
    if kind in _SHORT:
        name = _SHORT[kind].format(index=node.get("Index Name"), table=node.get("Relation Name"))
        loops = f" x {node['Actual Loops']:,}" if node["Actual Loops"] > 1 else ""
        return f"{name}{loops}" + (f" [{', '.join(inner)}]" if inner else "")
    if kind in _PASSED_OVER:
        return ", ".join(inner)
    if kind == "ModifyTable":
        kind = f"{node['Operation']} {node['Relation Name']}"
    elif kind == "Function Scan":
        kind = str(node.get("Function Name", kind))
    return f"{kind}({', '.join(inner)})" if inner else kind


def _whole(node: dict[str, Any]) -> Iterator[str]:
    rows = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    if node["Node Type"] == "Seq Scan" and rows >= LARGE and not str(node["Relation Name"]).startswith("cancelled_"):
        yield str(node["Relation Name"])
    for child in node.get("Plans", ()):
        yield from _whole(child)
