"""The description, the page for people that is made from it, and the pages that explain problems.

They are for developers, and in English as the API itself is (ADR 31). They hold no scripts and nothing from elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from tribune.domain.errors import NotFound
from web.api.access import JSON, acceptable
from web.api.problem_kinds import KINDS
from web.pages import Pages

HTML = "text/html"
DESCRIPTION = (JSON, "application/vnd.oai.openapi+json")
"""The second is the specification's own name (https://spec.openapis.org/oas/v3.1.1.html, B)."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A call, as the page shows it."""

    method: str
    path: str
    id: str
    summary: str
    description: str
    scope: str
    parameters: Sequence[Mapping[str, Any]]
    body: str
    answers: Sequence[str]
    problems: Sequence[str]


def add(routes: APIRouter, pages: Pages) -> None:
    """`/v1/openapi.json` and `/v1/docs`: public, for they tell nothing of this house."""

    @routes.get("/v1/openapi.json", include_in_schema=False, openapi_extra={"x-gives": DESCRIPTION})
    def openapi(request: Request) -> Response:
        text = json.dumps(request.app.openapi(), ensure_ascii=False, separators=(",", ":"))
        told = {"cache-control": "public, max-age=300", "vary": "accept"}
        return Response(text, media_type=acceptable(request, DESCRIPTION), headers=told)

    @routes.get("/v1/docs", include_in_schema=False, openapi_extra={"x-gives": (HTML,)})
    def documentation(request: Request) -> Response:
        told = request.app.openapi()
        page = pages.render(pages.locale_of(request), "api/docs.html", groups=_groups(told), told=told)
        page.headers["cache-control"] = "public, max-age=300"
        return page


def problem_pages(pages: Pages) -> APIRouter:
    """`/problems/{name}`: what a `type` leads to."""
    routes = APIRouter()

    @routes.get("/problems")
    def problems(request: Request) -> Response:
        return pages.render(pages.locale_of(request), "api/problems.html", kinds=list(KINDS.values()))

    @routes.get("/problems/{name}")
    def problem(request: Request, name: str) -> Response:
        kind = KINDS.get(name)
        if kind is None:
            raise NotFound("There is no such problem.")
        return pages.render(pages.locale_of(request), "api/problem.html", kind=kind)

    return routes


def _groups(told: Mapping[str, Any]) -> list[tuple[str, str, list[Operation]]]:
    """Tag, what it is about, its calls."""
    found: dict[str, list[Operation]] = {}
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            found.setdefault(operation["tags"][0], []).append(_operation(path, method, operation))
    return [(tag["name"], tag["description"], found[tag["name"]]) for tag in told["tags"]]


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> Operation:
    schemes = operation.get("security") or [{}]
    body = next(iter(operation.get("requestBody", {}).get("content", {"": {}}).items()))
    return Operation(
        method=method.upper(),
        path=f"/api{path}",
        id=operation["operationId"],
        summary=operation["summary"],
        description=operation.get("description", ""),
        scope=" ".join(schemes[0].get("token", ())),
        parameters=operation.get("parameters", ()),
        body=_name(body[1].get("schema", {})) or body[0],
        answers=sorted(status for status, one in operation["responses"].items() if "$ref" not in one),
        problems=sorted(status for status, one in operation["responses"].items() if "$ref" in one),
    )


def _name(schema: Mapping[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2] if "$ref" in schema else str(schema.get("title", ""))
