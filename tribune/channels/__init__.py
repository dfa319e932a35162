"""A message leaves: one file a channel."""
