"""Every table, by subject. Migrations in migrations/ build the same; a test holds that they agree.

All are imported from here, so that `metadata` knows every one of them.
"""

from __future__ import annotations

from tribune.store.tables.api import idempotency_keys
from tribune.store.tables.archive import listing_codes, listings
from tribune.store.tables.audience import (
    WORDS,
    carry_overs,
    codelist_bits,
    codelist_versions,
    data_requests,
    marks,
    mask_columns,
    people,
    rhythms,
    subscribers,
    subscriptions,
    suppressions,
)
from tribune.store.tables.base import Instant, instant_text, metadata
from tribune.store.tables.campaigns import campaigns
from tribune.store.tables.catalogue import (
    item_history,
    item_identifiers,
    item_records,
    items,
    releases,
    source_records,
    sources,
)
from tribune.store.tables.consents import consent_texts, consents, quotas, sign_ups
from tribune.store.tables.imports import imports
from tribune.store.tables.log import (
    counters,
    dead_letters,
    inbox,
    log_members,
    log_messages,
    log_offsets,
    log_partitions,
    log_retries,
    log_topics,
    outbox,
)
from tribune.store.tables.segments import engagement, person_tags, segment_versions, segments
from tribune.store.tables.sending import (
    at_once_served,
    chunks,
    connection_shares,
    deliveries,
    delivery_blocks,
    delivery_exceptions,
    editions,
    mailings,
    notices,
    schedules,
    signatures,
    throttles,
)
from tribune.store.tables.staff import (
    api_tokens,
    audit,
    sign_in_attempts,
    staff,
    staff_links,
    staff_recovery_codes,
    staff_sessions,
)

__all__ = [
    "WORDS",
    "Instant",
    "api_tokens",
    "at_once_served",
    "audit",
    "campaigns",
    "carry_overs",
    "chunks",
    "codelist_bits",
    "codelist_versions",
    "connection_shares",
    "consent_texts",
    "consents",
    "counters",
    "data_requests",
    "dead_letters",
    "deliveries",
    "delivery_blocks",
    "delivery_exceptions",
    "editions",
    "engagement",
    "idempotency_keys",
    "imports",
    "inbox",
    "instant_text",
    "item_history",
    "item_identifiers",
    "item_records",
    "items",
    "listing_codes",
    "listings",
    "log_members",
    "log_messages",
    "log_offsets",
    "log_partitions",
    "log_retries",
    "log_topics",
    "mailings",
    "marks",
    "mask_columns",
    "metadata",
    "notices",
    "outbox",
    "people",
    "person_tags",
    "quotas",
    "releases",
    "rhythms",
    "schedules",
    "segment_versions",
    "segments",
    "sign_in_attempts",
    "sign_ups",
    "signatures",
    "source_records",
    "sources",
    "staff",
    "staff_links",
    "staff_recovery_codes",
    "staff_sessions",
    "subscribers",
    "subscriptions",
    "suppressions",
    "throttles",
]
