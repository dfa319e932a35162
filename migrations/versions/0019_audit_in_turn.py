"""The audit log takes entries in turn only: none is replaced, none is slipped in before the first"""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_REFUSED = "entries of the audit log are only ever added, one after the other"
_NEXT = "SELECT coalesce(max(number), 0) + 1 FROM audit WHERE number > 0"


def upgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        op.execute(
            f"CREATE TRIGGER audit_follows BEFORE INSERT ON audit WHEN NEW.number IS NOT ({_NEXT})"
            f" BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
        )
    else:
        op.execute(
            "CREATE FUNCTION audit_follows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF NEW.number IS DISTINCT FROM ({_NEXT}) THEN RAISE EXCEPTION '{_REFUSED}'; END IF;"
            " RETURN NEW; END $$"
        )
        op.execute("CREATE TRIGGER audit_follows BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_follows()")


def downgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        op.execute("DROP TRIGGER audit_follows")
    else:
        op.execute("DROP TRIGGER audit_follows ON audit")
        op.execute("DROP FUNCTION audit_follows()")
