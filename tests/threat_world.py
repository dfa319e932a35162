"""A house with one of everything, each with a text that an attacker wrote, and the way to each route of it.

Tests of threats go over every route that there is. A route whose address holds something of which `World.given` knows
no example fails them: give it one, of something that this world has.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.routing import APIRoute
from httpx2 import Response
from starlette.testclient import TestClient

from tests.acceptance.house import House
from tests.acceptance.test_hostile_texts_on_pages import HOSTILE, item, told
from tests.api_world import Api, api_of, make_token
from tests.campaign_world import approve, plan
from tests.newsroom import HERE, SAME_SITE, anybody, session_of
from tests.staff_world import Person
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.domain.campaigns import Draft, Message
from tribune.domain.codelists import Codelists
from tribune.domain.imports import Basis, BasisKind
from tribune.domain.segment_json import Known, read_text
from tribune.domain.spreadsheet import TRIGGERS
from tribune.domain.staff import Permission, Role
from tribune.domain.staff_members import LinkPurpose, StaffMember, Way
from tribune.ports.clock import StoppedClock
from tribune.services.archive.own_feed import FEED
from tribune.services.audience.change_address import ask_for_address
from tribune.services.audience.import_subscribers import Columns
from tribune.services.audience.list_sent import list_sent
from tribune.services.desk.see_events import newest_events
from tribune.services.imports.plan_import import Plan, add_import, check_import
from tribune.services.imports.work_on_import import work_on_import
from tribune.services.notices.notice_links import DATA, mark_of
from tribune.services.segments.save_segment import Draft as SegmentDraft
from tribune.services.segments.save_segment import save_segment
from tribune.services.segments.tag_people import tag_people
from tribune.services.sending.reader_links import PREFERENCES, UNSUBSCRIBE
from tribune.services.staff.api_tokens import make_api_token
from tribune.services.staff.links import give_link
from tribune.services.staff.sessions import Browser, open_session
from web.api.access import scope_of
from web.api.app import create_api
from web.app import create_app
from web.pages import Pages
from web.routes import every_route

FORMULA = "=HYPERLINK(1)"
READER, OTHER = "victim@example.com", "other@example.com"
NEWCOMER, MOVED = "newcomer@example.com", "moved@example.com"
ATTACKED = f"Ivo {HOSTILE}"[:120]
RULE = {"who": {"all": [{"tags": ["g20"]}]}}
FORM = {"address": NEWCOMER, "language1": "en", "cadence": "weekly", "zone": "UTC", "digest": "letter"}


@dataclass(frozen=True)
class Route:
    """One method of one address, as the site or (`api`) the API has it. `needs`: None is everybody, "" who is signed
    in."""

    method: str
    path: str
    api: bool
    needs: Permission | str | None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class World:
    """The house, who works in it, and an example for each part of an address."""

    house: House
    admin: StaffMember
    api: Api
    given: dict[str, str] = field(default_factory=dict)
    clients: ExitStack = field(default_factory=ExitStack)
    logged: list[Any] = field(default_factory=list)
    """What the house wrote into its log while all of this came about, before anything is cut out of a line."""

    @property
    def app(self) -> Application:
        return self.house.app

    def routes(self, *methods: str) -> list[Route]:
        """Every route of the site and of the API; of these methods, where any are named."""
        return [route for route in self._routes if not methods or route.method in methods]

    @cached_property
    def site(self) -> FastAPI:
        """The site, made once."""
        return create_app(self.app)

    @cached_property
    def _routes(self) -> list[Route]:
        found = [
            Route(one.method, one.path, False, (one.permission or "") if one.staff else None)
            for one in every_route(self.site)
            if not one.path.startswith("/api")
        ]
        for one in create_api(self.app, Pages(self.app)).routes:
            if isinstance(one, APIRoute):
                found += [Route(method, f"/api{one.path}", True, scope_of(one)) for method in sorted(one.methods or ())]
        return found

    def path(self, route: Route, **instead: str) -> str:
        """The address of something that there is. `instead`: other examples, by their part (`people/{id}`)."""
        before, parts = "", []
        for part in route.path.split("/"):
            key = part if part == "{locale}" else f"{before}/{part}"
            parts.append({**self.given, **instead}[key] if "{" in part else part)
            before = part
        return "/".join(parts)

    def client(self, staff: StaffMember | None = None) -> TestClient:
        """A browser, signed in or not, that follows no redirect."""
        client = TestClient(self.site, base_url=HERE, client=("127.0.0.1", 4321), follow_redirects=False)
        self.clients.enter_context(client)  # one loop for all that it asks, not one for each
        if staff is not None:
            self.sign_in(client, staff)
        return client

    def sign_in(self, client: TestClient, staff: StaffMember) -> None:
        """A new session, in place of what the browser had."""
        client.cookies.clear()
        client.cookies.set("tribune-session", session_of(self.app, staff).token)

    def ask(
        self, client: TestClient, route: Route, path: str = "", headers: Mapping[str, str] | None = None, **more: Any
    ) -> Response:
        """What a route answers, to the API's token where it is one of its own."""
        token = {"authorization": f"Bearer {self.api.token.secret}"} if route.api else {}
        told = {**SAME_SITE, **token, **(headers or {})}
        return client.request(route.method, path or self.path(route), headers=told, **more)


def settings_of(folder: Path) -> Settings:
    """Of an organisation whose very names are an attack."""
    return Settings.model_validate(
        {
            "data_dir": folder / "var",
            "store": {"url": f"sqlite:///{folder}/var/tribune.sqlite3"},
            "email": {"outbox_folder": folder / "outbox"},
            "digests": {
                id: {"names": dict.fromkeys(("en", "fr", "es"), f"Letter {HOSTILE}"), "sender": f"{id}@office.example"}
                for id in ("letter", "bulletin")
            },
            "organisation": {
                "names": dict.fromkeys(("en", "fr", "es"), f"Office {HOSTILE}"),
                "addresses": dict.fromkeys(("en", "fr", "es"), f"1 Street {HOSTILE}"),
            },
            "web": {"api_calls_per_minute": 100_000},
        }
    )


@contextmanager
def threatened(folder: Path, migrated: Path, codelists: Codelists) -> Iterator[World]:
    """The world, in a folder of its own. Tests that share it look, and change nothing that another looks at."""
    settings = settings_of(folder)
    clock = StoppedClock(datetime(2026, 11, 23, 6, 0, tzinfo=UTC))
    settings.data_dir.mkdir(parents=True)
    shutil.copy(migrated, settings.data_dir / "tribune.sqlite3")
    app = Application(settings, clock)
    try:
        app.codelists = codelists
        house = House(app, clock, folder)
        try:
            with structlog.testing.capture_logs() as logged:
                made = furnished(house)
        finally:
            house.close()  # whoever reads the log writes down that they live
        made.logged = list(logged)
        with made.clients:
            yield made
    finally:
        app.close()


def furnished(house: House) -> World:
    """One of everything."""
    app = house.app
    _people_and_mails(house)
    admin = _administrator(app)
    api = api_of(app, list(Role))
    make_token(app, admin, [Permission.READ_DESK])
    world = World(house, admin, api)
    world.given = {"{locale}": "en", **_of_readers(house), **_of_the_newsroom(app, admin), **_of_audience(app, api)}
    world.given |= _of_a_campaign(house, world.given["segments/{slug}"]) | _of_the_desk(house)
    return world


def _people_and_mails(house: House) -> None:
    app = house.app
    for address, facts in ((READER, {}), (OTHER, {"fallback": "omit"})):
        house.subscribe(address, name=f"Awa {HOSTILE}", languages="es", cadence="daily", hour=8, **facts)
    told(house, "publication.published", item())
    house.publish("hers", titles={"en": f"Work {HOSTILE}", "es": f"Trabajo {HOSTILE}"}, places=["SEN"])
    reader = anybody(app)
    assert reader.post("/en/subscribe", data=FORM).status_code == 200
    house.until("2026-11-23 09:00")
    now = app.clock.now()
    with app.store.write() as tx:
        ask_for_address(tx, 1, MOVED, "letter", app.sign_ups, now)
        tag_people(tx, [1], "g20", "staff/1", now)
        tx.people.suppressed()
        tx.audience.suppress("never@example.com", "complaint", now)
    app.log.publish_raw("publications", HOSTILE, b'{"specversion": "<script>alert(4)</script>"}')
    house.work()


def _of_readers(house: House) -> dict[str, str]:
    sign = house.app.signer.sign
    until = int((house.clock.now() + timedelta(hours=1)).timestamp())
    with house.app.store.read() as tx:
        sent, _ = list_sent(tx, 1)
    return {
        "u/{token}": sign(UNSUBSCRIBE, 1, "letter", 1),
        "p/{token}": sign(PREFERENCES, 1, "letter", 1),
        "m/{token}": sign(DATA, 1, "letter", until, mark_of(house.app.signer, READER)),
        "c/{token}": _link(house, NEWCOMER, "c"),
        "a/{token}": _link(house, MOVED, "a"),
        "n/{token}": _link(house, READER, "n"),
        "f/{token}.{form}": f"{sign(FEED, 1)}.atom",
        "{token}/{section}": "topics",
        "add/{digest}": "bulletin",
        "sent/{name}": sent[0].name,
        "problems/{name}": "not-found",
        "/sitemap-items-{number}.xml": "sitemap-items-1.xml",
        "{locale}/feed.{form}": "feed.json",
        "items/{name}": "1",
        "topics/{code}": "employment",
        "places/{code}": "SEN",
        "editions/{digest}": "letter",
        "{digest}/{cadence}": "daily",
        "{cadence}/{day}": "2026-11-23",
    }


def _of_the_newsroom(app: Application, admin: StaffMember) -> dict[str, str]:
    now, day = app.clock.now(), timedelta(days=1)
    with app.store.write() as tx:
        invited, linked = (
            tx.staff.add(f"{name}@example.org", ATTACKED, "en", [Role.EDITOR], now) for name in ("invited", "linked")
        )
        invitation = give_link(tx, invited, LinkPurpose.INVITATION, day, "staff/1", now).token
        sign_in = give_link(tx, linked, LinkPurpose.SIGN_IN, day, "staff/1", now).token
        browser = Browser(HOSTILE, "192.0.2.0/24")
        session = open_session(tx, admin, Way.PASSWORD, browser, app.session_rules, now).session
        token = make_api_token(tx, admin, HOSTILE[:80], [Permission.READ_DESK], timedelta(days=30), now).token
    return {
        "sign-in/{token}": sign_in,
        "invitation/{token}": invitation,
        "sessions/{number}": str(session.id),
        "tokens/{number}": str(token.id),
        "staff/{number}": str(linked.id),
    }


def _of_a_campaign(house: House, slug: str) -> dict[str, str]:
    """Sent to the people of a segment: the mailing, and a mail of it."""
    app = house.app
    said = Draft(ATTACKED, (Message("en", HOSTILE, HOSTILE), Message("es", HOSTILE, HOSTILE)), (1,))
    number = plan(app, said, slug).id
    approve(app, number)
    house.work()
    assert app.caught is not None
    mail = next(one.delivery for one in app.caught.newest() if one.mailing == number)
    return {"mailings/{number}": str(number), "mailings/{mailing}": str(number), "mails/{delivery}": mail}


def _of_the_desk(house: House) -> dict[str, str]:
    app = house.app
    story = next(one.event.correlation_id or one.event.id for one in newest_events(app.log_view) if one.event)
    letter = str(app.log.dead_letters()[0].id)
    return {
        "items/{number}": "1",
        "items/{item}": "1",
        "events/{correlation_id}": story,
        "stories/{story}": story,
        "dead-letters/{letter}": letter,
        "codelists/{name}": "kinds",
    }


def _of_audience(app: Application, api: Api) -> dict[str, str]:
    now = app.clock.now()
    rule = read_text(json.dumps(RULE), Known(app.codelists, app.digests))
    with app.store.write() as tx:
        segment = save_segment(tx, SegmentDraft(ATTACKED, HOSTILE, rule), api.owner.actor, now)
    return {
        "segments/{slug}": segment.slug,
        "people/{id}": "1",
        "people/{person}": "1",
        "tags/{tag}": "g20",
        "{id}/{act}": "pause",
        "imports/{id}": _import(app, api.owner.actor),
    }


def _import(app: Application, actor: str) -> str:
    """A file of formulas and scripts that was brought and gone through, so that there is a report of it; and one that
    failed."""
    for columns in ({}, {HOSTILE: ""}):
        id, file = app.import_files.create()
        with file:
            file.write(_attacking_rows().encode())
        plan = Plan(Basis(BasisKind.TRANSFER, HOSTILE), Columns(columns, {"digest": "letter"}))
        with app.store.write() as tx:
            add_import(tx, id, f"{HOSTILE.replace('/', '-')}\r\nx: y.csv", 1, actor, app.clock.now())
            check_import(tx, id, plan, actor, app.clock.now())
        assert work_on_import(app.import_worker)
    return id


def _attacking_rows() -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["address", "name", "languages", "zone", "cadence", HOSTILE])
    writer.writerow([f"{HOSTILE}@example.org", FORMULA, "fr", HOSTILE, "weekly", HOSTILE])
    writer.writerows([f"{trigger}1+1", "N", "fr", f"{trigger}x", f"{trigger}y", ""] for trigger in sorted(TRIGGERS))
    return text.getvalue()


def _administrator(app: Application) -> StaffMember:
    """With a password and a second factor: the pages of an account ask for both."""
    person = Person(app, "admin@example.org", *Role)
    return person.member


def _link(house: House, address: str, page: str) -> str:
    """The token of the newest link of a page that an address was sent."""
    found = [one[1] for mail in house.mails(address) if (one := re.search(rf"/{page}/(\S+)", mail.text))]
    return found[-1]
