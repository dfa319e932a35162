"""Keys of JSON objects, each of which may stand once (RFC 8259, 4: what a reader takes of two is left open). Pure."""

from __future__ import annotations

from typing import Any

_SHOWN = 60


class KeyTwice(ValueError):
    """A key stands twice in one object; `key` is its name, cut short."""

    def __init__(self, key: str) -> None:
        self.key = key if len(key) <= _SHOWN else f"{key[: _SHOWN - 3]}..."
        super().__init__(f"the key {self.key!r} stands twice in one object")


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these keys and values, for `json.loads(object_pairs_hook=...)`. Raises KeyTwice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise KeyTwice(key)
            seen.add(key)
    return found
