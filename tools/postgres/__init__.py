"""A PostgreSQL server for tests and trials on this machine."""
