"""Alembic's entry: runs migrations on the connection that tribune.store.migrate hands over, or writes their statements
for a dialect."""

from alembic import context

from tribune.store.tables import metadata


def include(object_: object, name: str | None, type_: str, reflected: bool, compare_to: object) -> bool:
    """Leave the full-text tables to their own statements: SQLAlchemy does not know virtual tables."""
    return not (type_ == "table" and name is not None and name.startswith("search_"))


connection = context.config.attributes.get("connection")
where = {"connection": connection} if connection is not None else {"dialect_name": context.config.attributes["dialect"]}
context.configure(
    **where,
    target_metadata=metadata,
    include_object=include,
    render_as_batch=True,
    compare_type=True,
    user_module_prefix="tribune.store.tables.",
)
with context.begin_transaction():
    context.run_migrations()
