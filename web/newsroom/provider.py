"""Sign-in through the organisation's own provider: there and back. What must come back unchanged (state, nonce, PKCE
verifier, the page that was asked for) waits sealed in a cookie of this browser, for ten minutes, for one answer.

The answer is a GET, as the protocol has it; it can only be used with that cookie, so that nobody is signed in as
somebody else by a link (login CSRF).
"""

from __future__ import annotations

import hmac
import json
from typing import Any

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from tribune.bootstrap import Application
from tribune.domain.errors import InvalidInput, SourceError
from tribune.failures import reason
from tribune.ports.identity import IdentityProvider
from tribune.services.staff.sign_in_by_provider import sign_in_by_provider
from web.newsroom.access import Access, safe_next
from web.newsroom.cookies import PROVIDER, PROVIDER_LIFE
from web.newsroom.doors import Doors
from web.pages import Pages

CALLBACK = "/newsroom/callback"
"""The redirect URI to register with the provider, after the base URL: one for all languages."""

SEAL = "sign-in-by-provider"


def router(app: Application, pages: Pages, access: Access) -> APIRouter:
    """`/{locale}/newsroom/provider` and `/newsroom/callback`."""
    routes = APIRouter()
    doors = Doors(app, pages, access)

    def provider() -> IdentityProvider:
        if app.identity_provider is None:
            raise HTTPException(404)
        return app.identity_provider

    def redirect_uri() -> str:
        return app.base_url.rstrip("/") + CALLBACK

    def failed(locale: str, why: str) -> Response:
        response = RedirectResponse(f"/{locale}/newsroom/sign-in?failed={why}", 303)
        access.cookies.clear(response, PROVIDER)
        return response

    @routes.get("/{locale}/newsroom/provider")
    def there(request: Request) -> Response:
        locale = doors.frame.locale(request)
        try:
            begun = provider().begin(redirect_uri())
        except SourceError as error:
            structlog.get_logger().error("the sign-in provider is away", error=reason(error))
            return failed(locale, "away")
        kept = {
            "state": begun.state,
            "nonce": begun.nonce,
            "verifier": begun.verifier,
            "locale": locale,
            "next": safe_next(request.query_params.get("next", ""), ""),
            "until": (app.clock.now() + PROVIDER_LIFE).timestamp(),
        }
        response = RedirectResponse(begun.address, 303)
        access.cookies.set(response, PROVIDER, app.vault.seal(SEAL, json.dumps(kept)), PROVIDER_LIFE)
        return response

    @routes.get(CALLBACK)
    def back(request: Request) -> Response:
        asked = provider()
        kept = _kept(app, access.cookies.read(request, PROVIDER))
        told = request.query_params
        locale = str(kept.get("locale") or pages.locale_of(request))
        same = hmac.compare_digest(told.get("state", "").encode(), str(kept.get("state", "")).encode())
        if not kept or not same or "code" not in told:
            return failed(locale, "refused")
        try:
            identity = asked.finish(
                *(told["code"][:4_000], redirect_uri(), kept["nonce"], kept["verifier"], told.get("iss", ""))
            )
        except SourceError as error:
            structlog.get_logger().error("the sign-in provider is away", error=reason(error))
            return failed(locale, "away")
        except InvalidInput as error:
            structlog.get_logger().warning("a sign-in by the provider was refused", error=reason(error))
            return failed(locale, "refused")
        with app.store.write() as tx:
            who = sign_in_by_provider(
                tx, identity, app.identity_rules, locale, doors.browser(request), app.session_rules, app.clock.now()
            )
        if who is None:
            return failed(locale, "refused")
        response = doors.let_in(request, who, kept["next"] or doors.home_of(who, locale))
        access.cookies.clear(response, PROVIDER)
        return response

    return routes


def _kept(app: Application, sealed: str) -> dict[str, Any]:
    """What waits in the cookie; empty for none, a forged one, or one past its time."""
    try:
        kept: dict[str, Any] = json.loads(app.vault.open(SEAL, sealed))
    except (InvalidInput, ValueError):
        return {}
    return kept if kept["until"] > app.clock.now().timestamp() else {}
