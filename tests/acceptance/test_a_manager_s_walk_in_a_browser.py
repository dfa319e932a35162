"""An audience manager's whole walk in a real browser: bring people in a file, name a group of them exactly, and see who
is in it and why. In three languages, with and without scripts, and each time with the keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.house import House
from tests.browser_world import LOCALES, Keyboard, answering, browser, needs_chromium, opened_house
from tests.newsroom import browser_cookie
from tribune.domain.staff import Role
from tribune.services.imports.work_on_import import work_on_import

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]
pytestmark = needs_chromium

HEADER = {
    "en": "E-mail address;Name;Language;Time zone;Group;Countries;Remarks",
    "fr": "Courriel;Nom;Langue;Fuseau horaire;Groupe;Pays;Remarques",
    "es": "Correo electrónico;Nombre;Idioma;Huso horario;Grupo;Países;Observaciones",
}
ROWS = """
binta.ba@{there};Binta Ba;{locale};Africa/Dakar;government;{place};conference
moussa@{there};Moussa Ndiaye;{locale}|en;Africa/Dakar;workers;{place};conference
not an address;<b>Marie</b>;{locale};Africa/Dakar;employers;{place};conference
lea@{there};Léa Favre;{locale};Europe/Zurich;workers;{place}|CHE;conference
kofi@{there};Kofi Mensah;en;Africa/Acra;academia;{place};conference
"""
PLACES = {
    ("en", True): "NPL",
    ("en", False): "KEN",
    ("fr", True): "MLI",
    ("fr", False): "TUN",
    ("es", True): "URY",
    ("es", False): "PRY",
}
"""Each walk is about a country of its own."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with opened_house(tmp_path_factory.mktemp("manager")) as house:
        house.subscribe("awa@travail.example", name="Awa Diop", group="workers", languages="fr|en")
        yield house


@pytest.fixture(scope="module")
def address(house: House) -> Iterator[str]:
    with answering(house.app) as here:
        yield here


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
@pytest.mark.parametrize("locale", LOCALES)
def test_a_manager_imports_people_builds_a_segment_and_sees_who_is_in_it_and_why(
    house: House, address: str, browser: Browser, tmp_path: Path, locale: str, scripts: bool
) -> None:
    manager = Keyboard(browser, address, house.app, locale, java_script_enabled=scripts)
    manager.page.context.add_cookies([browser_cookie(house.app, address, Role.AUDIENCE_MANAGER)])  # type: ignore[list-item]
    say, say_many, formats = manager.say, manager.say_many, manager.formats
    place = PLACES[locale, scripts]
    group = house.app.codelists.groups.label("workers", locale)
    file = tmp_path / f"contacts-{place}.csv"
    file.write_text(HEADER[locale] + ROWS.format(locale=locale, place=place, there=f"{place}.example".lower()), "utf-8")

    # They bring a file, in which two rows cannot be read.
    manager.opens(f"/{locale}/newsroom/people")
    manager.follows(say("Import people"))
    manager.hands_over(say("CSV file"), file)
    manager.presses(say("Upload and look at it"))
    assert manager.page.get_by_label("Name" if locale == "en" else HEADER[locale].split(";")[1]).input_value() == "name"
    assert manager.page.locator("tr.wrong").count() == 2

    # Without saying on which basis, nothing goes on, and nothing is lost.
    manager.presses(say("Check the whole file"))
    manager.sees(say("Say on which basis you may write to them."))
    manager.ticks(say("They are written to in their function"))
    manager.types(say("Where they or their consent come from"), "Conference 2026")
    manager.presses(say("Check the whole file"))
    assert work_on_import(house.app.import_worker)
    manager.page.reload()
    take_in = say_many("Take in %(number)s person", "Take in %(number)s people", 3) % {"number": 3}
    assert people_of(house, place) == 0
    manager.presses(take_in)
    assert work_on_import(house.app.import_worker)
    manager.page.reload()
    manager.sees(say("taken in"))
    assert people_of(house, place) == 3
    manager.opens(f"/{locale}/newsroom/people")
    manager.types(say("Address or its beginning, name or number"), f"moussa@{place}.example".lower())
    manager.presses(say("Find"))
    assert manager.page.url.endswith("/newsroom/people"), "no address in the address of a page"
    manager.sees("Moussa Ndiaye")

    # Who of them works for a workers' organisation? A segment says it for good.
    manager.follows(say("Segments"))
    manager.follows(say("New segment"))
    manager.types(say("Name"), f"Workers {place}")
    manager.chooses(say("First condition"), say("Group"))
    manager.presses(say("Add this condition"))
    manager.ticks(group)
    manager.chooses(say("One more condition"), say("What they follow"))
    manager.presses(say("Add this condition"))
    manager.types(say("Name of a place"), formats.place(place))
    manager.presses(say("Add this place"))
    assert manager.page.get_by_label(formats.place(place), exact=True).is_checked()
    if not scripts:
        manager.presses(say("Count these people"))
    manager.page.locator("#result .big-number", has_text="2").wait_for()
    assert sorted(manager.page.locator("#result bdi").all_inner_texts()) == ["Léa Favre", "Moussa Ndiaye"]
    manager.presses(say("Save this segment"))
    manager.sees(say("Saved."))

    # Who is in it, and why; and who is not.
    sample = manager.page.locator("table.sample")
    assert sorted(sample.locator("td a bdi").all_inner_texts()) == ["Léa Favre", "Moussa Ndiaye"]
    manager.follows(say("Why?"))
    reasons = manager.page.locator("ul.reasons").first
    assert reasons.locator(".badge.good").count() >= 3
    assert group in reasons.inner_text() and formats.place(place) in reasons.inner_text()
    assert reasons.get_by_text(f"✗ {say('no')}").count() == 0
    manager.types(say("Number of the person"), "1")
    manager.presses(say("Say why or why not"))
    manager.sees(f"✗ {say('no')}")
    manager.leaves()


def people_of(house: House, place: str) -> int:
    """How many have come whose addresses are of this country."""
    with house.app.store.read() as tx:
        names = ("binta.ba", "moussa", "lea", "kofi")
        return sum(tx.audience.by_address(f"{name}@{place}.example".lower()) is not None for name in names)
