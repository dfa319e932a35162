"""What every page for staff has around it, and how its routes find their language."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response

from tribune.bootstrap import Application
from tribune.domain.staff import permissions
from tribune.services.desk.see_today import count_open_letters
from tribune.services.desk.tell_story import Story
from tribune.services.staff.sessions import SignedIn
from web.away import RETRY_SECONDS
from web.newsroom.access import Access
from web.pages import Pages


class Newsroom:
    """Shows the pages for staff."""

    def __init__(self, app: Application, pages: Pages) -> None:
        self.app = app
        self.pages = pages

    def show(self, request: Request, template: str, place: str, *, status: int = 200, **facts: Any) -> Response:
        """A page of templates/web/newsroom. `place` is the entry of the navigation that it belongs to."""
        locale = self.locale(request)
        who: SignedIn | None = getattr(request.state, "signed_in", None)
        may_open = Entries(request.app.state.access, who)
        dead = count_open_letters(self.app.desk_log) if may_open("dead-letters") else 0
        told = {
            "place": place,
            "rest": rest_of(request, locale),
            "dead": dead,
            "me": who,
            "may_open": may_open,
            **facts,
        }
        return self.pages.render(locale, f"newsroom/{template}", status=status, **told)

    def signed_out(self, locale: str) -> Response:
        """What is said of a form that comes from somebody who is no longer signed in."""
        return self.pages.render(locale, "newsroom/signed_out.html", status=403, rest="/newsroom/sign-in", me=None)

    def log_away(self, request: Request, place: str) -> Response:
        """The page of what cannot be read because the event log is away."""
        page = self.show(request, "log_away.html", place, status=503)
        page.headers["retry-after"] = RETRY_SECONDS
        return page

    def tell(self, request: Request, template: str, place: str, story: Story, **facts: Any) -> Response:
        """A page with a story's timeline and its reasons."""
        locale = self.locale(request)
        reasons = self.pages.reasons(locale)
        not_for = [(one, reasons.why_not(one.reach)) for one in story.items if one.reach]
        steps = self.pages.steps(locale).of(story)
        return self.show(request, template, place, story=story, steps=steps, not_for=not_for, **facts)

    def locale(self, request: Request) -> str:
        """The language in the address. Raises HTTPException 404 for one that is not offered."""
        return self.pages.locale_in(request)

    def home(self, request: Request) -> str:
        """Where the newsroom begins, in this language: `/en/newsroom`."""
        return f"/{self.locale(request)}/newsroom"


class Entries:
    """Which entries of the navigation somebody has: those whose pages they may open."""

    def __init__(self, access: Access, who: SignedIn | None) -> None:
        self._access = access
        self._may = permissions(who.staff.roles) if who is not None else None

    def __call__(self, path: str) -> bool:
        if self._may is None:
            return False
        needed = self._access.needed(path)
        return needed is None or needed in self._may


def rest_of(request: Request, locale: str) -> str:
    """What follows the language in the address: the same page in another language is `/fr` and this."""
    rest = request.url.path.removeprefix(f"/{locale}") or "/"
    return f"{rest}?{request.url.query}" if request.url.query else rest


def query_of(**chosen: Any) -> str:
    """The query of an address, of what is chosen: `?language=fr`, or nothing."""
    told = urlencode({name: value for name, value in chosen.items() if value})
    return f"?{told}" if told else ""
