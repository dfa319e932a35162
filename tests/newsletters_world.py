"""A house with two newsletters, of which a reader has one."""

from __future__ import annotations

import pytest

from tests.acceptance.house import House
from tests.acceptance.test_preferences_as_readers_change_them import READER, path
from tribune.config import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    told = settings.model_dump()
    names = {"en": "Labour statistics", "fr": "Statistiques du travail", "es": "Estadísticas del trabajo"}
    told["digests"]["figures"] = told["digests"]["letter"] | {"names": names, "cadences": ["weekly", "monthly"]}
    return Settings.model_validate(told)


@pytest.fixture
def page(house: House) -> str:
    """Awa has The letter only, every day, about employment."""
    wish = {"cadence": "daily", "hour": 8, "policy_areas": "employment"}
    house.subscribe(READER, languages="en", zone="Africa/Dakar", **wish)
    house.publish("work", titles={"en": "Work"}, policy_areas=["employment"])
    house.until("2026-11-23 09:00")
    return path(house.mails(READER)[0], "p")
