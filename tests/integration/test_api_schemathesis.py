"""schemathesis asks the API for everything that its description allows, and for what it forbids: never a 500, and every
answer as the description says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some
from schemathesis import GenerationMode, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.openapi import checks as _  # noqa: F401 - the checks below are found through it
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api_world import Api, api_of, seed, seed_events, seed_mailing
from tests.conftest import ROOT
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.domain.codelists import Codelists
from tribune.domain.mailings import MailingState
from tribune.domain.staff import Role
from tribune.ports.clock import StoppedClock

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
HOST = {"host": "127.0.0.1:8080"}
EXAMPLES = 8
"""Of each of the three ways to ask for an operation."""


def described() -> list[tuple[str, str]]:
    told = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
    return [(path, method) for path, methods in told["paths"].items() for method in methods]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, migrated: Path, codelists: Codelists) -> Iterator[Api]:
    """A house with something of everything, whose callers need not wait. All operations are asked for in the one house:
    what one does, the next finds."""
    folder = tmp_path_factory.mktemp("full")
    shutil.copy(migrated, folder / "tribune.sqlite3")
    digest = {"names": {"en": "The letter"}, "sender": "letter@observatory.example"}
    told = {
        "data_dir": folder,
        "store": {"url": f"sqlite:///{folder}/tribune.sqlite3"},
        "email": {"outbox_folder": folder / "outbox"},
        "digests": {"letter": digest, "sessions": digest | {"cadences": ["weekly"]}},
        "web": {"api_calls_per_minute": 1_000_000},
    }
    house = Application(Settings.model_validate(told), StoppedClock(datetime(2026, 11, 23, 6, 0, tzinfo=UTC)))
    house.codelists = codelists
    yield api_of(house, [Role.ADMINISTRATOR])
    house.close()


@pytest.fixture(scope="module")
def there(full: Api) -> Mapping[str, object]:
    """Path parameters that name what is there: made-up ones find nothing."""
    seed(full.app)
    mailing = seed_mailing(full.app, 2, state=MailingState.RUNNING)
    seed_mailing(full.app, 2, state=MailingState.PLANNED, occasion="2026-11-24", first=2_001)
    story = seed_events(full)
    rule = {"version": 1, "who": {"all": [{"group": ["government"]}]}}
    slug = full.post("/segments", {"name": "Ministries", "rule": rule}).json()["slug"]
    brought = full.call("POST", "/imports", content=b"address\n", headers={"content-type": "text/csv"})
    made = {"story": story, "slug": slug, "id": brought.json()["id"], "tag": "g20"}
    return {"item": 1, "mailing": mailing, "letter": 1, "person": 2, "name": "kinds", **made}


@pytest.fixture(scope="module")
def schema(full: Api) -> Any:
    return openapi.from_asgi("/api/v1/openapi.json", full.client.app, headers=HOST)


@pytest.mark.parametrize(("path", "method"), described(), ids=lambda told: str(told))
def test_every_answer_is_as_described(
    full: Api, schema: Any, there: Mapping[str, object], path: str, method: str
) -> None:
    operation = schema[path][method.upper()]
    named = {name: value for name, value in there.items() if f"{{{name}}}" in path}
    if method == "delete":
        named["person"] = 1  # so that the other stays for the other operations
    told = {**HOST, "authorization": f"Bearer {full.token.secret}"}
    asked = [operation.as_strategy(GenerationMode.POSITIVE), operation.as_strategy(GenerationMode.NEGATIVE)]
    if named:
        asked.append(operation.as_strategy(GenerationMode.POSITIVE, path_parameters=named))

    @settings(
        max_examples=EXAMPLES * len(asked),
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(some.one_of(asked))
    def ask(case: Any) -> None:
        answer = case.call(headers=told, timeout=120)  # a busy machine is no fault
        case.validate_response(answer, checks=CHECKS)
        statuses.add(answer.status_code)

    statuses: set[int] = set()
    ask()
    assert statuses - {404}, "nothing but 404 proves little"
