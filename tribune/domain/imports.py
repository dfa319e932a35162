"""Imports of people: on what basis they are brought, what came of each row, and the states of a job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from tribune.domain.errors import InvalidInput
from tribune.domain.spreadsheet import neutral


class BasisKind(StrEnum):
    """Why the organisation may write to people who did not sign up here themselves."""

    CONSENT = "consent"
    """They agreed elsewhere: on paper, at a conference, in another system. When and where must be said."""
    CONTRACT = "contract"
    """A contract or membership of which the mailing is a part."""
    PUBLIC_FUNCTION = "public_function"
    """They are written to in their function: a constituent's contact point, an official body."""
    TRANSFER = "transfer"
    """They were subscribers of this same service in a system that it replaces."""


MAX_SOURCE = 200
AHEAD = timedelta(days=1)
"""By so much a zone can be ahead of the day in UTC."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What staff state when they import. `source`: where the people or their consent come from, in words; `given`: the
    day of the consent. Raises InvalidInput where something that the kind needs is missing."""

    kind: BasisKind
    source: str
    given: date | None = None

    def __post_init__(self) -> None:
        if not self.source.strip() or not self.source.isprintable():
            raise InvalidInput(
                "The basis does not say where the people come from.",
                where="basis",
                hint="Name the form, contract, body or system, such as: registration form, conference of March 2026.",
            )
        if len(self.source) > MAX_SOURCE:
            raise InvalidInput("The source is too long.", where="basis", hint=f"At most {MAX_SOURCE} characters.")
        if self.kind is BasisKind.CONSENT and self.given is None:
            raise InvalidInput(
                "A consent that was given elsewhere needs its date.",
                where="given",
                hint="Give the day, such as 2026-03-01; the last one where it was gathered over time.",
            )

    @classmethod
    def stated(cls, kind: BasisKind, source: str, given: date | None, now: datetime) -> Basis:
        """What somebody states at this moment. Raises InvalidInput also for a day that has come nowhere yet."""
        told = cls(kind, source, given)
        if given is not None and given > now.date() + AHEAD:
            raise InvalidInput(
                "The day of the consent has not come yet.", where="given", hint="Give the day on which they agreed."
            )
        return told

    @property
    def text(self) -> str:
        """As a consent record keeps it: `consent, 2026-03-01: registration form`."""
        when = f", {self.given.isoformat()}" if self.given else ""
        return f"{self.kind.value}{when}: {self.source.strip()}"


class Outcome(StrEnum):
    """What was done with a row."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    """The file says the same in an earlier row."""
    REFUSED = "refused"
    SUPPRESSED = "suppressed"
    """The address is on the suppression list, or the person has unsubscribed: no file brings them back."""


class ImportState(StrEnum):
    """Where a job stands. It moves downwards only; a dry run ends in CHECKED and may then be run."""

    UPLOADED = "uploaded"
    CHECKING = "checking"
    CHECKED = "checked"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def works(self) -> bool:
        """Whether a worker has it in hand, or is about to."""
        return self in (ImportState.CHECKING, ImportState.RUNNING)

    @property
    def over(self) -> bool:
        return self in (ImportState.DONE, ImportState.CANCELLED, ImportState.FAILED)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was not taken: its number as a spreadsheet counts (the header is 1), the cell, why, what to do."""

    row: int
    column: str
    value: str = field(repr=False)
    reason: str = ""
    hint: str = ""
    outcome: Outcome = Outcome.REFUSED

    def __str__(self) -> str:
        where = f"row {self.row}, {self.column}" if self.column else f"row {self.row}"
        return f"{where}: {self.reason} {self.hint}".strip()


REPORT_COLUMNS = ("row", "result", "column", "value", "reason", "what to do")


def report_cells(refusal: Refusal) -> list[str]:
    """A refusal as a row of the report, safe to open in a spreadsheet."""
    cells = (str(refusal.row), refusal.outcome.value, refusal.column, refusal.value, refusal.reason, refusal.hint)
    return [neutral(cell).encode("utf-8", "replace").decode() for cell in cells]


REFUSALS_KEPT = 1_000


@dataclass(slots=True)
class Import:
    """What came of a file. People are counted as added, changed or unchanged; rows as read, and by outcome.

    `refusals` are the first REFUSALS_KEPT of the rows that were not taken; `place` is how far the file has been
    settled, for a job that goes on after a stop.
    """

    rows: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    refusals: list[Refusal] = field(default_factory=list)
    place: int = 0

    @property
    def refused(self) -> int:
        """Rows that were not taken, whatever the reason."""
        return self.outcomes[Outcome.REFUSED] + self.outcomes[Outcome.SUPPRESSED]

    def counts(self) -> dict[str, int]:
        """As a job keeps them."""
        people = {"rows": self.rows, "added": self.added, "changed": self.changed, "unchanged": self.unchanged}
        return people | {"place": self.place} | {f"rows_{o.value}": self.outcomes[o] for o in Outcome}

    @staticmethod
    def of_counts(kept: Mapping[str, int]) -> Import:
        """From what `counts` gave."""
        return Import(
            rows=kept.get("rows", 0),
            added=kept.get("added", 0),
            changed=kept.get("changed", 0),
            unchanged=kept.get("unchanged", 0),
            outcomes=Counter({o: kept.get(f"rows_{o.value}", 0) for o in Outcome}),
            place=kept.get("place", 0),
        )
