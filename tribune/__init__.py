"""Tribune: publications and data releases become digests in each reader's language, time zone and rhythm."""

__version__ = "0.1.0"
