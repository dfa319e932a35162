"""The store: units of work, each declared read or write (decisions.md, 23).

`with store.write() as tx:` begins with a write lock and commits at the end, or rolls back on an error.
A transaction gives the tables' areas as attributes; each area is a protocol of named queries in the file
of its own name here, implemented in `tribune/store/` under the same file name.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from tribune.ports.ageing import Ageing
from tribune.ports.api_tokens import ApiTokens
from tribune.ports.archive import Archive
from tribune.ports.attention import Attention
from tribune.ports.audience import Audience
from tribune.ports.audit import Audit
from tribune.ports.campaigns import Campaigns
from tribune.ports.cancelling import Cancelling
from tribune.ports.catalogue import Catalogue
from tribune.ports.consents import Consents
from tribune.ports.data_requests import DataRequests
from tribune.ports.idempotency import Idempotency
from tribune.ports.imports import Imports
from tribune.ports.inbox import Inbox
from tribune.ports.ledger import Ledger
from tribune.ports.log import Outbox
from tribune.ports.newcomers import Newcomers
from tribune.ports.notices import Notices
from tribune.ports.people import People
from tribune.ports.planning import Planning
from tribune.ports.quotas import Quotas
from tribune.ports.schedules import Schedules
from tribune.ports.segments import Segments
from tribune.ports.sign_ups import SignUps
from tribune.ports.sources import Sources
from tribune.ports.staff import Staff
from tribune.ports.staff_sessions import StaffSessions
from tribune.ports.stories import Stories
from tribune.ports.throttles import Throttles

CATALOGUE = "catalogue"
"""The lock of whoever changes items: they join records, and number releases in order of commit (decisions.md, 2)."""

PLANNING = "audience"
"""The lock of planning: who is due, what they want and their marks stand still while it reads and writes them. It may
be held for minutes."""

PEOPLE = "people"
"""The lock of short changes that planning need not be kept from, since it leaves out whom it has not found and a sender
looks again: who stops, and who comes in (docs/adr/0026). It is never held while waiting for a plan."""

AUDIENCE = "audience and people"
"""Both: the lock of whoever changes people, their subscriptions or their marks. Imports, changes, erasing.

Take CATALOGUE or AUDIENCE first, never both: the locks that the store takes by itself come after."""

PARTS_OF: Mapping[str, tuple[str, ...]] = {AUDIENCE: (PLANNING, PEOPLE)}
"""Locks that are several, in the order in which they are taken."""


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
    def archive(self) -> Archive: ...

    @property
    def audience(self) -> Audience: ...

    @property
    def imports(self) -> Imports: ...

    @property
    def newcomers(self) -> Newcomers: ...

    @property
    def data_requests(self) -> DataRequests: ...

    @property
    def consents(self) -> Consents: ...

    @property
    def sign_ups(self) -> SignUps: ...

    @property
    def quotas(self) -> Quotas: ...

    @property
    def audit(self) -> Audit: ...

    @property
    def people(self) -> People: ...

    @property
    def planning(self) -> Planning: ...

    @property
    def ledger(self) -> Ledger: ...

    @property
    def throttles(self) -> Throttles: ...

    @property
    def campaigns(self) -> Campaigns: ...

    @property
    def attention(self) -> Attention: ...

    @property
    def cancelling(self) -> Cancelling: ...

    @property
    def ageing(self) -> Ageing: ...

    @property
    def notices(self) -> Notices: ...

    @property
    def schedules(self) -> Schedules: ...

    @property
    def segments(self) -> Segments: ...

    @property
    def sources(self) -> Sources: ...

    @property
    def stories(self) -> Stories: ...

    @property
    def staff(self) -> Staff: ...

    @property
    def staff_sessions(self) -> StaffSessions: ...

    @property
    def api_tokens(self) -> ApiTokens: ...

    @property
    def inbox(self) -> Inbox: ...

    @property
    def idempotency(self) -> Idempotency: ...

    @property
    def outbox(self) -> Outbox: ...


class Store(Protocol):
    """Opens units of work. `waits`: a transaction waits for another process, so that a caller with something else to
    do may want to leave it to a thread."""

    @property
    def waits(self) -> bool: ...

    def read(self) -> AbstractContextManager[Transaction]: ...

    def write(self) -> AbstractContextManager[Transaction]: ...

    def clashed(self, error: Exception) -> bool:
        """Whether a unit of work failed because another one wrote a row of the same name meanwhile, or each waited for
        the other: done once more, it finds that row."""
        ...


class ClearableStore(Store, Protocol):
    """A store whose files can be rid of what was deleted."""

    def clear_log(self) -> None:
        """What was deleted is no longer in the files beside the store's own either, once nobody reads it any more."""
        ...
