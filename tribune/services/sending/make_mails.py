"""From deliveries to mails: who may still be mailed, what is left of the content, the bytes.

People, suppressions and withdrawals are read again for every window, when it is claimed (architecture.md, 9).
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from tribune.domain.digests import Digest
from tribune.domain.errors import ConfigurationError, NotFound, TribuneError
from tribune.domain.items import Item
from tribune.domain.mailings import DeliveryState, EditionContent, Mailing
from tribune.domain.sending import LEASE, Slot, Verdict, name_of
from tribune.ports.audience import Recipient
from tribune.ports.channels import EmailChannel, OutgoingMail
from tribune.ports.clock import Clock
from tribune.ports.metrics import Metrics, NullMetrics
from tribune.ports.store import Store, Transaction
from tribune.rendering.email.composer import EditionFacts, Reader
from tribune.services.sending.reader_links import ReaderLinkMaker

if TYPE_CHECKING:
    from tribune.rendering.email.composer import Composer, Mail

log = structlog.get_logger()


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Sender:
    """What sending needs. `owner` names this process in the ledger; `stopping` is asked before each mail."""

    store: Store
    clock: Clock
    channel: EmailChannel
    composer: Composer
    links: ReaderLinkMaker
    digests: Mapping[str, Digest]
    owner: str
    metrics: Metrics = field(default_factory=NullMetrics)
    lease: timedelta = LEASE
    stopping: Callable[[], bool] = _never


class Batch:
    """Deliveries of one chunk with all that their mails are made of. Nothing here reads the store any more."""

    def __init__(
        self,
        sender: Sender,
        mailing: Mailing,
        chunk: int,
        slots: Sequence[Slot],
        people: Mapping[int, Recipient],
        contents: Mapping[int, EditionContent],
        items: Mapping[tuple[int, int], Item],
    ) -> None:
        self.slots = slots
        self.people = people
        self._links = sender.links
        self._composer = sender.composer
        self._mailing = mailing
        self._chunk = chunk
        self._contents = contents
        self._items = items
        self._digest = sender.digests[mailing.digest]
        self._mails: dict[int, Mail] = {}

    def make(self, slot: Slot) -> OutgoingMail | Verdict:
        """The mail of a delivery, or why there is none."""
        person = self.people.get(slot.subscriber)
        if person is None or not person.may_be_mailed:
            return Verdict(slot.place, DeliveryState.SUPPRESSED, _why_not(person))
        content = self._contents.get(slot.signature)
        if content is None:
            return Verdict(slot.place, DeliveryState.QUARANTINED, "its content is no longer kept")
        if not content.fragments:
            return Verdict(slot.place, DeliveryState.EMPTY, "all its items were withdrawn")
        try:
            return self._mail(slot, person, content)
        except ConfigurationError:
            raise
        except Exception as error:
            # One item or name that cannot be rendered must not hold up the others. No values of it in the log.
            name = name_of(self._mailing.id, self._chunk, slot.place)
            why = error.what if isinstance(error, TribuneError) else type(error).__name__
            log.error("mail cannot be made", delivery=name, error=type(error).__name__, at=_place(error))
            return Verdict(slot.place, DeliveryState.QUARANTINED, f"cannot be made: {why}")

    def _mail(self, slot: Slot, person: Recipient, content: EditionContent) -> OutgoingMail:
        mailing = self._mailing
        mail = self._mails.get(slot.signature)
        if mail is None:
            facts = EditionFacts(mailing.id, self._digest, mailing.cadence, mailing.occasion, mailing.due_at)
            mail = self._mails[slot.signature] = self._composer.compose(content, self._items, facts)
        name = name_of(mailing.id, self._chunk, slot.place)
        # The Message-ID is the same at each attempt, and no other store's: a copy begins with the same numbers.
        unique = f"{name}.{int(mailing.planned_at.timestamp() * 1000):x}"
        reader = Reader(person.id, person.name, person.address, person.zone, person.choices, unique)
        return OutgoingMail(
            delivery=name,
            sender=self._links.return_path(mailing.id, self._chunk, slot.place),
            recipient=person.address,
            content=mail.fill(reader, self._links.links(person.id, mailing.digest, mailing.id)),
            locale=content.locale,
        )


def load_batch(tx: Transaction, sender: Sender, mailing: Mailing, chunk: int, slots: Sequence[Slot]) -> Batch:
    """All that the mails of these deliveries are made of, as it is now. Raises NotFound for an unknown digest."""
    if mailing.digest not in sender.digests:
        raise NotFound(
            f"The digest {mailing.digest!r} of mailing {mailing.id} is not in the settings.",
            hint=f"Put [digests.{mailing.digest}] back, then run `tribune events replay`.",
        )
    people = tx.audience.recipients({slot.subscriber for slot in slots}, mailing.digest, mailing.cadence)
    kept = tx.ledger.contents(mailing.id, {slot.signature for slot in slots})
    releases = tx.catalogue.releases_of({key.item for content in kept.values() for key in content.fragments})
    languages = {item: {release.language for release in of_item} for item, of_item in releases.items()}
    contents = {number: content.visible(languages) for number, content in kept.items()}
    keys = {(key.item, key.version) for content in contents.values() for key in content.fragments}
    return Batch(sender, mailing, chunk, slots, people, contents, tx.catalogue.items_at(keys))


def _why_not(person: Recipient | None) -> str:
    if person is None:
        return "gone"
    if person.suppressed:
        return f"suppressed: {person.suppressed}"
    return "unsubscribed" if person.stopped else person.status.value


def _place(error: Exception) -> str:
    """Where it happened, without any value."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.filename.rpartition('/')[2]}:{last.lineno} in {last.name}"
