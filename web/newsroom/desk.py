"""The desk: what communications staff look at. It only reads."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException

from tribune.bootstrap import Application
from tribune.domain.campaigns import Campaign
from tribune.domain.mailings import DeliveryState, Mailing, MailingState
from tribune.domain.staff import Permission
from tribune.ports.log import EventLog, LogAway
from tribune.ports.log_view import LogView
from tribune.rendering.segment_words import Line
from tribune.services.desk.list_mails import MailFilter, MailPage, find_mail, is_notice, list_mails
from tribune.services.desk.read_mail import ReadableMail, for_a_frame, read_mail, without_keys
from tribune.services.desk.say_why import say_why
from tribune.services.desk.see_events import incoming_types, newest_events, see
from tribune.services.desk.see_today import see_today
from tribune.services.desk.tell_story import Story, item_story, tell_story
from tribune.services.sending.mailing_facts import campaign_of
from tribune.services.sending.mailing_progress import mailing_progress
from web.newsroom.access import may, needs
from web.newsroom.frame import Newsroom, query_of
from web.newsroom.reasons import Inside
from web.pages import Pages
from web.security import MAIL_CSP

Text = Annotated[str, Query(max_length=200)]
AsView = Annotated[Literal["html", "phone", "text", "headers"], Query(alias="as")]
Number = Annotated[int, Path(ge=1, le=2**31)]
Page = Annotated[int, Query(ge=1, le=100_000)]
PAGE = 50
READ_MAILS = [needs(Permission.READ_MAILS)]
MAILINGS, MAILINGS_SHOWN = 2_000, 200
NOT_SIMPLY_SENT = (
    DeliveryState.FAILED,
    DeliveryState.QUARANTINED,
    DeliveryState.RETRY,
    DeliveryState.SUPPRESSED,
    DeliveryState.EMPTY,
)
LEFT = (DeliveryState.CANCELLED, DeliveryState.IN_DOUBT)
"""What else there is to tell of a cancelled mailing: who was not mailed, and of whom nobody knows."""


def router(app: Application, pages: Pages) -> APIRouter:
    """All pages of the desk, under the language that they are in."""
    routes = APIRouter(dependencies=[needs(Permission.READ_DESK)])
    desk = Newsroom(app, pages)

    _overview(routes, desk)
    _mails(routes, desk)
    _content(routes, desk)
    return routes


def _overview(routes: APIRouter, desk: Newsroom) -> None:
    app = desk.app

    @routes.get("/{locale}/newsroom")
    def start(request: Request) -> Response:
        return RedirectResponse(f"{desk.home(request)}/", 303)

    @routes.get("/{locale}/newsroom/")
    def today(request: Request) -> Response:
        seen = see_today(app.store, app.desk_log, app.clock.now())
        return desk.show(request, "today.html", "today", today=seen, now=app.clock.now())

    @routes.get("/{locale}/newsroom/mailings")
    def mailings(request: Request, edition: Text = "", empty: Text = "") -> Response:
        with app.store.read() as tx:
            told = [m for m in tx.ledger.mailings(limit=MAILINGS) if not edition or str(m.edition) == edition]
            # Most due instants bring nothing new for anybody: those mailings would hide the others.
            shown = told if empty else [m for m in told if m.recipients]
            found = [mailing_progress(tx, mailing.id) for mailing in shown[:MAILINGS_SHOWN]]
        return desk.show(
            request,
            "mailings.html",
            "mailings",
            mailings=found,
            edition=edition,
            hidden=len(told) - len(shown),
            all_of_them=query_of(edition=edition, empty="shown"),
            without_empty=query_of(edition=edition) if empty else "",
            empty=bool(empty),
        )

    @routes.get("/{locale}/newsroom/mailings/{number}")
    def mailing(request: Request, number: Number) -> Response:
        with app.store.read() as tx:
            progress = mailing_progress(tx, number)
            campaign = campaign_of(tx, progress.mailing)
            cancelled = progress.mailing.state is MailingState.CANCELLED
            states = (*NOT_SIMPLY_SENT, *LEFT) if cancelled else NOT_SIMPLY_SENT
            there = [state for state in states if progress.states.get(state)]  # to find none, all would be looked at
            exceptions = tx.ledger.deliveries(number, states=there, limit=100) if there else []
        now, see_segments = app.clock.now(), may(request, Permission.READ_SEGMENTS)
        facts: dict[str, Any] = {
            "progress": progress,
            "campaign": campaign,
            "rule": _rule(desk, request, campaign) if see_segments else (),
            "see_segments": see_segments,
            "exceptions": exceptions,
            "catching": app.caught is not None,
            "rate": progress.rate(now),
            "remaining": progress.remaining(now),
            "held_back": progress.states.get(DeliveryState.QUARANTINED, 0),
        }
        return desk.show(request, "mailing.html", "mailings", **facts)

    @routes.get("/{locale}/newsroom/dead-letters")
    def dead_letters(request: Request) -> Response:
        try:
            found = app.desk_log.ask(lambda log, _: log.dead_letters(limit=200))
        except LogAway:
            return desk.log_away(request, "dead-letters")
        letters = [(letter, see(letter)) for letter in found]
        return desk.show(request, "dead_letters.html", "dead-letters", letters=letters)


def _mails(routes: APIRouter, desk: Newsroom) -> None:
    app = desk.app

    def trusted(request: Request) -> bool:
        # A mail's links act for its reader: with them one could change, take out or delete what is theirs.
        return may(request, Permission.CHANGE_PEOPLE)

    def kept(request: Request, delivery: str, *, whole: bool = False) -> bytes:
        """A caught mail as it is, for who may see it (`whole`: with its links). Raises HTTPException 404."""
        if app.caught is None or ((whole or is_notice(delivery)) and not trusted(request)):
            raise HTTPException(404)
        return app.caught.content(delivery)

    def readable(request: Request, delivery: str) -> ReadableMail:
        mail = read_mail(kept(request, delivery))
        return mail if trusted(request) else without_keys(mail)

    @routes.get("/{locale}/newsroom/mails", dependencies=READ_MAILS)
    def mails(request: Request, q: Text = "", language: Text = "", mailing: Text = "", page: Page = 1) -> Response:
        wanted = _filter(q, language, mailing, letters_only=not trusted(request))
        found = list_mails(app.caught, wanted, page) if app.caught else None
        return desk.show(
            request,
            "mails.html",
            "mails",
            catching=app.caught is not None,
            list=found,
            filter=wanted,
            query=query_of(q=q, language=language, mailing=wanted.mailing),
            mailing_names=_names(desk, request, found),
        )

    @routes.get("/{locale}/newsroom/mails/{delivery}", dependencies=READ_MAILS)
    def mail(
        request: Request, delivery: str, q: Text = "", language: Text = "", mailing: Text = "", view: AsView = "html"
    ) -> Response:
        parts = readable(request, delivery)
        if app.caught is None:
            raise HTTPException(404)
        wanted = _filter(q, language, mailing, letters_only=not trusted(request))
        found = find_mail(app.caught, delivery, wanted)
        told = _mailing_of(desk, found.mail.mailing)
        chosen = {"q": q, "language": language, "mailing": wanted.mailing}
        return desk.show(
            request,
            "mail.html",
            "mails",
            found=found,
            parts=parts,
            whole=trusted(request),
            view=view,
            mailing=told,
            query=query_of(**chosen),
            view_query=query_of(**chosen, **{"as": view if view != "html" else ""}),
            why=_inside(desk, request, delivery),
        )

    @routes.get("/{locale}/newsroom/mails/{delivery}/body", dependencies=READ_MAILS)
    def body(request: Request, delivery: str) -> Response:
        desk.locale(request)
        html = for_a_frame(readable(request, delivery).html)
        return HTMLResponse(html, headers={"content-security-policy": MAIL_CSP, "x-frame-options": "SAMEORIGIN"})

    @routes.get("/{locale}/newsroom/mails/{delivery}/message.eml", dependencies=READ_MAILS)
    def message(request: Request, delivery: str) -> Response:
        desk.locale(request)
        content = kept(request, delivery, whole=True)
        name = f'attachment; filename="{delivery}.eml"'
        return Response(content, headers={"content-disposition": name, "content-type": "message/rfc822"})


def _content(routes: APIRouter, desk: Newsroom) -> None:
    app = desk.app

    @routes.get("/{locale}/newsroom/items")
    def items(request: Request, q: Text = "", kind: Text = "", without: Text = "", page: Page = 1) -> Response:
        locale, kind = desk.locale(request), kind if kind in app.codelists.kinds else ""
        pages = 1
        with app.store.read() as tx:
            hits = tx.catalogue.search(q, locale, kind=kind or None, limit=PAGE) if q.strip() else []
            found = []
            if without == "area":
                found = tx.catalogue.unmapped(200)
            elif not q.strip():
                pages = max(1, -(-tx.catalogue.count(kind=kind or None) // PAGE))
                found = tx.catalogue.recent(PAGE, offset=(min(page, pages) - 1) * PAGE, kind=kind or None)
        return desk.show(
            request,
            "items.html",
            "items",
            hits=hits,
            items=found,
            words_asked=q,
            kind_asked=kind,
            without_area=without == "area",
            page=min(page, pages),
            pages=pages,
            query=query_of(kind=kind),
        )

    @routes.get("/{locale}/newsroom/items/{number}")
    def item(request: Request, number: Number) -> Response:
        with app.store.read() as tx:
            story = item_story(tx, number, app.digests, app.codelists.places)
        if story is None:
            raise HTTPException(404)
        return desk.tell(request, "item.html", "items", Story("", (), [story]), item=story.item)

    @routes.get("/{locale}/newsroom/events")
    def events(request: Request, q: Text = "", type: Text = "") -> Response:
        types = incoming_types()
        kind = type if type in types else ""
        try:
            found = app.desk_log.ask(lambda _, view: newest_events(view, type=kind, words=q), at_length=True)
        except LogAway:
            return desk.log_away(request, "events")
        facts: dict[str, Any] = {"events": found, "types": types, "type_asked": kind, "words_asked": q}
        return desk.show(request, "events.html", "events", **facts)

    @routes.get("/{locale}/newsroom/events/{correlation_id}")
    def event(request: Request, correlation_id: str) -> Response:
        def look(_: EventLog, view: LogView) -> Story:
            with app.store.read() as tx:
                return tell_story(tx, view, correlation_id, app.digests, app.codelists.places)

        try:
            story = app.desk_log.ask(look, at_length=True)
        except LogAway:
            return desk.log_away(request, "events")
        return desk.tell(request, "story.html", "events", story)


def _rule(desk: Newsroom, request: Request, campaign: Campaign | None) -> tuple[Line, ...]:
    """For whom it was planned, in words: as the segment was then."""
    return desk.pages.segment_words(desk.locale(request)).rule(campaign.rule) if campaign else ()


def _filter(q: str, language: str, mailing: str, *, letters_only: bool) -> MailFilter:
    number = int(mailing) if mailing.isascii() and mailing.isdigit() else None
    return MailFilter(language, number, q, letters_only)


def _mailing_of(desk: Newsroom, number: int | None) -> Mailing | None:
    if number is None:
        return None
    with desk.app.store.read() as tx:
        return tx.ledger.mailing(number)


def _inside(desk: Newsroom, request: Request, delivery: str) -> list[Inside]:
    with desk.app.store.read() as tx:
        because = say_why(tx, delivery, desk.app.codelists.places)
    return desk.pages.reasons(desk.locale(request)).inside(because)


def _names(desk: Newsroom, request: Request, found: MailPage | None) -> dict[int, str]:
    """The names of the mailings that caught mails belong to."""
    locale = desk.locale(request)
    formats = desk.pages.formats(locale)
    due: dict[int, str] = {}
    names = {number: str(number) for number in found.mailings} if found else {}
    if names:
        with desk.app.store.read() as tx:
            for number in names:
                told = tx.ledger.mailing(number)
                if told is not None:
                    names[number] = desk.pages.name_of(told, locale)
                    due[number] = formats.time(told.due_at)
    # An edition has a mailing for each instant at which it is due somewhere: the hour tells them apart.
    often = Counter(names.values())
    return {number: f"{name}, {due[number]} UTC" if often[name] > 1 else name for number, name in names.items()}
