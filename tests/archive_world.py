"""The public archive, for tests of it: who reads it, and what a page tells machines."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient

from tribune.bootstrap import Application
from web.app import create_app

HOST = "http://127.0.0.1:8080"
Get = Callable[..., Any]


def reader(app: Application) -> Get:
    """What somebody out there gets; no redirect is followed."""
    client = TestClient(create_app(app), base_url=HOST, client=("203.0.113.9", 4321), follow_redirects=False)
    return client.get


def links(html: str, rel: str) -> dict[str, str]:
    """hreflang (or "") -> address of a page's links."""
    found = re.findall(rf'<link rel="{rel}"(?: hreflang="([^"]*)")? href="([^"]*)">', html)
    return dict(found)


def linked_data(html: str) -> dict[str, Any]:
    found = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html, re.DOTALL)
    assert len(found) == 1
    return json.loads(found[0])  # type: ignore[no-any-return]
