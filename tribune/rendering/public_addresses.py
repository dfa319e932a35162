"""The addresses of the public pages and feeds, each made in one place. They stay for ever (docs/public-pages.md)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from tribune.domain.archive import address_name
from tribune.domain.audience import Cadence


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list or a feed is narrowed to: codes of the code lists, "" for any. `own`: only what there is in the
    language of the page."""

    topic: str = ""
    place: str = ""
    kind: str = ""
    own: bool = False

    def query(self, **more: str | int) -> str:
        """`?topic=wages&place=SEN`, always in this order; "" where nothing is narrowed."""
        told: dict[str, str | int] = {"topic": self.topic, "place": self.place, "kind": self.kind}
        told |= {"fallback": "omit" if self.own else "", **more}
        query = urlencode({name: value for name, value in told.items() if value})
        return f"?{query}" if query else ""


ANYTHING = Filter()


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses under `base` (https://letters.example.org, without a slash at the end; "" for paths)."""

    base: str = ""

    def home(self, locale: str) -> str:
        return f"{self.base}/{locale}/"

    def items(self, locale: str, narrowed: Filter = ANYTHING, **more: str | int) -> str:
        return f"{self.base}/{locale}/items{narrowed.query(**more)}"

    def item(self, locale: str, number: int, slug: str) -> str:
        return f"{self.base}/{locale}/items/{address_name(number, slug)}"

    def topics(self, locale: str) -> str:
        return f"{self.base}/{locale}/topics"

    def topic(self, locale: str, code: str) -> str:
        return f"{self.base}/{locale}/topics/{code}"

    def places(self, locale: str) -> str:
        return f"{self.base}/{locale}/places"

    def place(self, locale: str, code: str) -> str:
        return f"{self.base}/{locale}/places/{code}"

    def editions(self, locale: str) -> str:
        return f"{self.base}/{locale}/editions"

    def edition(self, locale: str, digest: str, cadence: Cadence, occasion: str) -> str:
        return f"{self.base}/{locale}/editions/{digest}/{cadence.value}/{occasion}"

    def feed(self, locale: str, form: str, narrowed: Filter = ANYTHING) -> str:
        """`form` is atom or json."""
        return f"{self.base}/{locale}/feed.{form}{narrowed.query()}"

    def rest_of_issue(self, locale: str, digest: str, cadence: Cadence, occasion: str) -> str:
        """Where the items that a mail leaves out can be seen: its issue; for a message at once, the list."""
        if cadence is Cadence.AT_ONCE:
            return self.items(locale)
        return self.edition(locale, digest, cadence, occasion)
