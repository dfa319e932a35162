"""What axe-core finds on a page (WCAG 2.2 AA and its best practice), in both themes, from 360 to 1440 px."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OF_THEME = ["color-contrast", "link-in-text-block"]
OF_WIDTH = ["target-size", "scrollable-region-focusable", "landmark-unique", "region", "bypass"]
LOOKS: tuple[tuple[int, str, list[str]], ...] = (
    (360, "light", TAGS),
    (360, "dark", OF_THEME),
    (1280, "light", OF_WIDTH),
    (1440, "dark", TAGS),
)
"""All rules at both ends, each in one theme; between them those that a theme or a width can break."""

_RUN = """rules => axe.run({exclude: [["iframe"]]}, {runOnly: rules, iframes: false, resultTypes: ["violations"]})
    .then(found => found.violations.map(one => [one.id, one.nodes.slice(0, 3).map(node => node.target.join(" "))]))"""
_WIDE = """[...document.querySelectorAll("*")].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
    .map(e => e.outerHTML.slice(0, 120)).slice(0, 4)"""


def broken(page: Page, name: str) -> list[Any]:
    """What axe finds on this page, all that is folded up unfolded, and where it is wider than its window. The page has
    axe in it (AXE_FILE_PATH as an init script) and is not loaded again."""
    found: list[Any] = []
    page.evaluate("document.querySelectorAll('main details').forEach(box => { box.open = true })")
    for width, scheme, rules in LOOKS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found += [(name, scheme, width, *one) for one in page.evaluate(_RUN, rules)]
        if beyond := wider(page):
            found.append((name, scheme, width, "wider than its window", beyond))
        _keep_picture(page, name, scheme, width)
    return found


def wider(page: Page) -> list[str]:
    """What stands out of the window at its side, if the page can be moved sideways."""
    if not page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        return []
    return page.evaluate(_WIDE) or ["something"]


def _keep_picture(page: Page, name: str, scheme: str, width: int) -> None:
    folder = os.environ.get("TRIBUNE_PICTURES")
    if folder:
        name = re.sub(r"\W+", "-", name).strip("-")[:60]
        page.screenshot(path=f"{folder}/{name}.{scheme}.{width}.png", full_page=True)
