"""What a number on the command line may be at most."""

LARGEST = 2**31 - 1
"""What the store's columns hold: a larger one is wrong usage, not something unexpected."""
