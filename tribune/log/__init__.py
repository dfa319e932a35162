"""The event log: embedded in SQLite (Kafka comes next)."""
