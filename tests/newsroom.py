"""Browsers of staff: tests sign in here, in one place."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from starlette.testclient import TestClient

from tribune.bootstrap import Application
from tribune.domain.staff import Role
from tribune.domain.staff_members import StaffMember, Way
from tribune.services.staff.sessions import Browser, SignedIn, open_session
from web.app import create_app

SAME_SITE = {"sec-fetch-site": "same-origin"}
"""What a browser says of a form of this very site."""

COOKIE = "tribune-session"
HERE = "http://127.0.0.1:8080"


def staff_member(
    app: Application, *roles: Role, address: str = "", name: str = "Ada Example", locale: str = "en"
) -> StaffMember:
    """A member of staff with these roles (none: an administrator); the same at each call."""
    wanted = roles or (Role.ADMINISTRATOR,)
    address = address or f"{'-'.join(sorted(wanted))}@staff.example"
    with app.store.write() as tx:
        return tx.staff.by_address(address) or tx.staff.add(address, name, locale, wanted, app.clock.now())


def session_of(app: Application, staff: StaffMember) -> SignedIn:
    """A session as the sign-in makes it."""
    with app.store.write() as tx:
        browser = Browser("Test browser", "192.0.2.0/24")
        return open_session(tx, staff, Way.PASSWORD, browser, app.session_rules, app.clock.now())


def anybody(app: Application, base_url: str = HERE, **facts: Any) -> TestClient:
    """A browser that nobody is signed in with."""
    return TestClient(
        create_app(app), base_url=base_url, **{"client": ("127.0.0.1", 4321), "headers": SAME_SITE, **facts}
    )


def staff_browser(app: Application, *roles: Role, staff: StaffMember | None = None, **facts: Any) -> TestClient:
    """A browser in which somebody with these roles (none: an administrator) is signed in, however far the test moves
    the clock."""
    return _StaffBrowser(app, staff or staff_member(app, *roles), **facts)


def browser_cookie(app: Application, address: str, *roles: Role, staff: StaffMember | None = None) -> dict[str, Any]:
    """The cookie of a session, as Playwright's `add_cookies` takes it."""
    return {"name": COOKIE, "value": session_of(app, staff or staff_member(app, *roles)).token, "url": address}


class _StaffBrowser(TestClient):
    def __init__(self, app: Application, staff: StaffMember, base_url: str = HERE, **facts: Any) -> None:
        facts = {"client": ("127.0.0.1", 4321), "headers": SAME_SITE, **facts}
        super().__init__(create_app(app), base_url=base_url, **facts)
        self._house, self._staff = app, staff
        self._signed_in: datetime | None = None

    def request(self, *told: Any, **facts: Any) -> Any:
        now = self._house.clock.now()
        if self._signed_in is None or abs(now - self._signed_in) > timedelta(minutes=30):
            self._signed_in = now
            self.cookies.set(COOKIE, session_of(self._house, self._staff).token)
        return super().request(*told, **facts)
