"""The public archive: pages, lists, editions and feeds, each read by one use case."""
