"""Settings: `tribune.toml`, then the environment (`TRIBUNE_STORE__URL=...`). One section a channel or source.

A mistake names the key, the value and what is allowed. Secrets are SecretStr: they never appear in a repr or a log.
"""

from __future__ import annotations

from tribune.config.engines import Store
from tribune.config.house import Digest, Planning
from tribune.config.reading import load
from tribune.config.settings import Settings
from tribune.config.sources import FeedSource, Http, IlostatSource, OaiSource, Sources

__all__ = [
    "Digest",
    "FeedSource",
    "Http",
    "IlostatSource",
    "OaiSource",
    "Planning",
    "Settings",
    "Sources",
    "Store",
    "load",
]
