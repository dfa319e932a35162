"""The commands of `tribune`, one file a group, imported only when called."""
