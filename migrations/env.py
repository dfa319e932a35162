"""Alembic's entry: runs migrations on the connection that tribune.store.migrate hands over."""

from alembic import context

from tribune.store.search import is_search_table
from tribune.store.tables import metadata


def include(object_: object, name: str | None, type_: str, reflected: bool, compare_to: object) -> bool:
    """Leave the full-text tables to their own statements: SQLAlchemy does not know virtual tables."""
    return not (type_ == "table" and name is not None and is_search_table(name))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_object=include,
    render_as_batch=True,
    compare_type=True,
    user_module_prefix="tribune.store.tables.",
)
with context.begin_transaction():
    context.run_migrations()
