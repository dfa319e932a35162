"""Who gets which item, in bulk: the rules of tribune.domain.matching over arrays (architecture.md, 8).

Every step is set work over all due people. A matrix has a row for each item and a column for each person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tribune.domain.audience import Cadence, Fallback, shown_language
from tribune.domain.items import Item, Release
from tribune.domain.masks import AXES
from tribune.domain.matching import showing
from tribune.ports.planning import Due, Wishes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

Chain = tuple[tuple[str, ...], Fallback]
"""A person's ordered languages, and what to do beyond them."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that may go into a mail: its visible releases in order, and its mask words.

    `again`: sequence numbers of releases that staff call new (tribune.domain.matching.showing). `reclassified`: its
    kind, topics or places changed after it had been released, so that a quicker cadence may have passed it under
    other ones. `new` False: it is here only because it was carried over.
    """

    item: Item
    releases: tuple[Release, ...]
    words: tuple[int, ...]
    again: frozenset[int] = frozenset()
    reclassified: bool = False
    new: bool = True

    def shown_to(self, chain: Chain) -> str | None:
        """The language in which readers with this chain of languages are shown it (None: left out)."""
        return shown_language(chain[0], [r.language for r in self.releases], self.item.source_language, chain[1])

    def fresh_for(self, chain: Chain) -> list[bool]:
        """Whether the item is due to readers with this chain, by how many of its releases are before their mark."""
        if not self.new:
            return [False] * (len(self.releases) + 1)
        marks = [0, *(release.sequence for release in self.releases)]
        return [showing(self.item, self.releases, mark, *chain, self.again).due for mark in marks]

    @property
    def sequences(self) -> Ints:
        return np.array([r.sequence for r in self.releases], np.int64)


def chains_of(due: Due) -> tuple[tuple[Chain, ...], Ints]:
    """The different chains of languages among these people, and each person's place among them."""
    number: dict[Chain, int] = {}
    of_profile = [number.setdefault((p.languages, p.fallback), len(number)) for p in due.profiles]
    return tuple(number), np.array(of_profile, np.int64)[due.profile]


def match_items(due: Due, wishes: Wishes, candidates: Sequence[Candidate], cadence: Cadence) -> Bools:
    """Which items are due to whom in this cadence: items x people.

    An item is due to a person when one of their subscriptions of this cadence asks for it, none of a quicker one
    does (decisions.md, 10), and it is newer than their mark as `Candidate.fresh_for` says.
    """
    chains, chain = chains_of(due)
    due_marks, mark = np.unique(due.marks, return_inverse=True)
    own = wishes.rank == cadence.rank
    own_person, own_words = wishes.person[own], _rows(wishes.words, own)
    person, words, marks = wishes.person[~own], _rows(wishes.words, ~own), wishes.marks[~own]
    selected = np.zeros((len(candidates), len(due.ids)), np.bool_)
    for row, candidate in zip(selected, candidates, strict=True):
        fresh = np.array([candidate.fresh_for(each) for each in chains], np.bool_)
        if not fresh.any():
            continue
        seen = np.searchsorted(candidate.sequences, due_marks, side="right")
        row[own_person[_hits(own_words, candidate.words)]] = True
        row &= fresh[chain, seen[mark]]
        quicker = _hits(words, candidate.words)
        if candidate.reclassified:
            # What the quicker cadence has passed under the old classification it will not bring any more.
            passed = np.searchsorted(candidate.sequences, marks, side="right")
            quicker &= fresh[chain[person], passed]
        row[person[quicker]] = False
    return selected


def _rows(words: Ints, which: Bools) -> Ints:
    return words if which.all() else np.ascontiguousarray(words[:, which])


def _hits(words: Ints, item: Sequence[int]) -> Bools:
    """Which masks share a bit with the item's on every axis."""
    hit = np.ones(words.shape[1], np.bool_)
    first = 0
    for width in AXES.values():
        shared = np.zeros(words.shape[1], np.int64)
        for word in range(first, first + width):
            if item[word]:
                shared |= words[word] & np.int64(item[word])
        hit &= shared != 0
        first += width
    return hit
