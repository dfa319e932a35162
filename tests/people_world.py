"""An audience manager's browser, and what tests of people in the newsroom do with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.testclient import TestClient

from tests.acceptance.house import House
from tests.acceptance.test_desk_as_staff_see_it import plain
from tests.newsroom import staff_browser
from tribune.domain.audience import Subscriber
from tribune.domain.staff import Role

WHO = {"name": "Awa Diop Sy", "group": "government", "language1": "en", "zone": "Africa/Accra", "fallback": "omit"}
WISHES = {"topic": "employment", "place": "SEN", "cadence": "weekly", "weekday": "2", "hour": "7"}


@contextmanager
def two_people(house: House) -> Iterator[TestClient]:
    """Awa (1) and Olena (2) are subscribed; an audience manager is signed in."""
    house.subscribe("awa@travail.example", name="Awa Diop", languages="fr|en", cadence="daily", hour=8)
    house.subscribe("olena@union.example", name="Olena Kovalenko", languages="en", cadence="weekly", hour=9)
    with staff_browser(house.app, Role.AUDIENCE_MANAGER) as client:
        yield client


def posted(browser: TestClient, path: str, **fields: str) -> str:
    answer = browser.post(f"/en/newsroom/{path}", data=fields or {"x": ""})
    assert answer.status_code in (200, 303), (path, answer.status_code)
    return plain(answer.text)


def actions(house: House) -> list[tuple[str, str]]:
    with house.app.store.read() as tx:
        entries = [(entry.action, entry.about) for entry in tx.audit.entries()]
    return [(action, about) for action, about in entries if not action.startswith(("sign_in", "session", "staff"))]


def change(browser: TestClient, id: int, **fields: str) -> tuple[int, str]:
    """Fill in the form of a person as it stands, with these fields instead."""
    form = browser.get(f"/en/newsroom/people/{id}/change")
    assert form.status_code == 200
    found = re.search(r'action="(/en/newsroom/people/\d+/change[^"]*)"', form.text)
    as_of = re.search(r'name="as_of" value="(\w+)"', form.text)
    assert found is not None and as_of is not None
    answer = browser.post(found[1], data={"as_of": as_of[1], **fields})
    return answer.status_code, answer.text.replace("\u00a0", " ")


def person_of(house: House, id: int) -> Subscriber:
    with house.app.store.read() as tx:
        person = tx.audience.one(id)
    assert person is not None
    return person
