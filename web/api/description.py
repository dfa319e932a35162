"""The description of the API (OpenAPI 3.1), made from its routes and shapes: `/api/v1/openapi.json`, docs/openapi.json.

Source: OpenAPI 3.1.0, https://spec.openapis.org/oas/v3.1.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from web.api.access import MERGE_PATCH, scope_of
from web.api.problems import MEDIA_TYPE, ProblemOut

VERSION = "1.0.0"
ABOUT = """\
Everything that the newsroom's pages do with items, mailings, events, people and segments, for programs.

**Tokens.** Every call but those of this description carries `Authorization: Bearer trb_...`. A token is made in the
newsroom; its scopes are permissions, and it may never do more than its owner.

**Errors** are problems (RFC 9457), `application/problem+json`. `type` leads to a page that explains the kind.

**Lists** come in pages: follow `next` (also in the header `Link`) until it is null.

**Safe repeats.** A POST may carry `Idempotency-Key`: sent again within 24 hours, it has no second effect.

**Lost updates.** A change carries `If-Match` with the `ETag` that was read.
"""
TAGS = {
    "status": "How the house is.",
    "codelists": "Policy areas, kinds, constituent groups, places; and the digests.",
    "items": "Publications, data releases and sessions.",
    "mailings": "Editions on their way: progress, approval, pause, resume, cancel, try again.",
    "events": "The event log: what came in, what followed, what could not be handled.",
    "people": "Subscribers. Answers to a POST carry numbers only; a GET gives the person.",
    "segments": "Saved rules that select people, and tags.",
    "suppressions": "Addresses that are never mailed.",
    "data requests": "What people ask about their data.",
    "imports": "Taking people in from a file.",
    "audit": "Who did what when.",
    "staff": "Who works in the newsroom.",
}
_PROBLEMS = {
    400: "The request cannot be read.",
    401: "A token is needed, or this one does not work.",
    403: "The token lacks the scope.",
    404: "There is no such thing, or not for you.",
    405: "The method is not answered here.",
    406: "The answer is not to be had in the form that is asked for.",
    409: "The thing is not in a state that allows this.",
    412: "The thing has changed since it was read.",
    413: "The body is too large.",
    415: "The body is of a kind that is not read here.",
    422: "Something in the request is not valid; each place is listed.",
    428: "The change does not say which state it begins from.",
    429: "Too many requests; the header Retry-After says when to come back.",
    500: "Something went wrong on our side; nothing was done.",
    503: "A part of the house is away or busy; the header Retry-After says when to come back.",
}


def describe(api: FastAPI) -> dict[str, Any]:
    """The description as data."""
    if api.openapi_schema is None:
        found = get_openapi(
            title="Tribune",
            version=VERSION,
            openapi_version="3.1.0",
            summary="Publications, data releases and sessions become digests in each reader's language and rhythm.",
            description=ABOUT,
            routes=[route for route in api.routes if isinstance(route, APIRoute)],
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            servers=[{"url": "/api", "description": "This house."}],
        )
        api.openapi_schema = _named(_finished(api, found))
    return api.openapi_schema


def document(api: FastAPI) -> str:
    """The description as it stands in docs/openapi.json."""
    return json.dumps(describe(api), ensure_ascii=False, indent=1) + "\n"


def operations(api: FastAPI) -> Iterator[APIRoute]:
    """The routes that are described."""
    return (route for route in api.routes if isinstance(route, APIRoute) and route.include_in_schema)


def _finished(api: FastAPI, told: dict[str, Any]) -> dict[str, Any]:
    """With tokens and scopes, and with problems where FastAPI describes errors of its own."""
    schemas = told["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update({**problem.pop("$defs", {}), "Problem": problem})
    told["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "A token of the newsroom: `trb_...`."}
    }
    used = {tag for route in operations(api) for tag in route.tags}
    told["tags"] = [{"name": name, "description": text} for name, text in TAGS.items() if name in used]
    told["components"]["responses"] = {
        f"Problem{status}": {
            "description": text,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, text in _PROBLEMS.items()
    }
    for route in operations(api):
        for method in route.methods or ():
            operation = told["paths"][route.path_format][method.lower()]
            operation["operationId"] = route.name
            operation["summary"] = _first_sentence((route.description or route.name).partition("\n\n")[0])
            scope = scope_of(route)
            operation["security"] = [{"token": [scope.value]}] if scope else []
            _tell_problems(route, method, operation)
            content = operation.get("requestBody", {}).get("content", {})
            if method == "PATCH" and "application/json" in content:
                content[MERGE_PATCH] = content["application/json"]
    return told


def _named(told: dict[str, Any]) -> dict[str, Any]:
    """With names of shapes as a client's classes may have them: `ItemOut` is Item, `Page[ItemOut]` ItemPage."""
    names = {}
    for name in told["components"]["schemas"]:
        page = re.fullmatch(r"Page_(\w+?)(?:Out)?_", name)
        names[name] = f"{page[1]}Page" if page else re.sub(r"In$", "Input", name.removesuffix("Out"))
    if len(set(names.values())) != len(names):
        raise ValueError("two shapes of the API have one name")
    text = re.sub(
        r'"#/components/schemas/(\w+)"', lambda found: f'"#/components/schemas/{names[found[1]]}"', json.dumps(told)
    )
    renamed: dict[str, Any] = json.loads(text)
    schemas = renamed["components"]["schemas"]
    renamed["components"]["schemas"] = {
        names[old]: {"description": "A page of a list.", **schemas[old], "title": names[old]}
        for old in sorted(names, key=names.__getitem__)
    }
    return renamed


def _tell_problems(route: APIRoute, method: str, operation: dict[str, Any]) -> None:
    parameters = {one["name"] for one in operation.get("parameters", ())}
    told = {405, 406, 500}
    if scope_of(route):
        told |= {401, 403, 429, 503}
    if "{" in route.path_format:
        told |= {404}
    if parameters - {"If-Match", "If-None-Match"} or "requestBody" in operation:
        told |= {400, 422}
    if method != "GET":
        told |= {400, 409, 413, 422}
    if "requestBody" in operation:
        told |= {415}
    if "If-Match" in parameters:
        told |= {412, 428}
    for name in ("422", "4XX"):
        if "HTTPValidationError" in json.dumps(operation["responses"].get(name, "")):
            del operation["responses"][name]
    for status in sorted(told):
        operation["responses"].setdefault(str(status), {"$ref": f"#/components/responses/Problem{status}"})
    if "If-None-Match" in parameters:
        operation["responses"]["304"] = {"description": "It is as you have it."}


def _first_sentence(text: str) -> str:
    line = " ".join(text.split())
    return line.split(". ")[0].removesuffix(".")
