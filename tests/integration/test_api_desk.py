"""What the API tells and does of items, mailings and events: the same as the pages and the command line."""

from __future__ import annotations

import pytest

from tests.api_world import Api, all_pages, problem, seed, seed_events, seed_mailing
from tests.campaign_world import draft, plan, segment
from tests.planning_world import World
from tribune.bootstrap import Application
from tribune.domain.mailings import MailingState
from tribune.domain.staff import Permission, Role


def catalogue_what_came_in(app: Application) -> None:
    """What the consumer of the catalogue does with the newest event."""
    from tribune.domain.events import PUBLICATIONS
    from tribune.services.catalogue.catalogue_item import catalogue_record
    from tribune.services.desk.see_events import see

    for message in reversed(app.log_view.newest([PUBLICATIONS], limit=100)):
        event = see(message).event
        assert event is not None
        with app.store.write() as tx:
            catalogue_record(tx, event, app.codelists, app.clock.now())


def test_the_house_says_how_it_is(api: Api) -> None:
    told = api.get("/status").json()
    assert told["status"] == "ok"
    assert told["parts"] == {"store": "ok", "log": "ok"}
    assert told["time"] == "2026-11-23T06:00:00Z"


def test_code_lists_are_told_with_labels_and_members(api: Api) -> None:
    assert {one["name"] for one in api.get("/codelists").json()["data"]} == {
        "policy_areas",
        "kinds",
        "groups",
        "places",
    }
    places = {one["code"]: one for one in api.get("/codelists/places").json()["data"]}
    assert places["SEN"] == {
        "code": "SEN",
        "labels": {"en": "Senegal", "fr": "Sénégal", "es": "Senegal"},
        "type": "country",
        "countries": None,
    }
    assert "SEN" in places["002"]["countries"]
    kinds = api.get("/codelists/kinds")
    assert api.get("/codelists/kinds", headers={"if-none-match": kinds.headers["etag"]}).status_code == 304
    problem(api.get("/codelists/nothing"), 404, "not-found")


def test_an_item_is_published_catalogued_and_found(api: Api, app: Application) -> None:
    sent = {
        "record": "wages-2026",
        "kind": "report",
        "source_language": "en",
        "versions": {
            "en": {"title": "Wages in figures", "abstract": "What people earn.", "pages": 12},
            "fr": {"title": "Les salaires en chiffres", "links": [{"url": "https://observatory.example/fr.pdf"}]},
        },
        "identifiers": {"doi": "10.5555/wages"},
        "policy_areas": ["wages"],
        "places": ["SEN"],
        "published_on": "2026-11-20",
    }
    answer = api.post("/items", sent)
    assert answer.status_code == 202
    (event,) = answer.json()["events"]
    assert (event["type"], event["revision"]) == ("publication.published", 1)
    catalogue_what_came_in(app)

    story = api.get(answer.headers["location"].removeprefix("/api/v1")).json()
    assert "publication.published" in [one["type"] for one in story["events"]]
    (number,) = story["items"]
    item = api.get(f"/items/{number}").json()
    assert [one["title"] for one in item["versions"]] == ["Wages in figures", "Les salaires en chiffres"]
    assert item["versions"][1]["links"][0]["format"] == "pdf"
    assert (item["policy_areas"], item["places"], item["published_on"]) == (["wages"], ["SEN"], "2026-11-20")
    found = api.get("/items/search?q=salaires&language=fr").json()["data"]
    assert [(one["item"], one["language"]) for one in found] == [(number, "fr")]
    assert [one["change"] for one in api.get(f"/items/{number}/history").json()["data"]] == ["created"]

    again = api.post("/items", sent)
    assert (again.status_code, again.json()["events"]) == (200, [])
    changed = api.post("/items", sent | {"versions": {"en": {"title": "Wages in new figures"}}})
    assert changed.json()["events"][0]["revision"] == 2
    taken_back = api.post("/items", {"record": "wages-2026", "withdrawn": "a mistake in table 3"})
    assert taken_back.json()["events"][0]["type"] == "publication.withdrawn"
    assert [action for _, action, _ in api.audited()] == ["item.published"] * 3


def test_a_dry_run_writes_nothing(api: Api) -> None:
    sent = {"record": "r", "kind": "brief", "source_language": "en", "versions": {"en": {"title": "Work"}}}
    answer = api.post("/items?dry_run=true", sent)
    assert (answer.status_code, answer.json()["events"][0]["type"]) == (200, "publication.published")
    assert api.audited() == []
    assert api.get("/events").json()["data"] == []


def test_the_number_of_an_item_that_became_one_with_another_leads_to_the_other(api: Api, app: Application) -> None:
    world = seed(app)
    gone = world.item("es")
    with app.store.write() as tx:
        tx.catalogue.redirect(gone, 1, app.clock.now())
    assert api.get(f"/items/{gone}").json()["id"] == 1
    assert gone not in [one["id"] for one in all_pages(api, "/items")]


def test_a_mailing_is_told_with_exact_numbers(api: Api, app: Application) -> None:
    mailing = seed_mailing(app, 3, 2, locales=("en", "fr"))
    told = api.get(f"/mailings/{mailing}").json()
    assert told["deliveries"] == {"waiting": 5}
    assert told["languages"] == {"en": {"waiting": 3}, "fr": {"waiting": 2}}
    assert (told["recipients"], told["settled"], told["state"]) == (5, 0, "approved")
    deliveries = all_pages(api, f"/mailings/{mailing}/deliveries?limit=2")
    assert [(one["chunk"], one["place"]) for one in deliveries] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    assert "@" not in str(deliveries)
    assert all_pages(api, f"/mailings/{mailing}/deliveries?state=failed") == []


def test_mailings_are_listed_by_state_and_edition(api: Api, app: Application) -> None:
    first = seed_mailing(app, 1)
    second = seed_mailing(app, 1, state=MailingState.PLANNED, occasion="2026-11-24", first=2_001)
    assert [one["id"] for one in all_pages(api, "/mailings?limit=1")] == [second, first]
    assert [one["id"] for one in all_pages(api, "/mailings?state=planned&state=paused")] == [second]
    edition = api.get(f"/mailings/{first}").json()["edition"]
    assert [one["id"] for one in all_pages(api, f"/mailings?edition={edition}")] == [first]


def test_a_mailing_is_approved_paused_resumed_and_cancelled(api: Api, app: Application) -> None:
    seed(app)
    mailing = seed_mailing(app, 2, state=MailingState.PLANNED)
    approver = api.with_roles(Role.APPROVER)
    for action, state in (("approve", "approved"), ("pause", "paused"), ("resume", "approved")):
        assert approver.post(f"/mailings/{mailing}/{action}").json()["state"] == state
    told = approver.post(f"/mailings/{mailing}/cancel").json()
    assert (told["mailing"]["state"], told["chunks_left"]) == ("cancelled", 0)
    problem(approver.post(f"/mailings/{mailing}/resume"), 409, "conflict")
    who = f"token/{approver.token.token.id}"
    assert approver.audited() == [
        (who, f"mailing.{done}", f"mailing/{mailing}") for done in ("approved", "paused", "resumed", "cancelled")
    ]


def test_deliveries_are_tried_again(api: Api, app: Application) -> None:
    mailing = seed_mailing(app, 2)
    assert api.post(f"/mailings/{mailing}/retry", {}).json()["tried_again"] == {"quarantined": 0, "retry": 0}
    told = problem(api.post(f"/mailings/{mailing}/retry", {"states": ["sent"]}), 422, "invalid")
    assert "cannot be tried again" in told["detail"]
    planned = seed_mailing(app, 1, state=MailingState.PLANNED, occasion="2026-11-24", first=2_001)
    told = problem(api.post(f"/mailings/{planned}/retry", {}), 409, "conflict")
    assert "hint" not in told, "hints that name commands are for the command line"


def test_a_dead_letter_goes_back_to_its_group_once(api: Api, app: Application) -> None:
    seed_events(api)
    (letter,) = api.get("/dead-letters").json()["data"]
    assert (letter["group"], letter["reason"]) == ("catalogue", "BrokenEvent: no kind")
    assert letter["event"]["type"] == "publication.published"
    reader = api.with_scopes(Permission.READ_DESK)
    problem(reader.post(f"/dead-letters/{letter['id']}/replay"), 403, "scope-missing")
    path = f"/dead-letters/{letter['id']}/replay"
    first, again = api.post(path, key="once"), api.post(path, key="once")
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.headers["idempotency-replayed"] == "true"
    problem(api.post(path), 409, "conflict")
    assert [one.group for one in app.log.waiting()] == ["catalogue"]
    assert api.get("/dead-letters").json()["data"] == []
    assert len(api.get("/dead-letters?state=all").json()["data"]) == 1
    assert [action for _, action, _ in api.audited()].count("dead_letter.replayed") == 1


@pytest.mark.parametrize("story", ["nothing", "x" * 200, "a%20b", "..%2f"])
def test_a_story_that_is_not_there_is_not_found(api: Api, story: str) -> None:
    problem(api.get(f"/stories/{story}"), 404, "not-found")


def test_a_campaign_is_told_apart_from_an_edition(api: Api, app: Application) -> None:
    edition = seed_mailing(app, 1)
    World(app).person("weekly")
    segment(app)
    campaign = plan(app, draft(name="Survey"))
    assert campaign.campaign is not None
    told = {one["id"]: one for one in all_pages(api, "/mailings")}
    assert told[edition]["kind"] == "edition"
    assert told[edition]["campaign"] is None
    of_campaign = told[campaign.id]
    assert (of_campaign["kind"], of_campaign["campaign"]) == (
        "campaign",
        {"id": campaign.campaign.id, "name": "Survey"},
    )
    assert (of_campaign["edition"], of_campaign["cadence"], of_campaign["occasion"]) == (None, None, "")
    assert of_campaign["approval"] == "each"
    approver = api.with_roles(Role.APPROVER)
    assert approver.post(f"/mailings/{campaign.id}/approve").json()["state"] == "approved"
    assert approver.post(f"/mailings/{campaign.id}/cancel").json()["chunks_left"] == 0
