"""The page behind the unsubscribe link of a mail, and the one click of mail programs (RFC 8058): stop it, less often,
without some of its topics, stop everything; and each undone. It tells nothing about the person.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from tribune.bootstrap import Application
from tribune.domain.consent import ConsentSource
from tribune.services.audience.choose_topics import topics_of_mail
from tribune.services.audience.unsubscribe import Stop
from tribune.services.desk.reader_choices import reader_choices
from web.batches import Batches
from web.clients import ClientNetwork
from web.forms import read_one_click
from web.pages import Pages
from web.public import less
from web.public.links import Link, read_link, reader_locale

MOST_TOPICS = 12
ONE_CLICK = ("list-unsubscribe", "one-click")
"""What RFC 8058 has in the body, compared without case and line breaks: not every program writes it to the letter."""


def router(app: Application, pages: Pages, batches: Batches, network_of: ClientNetwork) -> APIRouter:
    """`/u/TOKEN`."""
    routes = APIRouter()

    @routes.get("/u/{token}")
    def show(token: str, request: Request) -> Response:
        return _show(app, pages, read_link(app, "u", token), request)

    @routes.post("/u/{token}")
    async def act(token: str, request: Request) -> Response:
        link = read_link(app, "u", token)
        fields = await read_one_click(request)
        one_click = ONE_CLICK in ((name.strip().lower(), value.strip().lower()) for name, value in fields.pairs)
        do = "stop" if one_click else fields.one("do")
        if do not in ("stop", "stop-all"):
            facts = await run_in_threadpool(less.act, app, link, do, fields, network_of(request))
            if facts is None:  # nothing was understood: no mail program may tell its user that it was
                raise HTTPException(400)
            return await run_in_threadpool(_show, app, pages, link, request, facts)
        await stop(batches, link, do, network_of(request), one_click=one_click)
        if one_click:
            return PlainTextResponse("OK\n")
        return await run_in_threadpool(_show, app, pages, link, request, {"done": do})

    return routes


async def stop(batches: Batches, link: Link, do: str, network: str, *, one_click: bool = False) -> None:
    """Stop a digest, or everything, together with whoever stops in the same moment."""
    source = ConsentSource.ONE_CLICK if one_click else ConsentSource.MAIL
    await batches.leaving(Stop(link.subscriber, link.digest if do == "stop" else None, source, network))


def _show(
    app: Application, pages: Pages, link: Link, request: Request, facts: dict[str, Any] | None = None
) -> Response:
    with app.store.read() as tx:
        choices = reader_choices(tx, link.subscriber, link.digest, app.digests)
        topics = (
            topics_of_mail(tx, link.subscriber, link.digest, link.mailing, app.codelists) if choices.receives else []
        )
    locale = reader_locale(app, pages, request, choices.languages)
    digest = app.digests.get(link.digest)
    return pages.render(
        locale,
        "public/unsubscribe.html",
        status=422 if facts and facts.get("wrong") else 200,
        letter=digest.name(locale) if digest else "",
        choices=choices,
        topics=topics[:MOST_TOPICS],
        reach_back=app.rules.pause_reach_back.days,
        path=request.url.path,
        old_link=link.old,
        **{**less.NOTHING, **(facts or {})},
    )
