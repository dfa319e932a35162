"""Health and figures, for machines."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from tribune.bootstrap import Application
from web.metrics import CONTENT_TYPE, exposition


def router(app: Application) -> APIRouter:
    """`/healthz` answers 200 while store and log can be reached; `/metrics` is Prometheus text."""
    routes = APIRouter()

    @routes.get("/healthz")
    def healthz() -> JSONResponse:
        parts: dict[str, str] = {}
        for name, attempt in (("store", _read), ("log", lambda app: app.log.lag())):
            try:
                attempt(app)
                parts[name] = "ok"
            except Exception as error:  # whatever it is: the answer is that this part cannot be reached
                parts[name] = f"cannot be reached ({type(error).__name__})"
        well = all(state == "ok" for state in parts.values())
        return JSONResponse({"status": "ok" if well else "failing", **parts}, 200 if well else 503)

    @routes.get("/metrics")
    def metrics() -> Response:
        return Response(exposition(app), media_type=CONTENT_TYPE)

    return routes


def _read(app: Application) -> None:
    with app.store.read() as tx:
        tx.audience.count()
