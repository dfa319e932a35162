"""Read a source, and publish what is new in it."""
