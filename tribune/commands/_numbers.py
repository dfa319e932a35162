"""What a number on the command line may be at most."""

LARGEST = 2**31 - 1
"""What the store's columns hold: a larger one is wrong usage, not something unexpected."""

LARGEST_OF_OUTBOX = 2**63 - 1
"""The same for numbers of the outbox, which counts every event that ever was."""
