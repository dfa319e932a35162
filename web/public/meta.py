"""What a public page tells machines: its address, its other languages, its feeds, cards for sharing, linked data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from tribune.rendering.linked_data import script_safe


@dataclass(frozen=True, slots=True)
class Meta:
    """`canonical` and `alternates` (locale -> address) are absolute. `default` is where readers of other languages go.
    `feeds` are (media type, title, address). `index` False: search engines leave the page out."""

    title: str
    description: str
    canonical: str
    alternates: Mapping[str, str] = field(default_factory=dict)
    default: str = ""
    type: str = "website"
    language: str = ""
    published: str = ""
    modified: str = ""
    feeds: tuple[tuple[str, str, str], ...] = ()
    data: Mapping[str, Any] | None = None
    index: bool = True

    @property
    def script(self) -> Markup:
        """The linked data, as it may stand in its element."""
        return Markup(script_safe(self.data)) if self.data else Markup("")  # noqa: S704 - no <, > or & is left in it


def og_locale(tag: str) -> str:
    """A locale as Open Graph writes it: `fr_FR`; the likeliest territory where the tag names none."""
    from babel.core import get_global

    base, _, territory = tag.replace("-", "_").partition("_")
    if len(territory) == 2:
        return f"{base}_{territory.upper()}"
    likely = get_global("likely_subtags").get(base, "")
    return f"{base}_{likely.rpartition('_')[2]}" if likely.count("_") == 2 else base
