"""Which requests may change something (CSRF), and where a sign-in may lead to (open redirect)."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from web.cross_site import is_cross_site
from web.newsroom.access import safe_next
from web.security import redacted

HOST = {"host": "letters.example.org"}


def cross(path: str = "/en/newsroom/staff/1/roles", method: str = "POST", **told: str) -> bool:
    return is_cross_site(method, path, Headers(HOST | {name.replace("_", "-"): value for name, value in told.items()}))


def test_a_form_of_this_site_is_taken() -> None:
    assert not cross(sec_fetch_site="same-origin", cookie="a=b")
    assert not cross(sec_fetch_site="none", cookie="a=b")
    assert not cross(origin="https://letters.example.org", cookie="a=b")
    assert not cross(origin="https://LETTERS.example.org", cookie="a=b")


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "SAME-ORIGIN", "same-origin, cross-site"])
def test_what_the_browser_says_of_the_page_counts_more_than_the_origin(site: str) -> None:
    assert cross(sec_fetch_site=site, origin="https://letters.example.org")


@pytest.mark.parametrize(
    "origin",
    [
        *("null", "", "https://evil.example", "https://letters.example.org.evil.example", "letters.example.org"),
        *("https://letters.example.org:8443", "https://evil.example/letters.example.org", "file://"),
    ],
)
def test_another_origin_is_refused_with_a_cookie_and_without(origin: str) -> None:
    assert cross(origin=origin)
    assert cross(origin=origin, cookie="a=b")


def test_what_says_nothing_is_no_browser_and_brings_no_cookie() -> None:
    assert not cross()
    assert cross(cookie="a=b")


def test_one_click_of_a_mail_program_and_calls_of_the_api_come_from_anywhere() -> None:
    for path in ("/u/k1.1~letter~1.00", "/api/v1/people"):
        assert not cross(path, sec_fetch_site="cross-site", origin="https://mail.example")
    for path in ("/p/k1.1~letter~1.00", "/c/k1.1.00", "/en/subscribe", "/u", "/api"):
        assert cross(path, sec_fetch_site="cross-site")


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_looking_is_open_to_links_from_anywhere(method: str) -> None:
    assert not cross(method=method, sec_fetch_site="cross-site", cookie="a=b")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "CONNECT", "post", "QUERY"])
def test_every_other_method_is_asked_where_it_comes_from(method: str) -> None:
    assert cross(method=method, sec_fetch_site="cross-site")


@pytest.mark.parametrize(
    "wanted",
    [
        *("/en/newsroom", "/en/newsroom/", "/fr/newsroom/mails?q=x&page=2", "/pt-BR/newsroom/items/3"),
        *("/en/newsroom?x=1", "/en/newsroom/events/a.b-c~d", "/en/newsroom/mails?q=a//b"),
    ],
)
def test_after_the_sign_in_one_comes_back_to_the_page_one_wanted(wanted: str) -> None:
    assert safe_next(wanted, "home") == wanted


@pytest.mark.parametrize(
    "wanted",
    [
        *("", "/", "https://evil.example/en/newsroom/", "//evil.example/newsroom/", "/\\evil.example/newsroom/"),
        *("/en//evil.example", "/en/newsroom//evil.example", "/en/newsroom/\\evil", "/en/newsrooms", "en/newsroom/"),
        *("/en/newsroom/\r\nset-cookie: a=b", "/en/newsroom/ x", "/en/newsroom/é", "javascript:alert(1)//newsroom/"),
        *("/en/newsroom/sign-in", "/en/newsroom/sign-out", "/en/newsroom/invitation/abc", "/en/newsroom/provider"),
        *("/en/newsroom/" + "x" * 500, "/en/newsroom@evil.example", "/en/subscribe", "/u/token", "/en/newsroom#x"),
        *("/en/newsroom/../../evil", "/en/newsroom/..", "/en/newsroom/%2e%2E/x", "/en/newsroom/%2F/evil.example"),
        "\t//evil.example",
    ],
)
def test_a_sign_in_leads_nowhere_else(wanted: str) -> None:
    assert safe_next(wanted, "home") == "home"


def test_links_of_staff_are_cut_out_of_what_is_logged() -> None:
    assert redacted("/en/newsroom/invitation/abc/code.svg") == "/en/newsroom/invitation/***"
    assert redacted("/en/newsroom/sign-in/abc") == "/en/newsroom/sign-in/***"
    assert redacted("/en/newsroom/sign-in") == "/en/newsroom/sign-in"
