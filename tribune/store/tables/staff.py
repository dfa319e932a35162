"""Tables of staff: who signs in, with what, in which browsers; links and tokens that stand for them; what they did."""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    event,
)

from tribune.store.tables.base import Instant, metadata

staff = Table(
    "staff",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("address", String(320), nullable=False),
    Column("address_key", String(320), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("locale", String(20), nullable=False),
    Column("roles", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("disabled_at", Instant),
    Column("last_sign_in_at", Instant),
    Column("password_hash", String(200)),
    Column("second_factor", String(300)),
    Column("last_step", BigInteger, nullable=False, server_default="0"),
    Column("issuer", String(300)),
    Column("subject", String(255)),
    UniqueConstraint("issuer", "subject"),
)
"""The one table with addresses and names of staff. `second_factor` is sealed (tribune.domain.sealing); `last_step` the
last time step of it that was used; `issuer` and `subject` whom the organisation's own sign-in knows."""

staff_recovery_codes = Table(
    "staff_recovery_codes",
    metadata,
    Column("staff_id", Integer, ForeignKey("staff.id"), nullable=False),
    Column("code_hash", String(64), nullable=False),
    Column("used_at", Instant),
    PrimaryKeyConstraint("staff_id", "code_hash"),
)

staff_links = Table(
    "staff_links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("staff_id", Integer, ForeignKey("staff.id"), nullable=False, index=True),
    Column("purpose", String(20), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
)
"""One-time links. A used one is gone."""

staff_sessions = Table(
    "staff_sessions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("staff_id", Integer, ForeignKey("staff.id"), nullable=False, index=True),
    Column("way", String(10), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("agent", String(200), nullable=False),
    Column("network", String(50), nullable=False),
)
"""Browsers that are signed in. An ended session is gone."""

sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    Column("counted_by", String(80), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("last_at", Instant, nullable=False, index=True),
    Column("next_at", Instant, nullable=False),
)
"""Attempts to sign in, by account, device or network. What was typed for a name stands here as a keyed hash only."""

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("staff_id", Integer, ForeignKey("staff.id"), nullable=False),
    Column("name", String(80), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("scopes", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("last_used_at", Instant),
    Column("revoked_at", Instant),
    Index("ix_api_tokens_staff_id", "staff_id"),
)

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("actor", String(60), nullable=False),
    Column("action", String(60), nullable=False),
    Column("about", String(100), nullable=False),
    Column("facts", JSON, nullable=False),
    Column("before", String(64), nullable=False),
    Column("seal", String(64), nullable=False),
    Index("ix_audit_actor_number", "actor", "number"),
    Index("ix_audit_about_number", "about", "number"),
)
"""Append-only; each row is sealed with the one before it (tribune.domain.audit)."""

REFUSED = "entries of the audit log are only ever added"
_NEXT = "SELECT coalesce(max(number), 0) + 1 FROM audit WHERE number > 0"

SQLITE_GUARD = (
    *(
        f"CREATE TRIGGER audit_refuses_{verb.lower()} BEFORE {verb} ON audit"
        f" BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    # INSERT OR REPLACE takes a row away without a word to the trigger of DELETE.
    f"CREATE TRIGGER audit_follows BEFORE INSERT ON audit WHEN NEW.number IS NOT ({_NEXT})"
    f" BEGIN SELECT RAISE(ABORT, '{REFUSED}, one after the other'); END",
)
POSTGRESQL_GUARD = (
    f"CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{REFUSED}'; END $$",
    "CREATE TRIGGER audit_refuses BEFORE UPDATE OR DELETE OR TRUNCATE ON audit"
    " FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses()",
    "CREATE FUNCTION audit_follows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    f" IF NEW.number IS DISTINCT FROM ({_NEXT}) THEN RAISE EXCEPTION '{REFUSED}, one after the other'; END IF;"
    " RETURN NEW; END $$",
    "CREATE TRIGGER audit_follows BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_follows()",
)
"""The database itself refuses to change, replace or delete an entry, and to take one out of turn. Whoever owns it can
take the triggers away: that is what the chain of seals is for. The triggers stand against mistakes, and against code
that was led to do it."""

for statement in SQLITE_GUARD:
    event.listen(audit, "after_create", DDL(statement).execute_if(dialect="sqlite"))  # type: ignore[no-untyped-call]
for statement in POSTGRESQL_GUARD:
    event.listen(audit, "after_create", DDL(statement).execute_if(dialect="postgresql"))  # type: ignore[no-untyped-call]
