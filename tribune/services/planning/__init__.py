"""When an edition is due, and who gets what in it."""
