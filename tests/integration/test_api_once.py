"""Idempotency keys: a request that is sent again has no second effect, and gets the answer of the first."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from scheduler import housekeeping
from tests.api_world import Api, problem, seed_mailing
from tribune.bootstrap import Application
from tribune.domain.answers import Answer, KeyedRequest, KeyUsedOtherwise, StillAtWork
from tribune.domain.errors import Conflict
from tribune.domain.staff import Permission
from tribune.ports.clock import StoppedClock
from tribune.services.api.answer_once import answer_once, answer_once_outside
from tribune.store.tables import idempotency_keys

pytestmark = pytest.mark.both_stores

ITEM = {"record": "r", "kind": "brief", "source_language": "en", "versions": {"en": {"title": "Work"}}}
ASKED = KeyedRequest(1, "k", "f")


def rows(app: Application) -> list[Any]:
    with app.store.read() as tx:
        return list(tx.connection.execute(select(idempotency_keys)))


def test_the_same_request_again_changes_nothing_and_is_answered_the_same(api: Api, app: Application) -> None:
    mailing = seed_mailing(app, 2)
    first = api.post(f"/mailings/{mailing}/pause", key="pause-1")
    again = api.post(f"/mailings/{mailing}/pause", key="pause-1")
    assert (first.status_code, first.json()["state"]) == (200, "paused")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert api.audited() == [(f"token/{api.token.token.id}", "mailing.paused", f"mailing/{mailing}")]


def test_without_a_key_it_is_another_request(api: Api, app: Application) -> None:
    mailing = seed_mailing(app, 2)
    assert api.post(f"/mailings/{mailing}/pause").status_code == 200
    problem(api.post(f"/mailings/{mailing}/pause"), 409, "conflict")


def test_headers_of_the_answer_are_kept_as_well(api: Api) -> None:
    first, again = (api.post("/items", ITEM, key="a") for _ in range(2))
    assert first.status_code == again.status_code == 202
    assert again.headers["location"] == first.headers["location"]
    assert again.json() == first.json()


@pytest.mark.parametrize(
    "other",
    [
        lambda api, mailing: api.post(f"/mailings/{mailing}/resume", key="k"),
        lambda api, mailing: api.post(f"/mailings/{mailing + 1}/pause", key="k"),
        lambda api, mailing: api.post(f"/mailings/{mailing}/pause?x=1", key="k"),
        lambda api, mailing: api.post(f"/mailings/{mailing}/retry", {"states": ["retry"]}, key="k"),
    ],
    ids=["another action", "another thing", "another query", "another body"],
)
def test_a_key_stands_for_one_request(api: Api, app: Application, other: Callable[[Api, int], Any]) -> None:
    mailing = seed_mailing(app, 2)
    assert api.post(f"/mailings/{mailing}/pause", key="k").status_code == 200
    problem(other(api, mailing), 422, "key-used-otherwise")


def test_keys_of_two_tokens_have_nothing_to_do_with_each_other(api: Api, app: Application) -> None:
    mailing = seed_mailing(app, 2)
    other = api.with_scopes(Permission.RUN_MAILINGS)
    assert api.post(f"/mailings/{mailing}/pause", key="k").status_code == 200
    assert other.post(f"/mailings/{mailing}/resume", key="k").status_code == 200


def test_what_failed_left_no_key_behind(api: Api, app: Application) -> None:
    mailing = seed_mailing(app, 2)
    problem(api.post(f"/mailings/{mailing}/resume", key="k"), 409, "conflict")
    assert rows(app) == []
    assert api.post(f"/mailings/{mailing}/pause").status_code == 200
    assert api.post(f"/mailings/{mailing}/resume", key="k").status_code == 200


@pytest.mark.parametrize("key", ["a b", "ä".encode(), "x" * 256, "\t"])
def test_a_key_has_a_form(api: Api, app: Application, key: str | bytes) -> None:
    told: dict[str, Any] = {"idempotency-key": key}
    answer = api.call("POST", "/items", headers=told, json=ITEM)
    assert answer.status_code in (400, 422), answer.text
    assert rows(app) == []


def test_a_key_in_quotes_is_the_same_key(api: Api) -> None:
    """As draft-ietf-httpapi-idempotency-key-header writes it: a structured field."""
    assert api.post("/items", ITEM, key='"a-1"').status_code == 202
    assert api.post("/items", ITEM, key="a-1").headers["idempotency-replayed"] == "true"


def test_of_many_at_once_one_works_and_the_others_get_its_answer(api: Api, app: Application) -> None:
    begin = threading.Barrier(5)

    def send(_: int) -> tuple[int, bytes]:
        begin.wait()
        answer = api.post("/items", ITEM, key="at-once")
        return answer.status_code, answer.content

    with ThreadPoolExecutor(5) as pool:
        answers = set(pool.map(send, range(5)))
    assert len(answers) == 1
    assert answers.pop()[0] == 202
    assert [action for _, action, _ in api.audited()] == ["item.published"]


def test_the_effect_and_the_key_are_written_together_or_not_at_all(app: Application) -> None:
    def work(tx: Any, now: Any) -> Answer:
        tx.audience.suppress("ada@example.org", "complaint", now)
        raise Conflict("no")

    with pytest.raises(Conflict):
        answer_once(app.store, app.clock, ASKED, work)
    assert rows(app) == []
    with app.store.read() as tx:
        assert tx.audience.suppressed(["ada@example.org"]) == {}


def test_work_outside_takes_its_key_before_and_others_are_told(app: Application) -> None:
    seen: list[type[Exception]] = []

    def again() -> Answer:
        raise AssertionError("a second time")

    def work() -> Answer:
        for other in (ASKED, KeyedRequest(1, "k", "another")):
            with pytest.raises(Conflict if other is ASKED else KeyUsedOtherwise) as caught:
                answer_once_outside(app.store, app.clock, other, again)
            seen.append(caught.type)
        return Answer(200, "{}")

    given = answer_once_outside(app.store, app.clock, ASKED, work)
    assert (given.again, seen) == (False, [StillAtWork, KeyUsedOtherwise])
    assert answer_once_outside(app.store, app.clock, ASKED, again) == (given.answer, True)


def test_work_outside_that_failed_lets_go_of_its_key(app: Application) -> None:
    def fail() -> Answer:
        raise Conflict("no")

    with pytest.raises(Conflict):
        answer_once_outside(app.store, app.clock, ASKED, fail)
    assert not answer_once_outside(app.store, app.clock, ASKED, lambda: Answer(200, "")).again


def test_work_that_a_killed_process_left_is_taken_over(app: Application, clock: StoppedClock) -> None:
    with app.store.write() as tx:
        assert tx.idempotency.take(ASKED, clock.now(), abandoned_before=clock.now()) is None
    clock.move(timedelta(minutes=9))
    with pytest.raises(StillAtWork):
        answer_once(app.store, clock, ASKED, lambda tx, now: Answer(200, ""))
    clock.move(timedelta(minutes=2))
    assert not answer_once(app.store, clock, ASKED, lambda tx, now: Answer(200, "")).again


@pytest.mark.embedded_only
def test_keys_age_out_after_a_day(api: Api, app: Application, clock: StoppedClock) -> None:
    api.post("/items", ITEM, key="old")
    clock.move(timedelta(hours=23))
    api.post("/items", ITEM, key="new")
    clock.move(timedelta(hours=2))
    housekeeping(app)
    assert [row.key for row in rows(app)] == ["new"]


def test_what_is_kept_tells_nothing_of_what_was_asked(api: Api, app: Application) -> None:
    """The same request of two tokens leaves two fingerprints: they are keyed with the token."""
    other = api.with_scopes(Permission.PUBLISH_ITEMS)
    api.post("/items?dry_run=true", ITEM, key="k")
    other.post("/items?dry_run=true", ITEM, key="k")
    assert len({row.fingerprint for row in rows(app)}) == 2
    assert api.token.secret not in json.dumps([list(map(str, row)) for row in rows(app)])
