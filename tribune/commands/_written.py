"""What is done on the command line is written into the audit log, as what pages and API do is: by `cli`."""

from __future__ import annotations

from tribune.domain.audit import Facts
from tribune.ports.store import Transaction
from tribune.services.people.by import By

CLI = By("cli")


def write_down(tx: Transaction, action: str, about: str = "", facts: Facts | None = None) -> None:
    """Write into the audit log what was done in this unit of work. Call it last; nothing personal goes in."""
    tx.audit.add(CLI.actor, action, about, facts or {}, tx.now())
