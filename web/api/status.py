"""Whether the house is well, and what its lists and digests are."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from tribune import __version__
from tribune.domain.codelists import Codelist, PlaceType
from tribune.domain.staff import Permission
from web.api.access import needs_scope
from web.api.calls import IfNoneMatch, Looking, tagged
from web.api.shapes import Out
from web.probe import Health

READ = [needs_scope(Permission.READ_DESK)]
List = Literal["policy_areas", "kinds", "groups", "places"]


class HouseStatusOut(Out):
    """How the house is."""

    status: Literal["ok", "failing"]
    parts: dict[str, str] = Field(description="Each part and how it is: `ok`, or what is the matter.")
    version: str
    time: datetime = Field(description="The house's clock, UTC.")


class CodelistOut(Out):
    """A code list, in short."""

    name: List
    version: str = Field(description="Changes when the list does.")
    codes: int = Field(description="How many codes it has.")


class CodelistsOut(Out):
    """All code lists."""

    data: list[CodelistOut]


class CodeOut(Out):
    """A code. Codes are permanent; labels may change."""

    code: str
    labels: dict[str, str] = Field(description="Language -> label.")
    type: Annotated[Literal["country", "region", "group"] | None, Field(description="Of a place: what it is.")] = None
    countries: Annotated[
        list[str] | None, Field(description="Of a region or a group: the countries that it stands for.")
    ] = None


class CodesOut(Out):
    """A code list with its codes, in the list's order."""

    name: List
    version: str
    data: list[CodeOut]


class DigestOut(Out):
    """A digest: a recurring product."""

    id: str
    names: dict[str, str] = Field(description="Language -> name.")
    cadences: list[str]
    kinds: list[str] = Field(description="The kinds of items that it holds; empty: any.")
    approval: Literal["standing", "each"] = Field(description="Whether a person approves each mailing.")
    max_items: int


class DigestsOut(Out):
    """All digests."""

    data: list[DigestOut]


def add(routes: APIRouter, health: Health) -> None:
    """`/status`, `/codelists`, `/digests`."""

    @routes.get(
        "/v1/status",
        tags=["status"],
        dependencies=READ,
        response_model=HouseStatusOut,
        responses={503: {"model": HouseStatusOut, "description": "A part of the house cannot be reached."}},
    )
    def get_status(call: Looking) -> Response:
        """How the house is: whether store and log can be reached and each part of the process lives."""
        code, told = health()
        state: Literal["ok", "failing"] = "ok" if told.pop("status") == "ok" else "failing"
        shown = HouseStatusOut(status=state, parts=told, version=__version__, time=call.house.clock.now())
        return Response(shown.model_dump_json(), code, media_type="application/json")

    @routes.get("/v1/digests", tags=["codelists"], dependencies=READ)
    def list_digests(call: Looking) -> DigestsOut:
        """The digests that people can subscribe to."""
        return DigestsOut(
            data=[
                DigestOut(
                    id=one.id,
                    names=dict(one.names),
                    cadences=[cadence.value for cadence in one.cadences],
                    kinds=list(one.kinds),
                    approval="each" if one.approval == "each" else "standing",
                    max_items=one.max_items,
                )
                for one in call.house.digests.values()
            ]
        )

    @routes.get("/v1/codelists", tags=["codelists"], dependencies=READ)
    def list_codelists(call: Looking) -> CodelistsOut:
        """The code lists: policy areas, kinds of items, constituent groups, places."""
        lists = call.house.codelists
        sizes: dict[List, int] = {
            "policy_areas": len(lists.policy_areas),
            "kinds": len(lists.kinds),
            "groups": len(lists.groups),
            "places": len(lists.places.places),
        }
        versions = lists.versions
        return CodelistsOut(
            data=[CodelistOut(name=name, version=versions[name], codes=size) for name, size in sizes.items()]
        )

    @routes.get("/v1/codelists/{name}", tags=["codelists"], dependencies=READ, response_model=CodesOut)
    def get_codelist(call: Looking, name: List, if_none_match: IfNoneMatch = None) -> Response:
        """A code list with every code."""
        lists = call.house.codelists
        if name == "places":
            codes = [
                CodeOut(
                    code=code,
                    labels=dict(place.name.labels),
                    type=place.type.value,
                    countries=None if place.type is PlaceType.COUNTRY else sorted(lists.places.countries(code)),
                )
                for code, place in lists.places.places.items()
            ]
        else:
            codelist: Codelist = getattr(lists, name)
            codes = [CodeOut(code=one.code, labels=dict(one.labels)) for one in codelist]
        return tagged(CodesOut(name=name, version=lists.versions[name], data=codes), if_none_match)
