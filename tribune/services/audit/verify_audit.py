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
    """Follow the chain from its first entry. `expected`: a seal that was noted earlier, which must be in it: so that
    an end that was cut off, or a whole chain that was written anew, is noticed too."""
    before, number, seen = FIRST, 0, expected in ("", FIRST)
    while True:
        entries = list(tx.audit.entries(after=number, limit=SLICE))
        for entry in entries:
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
        return Verdict(number, before, number + 1, "the seal that was noted is not in the chain: its end was cut off")
    return Verdict(number, before)
