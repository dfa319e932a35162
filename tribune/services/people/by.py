"""Who acts for a person: a member of staff on a page, or a program of theirs through the API."""

from __future__ import annotations

from dataclasses import dataclass

from tribune.domain.consent import ConsentSource


@dataclass(frozen=True, slots=True)
class By:
    """`actor` as the audit log names them (`staff/3`, `token/12`), and through which door they act."""

    actor: str
    source: ConsentSource = ConsentSource.STAFF

    @property
    def who(self) -> str:
        """As consent records and data requests name them: `staff:3`."""
        return self.actor.replace("/", ":")
