"""Forget a lost key of the suppression list, and what only it could read."""

from __future__ import annotations

from datetime import datetime

from tribune.domain.addresses import SuppressionHash
from tribune.ports.people import Forgotten
from tribune.ports.store import AUDIENCE, Store


def forget_list_key(store: Store, made: SuppressionHash, fingerprint: str, actor: str, now: datetime) -> Forgotten:
    """What was listed with the key of this fingerprint goes; with `made` whoever is still known is listed anew. Raises
    NotFound, and Conflict where the key is not lost."""
    with store.write() as tx:
        tx.lock(AUDIENCE)
        done = tx.people.forget_key(made, fingerprint)
        facts = {"listed_anew": done.listed_anew, "gone": done.gone}
        tx.audit.add(actor, "suppression.key_forgotten", fingerprint, facts, now)
    return done
