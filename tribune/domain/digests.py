"""The organisation, its digests and the rules of planning, as the settings give them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from tribune.domain.audience import Cadence


def text_in(texts: Mapping[str, str], locale: str, default: str = "en") -> str:
    """The text for `locale`: exact, then its base language, then the default, then any (decisions.md, 28)."""
    for candidate in (locale, locale.split("-")[0], default):
        if texts.get(candidate):
            return texts[candidate]
    return next(iter(texts.values()), "")


@dataclass(frozen=True, slots=True)
class Organisation:
    """Who sends. `names` and postal `addresses` per language."""

    names: Mapping[str, str]
    addresses: Mapping[str, str]
    languages: tuple[str, ...] = ("en", "fr", "es")
    default_language: str = "en"
    website: str = ""
    contact: str = ""

    def name(self, locale: str) -> str:
        return text_in(self.names, locale, self.default_language)

    def address(self, locale: str) -> str:
        return text_in(self.addresses, locale, self.default_language)


@dataclass(frozen=True, slots=True)
class Digest:
    """A recurring product. `kinds` empty means any; `approval` is standing or each; `in_doubt` is send_again,
    quarantine or "": as the channel does. `retired`: no longer offered or planned; what went out stays readable."""

    id: str
    names: Mapping[str, str]
    sender: str
    kinds: tuple[str, ...] = ()
    cadences: tuple[Cadence, ...] = tuple(Cadence)
    approval: str = "standing"
    max_items: int = 12
    in_doubt: str = ""
    retired: bool = False

    @property
    def forgotten(self) -> bool:
        """Whether the settings no longer have it: what it was called and which kinds it took is not known."""
        return not self.names

    def name(self, locale: str) -> str:
        return text_in(self.names, locale) or self.id


def forgotten(id: str, sender: str) -> Digest:
    """What is left of a digest that was taken out of the settings: its id, which addresses and the ledger keep. Its
    mails, where they are shown again, come from `sender`."""
    return Digest(id, {}, sender, retired=True)


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules of planning (decisions.md, 10-11). An edition later than `stale_after` is planned all the same,
    once, and recorded as late: the items wait in it; only repeated occasions in between are skipped."""

    at_once_wait: timedelta = timedelta(minutes=10)
    at_once_daily_cap: int = 5
    stale_after: timedelta = timedelta(hours=12)
    pause_reach_back: timedelta = timedelta(days=30)
    offered: tuple[str, ...] = ("en", "fr", "es")
    default_language: str = field(default="en")
