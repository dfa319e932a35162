"""What every page for readers has around it, and how its routes find their language."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from tribune.bootstrap import Application
from web.newsroom.frame import rest_of
from web.pages import Pages


class Public:
    """Shows the pages for readers."""

    def __init__(self, app: Application, pages: Pages) -> None:
        self.app = app
        self.pages = pages

    def show(self, request: Request, template: str, *, place: str = "", status: int = 200, **facts: Any) -> Response:
        """A page of templates/web/public whose address has its language in it. `place` is the entry of the navigation
        that it belongs to."""
        locale = self.locale(request)
        told = {"place": place, "rest": rest_of(request, locale), **facts}
        return self.pages.render(locale, f"public/{template}", status=status, **told)

    def locale(self, request: Request) -> str:
        """The language in the address. Raises HTTPException 404 for one that is not offered."""
        return self.pages.locale_in(request)
