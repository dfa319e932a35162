"""The events of the house: a CloudEvents 1.0 envelope and one frozen dataclass per kind of data.

`TYPES` is the whole list: a type's name, its topic, its data class and what it means. JSON schemas and
docs/events.md are generated from it. No personal data stands in an event: people are opaque numbers.

Source: CloudEvents 1.0.2, https://github.com/cloudevents/spec.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tribune.domain.items import ItemRecord, Withdrawal
from tribune.domain.topics import CATALOGUE as CATALOGUE
from tribune.domain.topics import DELIVERIES as DELIVERIES
from tribune.domain.topics import MAILINGS as MAILINGS
from tribune.domain.topics import NOTICES as NOTICES
from tribune.domain.topics import PUBLICATIONS as PUBLICATIONS
from tribune.domain.topics import TOPICS


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """One event. `id` with `source` is unique; `key` chooses the partition and so keeps the order.

    `correlation_id` is that of the first event of a story and goes with everything that follows from it.
    `revision` is the source record's revision number, counted by the producer: old news loses.
    `data` is JSON: the fields of the type's data class.
    """

    id: str
    source: str
    type: str
    time: datetime
    key: str
    data: Mapping[str, Any]
    subject: str = ""
    correlation_id: str = ""
    revision: int = 1


def event_id(source: str, record: str, revision: int, type: str = "") -> str:
    """The id of an event: a hash of source, record, revision and type, so that a repeat has the same id."""
    told = "\x1f".join((source, record, str(revision), type))
    return hashlib.sha256(told.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class ItemReleased:
    """A language version of an item became visible."""

    item: int
    language: str
    sequence: int


@dataclass(frozen=True, slots=True)
class ItemWithdrawn:
    """An item was withdrawn: it leaves everything not yet sent."""

    item: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Cohort:
    """People of one digest and cadence who share weekday, hour and zone."""

    weekday: int
    hour: int
    zone: str


@dataclass(frozen=True, slots=True)
class EditionDue:
    """An edition is due for some cohorts at one instant. `occasion` is the local date, or for at once the instant.
    `dated`: only for those in them who have been served before, and for `newcomers` (people's numbers); whoever else is
    new waits for the cohort's own hour."""

    digest: str
    cadence: str
    occasion: str
    due_at: datetime
    cohorts: tuple[Cohort, ...] = ()
    dated: bool = False
    newcomers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class MailingChanged:
    """A mailing was planned, approved, started, paused, resumed, cancelled or finished. It is of an edition (`cadence`,
    `occasion`) or of a `campaign` (its number)."""

    mailing: int
    digest: str = ""
    cadence: str = ""
    occasion: str = ""
    recipients: int = 0
    chunks: int = 0
    languages: Mapping[str, int] = field(default_factory=dict)
    campaign: int | None = None


@dataclass(frozen=True, slots=True)
class ChunkReady:
    """A chunk of deliveries waits for a sender."""

    mailing: int
    chunk: int


@dataclass(frozen=True, slots=True)
class ChunkDone:
    """A chunk of deliveries is done: how many were sent, failed for good, suppressed, quarantined, left empty."""

    mailing: int
    chunk: int
    sent: int = 0
    failed: int = 0
    suppressed: int = 0
    quarantined: int = 0
    empty: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class DeliveryChanged:
    """One delivery met an exception: failed, suppressed, quarantined. `subscriber` is an opaque number."""

    mailing: int
    subscriber: int
    state: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class NoticeReady:
    """A mail to one person waits for a sender, before all mailings. What it says, and to whom, stands in the store."""

    notice: int


@dataclass(frozen=True, slots=True)
class TypeOfEvent:
    """A line of the list of events."""

    name: str
    topic: str
    data: type
    meaning: str


TYPES: Mapping[str, TypeOfEvent] = {
    t.name: t
    for t in (
        TypeOfEvent("publication.published", PUBLICATIONS, ItemRecord, "A source has a new publication."),
        TypeOfEvent("publication.updated", PUBLICATIONS, ItemRecord, "A source changed a publication."),
        TypeOfEvent("publication.withdrawn", PUBLICATIONS, Withdrawal, "A source took a publication back."),
        TypeOfEvent("data.released", PUBLICATIONS, ItemRecord, "New observations of a dataflow are out."),
        TypeOfEvent("data.revised", PUBLICATIONS, ItemRecord, "Released observations were changed, none added."),
        TypeOfEvent("session.scheduled", PUBLICATIONS, ItemRecord, "A live session has a date."),
        TypeOfEvent("session.updated", PUBLICATIONS, ItemRecord, "A live session changed."),
        TypeOfEvent("session.cancelled", PUBLICATIONS, Withdrawal, "A live session will not take place."),
        TypeOfEvent("item.released", CATALOGUE, ItemReleased, "A language version of an item became visible."),
        TypeOfEvent("item.withdrawn", CATALOGUE, ItemWithdrawn, "An item leaves everything not yet sent."),
        TypeOfEvent("edition.due", MAILINGS, EditionDue, "An edition of a digest is due for some cohorts."),
        TypeOfEvent("mailing.planned", MAILINGS, MailingChanged, "Recipients and contents of a mailing are fixed."),
        TypeOfEvent("mailing.approved", MAILINGS, MailingChanged, "A mailing may leave."),
        TypeOfEvent("mailing.started", MAILINGS, MailingChanged, "The first chunk of a mailing was claimed."),
        TypeOfEvent("mailing.paused", MAILINGS, MailingChanged, "A mailing rests until somebody lets it go on."),
        TypeOfEvent(
            "mailing.resumed",
            MAILINGS,
            MailingChanged,
            "A mailing that was paused goes on; or a finished one, some of which is tried again.",
        ),
        TypeOfEvent("mailing.cancelled", MAILINGS, MailingChanged, "What of a mailing has not left never will."),
        TypeOfEvent("mailing.finished", MAILINGS, MailingChanged, "Every chunk of a mailing is done."),
        TypeOfEvent("delivery.chunk-ready", DELIVERIES, ChunkReady, "A chunk waits for a sender."),
        TypeOfEvent("delivery.chunk-done", MAILINGS, ChunkDone, "A chunk is done."),
        TypeOfEvent("delivery.failed", MAILINGS, DeliveryChanged, "A delivery failed for good."),
        TypeOfEvent("notice.ready", NOTICES, NoticeReady, "A mail to one person waits for a sender."),
    )
}


def topics() -> dict[str, int]:
    """Every topic, with its number of partitions."""
    return {topic.name: topic.partitions for topic in TOPICS.values()}
