"""Settings of what is read: feeds, repositories and statistics, and the limits of fetching."""

from __future__ import annotations

from datetime import date
from typing import Literal

from tribune.config.kinds import Minutes, Section, Texts


class Http(Section):
    """Limits of fetching."""

    timeout_seconds: float = 30.0
    total_seconds: float = 120.0
    max_bytes: int = 50_000_000
    allowed_private_networks: tuple[str, ...] = ()


class RecordSource(Section):
    """What an entry is taken for where it says nothing: `policy_areas`, `places`, `kind`, `language`.

    `categories` maps the source's own words to policy areas; entries published before `since` are left out."""

    kind: str = "report"
    language: str = "en"
    policy_areas: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    categories: dict[str, str] = {}
    since: date | None = None


class FeedSource(RecordSource):
    """A feed to watch."""

    address: str
    every_minutes: Minutes = 30


class OaiSource(RecordSource):
    """An OAI-PMH repository to harvest; `since` is also where the first harvest begins."""

    address: str
    every_minutes: Minutes = 24 * 60
    prefix: str = "oai_dc"
    set: str = ""


class IlostatSource(Section):
    """An ILOSTAT bulk file or data API address (CSV). `labels` name the indicator per language."""

    address: str
    every_minutes: Minutes = 24 * 60
    labels: Texts = {}
    unit: Literal["percent", "ratio", "number"] = "percent"
    policy_areas: tuple[str, ...] = ("labour_statistics",)
    headline_places: tuple[str, ...] = ()
    link: str = ""
    credit: str = "ILOSTAT (© ILO, CC BY 4.0)"
    max_bytes: int = 500_000_000


class Sources(Section):
    """What producers watch, by source id."""

    feeds: dict[str, FeedSource] = {}
    oai: dict[str, OaiSource] = {}
    ilostat: dict[str, IlostatSource] = {}
