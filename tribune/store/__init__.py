"""Tables and named queries (SQLAlchemy Core)."""
