"""People and what they asked for."""
