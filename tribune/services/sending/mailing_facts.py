"""What a mail says of its mailing: of which edition or campaign it is."""

from __future__ import annotations

from tribune.domain.campaigns import Campaign
from tribune.domain.digests import Digest
from tribune.domain.errors import NotFound
from tribune.domain.mailings import Mailing
from tribune.ports.store import Transaction
from tribune.rendering.email.composer import CampaignFacts, EditionFacts


def campaign_of(tx: Transaction, mailing: Mailing) -> Campaign | None:
    """The campaign of a mailing; None for an edition's."""
    return tx.campaigns.one(mailing.campaign.id) if mailing.campaign is not None else None


def facts_of(mailing: Mailing, digest: Digest, campaign: Campaign | None) -> EditionFacts | CampaignFacts:
    """The facts that its frame is made of. Raises NotFound for a campaign that is not kept."""
    if mailing.cadence is not None:
        return EditionFacts(mailing.id, digest, mailing.cadence, mailing.occasion, mailing.due_at)
    if campaign is None:
        raise NotFound(f"The campaign of mailing {mailing.id} is not kept.")
    return CampaignFacts(mailing.id, digest, mailing.due_at, campaign.messages)
