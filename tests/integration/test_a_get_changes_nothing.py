"""Mail scanners, previews and crawlers follow every link that they see: no GET of any route changes anything
(threats.md). Each is asked for something that there is, by who may see it and by a stranger, and the whole store, the
files and the mails are compared."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.kept import Kept
from tests.threat_world import Route, World

ASKING = "q=Awa&do=stop-all&List-Unsubscribe=One-Click&act=erase&confirm=yes&in=fr"
"""What a link might ask for besides."""

WRITTEN_DOWN = {
    "GET /{locale}/newsroom/people": "people.listed",
    "GET /{locale}/newsroom/segments/{slug}": "people.listed",
    "GET /{locale}/newsroom/segments/{slug}/edit": "people.listed",
    "GET /{locale}/newsroom/people/{id}": "person.seen",
    "GET /{locale}/newsroom/people/{id}/change": "person.seen",
    "GET /{locale}/newsroom/suppressions/export": "suppression.exported",
    "GET /api/v1/people": "people.listed",
    "GET /api/v1/people/{person}": "person.seen",
    "GET /api/v1/people/{person}/consents": "person.seen",
    "GET /api/v1/people/{person}/deliveries": "person.seen",
}
"""That somebody has looked at a person is a line in the audit log, and nothing else."""

ELSEWHERE = {
    "GET /",
    "GET /{locale}",
    "GET /{locale}/newsroom",
    "GET /{locale}/newsroom/sign-in",
    "GET /{locale}/items/{name}",
    "GET /{locale}/newsroom/provider",
    "GET /newsroom/callback",
}
"""Routes that lead to another one, or (the provider's, which these settings do not name) are not there."""


@pytest.fixture(scope="module")
def admin(attacked: World) -> TestClient:
    client = attacked.client(attacked.admin)
    client.get("/en/newsroom/")
    attacked.api.get("/status")  # that a token is in use is noted now and then
    return client


def test_no_get_changes_anything_but_that_somebody_looked(attacked: World, admin: TestClient) -> None:
    kept = Kept(attacked.app)
    asked = 0
    for route in attacked.routes("GET"):
        for method in ("GET", "HEAD"):
            looking = Route(method, route.path, route.api, route.needs)
            status = attacked.ask(admin, looking, f"{attacked.path(route)}?{ASKING}").status_code
            assert status == 200 or (str(route) in ELSEWHERE and status in (301, 303, 404)), (looking, status)
            told = kept.changed()
            if str(route) in WRITTEN_DOWN:
                with attacked.app.store.read() as tx:
                    (newest,) = tx.audit.newest(1)
                assert (told, newest.action) == ({"audit", "counters"}, WRITTEN_DOWN[str(route)]), looking
            else:
                assert told == set(), looking
            asked += 1
    assert asked > 150


def test_nor_does_the_get_of_a_stranger(attacked: World) -> None:
    stranger = attacked.client()
    kept = Kept(attacked.app)
    for route in attacked.routes("GET"):
        stranger.get(attacked.path(route) + f"?{ASKING}")
    assert kept.changed() == set()


def test_a_change_would_have_been_seen(attacked: World) -> None:
    """The comparison itself: what writes is found."""
    kept = Kept(attacked.app)
    with attacked.app.store.write() as tx:
        tx.staff.set_locale(attacked.admin.id, "es")
    assert kept.changed() == {"staff"}
    with attacked.app.store.write() as tx:
        tx.staff.set_locale(attacked.admin.id, attacked.admin.locale)
