"""Tokens of the API, made and revoked by those for whom they stand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from tribune.bootstrap import Application
from tribune.domain.errors import InvalidInput
from tribune.domain.staff import Permission, permissions
from tribune.services.staff.api_tokens import MadeToken, make_api_token, revoke_api_token
from web.forms import Fields, read_fields
from web.newsroom.access import member, needs_sign_in
from web.newsroom.frame import Newsroom
from web.pages import Pages

TOKENS = "/{locale}/newsroom/account/tokens"
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
LIVES = (30, 90, 365)
"""Days that a token may last, to choose from."""


def router(app: Application, pages: Pages) -> APIRouter:
    """`/{locale}/newsroom/account/tokens`."""
    routes = APIRouter(dependencies=[needs_sign_in()])
    frame = Newsroom(app, pages)

    def page(
        request: Request,
        form: Fields | None = None,
        errors: Mapping[str, str] | None = None,
        made: MadeToken | None = None,
    ) -> Response:
        owner, form = member(request), form or Fields()
        with app.store.read() as tx:
            tokens = tx.api_tokens.of(owner.id)
        now = app.clock.now()
        return frame.show(
            request,
            "tokens.html",
            "account",
            status=422 if errors else 200,
            tokens=[(one, one.works(now)) for one in tokens],
            may=[one for one in Permission if one in permissions(owner.roles)],
            lives=LIVES,
            name=form.one("name"),
            chosen=form.all("scopes"),
            life=form.one("life") or "90",
            errors=errors or {},
            made=made,
            vouched=app.tokens_vouched.days if owner.provider else 0,
            done=request.query_params.get("done", ""),
        )

    @routes.get(TOKENS)
    def tokens(request: Request) -> Response:
        return page(request)

    @routes.post(TOKENS)
    async def act(request: Request) -> Response:
        return await run_in_threadpool(make, request, await read_fields(request))

    def make(request: Request, form: Fields) -> Response:
        texts = app.translations.gettext(frame.locale(request))
        known = {one.value: one for one in Permission}
        scopes = [known[word] for word in form.all("scopes") if word in known]
        life = form.one("life")
        days = int(life) if life in map(str, LIVES) else 0
        try:
            with app.store.write() as tx:
                made = make_api_token(
                    tx, member(request), form.one("name"), scopes, timedelta(days=days), app.clock.now()
                )
        except InvalidInput as error:
            said = {
                "name": texts.gettext("Give the token a name of at most 80 characters."),
                "scopes": texts.gettext("Choose what the token may do."),
                "life": texts.gettext("Choose how long the token lasts."),
            }
            return page(request, form, {error.where: said[error.where]})
        return page(request, made=made)

    @routes.post(TOKENS + "/{number}")
    def revoke(request: Request, number: Number) -> Response:
        with app.store.write() as tx:
            revoke_api_token(tx, member(request), number, app.clock.now())
        return RedirectResponse(f"{frame.home(request)}/account/tokens?done=revoked", 303)

    return routes
