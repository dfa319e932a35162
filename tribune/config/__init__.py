"""Settings: `tribune.toml`, then the environment (`TRIBUNE_STORE__URL=...`). One section a channel or source.

A mistake names the key, the value and what is allowed. Secrets are SecretStr: they never appear in a repr or a log.
"""

from __future__ import annotations

from tribune.config.engines import KafkaTls, Log, Sasl, Store
from tribune.config.house import Digest, Imports, Logging, Organisation, Planning, Retention, Security, SignUp, Web
from tribune.config.kinds import Section
from tribune.config.reading import load
from tribune.config.sending import Email, Ledger, Smtp, Throttle
from tribune.config.settings import Settings
from tribune.config.sources import FeedSource, Http, IlostatSource, OaiSource, Sources
from tribune.config.staff import Oidc, Staff

__all__ = [
    "Digest",
    "Email",
    "FeedSource",
    "Http",
    "IlostatSource",
    "Imports",
    "KafkaTls",
    "Ledger",
    "Log",
    "Logging",
    "OaiSource",
    "Oidc",
    "Organisation",
    "Planning",
    "Retention",
    "Sasl",
    "Section",
    "Security",
    "Settings",
    "SignUp",
    "Smtp",
    "Sources",
    "Staff",
    "Store",
    "Throttle",
    "Web",
    "load",
]
