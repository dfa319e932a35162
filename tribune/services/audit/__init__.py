"""The audit log: read it, check it, give it out."""
