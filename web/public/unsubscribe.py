"""The pages behind the links of a mail: stop it, less often, stop everything, come back, a fresh link (RFC 8058;
decisions.md, 29).

A GET changes nothing: mail scanners follow every link. A POST acts at once, without cookie or sign-in: the token in the
address is the permission, and it permits no more than this. The pages tell nothing about the person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.concurrency import run_in_threadpool

from tribune.bootstrap import Application
from tribune.domain.audience import Cadence, frame_locale
from tribune.domain.errors import InvalidInput, NotFound
from tribune.domain.notices import NoticeKind
from tribune.ports.store import Transaction
from tribune.services.audience.unsubscribe import less_often, subscribe_again, unsubscribe
from tribune.services.desk.reader_choices import as_often_as_before, reader_choices
from tribune.services.notices.request_notice import request_notice
from tribune.services.sending.reader_links import PREFERENCES, UNSUBSCRIBE
from web.forms import read_form
from web.pages import Pages

PURPOSES = {"u": UNSUBSCRIBE, "p": PREFERENCES}
UNDO = "undo-less-often"
_MANGLED = ".,;:!?)>]}'\"»”’"
"""What mail programs take for a part of the address when it ends a sentence."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a link names: the page (`u` or `p`), whom, and which digest. `old`: it was signed with a key that signs no
    more, and works until that key is taken out of the settings."""

    page: str
    subscriber: int
    digest: str
    old: bool = False


def router(app: Application, pages: Pages) -> APIRouter:
    """`/u/TOKEN` and `/p/TOKEN`."""
    routes = APIRouter()
    for page in PURPOSES:
        _add(routes, page, app, pages)
    return routes


def _add(routes: APIRouter, page: str, app: Application, pages: Pages) -> None:
    @routes.get(f"/{page}/{{token}}")
    def show(token: str, request: Request) -> Response:
        return _show(app, pages, _read(app, page, token), request)

    @routes.post(f"/{page}/{{token}}")
    async def act(token: str, request: Request) -> Response:
        link = _read(app, page, token)
        return await run_in_threadpool(_act, app, pages, link, await read_form(request), request)


def _read(app: Application, page: str, token: str) -> Link:
    """Raises NotFound: whether a token is forged, cut or for another page makes no difference to who asks."""
    try:
        token = token.rstrip(_MANGLED)
        subscriber, digest, _mailing = app.signer.verify(PURPOSES[page], token)
        # What it would be signed with today, is signed with the same key.
        today = app.signer.sign(PURPOSES[page], 0)
        return Link(page, int(subscriber), digest, old=token.partition(".")[0] != today.partition(".")[0])
    except (InvalidInput, ValueError):
        raise NotFound("This link is not complete or not valid.", hint="Use the whole link from the message.") from None


def _act(app: Application, pages: Pages, link: Link, form: Mapping[str, str], request: Request) -> Response:
    one_click = form.get("List-Unsubscribe", "").lower() == "one-click"
    do = "stop" if one_click and link.page == "u" else form.get("do", "")
    now = app.clock.now()
    facts: dict[str, Any] = {"done": do}
    try:
        with app.store.write() as tx:
            if do == "stop":
                unsubscribe(tx, link.subscriber, link.digest, now)
            elif do == "stop-all":
                unsubscribe(tx, link.subscriber, None, now)
            elif do in ("again", "all-again"):
                which = link.digest if do == "again" else None
                subscribe_again(tx, link.subscriber, which, app.rules.pause_reach_back, now)
            elif do == "slower" and link.digest in app.digests:
                facts |= _slow_down(app, tx, link)
            elif do == "undo-slower" and link.digest in app.digests:
                facts |= _undo(app, tx, link, form.get("undo", ""))
            elif do == "fresh-link" and link.page == "p":
                # The page says the same whether a mail leaves or not: nobody, too many, never mailed.
                content = {"digest": link.digest}
                request_notice(tx, NoticeKind.PREFERENCES_LINK, link.subscriber, content, app.rules, now)
            else:
                facts = {}
    except NotFound:
        pass  # erased meanwhile: there is nobody left to mail, which is what was asked for
    if one_click:
        return PlainTextResponse("OK\n")
    return _show(app, pages, link, request, **facts)


def _slow_down(app: Application, tx: Transaction, link: Link) -> dict[str, Any]:
    before = reader_choices(tx, link.subscriber, link.digest, app.digests)
    if before.pace is None or before.slower is None:
        return {"done": ""}
    less_often(tx, link.subscriber, app.digests[link.digest], app.codelists, app.clock.now())
    undo = app.signer.sign(UNDO, link.subscriber, link.digest, before.pace.value, before.slower.value)
    return {"pace": before.slower.value, "undo": undo if before.exact_undo else ""}


def _undo(app: Application, tx: Transaction, link: Link, token: str) -> dict[str, Any]:
    try:
        subscriber, digest, before, after = app.signer.verify(UNDO, token)
    except (InvalidInput, ValueError):
        return {"done": ""}
    if (int(subscriber), digest) != (link.subscriber, link.digest):
        return {"done": ""}
    steps = Cadence(after), Cadence(before)
    undone = as_often_as_before(tx, link.subscriber, app.digests[digest], *steps, app.codelists, app.clock.now())
    return {"done": "undo-slower" if undone else "", "pace": before}


def _show(app: Application, pages: Pages, link: Link, request: Request, **facts: Any) -> Response:
    with app.store.read() as tx:
        choices = reader_choices(tx, link.subscriber, link.digest, app.digests)
    asked = request.query_params.get("in", "")
    locale = asked if asked in pages.offered else pages.locale_of(request)
    if asked not in pages.offered and choices.known:
        locale = frame_locale(choices.languages, pages.offered, app.organisation.default_language)
    digest = app.digests.get(link.digest)
    return pages.render(
        locale,
        "public/unsubscribe.html",
        letter=digest.name(locale) if digest else app.organisation.name(locale),
        preferences=link.page == "p",
        choices=choices,
        path=request.url.path,
        old_link=link.old,
        **{"done": "", "pace": "", "undo": "", **facts},
    )
