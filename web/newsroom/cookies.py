"""The cookies of staff. `__Host-` (RFC 6265bis) where the site has https: for this host alone, over https alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Literal

from fastapi import Request, Response

from tribune.bootstrap import Application

SESSION, DEVICE, PROVIDER = "tribune-session", "tribune-device", "tribune-provider"
DEVICE_LIFE = timedelta(days=180)
PROVIDER_LIFE = timedelta(minutes=10)


class Cookies:
    """Reads and sets them."""

    def __init__(self, app: Application) -> None:
        # Asked for each time: where a process serves is known after the site is built.
        self._secure: Callable[[], bool] = lambda: app.base_url.startswith("https:")

    def read(self, request: Request, name: str) -> str:
        """The cookie's value; "" where there is none."""
        return request.cookies.get(self._name(name), "")[:4_000]

    def set(self, response: Response, name: str, value: str, life: timedelta) -> None:
        """Leave a cookie in the browser. Lax: a link in a mail leads to the page, a form of another site nowhere."""
        same_site: Literal["lax"] = "lax"
        response.set_cookie(
            self._name(name),
            value,
            max_age=int(life.total_seconds()),
            path="/",
            secure=self._secure(),
            httponly=True,
            samesite=same_site,
        )

    def clear(self, response: Response, name: str) -> None:
        """Take it back."""
        response.delete_cookie(self._name(name), path="/", secure=self._secure(), httponly=True, samesite="lax")

    def _name(self, name: str) -> str:
        return f"__Host-{name}" if self._secure() else name
