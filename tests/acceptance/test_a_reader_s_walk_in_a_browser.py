"""A reader's whole walk in a real browser: subscribe, confirm, read, change, leave. In three languages, with and
without scripts, and each time with the keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.acceptance.house import House, Mail
from tests.browser_world import LETTER, LOCALES, Keyboard, answering, browser, needs_chromium, opened_house, path_in
from tribune.domain.audience import Status

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]
pytestmark = needs_chromium

WAGES = {"en": "Wages in Senegal", "fr": "Les salaires au Sénégal", "es": "Los salarios en el Senegal"}
SKILLS = {"en": "Skills in Senegal", "fr": "Les compétences au Sénégal", "es": "Las competencias en el Senegal"}

NUMBERS = count(1)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with opened_house(tmp_path_factory.mktemp("reader")) as house:
        yield house


@pytest.fixture(scope="module")
def address(house: House) -> Iterator[str]:
    with answering(house.app) as here:
        yield here


def publish(house: House, titles: dict[str, str], topic: str) -> None:
    house.publish(f"{topic}-{next(NUMBERS)}", titles=titles, policy_areas=[topic], places=["SEN"])


def next_morning(house: House) -> None:
    """It is nine o'clock in Dakar, an hour after the letter's."""
    house.until(f"{house.clock.now() + timedelta(days=1):%Y-%m-%d} 09:00")


def status(house: House, who: str) -> Status | None:
    with house.app.store.read() as tx:
        person = tx.audience.by_address(who)
    return person.status if person else None


def since(house: House, who: str, then: datetime) -> list[Mail]:
    """What came to them after this moment."""
    return [mail for mail in house.mails(who) if mail.came_at > then]


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
@pytest.mark.parametrize("locale", LOCALES)
def test_a_reader_subscribes_confirms_reads_changes_and_leaves(
    house: House, address: str, browser: Browser, locale: str, scripts: bool
) -> None:
    who = f"awa-{locale}-{scripts}@travail.example".lower()
    reader = Keyboard(browser, address, house.app, locale, java_script_enabled=scripts, timezone_id="Africa/Dakar")
    say, formats = reader.say, reader.formats
    publish(house, WAGES, "wages")

    # They choose what concerns them, and see what that would have brought.
    reader.opens(f"/{locale}/subscribe")
    reader.ticks(formats.policy_area("wages"))
    reader.unfolds(formats.place("002"))
    reader.ticks(formats.place("SEN"))
    if not scripts:
        reader.presses(say("Show what I would have received last week"))
        reader.chooses(say("Where you are"), zone_of_dakar(reader))
    reader.sees(WAGES[locale])
    assert reader.page.get_by_label(say("Where you are")).input_value() == "Africa/Dakar", "guessed, or chosen"
    reader.ticks(say("Every day"))
    reader.types(say("E-mail address"), who)
    reader.presses(say("Subscribe"))
    reader.heading(say("Please look into your mailbox"))

    # Opening the link of the mail decides nothing; the button does.
    house.work()
    (asked,) = house.mails(who)
    assert asked.language == locale
    reader.opens(path_in(asked, "c"))
    assert status(house, who) is Status.PENDING
    reader.types(say("Your name"), "Awa Diop")
    reader.presses(say("Confirm my subscription"))
    reader.heading(say("You are subscribed"))
    assert status(house, who) is Status.ACTIVE

    # What appears now comes the next morning, in their language; what is about something else does not.
    publish(house, WAGES, "wages")
    publish(house, SKILLS, "skills")
    then = house.clock.now()
    next_morning(house)
    (digest,) = since(house, who, then)
    assert digest.language == locale
    assert WAGES[locale] in digest.text and SKILLS[locale] not in digest.text

    # With the link at its end they ask for another topic instead.
    reader.opens(path_in(digest, "p"))
    reader.follows(say("Change topics, countries and kinds of publications"))
    reader.unticks(formats.policy_area("wages"))
    reader.ticks(formats.policy_area("skills"))
    reader.presses(say("Save these choices"))
    reader.sees(say("Your choices are saved. From now on it is as you read here."))
    publish(house, WAGES, "wages")
    publish(house, SKILLS, "skills")
    then = house.clock.now()
    next_morning(house)
    (changed,) = since(house, who, then)
    assert SKILLS[locale] in changed.text and WAGES[locale] not in changed.text

    # The mail program's own button, without a cookie and without a question; and their page says so.
    assert changed.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    answer = httpx.post(address + path_in(changed, "u"), data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    reader.opens(path_in(changed, "p"))
    letter = LETTER[locale]
    reader.sees(say("You do not receive %(letter)s at the moment.") % {"letter": letter})

    # No more mail, whatever appears.
    publish(house, SKILLS, "skills")
    then = house.clock.now()
    next_morning(house)
    next_morning(house)
    assert since(house, who, then) == []
    reader.leaves()


def zone_of_dakar(reader: Keyboard) -> str:
    """How the list calls it."""
    return reader.page.locator("#zone option[value='Africa/Dakar']").inner_text()
