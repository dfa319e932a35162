"""The API of a house of the test's own: somebody with tokens, a client that sends them, and something to ask for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from httpx2 import Response
from starlette.testclient import TestClient

from tests.planned import add_people, plan
from tests.planning_world import World
from tribune.bootstrap import Application
from tribune.domain.events import PUBLICATIONS
from tribune.domain.staff import Permission, Role
from tribune.domain.staff_members import StaffMember
from tribune.services.staff.api_tokens import MadeToken, make_api_token
from web.app import create_app

HOST = "http://127.0.0.1:8080"


@dataclass
class Api:
    """A client of the API. Each call carries the token, unless it brings headers of its own for that."""

    app: Application
    owner: StaffMember
    token: MadeToken
    client: TestClient

    def get(self, path: str, **more: Any) -> Response:
        return self.call("GET", path, **more)

    def post(self, path: str, json: Any = None, *, key: str = "", **more: Any) -> Response:
        headers = {**more.pop("headers", {}), **({"idempotency-key": key} if key else {})}
        body = {"json": json} if json is not None else {}
        return self.call("POST", path, headers=headers, **body, **more)

    def call(self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any) -> Response:
        told = {"authorization": f"Bearer {self.token.secret}", **(headers or {})}
        return self.client.request(method, f"/api/v1{path}", headers=told, **more)

    def with_scopes(self, *scopes: Permission) -> Api:
        """The same person with a token for less."""
        return Api(self.app, self.owner, make_token(self.app, self.owner, scopes), self.client)

    def with_roles(self, *roles: Role) -> Api:
        """Somebody else, with everything that these roles allow."""
        return api_of(self.app, roles, client=self.client)

    def audited(self) -> list[tuple[str, str, str]]:
        """(actor, action, about) of what was done, not only looked at, through the API."""
        with self.app.store.read() as tx:
            entries = list(tx.audit.entries())
        passed_over = ("api_token.made", "person.seen", "people.listed", "suppression.looked_up")
        return [(one.actor, one.action, one.about) for one in entries if one.action not in passed_over]


def make_token(app: Application, owner: StaffMember, scopes: Iterable[Permission]) -> MadeToken:
    with app.store.write() as tx:
        return make_api_token(tx, owner, "for tests", list(scopes), timedelta(days=30), app.clock.now())


def api_of(app: Application, roles: Iterable[Role], client: TestClient | None = None) -> Api:
    from tribune.domain.staff import permissions

    roles = list(roles)
    with app.store.write() as tx:
        address = f"{'-'.join(roles)}@observatory.example"
        owner = tx.staff.by_address(address) or tx.staff.add(address, "Ada Diop", "en", roles, app.clock.now())
    client = client or TestClient(create_app(app), base_url=HOST, client=("192.0.2.9", 4321), follow_redirects=False)
    return Api(app, owner, make_token(app, owner, permissions(roles)), client)


def problem(answer: Response, status: int, name: str) -> dict[str, Any]:
    """The problem that an answer is, which must be this one."""
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, told["type"]) == (status, f"/problems/{name}"), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert told["status"] == status
    assert told["title"]
    assert told["instance"]
    return told


def all_pages(api: Api, path: str) -> list[dict[str, Any]]:
    """What a list holds, page by page."""
    found = []
    step: str | None = path
    while step:
        answer = api.get(step.removeprefix("/api/v1"))
        assert answer.status_code == 200, answer.text
        found += answer.json()["data"]
        step = answer.json()["next"]
        assert (f'<{step}>; rel="next"' if step else None) == answer.headers.get("link")
    return found


def seed(app: Application) -> World:
    """A few items, people and mailings."""
    world = World(app)
    for number in range(3):
        world.item("en", "fr", areas=("wages",) if number else (), places=("SEN",))
    world.person("daily", "weekly")
    world.person("at_once", languages=("fr", "en"))
    return world


def seed_mailing(app: Application, *sizes: int, first: int = 1_001, **more: Any) -> int:
    """A mailing of people of its own."""
    with app.store.write() as tx:
        add_people(tx, sum(sizes), first=first)
    return plan(app.store, sizes, first=first, **more)


def seed_events(api: Api) -> str:
    """A story, and a dead letter of it; the story's id."""
    sent = {"record": "seeded", "kind": "brief", "source_language": "en", "versions": {"en": {"title": "Work"}}}
    story: str = api.post("/items", sent).json()["story"]
    (message,) = api.app.log_view.newest([PUBLICATIONS], limit=1)
    api.app.log.bury("catalogue", message, "BrokenEvent: no kind", "tribune/x.py:1", attempts=3)
    return story
