"""Health and figures, for machines."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from tribune.bootstrap import Application
from web.metrics import CONTENT_TYPE, Exposition
from web.probe import Health, Parts, no_parts


def router(app: Application, parts: Parts = no_parts) -> APIRouter:
    """`/healthz` answers 200 while store and log can be reached and each part of the process lives; `/metrics` is
    Prometheus text."""
    routes = APIRouter()
    health, exposition = Health(app, parts), Exposition(app)

    @routes.get("/healthz")
    def healthz() -> JSONResponse:
        status, told = health()
        return JSONResponse(told, status)

    @routes.get("/metrics")
    def metrics() -> Response:
        return Response(exposition(), media_type=CONTENT_TYPE)

    return routes
