"""What a page for staff asks for. Every route of the newsroom names a permission, or that it is for all staff.

Session -> staff -> permission. Who is not signed in is sent to sign in; what somebody may not see is not there for
them: the same 404 as for what does not exist (threats.md, IDOR).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import BackgroundTasks, Depends, Request
from starlette.exceptions import HTTPException

from tribune.bootstrap import Application
from tribune.domain.staff import Permission, permissions
from tribune.domain.staff_members import StaffMember
from tribune.ports.store import Transaction
from tribune.services.staff.sessions import SignedIn, find_session, is_to_be_noted
from web.clients import client_address
from web.newsroom.cookies import SESSION, Cookies

_INSIDE = re.compile(r"/([A-Za-z-]{2,20})/newsroom(/[^\\\x00-\x20\x7f]*|\?[^\\\x00-\x20\x7f]*)?")
LONGEST_NEXT = 500


class NotSignedIn(Exception):
    """Somebody wants a page for staff without being signed in: they are led to sign in, and back."""


class Access:
    """Finds out who asks. One for the site, at `site.state.access`."""

    def __init__(self, app: Application) -> None:
        self.app = app
        self.cookies = Cookies(app)
        self.address_of = client_address(app.settings.web.trusted_proxies)
        self._needed: dict[str, Permission | None] = {}

    def learn(self, needed: Mapping[str, Permission | None]) -> None:
        """What each page of the newsroom asks for, by its path within (`mails`, "" for the first)."""
        self._needed = dict(needed)

    def needed(self, path: str) -> Permission | None:
        """What a page asks for. Raises KeyError where there is no such page."""
        return self._needed[path]

    def signed_in(self, request: Request) -> SignedIn | None:
        """Who asks, found once for a request."""
        if not hasattr(request.state, "signed_in"):
            request.state.signed_in = self._find(request)
        found: SignedIn | None = request.state.signed_in
        return found

    def _find(self, request: Request) -> SignedIn | None:
        token = self.cookies.read(request, SESSION)
        if not token:
            return None
        with self.app.store.read() as tx:
            return find_session(tx, token, self.app.session_rules, self.app.clock.now())

    def note(self, who: SignedIn) -> None:
        """Write down that the session is in use."""
        with self.app.store.write() as tx:
            tx.staff_sessions.seen(who.session.id, self.app.clock.now())


class Needs:
    """The dependency of a route for which somebody must be signed in and, but for `None`, have a permission."""

    def __init__(self, permission: Permission | None) -> None:
        self.permission = permission

    def __call__(self, request: Request, background: BackgroundTasks) -> None:
        access: Access = request.app.state.access
        who = access.signed_in(request)
        if who is None:
            raise NotSignedIn
        if self.permission is not None and self.permission not in permissions(who.staff.roles):
            raise HTTPException(404)
        if is_to_be_noted(who.session, access.app.clock.now()):
            background.add_task(access.note, who)


def needs(permission: Permission) -> Any:
    """`dependencies=[needs(Permission.READ_DESK)]` of a router or a route."""
    return Depends(Needs(permission))


def needs_sign_in() -> Any:
    """For what concerns the person alone: every member of staff may."""
    return Depends(Needs(None))


def who_asks(request: Request) -> SignedIn:
    """Who is signed in, behind `needs`."""
    found: SignedIn | None = getattr(request.state, "signed_in", None)
    if found is None:
        raise NotSignedIn
    return found


def member(request: Request) -> StaffMember:
    """The member of staff who asks, behind `needs`."""
    return who_asks(request).staff


def may(request: Request, permission: Permission) -> bool:
    """Whether who asks has a permission beyond the one that the route needs: a page shows only what they may do."""
    return permission in permissions(member(request).roles)


def actor(request: Request) -> str:
    """Who does it, as the audit log names them: `staff/3`."""
    return member(request).actor


def staff_names(request: Request, tx: Transaction) -> Mapping[str, str]:
    """`staff/3` -> name, of those whose names who asks may see: everybody's for who reads the audit log or manages
    staff, else their own."""
    me = member(request)
    if may(request, Permission.READ_AUDIT) or may(request, Permission.MANAGE_STAFF):
        return {one.actor: one.name for one in tx.staff.everyone()}
    return {me.actor: me.name}


def sign_in_address(request: Request, locale: str) -> str:
    """Where to sign in, and back from there to the page that was asked for. What a form was to do is asked for anew."""
    path = request.url.path if request.method in ("GET", "HEAD") else ""
    query = f"?{request.url.query}" if path and request.url.query else ""
    wanted = safe_next(quote(path, safe="/%:~+,;=@!$&'()*.-_") + query, "")
    return f"/{locale}/newsroom/sign-in" + (f"?{urlencode({'next': wanted})}" if wanted else "")


def safe_next(text: str, otherwise: str) -> str:
    """`text`, if it is a path in the newsroom of this very site, and no page of signing in or out; else `otherwise`."""
    path = text.partition("?")[0].lower().replace("%2e", ".").replace("%2f", "/")
    if len(text) > LONGEST_NEXT or not text.isascii() or not _INSIDE.fullmatch(text):
        return otherwise
    _, _, _, *place = path.split("/")
    if {".", ".."} & set(place) or "" in place[:-1]:
        return otherwise
    return otherwise if place and place[0].startswith(("sign-", "invitation", "provider")) else text
