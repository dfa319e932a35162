"""What a person was sent: their mails from the ledger, and one of them as it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tribune.domain.digests import Digest
from tribune.domain.errors import NotFound
from tribune.domain.items import Item
from tribune.domain.mailings import DeliveryState, EditionContent, FragmentKey, Mailing
from tribune.domain.sending import name_of
from tribune.ports.ledger import DeliveryView
from tribune.ports.store import Transaction
from tribune.rendering.email.composer import Reader
from tribune.rendering.email.item_view import link_of
from tribune.services.sending.mailing_facts import campaign_of, facts_of
from tribune.services.sending.reader_links import ReaderLinkMaker

if TYPE_CHECKING:
    from tribune.rendering.email.composer import Composer

PAGE = 20
MOST = 1_000

_LEFT = (DeliveryState.SENT, DeliveryState.IN_DOUBT)


@dataclass(frozen=True, slots=True)
class SentItem:
    """An item in a mail, in the language in which it was shown. `link`: where it can be read."""

    item: int
    title: str
    language: str
    link: str


@dataclass(frozen=True, slots=True)
class SentMail:
    """A mail that was sent to a person. `name` is its delivery's (`12.0.37`); `subject` a campaign's, in the
    language in which they got it ("": an edition, whose name says what it is). `gone` counts items that have been
    withdrawn since, of which no more is told; `kept`: what was in it still is, so that it can be shown."""

    name: str
    mailing: Mailing
    at: datetime
    items: tuple[SentItem, ...]
    more: int = 0
    subject: str = ""
    language: str = ""
    gone: int = 0
    kept: bool = True


@dataclass(frozen=True, slots=True)
class ShownMail:
    """A mail as it was, of this digest. `content` None: everything that stood in it has been withdrawn since."""

    mailing: Mailing
    digest: Digest
    content: bytes | None


def list_sent(tx: Transaction, subscriber_id: int, page: int = 1, size: int = PAGE) -> tuple[list[SentMail], bool]:
    """A page of the mails, the newest first, and whether there are more. Those are left out of which it is known that
    they did not leave, and those that the ledger has let go of."""
    every = tx.ledger.deliveries_to(subscriber_id, limit=MOST)
    # The newest mailing first; the query gives them so, and filters nothing.
    sent = [one for one in every if one.state in _LEFT]
    some = sent[(page - 1) * size : page * size]
    contents = {(one.mailing, one.signature): _content(tx, one) for one in some}
    keys = {(key.item, key.version) for content in contents.values() if content for key in content.fragments}
    items = tx.catalogue.items_at(keys) if keys else {}
    languages = tx.catalogue.visible_languages({item for item, _ in keys}) if keys else {}
    mailings = {number: tx.ledger.mailing(number) for number in {one.mailing for one in some}}
    told = []
    for one in some:
        mailing, content = mailings[one.mailing], contents[one.mailing, one.signature]
        if mailing is not None:
            name = name_of(one.mailing, one.chunk, one.place)
            subject, language = _message(tx, mailing, content)
            left = content.visible(languages) if content else None
            told.append(
                SentMail(
                    name,
                    mailing,
                    mailing.due_at,
                    _items(left, items),
                    left.more if left else 0,
                    subject,
                    language,
                    gone=len(content.fragments) - len(left.fragments) if content and left else 0,
                    kept=content is not None,
                )
            )
    return told, len(sent) > page * size


def show_sent(
    tx: Transaction,
    subscriber_id: int,
    name: str,
    digest_of: Callable[[str], Digest],
    composer: Composer,
    links: ReaderLinkMaker,
) -> ShownMail:
    """One of their mails as it was, less what has been withdrawn since, whether or not its digest is still offered.
    Raises NotFound for one that is not theirs, was not sent, or of which not enough is kept."""
    mailing_id, chunk, place = _parts(name)
    found = tx.ledger.deliveries(mailing_id, subscriber=subscriber_id, limit=1)
    one = next((one for one in found if (one.chunk, one.place) == (chunk, place) and one.state in _LEFT), None)
    mailing, person = tx.ledger.mailing(mailing_id), tx.audience.one(subscriber_id)
    content = _content(tx, one) if one else None
    if one is None or mailing is None or person is None or content is None:
        raise NotFound("There is no such mail.")
    digest = digest_of(mailing.digest)
    content = content.visible(tx.catalogue.visible_languages({key.item for key in content.fragments}))
    if content.empty:
        return ShownMail(mailing, digest, None)
    items = tx.catalogue.items_at({(key.item, key.version) for key in content.fragments})
    facts = facts_of(mailing, digest, campaign_of(tx, mailing))
    choices = tuple(
        s.choice for s in person.subscriptions if s.digest == mailing.digest and s.cadence is mailing.cadence
    )
    mark = f"{int(mailing.planned_at.timestamp() * 1000):x}"
    reader = Reader(person.name, person.address, choices, f"{name}.{mark}")
    mail = composer.compose(content, items, facts)
    return ShownMail(mailing, digest, mail.fill(reader, links.links(person.id, mailing.digest, mailing.id)))


def _parts(name: str) -> tuple[int, int, int]:
    parts = name.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise NotFound("There is no such mail.")
    mailing, chunk, place = map(int, parts)
    return mailing, chunk, place


def _content(tx: Transaction, one: DeliveryView) -> EditionContent | None:
    return tx.ledger.contents(one.mailing, [one.signature]).get(one.signature)


def _message(tx: Transaction, mailing: Mailing, content: EditionContent | None) -> tuple[str, str]:
    """What a campaign said over its text, and in which language; of what it was is known when who got it is not."""
    campaign = campaign_of(tx, mailing)
    if campaign is None:
        return "", ""
    shown = content.message if content else campaign.draft.messages[0].language
    return campaign.messages[shown].subject, shown


def _items(content: EditionContent | None, items: Mapping[tuple[int, int], Item]) -> tuple[SentItem, ...]:
    keys: Sequence[FragmentKey] = content.fragments if content else ()
    told = []
    for key in keys:
        item = items.get((key.item, key.version))
        version = item.version_in(key.language) if item else None
        if item is not None and version is not None:
            link = link_of(item, version)
            told.append(SentItem(key.item, version.title, key.language, link.url if link else ""))
    return tuple(told)
