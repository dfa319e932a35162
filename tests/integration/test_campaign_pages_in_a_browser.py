"""The page of a campaign in a real browser: widths, themes, languages, axe-core's rules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.base import AXE_FILE_PATH

from tests.axe import broken
from tests.browser_world import answering, browser, needs_chromium
from tests.campaign_world import plan, readers, segment
from tests.newsroom import browser_cookie
from tests.planning_world import World
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.domain.audience import Fallback
from tribune.domain.campaigns import Draft, Message
from tribune.domain.staff import Role
from tribune.ports.clock import StoppedClock

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]
pytestmark = needs_chromium

FRENCH = """Nous préparons un **rapport mondial** sur le travail de plateforme, qui paraîtra en *mars 2027*.

## Ce que nous vous demandons

- dix minutes de votre temps, avant le 15 décembre ;
- une réponse, même partielle, à https://observatory.example/fr/plateformes/enquete-sur-le-travail-de-plateforme-2026.

[Répondre à l’enquête](https://observatory.example/fr/enquete)"""
DRAFT = Draft(
    "Survey on platform work",
    (
        Message("fr", "Votre avis sur le travail de plateforme", FRENCH),
        Message("en", "Your view on platform work", "We are preparing a **world report**."),
    ),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Application, str]]:
    """A house with a campaign that waits for approval, and where it answers."""
    folder = tmp_path_factory.mktemp("campaign")
    names = {"en": "The letter", "fr": "La lettre", "es": "El boletín"}
    told = {
        "data_dir": folder,
        "store": {"url": f"sqlite:///{folder}/tribune.sqlite3"},
        "email": {"outbox_folder": folder / "outbox"},
        "digests": {"letter": {"names": names, "sender": "letter@observatory.example"}},
    }
    app = Application(Settings.model_validate(told), StoppedClock(datetime(2026, 11, 23, 6, 0, tzinfo=UTC)))
    app.prepare()
    readers(app, 40, languages=("fr",))
    world = World(app)
    world.person("weekly", digest="other")
    for number in range(3):
        world.person("weekly", languages=("es",), fallback=Fallback.OMIT if number else Fallback.SOURCE)
    segment(app)
    plan(app, DRAFT)
    with answering(app) as here:
        yield app, here
    app.close()


@pytest.mark.parametrize("locale", ["en", "fr", "es"])
def test_the_page_of_a_campaign_and_today(site: tuple[Application, str], browser: Browser, locale: str) -> None:
    app, address = site
    context = browser.new_context()
    context.add_cookies([browser_cookie(app, address, Role.APPROVER)])  # type: ignore[list-item]
    page = context.new_page()
    page.add_init_script(path=AXE_FILE_PATH)
    found = []
    for path in ("", "mailings", "mailings/1"):
        page.goto(f"{address}/{locale}/newsroom/{path}")
        found += broken(page, f"{path} {locale}")
    assert not found, "\n".join(map(str, found))
    context.close()
