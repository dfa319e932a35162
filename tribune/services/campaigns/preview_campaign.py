"""A campaign's mail as a reader would get it, before it is planned: nobody's, with links that lead nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tribune.domain.audience import Fallback
from tribune.domain.campaigns import Draft
from tribune.domain.digests import Digest, Rules
from tribune.domain.errors import NotFound
from tribune.ports.channels import OutgoingMail
from tribune.ports.planning import Profile
from tribune.ports.store import Transaction
from tribune.rendering.email.composer import CampaignFacts, Reader, ReaderLinks
from tribune.services.campaigns.campaign_contents import content_for
from tribune.services.campaigns.plan_campaign import items_of

if TYPE_CHECKING:
    from tribune.rendering.email.composer import Composer

NOBODY = "reader@example.org"


def preview_campaign(
    tx: Transaction,
    draft: Draft,
    digest: Digest,
    languages: Sequence[str],
    composer: Composer,
    rules: Rules,
    base_url: str,
    now: datetime,
    *,
    address: str = NOBODY,
    sender: str = "",
) -> OutgoingMail:
    """The mail for somebody who reads these languages, in order, and wants the source's where there is none of them.
    `sender`: the return path. Raises NotFound and Conflict for items that cannot go with it."""
    items = items_of(tx, draft, now)
    profile = Profile(tuple(languages), Fallback.SOURCE, "UTC", "")
    content = content_for(profile, draft, items, rules.offered, rules.default_language)
    if content is None:
        raise NotFound("There is no text for this reader.")
    facts = CampaignFacts(0, digest, now, {one.language: one for one in draft.messages})
    keys = {(one.item.id, one.item.version): one.item for one in items}
    mail = composer.compose(content, keys, facts)
    page = base_url.rstrip("/")
    links = ReaderLinks(f"{page}/u/preview", f"{page}/u/preview", f"{page}/p/preview")
    name = f"0.0.0.{int(now.timestamp() * 1000):x}"
    return OutgoingMail(name, sender, address, mail.fill(Reader("", address, (), name), links), mail.locale, True)
