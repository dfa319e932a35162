"""YAML and JSON as nodes that know their lines, read without any of YAML's traps.

No aliases (a "billion laughs" of YAML is one), no tags, no deep nesting, no duplicate keys; scalars stay the text that
was written, so that `no` is Norwegian and 2026-11-23 a text until a reader asks for a date.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import yaml

T = TypeVar("T")

MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 12
_PAIR = re.compile(r"\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing that is wrong in a file: where, what, and what would be right."""

    line: int
    key: str
    what: str
    hint: str = ""

    @property
    def pointer(self) -> str:
        """The key as a JSON pointer: `versions.fr.links[1]` is `/versions/fr/links/0`."""
        inside = re.sub(r"\[(\d+)\]", lambda found: f".{int(found[1]) - 1}", self.key)
        return "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in inside.split(".") if step)

    def told(self, where: str) -> str:
        """In one line."""
        key = f"{self.key}: " if self.key else ""
        return f"{where}, line {self.line}: {key}{self.what}" + (f" {self.hint}" if self.hint else "")


@dataclass(slots=True)
class Mistakes:
    """All the mistakes of a file, so that a person mends them in one go."""

    found: list[Mistake] = field(default_factory=list)

    def add(self, at: At, what: str, hint: str = "") -> None:
        """Note one."""
        self.found.append(Mistake(at.line, at.path, what, hint))


@dataclass(frozen=True, slots=True)
class At:
    """A node of a file and its path (`versions.fr.title`)."""

    node: yaml.Node
    path: str
    mistakes: Mistakes

    @property
    def line(self) -> int:
        return int(self.node.start_mark.line) + 1

    @property
    def empty(self) -> bool:
        """Nothing stands here: `key:` alone, null or ~."""
        return (
            isinstance(self.node, yaml.ScalarNode) and self.node.style is None and self.node.value in ("", "~", "null")
        )

    def wrong(self, what: str, hint: str = "") -> None:
        """Note a mistake here."""
        self.mistakes.add(self, what, hint)

    def text(self, limit: int = 10_000) -> str:
        """A text; "" and a mistake where there is none."""
        if not isinstance(self.node, yaml.ScalarNode) or self.empty or not self.node.value.strip():
            self.wrong("here must stand a text.")
            return ""
        told = str(self.node.value)
        if len(told) > limit:
            self.wrong(f"{len(told):,} characters are too many.", f"At most {limit:,} fit here.")
            return ""
        return told

    def items(self) -> list[At]:
        """The members of a list; a single value is a list of one."""
        if isinstance(self.node, yaml.SequenceNode):
            return [At(node, f"{self.path}[{number}]", self.mistakes) for number, node in enumerate(self.node.value, 1)]
        return [] if self.empty else [self]

    def pairs(self) -> list[tuple[str, At]]:
        """The keys and values of a mapping; each key once."""
        if not isinstance(self.node, yaml.MappingNode):
            self.wrong("here must stand `key: value` pairs.")
            return []
        found: dict[str, At] = {}
        for key_node, value in self.node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else ""
            at = At(value, f"{self.path}.{key}" if self.path else key, self.mistakes)
            if not key:
                At(key_node, self.path, self.mistakes).wrong("this is no key.")
            elif key in found:
                At(key_node, at.path, self.mistakes).wrong("this key stands twice.", "Keep one.")
            else:
                found[key] = at
        return list(found.items())

    def fields(self, known: Collection[str], required: Collection[str] = ()) -> dict[str, At]:
        """The pairs whose keys are known; others are mistakes, as is a required one that is missing or empty."""
        found: dict[str, At] = {}
        for key, at in self.pairs():
            if key in known:
                if not at.empty:
                    found[key] = at
            else:
                near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
                hint = f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(known)}."
                self.mistakes.found.append(Mistake(at.line, self.path, f"there is no key {key!r}.", hint))
        if isinstance(self.node, yaml.MappingNode):
            for key in required:
                if key not in found:
                    self.wrong(f"the key {key!r} is missing.")
        return found

    def parsed(self, parse: Callable[[str], T | None], what: str, hint: str) -> T | None:
        """The text read by `parse`; None and a mistake where it gives None or raises ValueError."""
        told = self.text()
        if not told:
            return None
        try:
            found = parse(told.strip())
        except ValueError:
            found = None
        if found is None:
            self.wrong(f"{told.strip()[:80]!r} is not {what}.", hint)
        return found


def documents(text: str, mistakes: Mistakes, *, json: bool = False) -> Iterator[At]:
    """The documents of a file; a list at the top counts as several."""
    if len(text) > MAX_CHARACTERS:
        mistakes.found.append(Mistake(1, "", f"the file has more than {MAX_CHARACTERS:,} characters.", "Split it."))
        return
    if json:  # JSON's tabs and its escapes for characters beyond 16 bits are all that YAML does not share
        text = _PAIR.sub(lambda pair: rf"\U{_character(pair):08x}", text.replace("\t", " "))
    try:
        if _is_safe(text, mistakes):
            for node in yaml.compose_all(text, Loader=yaml.SafeLoader):
                at = At(node, "", mistakes)
                yield from at.items() if isinstance(node, yaml.SequenceNode) else [at]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(filter(None, (error.context, error.problem)))
        hint = "Put texts that hold a colon, a # or quotes between quotes." if not json else "Check commas and quotes."
        mistakes.found.append(Mistake(mark.line + 1 if mark else 1, "", f"this cannot be read: {said}.", hint))
    except yaml.YAMLError as error:
        mistakes.found.append(Mistake(1, "", f"this cannot be read: {' '.join(str(error).split())}."))


def _character(pair: re.Match[str]) -> int:
    return 0x10000 + ((int(pair[1], 16) - 0xD800) << 10) + (int(pair[2], 16) - 0xDC00)


def _is_safe(text: str, mistakes: Mistakes) -> bool:
    """Walks the events, which takes no memory to speak of, before any tree is built."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            mistakes.found.append(Mistake(line, "", "anchors and aliases (& and *) are not read.", "Write it out."))
            return False
        if getattr(event, "tag", None):
            mistakes.found.append(Mistake(line, "", "tags (!) are not read.", "Take it out, or quote the text."))
            return False
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            mistakes.found.append(Mistake(line, "", f"nested more than {MAX_DEPTH} deep."))
            return False
    return True
