"""See a campaign that was planned: what it says, for whom, and how far its mailing is."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from tribune.domain.campaigns import Campaign
from tribune.domain.errors import NotFound
from tribune.ports.store import Transaction
from tribune.services.sending.mailing_progress import MailingProgress, mailing_progress

_NAMES = 200


@dataclass(frozen=True, slots=True)
class SeenCampaign:
    """A campaign and its mailing."""

    campaign: Campaign
    progress: MailingProgress


def see_campaign(tx: Transaction, which: str) -> SeenCampaign:
    """By its name (the newest of that name), or by the number of its mailing. Raises NotFound, which names the
    nearest."""
    named = tx.campaigns.named(which)
    if named:
        return _seen(tx, *named[0])
    if which.isascii() and which.isdigit() and len(which) < 10:
        mailing = tx.ledger.mailing(int(which))
        if mailing is not None and mailing.campaign is not None:
            return _seen(tx, mailing.campaign.id, mailing.id)
        if mailing is not None:
            hint = f"See `tribune mailing show {which}`."
            raise NotFound(f"Mailing {which} is of an edition, not of a campaign.", hint=hint)
    near = get_close_matches(which, tx.campaigns.newest(_NAMES), n=1)
    hint = f"Did you mean {near[0]!r}?" if near else "`tribune mailing list` names those that there are."
    raise NotFound(f"There is no campaign {which!r}.", hint=hint)


def _seen(tx: Transaction, campaign_id: int, mailing: int) -> SeenCampaign:
    campaign = tx.campaigns.one(campaign_id)
    assert campaign is not None  # noqa: S101 - its mailing points to it
    return SeenCampaign(campaign, mailing_progress(tx, mailing))
