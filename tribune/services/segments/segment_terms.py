"""What rules are read with: the code lists as the masks have them, and today's date."""

from __future__ import annotations

from datetime import UTC, datetime

from tribune.domain.codelists import Codelists
from tribune.domain.segment_matching import Terms
from tribune.ports.store import Transaction
from tribune.services.audience.refresh_masks import masker


def segment_terms(tx: Transaction, codelists: Codelists, now: datetime) -> Terms:
    """The terms of this moment. Raises Conflict while the masks were derived from other versions of the code lists."""
    return Terms(codelists.places, masker(tx, codelists).bits, now.astimezone(UTC).date())
