"""From deliveries to mails: who may still be mailed, what is left of the content, the bytes.

People, suppressions and withdrawals are read again for every window, when it is claimed (architecture.md, 9).
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from tribune.domain.campaigns import Campaign
from tribune.domain.codelists import Places
from tribune.domain.digests import Digest
from tribune.domain.errors import ConfigurationError, NotFound, TribuneError
from tribune.domain.items import Item
from tribune.domain.mailings import DeliveryState, EditionContent, Mailing
from tribune.domain.matching import matches
from tribune.domain.sending import LEASE, Claim, Marks, Slot, Verdict, name_of
from tribune.domain.throttling import Rates
from tribune.ports.audience import Recipient
from tribune.ports.channels import EmailChannel, OutgoingMail
from tribune.ports.clock import Clock
from tribune.ports.ledger import Seat
from tribune.ports.metrics import Metrics, NullMetrics
from tribune.ports.store import Store, Transaction
from tribune.rendering.email.composer import Reader
from tribune.services.sending.mailing_facts import campaign_of, facts_of
from tribune.services.sending.reader_links import ReaderLinkMaker

if TYPE_CHECKING:
    from tribune.rendering.email.composer import Composer, Mail

log = structlog.get_logger()


KEPT_ITEMS, KEPT_CONTENTS, KEPT_MAILS, KEPT_CAMPAIGNS = 5_000, 20_000, 200, 20
"""How many a sender keeps: an item's version and a signature's content never change. Of mails few: each holds its bytes
(50 KB), and within a chunk those who share one stand together (architecture.md, 8)."""


def _never() -> bool:
    return False


class Kept:
    """What a sender process need not read or make again for the next window."""

    def __init__(self) -> None:
        self.mails: dict[tuple[int, int, EditionContent], Mail] = {}
        self._items: dict[tuple[int, int], Item] = {}
        self._campaigns: dict[int, Campaign | None] = {}
        self._contents: dict[tuple[int, int], EditionContent] = {}

    def items(self, tx: Transaction, keys: Collection[tuple[int, int]]) -> Mapping[tuple[int, int], Item]:
        """Each (item, version) that there is."""
        missing = [key for key in keys if key not in self._items]
        if missing:
            if len(self._items) >= KEPT_ITEMS:
                self._items, missing = {}, list(keys)
            self._items |= tx.catalogue.items_at(missing)
        return self._items

    def campaign(self, tx: Transaction, mailing: Mailing) -> Campaign | None:
        """The campaign of a mailing; None for an edition's."""
        if mailing.campaign is not None and mailing.id not in self._campaigns:
            if len(self._campaigns) >= KEPT_CAMPAIGNS:
                self._campaigns.clear()
            self._campaigns[mailing.id] = campaign_of(tx, mailing)
        return self._campaigns.get(mailing.id)

    def contents(self, tx: Transaction, mailing: int, signatures: Collection[int]) -> dict[int, EditionContent]:
        """The contents behind signatures of a mailing."""
        missing = [signature for signature in signatures if (mailing, signature) not in self._contents]
        if missing:
            if len(self._contents) >= KEPT_CONTENTS:
                self._contents, missing = {}, list(signatures)
            for signature, content in tx.ledger.contents(mailing, missing).items():
                self._contents[mailing, signature] = content
        found = ((signature, self._contents.get((mailing, signature))) for signature in signatures)
        return {signature: content for signature, content in found if content is not None}


@dataclass(frozen=True)
class Sender:
    """What sending needs. `owner` names this process in the ledger; `stopping` is asked before each mail. With `places`
    somebody who has changed their choices since the mailing was planned gets what they still want of it."""

    store: Store
    clock: Clock
    channel: EmailChannel
    composer: Composer
    links: ReaderLinkMaker
    digests: Mapping[str, Digest]
    owner: str
    metrics: Metrics = field(default_factory=NullMetrics)
    rates: Rates = field(default_factory=Rates)
    lease: timedelta = LEASE
    kept: Kept = field(default_factory=Kept)
    stopping: Callable[[], bool] = _never
    places: Places | None = None


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
        narrowed: Mapping[int, EditionContent],
        campaign: Campaign | None = None,
    ) -> None:
        self.slots = slots
        self.people = people
        self._links = sender.links
        self._composer = sender.composer
        self._mailing = mailing
        self._chunk = chunk
        self._contents = contents
        self._items = items
        self._narrowed = narrowed
        self._digest = sender.digests[mailing.digest]
        self._campaign = campaign
        self._kept = sender.kept.mails
        self._mails: dict[int, Mail] = {}
        # The Message-ID is the same at each attempt, and no other store's: a copy begins with the same numbers.
        self._store_mark = f"{int(mailing.planned_at.timestamp() * 1000):x}"
        self._prefix = name_of(mailing.id, chunk, 0)[:-1]

    def make(self, slot: Slot) -> OutgoingMail | Verdict:
        """The mail of a delivery, or why there is none."""
        place, number, signature = slot
        person = self.people.get(number)
        if person is None or not person.may_be_mailed:
            return Verdict(place, DeliveryState.SUPPRESSED, _why_not(person))
        if self._mailing.campaign is not None and not person.choices:
            return Verdict(place, DeliveryState.SUPPRESSED, "no longer subscribed")
        try:
            narrowed = self._narrowed.get(number) if person.changed else None
            mail = self._mails.get(signature) if narrowed is None else self._of_their_own(narrowed, signature)
            if mail is None and narrowed is not None:
                return Verdict(place, DeliveryState.SUPPRESSED, "no longer chosen")
            if mail is None:
                content = self._contents.get(signature)
                if content is None:
                    return Verdict(place, DeliveryState.QUARANTINED, "its content is no longer kept")
                if content.empty:
                    return Verdict(place, DeliveryState.EMPTY, "all its items were withdrawn")
                mail = self._mails[signature] = self._composed(signature, content)
            name = f"{self._prefix}{place}"
            links = self._links.links(number, self._mailing.digest, self._mailing.id)
            reader = Reader(person.name, person.address, person.choices, f"{name}.{self._store_mark}")
            sender = self._links.return_path(self._mailing.id, self._chunk, place)
            return OutgoingMail(name, sender, person.address, mail.fill(reader, links), mail.locale, True)
        except ConfigurationError:
            raise
        except Exception as error:
            # One item or name that cannot be rendered must not hold up the others. No values of it in the log.
            name = name_of(self._mailing.id, self._chunk, place)
            why = error.what if isinstance(error, TribuneError) else type(error).__name__
            log.error("mail cannot be made", delivery=name, error=type(error).__name__, at=_place(error))
            return Verdict(place, DeliveryState.QUARANTINED, f"cannot be made: {why}")

    def _of_their_own(self, content: EditionContent, signature: int) -> Mail | None:
        """What somebody still wants of a mail; None where that is nothing."""
        return self._composed(signature, content) if content.fragments else None

    def _composed(self, signature: int, content: EditionContent) -> Mail:
        mailing = self._mailing
        key = (mailing.id, signature, content)
        mail = self._kept.get(key)
        if mail is None:
            if len(self._kept) >= KEPT_MAILS:
                self._kept.clear()
            facts = facts_of(mailing, self._digest, self._campaign)
            mail = self._kept[key] = self._composer.compose(content, self._items, facts)
        return mail


def load_window(tx: Transaction, sender: Sender, mailing: Mailing, claim: Claim, marks: Marks) -> Batch:
    """The window between a chunk's marks, with all that its mails are made of. Raises NotFound (unknown digest)."""
    _known(sender, mailing)
    seats = tx.ledger.window(claim, marks.sent, marks.doubt, mailing.digest, mailing.cadence)
    return _batch(tx, sender, mailing, claim.chunk, seats)


def load_batch(tx: Transaction, sender: Sender, mailing: Mailing, chunk: int, slots: Sequence[Slot]) -> Batch:
    """The same for single deliveries of a chunk."""
    _known(sender, mailing)
    places = [slot.place for slot in slots]
    seats = tx.ledger.seats(mailing.id, chunk, places, mailing.digest, mailing.cadence) if places else []
    return _batch(tx, sender, mailing, chunk, seats)


def _known(sender: Sender, mailing: Mailing) -> None:
    if mailing.digest not in sender.digests:
        raise NotFound(
            f"The digest {mailing.digest!r} of mailing {mailing.id} is not in the settings.",
            hint=f"Put [digests.{mailing.digest}] back, then run `tribune events replay`.",
        )


def _batch(tx: Transaction, sender: Sender, mailing: Mailing, chunk: int, seats: Sequence[Seat]) -> Batch:
    contents = sender.kept.contents(tx, mailing.id, {slot.signature for slot, _ in seats})
    languages = tx.catalogue.visible_languages({key.item for kept in contents.values() for key in kept.fragments})
    shown = {number: content.visible(languages) for number, content in contents.items()}
    keys = {(key.item, key.version) for content in shown.values() for key in content.fragments}
    items = sender.kept.items(tx, keys)
    people = {slot.subscriber: person for slot, person in seats if person is not None}
    # What goes with a campaign staff chose, not its readers.
    places = sender.places if mailing.campaign is None else None
    narrowed = _narrowed(tx, places, mailing, seats, shown, items)
    campaign = sender.kept.campaign(tx, mailing)
    return Batch(sender, mailing, chunk, [slot for slot, _ in seats], people, shown, items, narrowed, campaign)


def _narrowed(
    tx: Transaction,
    places: Places | None,
    mailing: Mailing,
    seats: Sequence[Seat],
    contents: Mapping[int, EditionContent],
    items: Mapping[tuple[int, int], Item],
) -> dict[int, EditionContent]:
    """Subscriber -> what is left for them, where they have changed their choices since the mailing was planned and do
    not want all of it any more. In whatever cadence it comes now: this mail is where it comes from."""
    changed = {slot.subscriber: slot.signature for slot, person in seats if person is not None and person.changed}
    if places is None or not changed:
        return {}
    found = {}
    for number, choices in tx.audience.choices(changed, mailing.digest).items():
        content = contents.get(changed[number])
        if content is None:
            continue
        wanted = tuple(
            key
            for key in content.fragments
            if (item := items.get((key.item, key.version))) is None
            or any(matches(choice, item, places) for choice in choices)
        )
        if wanted != content.fragments:
            found[number] = replace(content, fragments=wanted)
    return found


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
