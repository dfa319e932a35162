"""Check that the audit log is whole: no entry changed, taken out, slipped in or cut off at the end."""

from __future__ import annotations

from dataclasses import dataclass

from tribune.domain.audit import FIRST, holds
from tribune.ports.store import Transaction

SLICE = 5_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """`entries` were looked at. `broken`: the first number at which the chain breaks, and `why`. `head`: the seal of
    the last entry that holds, to be noted elsewhere."""

    entries: int
    head: str
    broken: int | None = None
    why: str = ""

    @property
    def whole(self) -> bool:
        return self.broken is None


def verify_audit(tx: Transaction, expected: str = "") -> Verdict:
    """Follow the chain from the entry of the smallest number, which must be 1. `expected`: a seal that was noted
    earlier, which must be in it: so that an end that was cut off, or written anew, is noticed too."""
    before, number, seen = FIRST, 0, expected in ("", FIRST)
    read: int | None = None
    while True:
        entries = list(tx.audit.entries(after=read, limit=SLICE))
        for entry in entries:
            read = entry.number
            if entry.number < 1:
                return Verdict(0, FIRST, entry.number, "it was slipped in before the first")
            if entry.number != number + 1:
                return Verdict(number, before, number + 1, "it is missing")
            if not holds(entry, before):
                why = "it does not follow the entry before it" if entry.before != before else "it was changed"
                return Verdict(number, before, entry.number, why)
            before, number = entry.seal, entry.number
            seen = seen or before == expected
        if len(entries) < SLICE:
            break
    if not seen:
        return Verdict(
            number,
            before,
            number + 1,
            "the seal that was noted is not in the chain: its end was cut off or written anew",
        )
    return Verdict(number, before)
