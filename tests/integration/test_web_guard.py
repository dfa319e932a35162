"""Who may ask the site for what, what every answer carries, what gets into the log (threats.md)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import structlog
from sqlalchemy import event
from starlette.testclient import TestClient

from tests.newsroom import anybody, staff_browser
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.ports.clock import StoppedClock
from web.app import create_app
from web.metrics import PrometheusMetrics
from web.routes import every_route
from web.security import HEADERS, redacted

Browse = Callable[..., TestClient]


@pytest.fixture
def browse(app: Application) -> Browse:
    """A browser at an address of its own, asking for a host."""

    def at(client: str = "127.0.0.1", host: str = "127.0.0.1:8080", house: Application = app) -> TestClient:
        return staff_browser(house, base_url=f"http://{host}", client=(client, 4321), follow_redirects=False)

    return at


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8080", "[::2]:80"])
@pytest.mark.parametrize("path", ["/en/newsroom/", "/u/x", "/healthz", "/static/tribune.css", "/metrics"])
def test_a_foreign_host_header_is_refused(browse: Browse, host: str, path: str) -> None:
    assert browse(host=host).get(path).status_code == 421


@pytest.mark.parametrize("host", ["", "127.0.0.1@evil.example", "evil.example:127.0.0.1", "127.0.0.1:80:80"])
def test_an_odd_host_header_is_refused(browse: Browse, host: str) -> None:
    assert browse().get("/en/newsroom/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9999", "[::1]:8080", "127.0.0.1"])
def test_own_names_are_answered(browse: Browse, host: str) -> None:
    assert browse(host=host).get("/en/newsroom/").status_code == 200


STAFF_PAGES = ("/en/newsroom/", "/en/newsroom/mails", "/en/newsroom/sign-in", "/newsroom/callback", "/api/v1/people")


@pytest.mark.parametrize("client", ["192.0.2.7", "2001:db8::1", "::ffff:192.0.2.7", "testclient"])
def test_the_newsroom_is_open_to_who_is_signed_in_wherever_they_are(browse: Browse, client: str) -> None:
    assert browse(client).get("/en/newsroom/").status_code == 200
    assert browse(client).get("/en/newsroom/sign-in").status_code == 303


@pytest.mark.parametrize("client", ["192.0.2.7", "10.0.0.5", "2001:db8::1", "::ffff:192.0.2.7", "testclient"])
def test_figures_are_closed_to_strangers_and_readers_pages_are_open(browse: Browse, client: str) -> None:
    stranger = browse(client)
    answer = stranger.get("/metrics")
    assert answer.status_code == 403 and "metrics_networks" in answer.text
    for path, status in (("/u/x", 404), ("/p/x", 404), ("/healthz", 200), ("/static/tribune.css", 200)):
        assert stranger.get(path).status_code == status


@pytest.mark.parametrize("client", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
def test_figures_answer_this_machine(browse: Browse, client: str) -> None:
    assert browse(client).get("/metrics").status_code == 200


PROXIES = ["X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "Via", "X-Real-IP", "CF-Connecting-IP", "True-Client-IP"]


def fenced(settings: Settings, clock: StoppedClock, **web: object) -> Application:
    """A house whose newsroom has a fence beside the sign-in."""
    told = settings.web.model_copy(update={"desk_networks": ("127.0.0.0/8", "10.1.0.0/16"), **web})
    house = Application(settings.model_copy(update={"web": told}), clock)
    house.prepare()
    return house


def test_a_fence_keeps_the_newsroom_to_its_networks_signed_in_or_not(
    settings: Settings, clock: StoppedClock, browse: Browse
) -> None:
    house = fenced(settings, clock)
    for path in STAFF_PAGES:
        assert browse("10.2.2.3", house=house).get(path).status_code == 403
        assert browse("10.1.2.3", house=house).get(path).status_code != 403
    assert browse("10.2.2.3", house=house).get("/u/x").status_code == 404
    house.close()


def test_a_proxy_on_this_machine_does_not_open_the_fence_nor_the_figures(
    settings: Settings, clock: StoppedClock, browse: Browse
) -> None:
    house = fenced(settings, clock)
    near = browse("127.0.0.1", house=house)
    for header in PROXIES:
        for path in ("/en/newsroom/", "/metrics"):
            assert near.get(path, headers={header: "127.0.0.1"}).status_code == 403, (header, path)
        assert near.get("/u/x", headers={header: "203.0.113.9"}).status_code == 404
    house.close()


def test_what_a_proxy_of_our_own_says_counts_and_what_the_client_wrote_before_it_does_not(
    settings: Settings, clock: StoppedClock, browse: Browse
) -> None:
    house = fenced(settings, clock, trusted_proxies=("127.0.0.0/8",))
    proxy = browse("127.0.0.1", house=house)
    for told, status in (
        ("10.1.2.3", 200),
        ("203.0.113.9", 403),
        ("10.1.2.3, 203.0.113.9", 403),
        ("203.0.113.9, 10.1.2.3", 200),
        ("", 403),
        ("unknown", 403),
    ):
        assert proxy.get("/en/newsroom/", headers={"x-forwarded-for": told}).status_code == status, told
    assert proxy.get("/metrics", headers={"x-forwarded-for": "127.0.0.1"}).status_code == 403
    house.close()


def test_the_public_name_serves_readers_and_staff(settings: Settings, clock: StoppedClock, browse: Browse) -> None:
    web = settings.web.model_copy(update={"base_url": "https://letters.example.org"})
    house = Application(settings.model_copy(update={"web": web}), clock)
    house.prepare()
    reader = anybody(house, base_url="https://letters.example.org", follow_redirects=False)
    assert reader.get("/u/x").status_code == 404
    assert reader.get("/en/newsroom/").status_code == 303
    house.close()


@pytest.mark.parametrize(
    "path", ["/en/newsroom/", "/u/x", "/healthz", "/metrics", "/nowhere", "/static/desk.js", "/static/no"]
)
def test_every_answer_carries_the_security_headers(browse: Browse, path: str) -> None:
    headers = browse().get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy
    assert "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy and "form-action 'self'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == ("no-cache" if path == "/static/desk.js" else "no-store")
    assert "set-cookie" not in headers


def test_every_route_carries_the_security_headers_to_staff_and_to_strangers(app: Application, browse: Browse) -> None:
    given = {"locale": "en", "number": "9999", "token": "x", "delivery": "9.9.9", "correlation_id": "0"}
    for client in (browse(), anybody(app, follow_redirects=False)):
        for route in every_route(create_app(app)):
            path = re.sub(r"\{(\w+)\}", lambda found: given.get(found[1], "9999"), route.path)
            headers = client.request(route.method, path).headers
            policy = headers["content-security-policy"]
            assert policy.startswith("default-src 'none'") and "frame-ancestors 'none'" in policy, route
            assert "unsafe" not in policy and "http:" not in policy, route
            for name in HEADERS:
                assert name in headers, (route, name)


def test_refusals_carry_them_too(browse: Browse) -> None:
    assert "content-security-policy" in browse("192.0.2.7").get("/metrics").headers
    assert "content-security-policy" in browse(host="evil.example").get("/en/newsroom/").headers


def test_pages_have_nothing_inline(browse: Browse) -> None:
    for path in (
        "/en/newsroom/",
        "/en/newsroom/mails",
        "/en/newsroom/items",
        "/en/newsroom/events",
        "/en/newsroom/mailings",
        "/en/newsroom/dead-letters",
        "/nowhere",
    ):
        html = browse().get(path).text
        assert "<style" not in html and " style=" not in html and "javascript:" not in html
        assert " onclick" not in html and "<script>" not in html
        assert "//" not in html.replace('href="/', "").replace('src="/', "")  # nothing from elsewhere


def test_head_answers_as_get_without_a_body(browse: Browse) -> None:
    for path, status in (("/en/newsroom/", 200), ("/healthz", 200), ("/u/x", 404), ("/static/tribune.css", 200)):
        answer = browse().head(path)
        assert (answer.status_code, answer.content) == (status, b"")


def test_a_page_that_fails_says_so_without_a_traceback(
    app: Application, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise RuntimeError("the database said: INSERT awa@travail.example")

    browser = browse()
    monkeypatch.setattr(app.signer, "verify", away)
    with structlog.testing.capture_logs() as logged:
        answer = browser.get("/u/k1.7~letter~1.secret", headers={"accept-language": "en"})
    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.text
    assert "content-security-policy" in answer.headers
    assert [entry["path"] for entry in logged] == ["/u/***"]
    for told in (answer.text, str(logged)):
        assert "secret" not in told and "awa@" not in told and "INSERT" not in told


def test_tokens_are_cut_out_of_what_is_logged() -> None:
    assert redacted("/u/k1.7~letter~1.secret") == "/u/***"
    assert redacted("/p/a/b\n/c") == "/p/***"
    assert redacted("/en/newsroom/mails") == "/en/newsroom/mails"


def test_health_says_what_cannot_be_reached(app: Application, browse: Browse, monkeypatch: pytest.MonkeyPatch) -> None:
    assert browse("192.0.2.7").get("/healthz").json() == {"status": "ok", "store": "ok", "log": "ok"}

    def away() -> None:
        raise OSError("disk at /secret/place is gone")

    browser = browse()
    monkeypatch.setattr(app.log, "lag", away)
    answer = browser.get("/healthz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "failing", "store": "ok", "log": "cannot be reached (OSError)"}


def test_health_costs_next_to_nothing_and_is_remembered_for_two_seconds(
    app: Application, browse: Browse, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    browser = browse("192.0.2.7")
    event.listen(app.store.engine, "before_cursor_execute", lambda c, u, statement, *_: asked.append(statement))
    assert browser.get("/healthz").status_code == 200
    assert asked
    assert not [statement for statement in asked if "subscribers" in statement or "count(" in statement]
    asked.clear()
    for _ in range(20):
        assert browser.get("/healthz").json() == {"status": "ok", "store": "ok", "log": "ok"}
    assert not asked

    def away() -> None:
        raise OSError("away")

    with monkeypatch.context() as patched:
        patched.setattr(app.log, "lag", away)
        clock.move(timedelta(seconds=1.9))
        assert browser.get("/healthz").status_code == 200
        clock.move(timedelta(seconds=0.1))
        assert browser.get("/healthz").status_code == 503
    assert browser.get("/healthz").status_code == 503
    clock.move(timedelta(seconds=2))
    assert browser.get("/healthz").status_code == 200


def test_metrics_are_prometheus_text(settings: Settings, clock: StoppedClock, browse: Browse) -> None:
    house = Application(settings, clock, PrometheusMetrics())
    house.prepare()
    house.metrics.count("events_handled", group="catalogue", type="data.released")
    house.metrics.count("events_handled", group="catalogue", type="data.released")
    house.metrics.observe("handler_seconds", 0.5, group="catalogue")
    house.log.publish_raw("publications", "x", b"{}")
    text = browse(house=house).get("/metrics").text
    assert 'tribune_events_handled_total{group="catalogue",type="data.released"} 2.0' in text
    assert 'tribune_handler_seconds_count{group="catalogue"} 1.0' in text
    assert 'tribune_dead_letters{group="catalogue"} 0.0' in text
    assert 'tribune_log_end_offset{partition="' in text or "tribune_log_lag_events" not in text
    house.close()


def test_the_api_descriptions_of_the_framework_are_off(browse: Browse) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert browse().get(path).status_code == 404
