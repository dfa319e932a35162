"""What stands between us and readers: caches that keep pages, proxies that say where we are, other sites that
would like to read along. Every route is asked."""

from __future__ import annotations

from tests.threat_world import World

FORGED = {
    "x-forwarded-host": "evil.example",
    "x-forwarded-proto": "gopher",
    "x-forwarded-prefix": "/evil.example",
    "forwarded": "host=evil.example;proto=gopher",
    "x-original-url": "/evil.example",
    "x-rewrite-url": "/evil.example",
    "x-http-method-override": "DELETE",
    "origin": "https://evil.example",
    "referer": "https://evil.example/",
}

NOT_THERE = ("/metrics", "/{locale}/newsroom/provider", "/newsroom/callback", "/api/v1/items/search", "/healthz")
"""Never through a proxy; not in these settings; wants words; 503 where the machine is too busy to tell soon."""


def test_what_anybody_may_keep_is_the_same_for_everybody(attacked: World) -> None:
    """Web caches: an answer that is `public` holds nothing of who asked for it; all others are kept by nobody but, with
    a validator, by who asked."""
    admin, stranger = attacked.client(attacked.admin), attacked.client()
    public = 0
    for route in attacked.routes("GET"):
        answer = attacked.ask(admin, route)
        kept = answer.headers["cache-control"]
        if "public" in kept:
            assert answer.text == stranger.get(attacked.path(route)).text, route
            assert "set-cookie" not in answer.headers, route
            public += 1
        else:
            assert "no-store" in kept or (route.api and kept == "private, no-cache"), (route, kept)
        if route.needs is not None or "{token}" in route.path:
            assert "public" not in kept, route
    assert public > 15


def test_no_header_of_a_request_moves_us_elsewhere_or_lets_another_site_read(attacked: World) -> None:
    """Poisoned caches and links: what a client says of host, scheme, path and method is no news to us."""
    admin = attacked.client(attacked.admin)
    for route in attacked.routes("GET"):
        answer = attacked.ask(admin, route, headers=FORGED)
        assert answer.status_code < 400 or route.path in NOT_THERE, (route, answer.status_code)
        assert "gopher" not in answer.text and "evil.example" not in answer.text, route
        assert "evil.example" not in str(answer.headers), route
        assert not [name for name in answer.headers if name.startswith("access-control-")], route
