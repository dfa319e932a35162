"""The store: units of work, each declared read or write (decisions.md, 23).

`with store.write() as tx:` begins with a write lock and commits at the end, or rolls back on an error.
A transaction gives the tables' areas as attributes; each area is a protocol of named queries in the file
of its own name here, implemented in `tribune/store/` under the same file name.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from tribune.ports.ageing import Ageing
from tribune.ports.audience import Audience
from tribune.ports.audit import Audit
from tribune.ports.cancelling import Cancelling
from tribune.ports.catalogue import Catalogue
from tribune.ports.consents import Consents
from tribune.ports.data_requests import DataRequests
from tribune.ports.inbox import Inbox
from tribune.ports.ledger import Ledger
from tribune.ports.log import Outbox
from tribune.ports.newcomers import Newcomers
from tribune.ports.notices import Notices
from tribune.ports.planning import Planning
from tribune.ports.schedules import Schedules
from tribune.ports.sources import Sources
from tribune.ports.stories import Stories
from tribune.ports.throttles import Throttles

CATALOGUE = "catalogue"
"""The lock of whoever changes items: they join records, and number releases in order of commit (decisions.md, 2)."""

AUDIENCE = "audience"
"""The lock of whoever changes people, their subscriptions or their marks: imports, changes, and planning.

Take CATALOGUE or AUDIENCE first, never both: the locks that the store takes by itself come after."""


class Transaction(Protocol):
    """A unit of work."""

    def lock(self, name: str) -> None:
        """Wait for the lock of this name, and hold it until the unit of work ends. Whoever reads and then writes what
        others may write at the same time takes one; where a write has the whole store, it costs nothing."""
        ...

    def now(self) -> datetime:
        """The time by which leases go, the same for all workers: the store's own clock, where it has one."""
        ...

    @property
    def catalogue(self) -> Catalogue: ...

    @property
    def audience(self) -> Audience: ...

    @property
    def consents(self) -> Consents: ...

    @property
    def newcomers(self) -> Newcomers: ...

    @property
    def data_requests(self) -> DataRequests: ...

    @property
    def audit(self) -> Audit: ...

    @property
    def planning(self) -> Planning: ...

    @property
    def ledger(self) -> Ledger: ...

    @property
    def throttles(self) -> Throttles: ...

    @property
    def cancelling(self) -> Cancelling: ...

    @property
    def ageing(self) -> Ageing: ...

    @property
    def notices(self) -> Notices: ...

    @property
    def schedules(self) -> Schedules: ...

    @property
    def sources(self) -> Sources: ...

    @property
    def stories(self) -> Stories: ...

    @property
    def inbox(self) -> Inbox: ...

    @property
    def outbox(self) -> Outbox: ...


class Store(Protocol):
    """Opens units of work. `waits`: a transaction waits for another process, so that a caller with something else to
    do may want to leave it to a thread."""

    @property
    def waits(self) -> bool: ...

    def read(self) -> AbstractContextManager[Transaction]: ...

    def write(self) -> AbstractContextManager[Transaction]: ...
