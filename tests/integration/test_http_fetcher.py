"""The client against real servers on 127.0.0.1: pages, redirects, and the addresses that it refuses."""

from __future__ import annotations

import gzip
import io
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler

import pytest

from tests.web_site import LOCAL, Site, answer, fetcher, redirect, site
from tribune.channels.http import HttpFetcher
from tribune.domain.errors import SourceError

__all__ = ["fetcher", "site"]


def test_a_page_with_its_validators_and_a_polite_agent(site: Site, fetcher: HttpFetcher) -> None:
    def page(request: BaseHTTPRequestHandler) -> None:
        if request.headers.get("If-None-Match") == '"v1"':
            answer(request, b"", 304, ETag='"v1"')
        else:
            answer(
                request, b"hello", ETag='"v1"', Last_Modified="Mon, 23 Nov 2026 06:00:00 GMT", Content_Type="text/xml"
            )

    site.pages["/feed"] = page
    first = fetcher.fetch(site.url + "/feed")
    assert (first.status, first.body, first.size, first.content_type) == (200, b"hello", 5, "text/xml")
    second = fetcher.fetch(site.url + "/feed", etag=first.etag, last_modified=first.last_modified)
    assert second.not_modified and second.body == b""
    headers = site.requests[1][1]
    assert headers["user-agent"].startswith("Tribune/") and "mailto:web@observatory.example" in headers["user-agent"]
    assert headers["if-modified-since"] == "Mon, 23 Nov 2026 06:00:00 GMT"
    assert headers["host"] == f"127.0.0.1:{site.port}"


def test_the_name_is_sent_while_the_checked_address_is_used(site: Site) -> None:
    site.pages["/"] = lambda request: answer(request, b"ok")
    asked: list[str] = []

    def resolver(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    fetcher = HttpFetcher(allowed_private_networks=LOCAL, resolver=resolver)
    assert fetcher.fetch(f"http://feeds.observatory.example:{site.port}/").body == b"ok"
    assert site.requests[0][1]["host"] == f"feeds.observatory.example:{site.port}"
    assert asked == ["feeds.observatory.example"], "resolved once: what was checked is what is used"


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://0.0.0.0:{port}/",
        "http://2130706433:{port}/",
        "http://0x7f000001:{port}/",
        "http://127.1:{port}/",
    ],
)
def test_the_inside_network_is_refused_however_it_is_spelled(site: Site, address: str) -> None:
    with pytest.raises(SourceError) as error:
        HttpFetcher(timeout=3, total=5).fetch(address.format(port=site.port))
    assert "not a public address" in str(error.value) or "not known" in str(error.value)
    assert site.requests == []


def test_a_name_that_resolves_to_inside_or_to_both_is_refused(site: Site) -> None:
    for found in (["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["169.254.169.254"], ["::1"]):
        fetcher = HttpFetcher(resolver=lambda host, port, found=found: found)  # type: ignore[misc]
        with pytest.raises(SourceError, match="not a public address"):
            fetcher.fetch(f"http://rebind.example:{site.port}/")
    assert site.requests == []


def test_rebinding_between_redirects_is_refused(site: Site) -> None:
    """The name is harmless at first and turns inside for the second request."""
    site.pages["/a"] = redirect(f"http://other.example:{site.port}/b")
    site.pages["/b"] = lambda request: answer(request, b"secret")
    addresses = {"one.example": "127.0.0.1", "other.example": "10.0.0.1"}
    fetcher = HttpFetcher(allowed_private_networks=LOCAL, resolver=lambda host, port: [addresses[host]])
    with pytest.raises(SourceError, match=r"10\.0\.0\.1 is not a public address"):
        fetcher.fetch(f"http://one.example:{site.port}/a")
    assert [path for path, _ in site.requests] == ["/a"]


@pytest.mark.parametrize(
    "to",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://[::1]/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "gopher://127.0.0.1/",
        "http://user:pass@127.0.0.1/",
        "//192.168.0.1/x",
        "http://[::1",
        "http://exa mple/",
        "http://127.0.0.1:99999999/",
        "x" * 5000,
    ],
)
def test_every_redirect_is_checked(site: Site, fetcher: HttpFetcher, to: str) -> None:
    site.pages["/"] = redirect(to)
    with pytest.raises(SourceError):
        fetcher.fetch(site.url + "/")
    assert len(site.requests) == 1


def test_redirects_are_followed_and_a_loop_ends(site: Site, fetcher: HttpFetcher) -> None:
    site.pages["/a"] = redirect("b?x=1")
    site.pages["/b"] = lambda request: answer(request, b"here")
    told = fetcher.fetch(site.url + "/a")
    assert (told.url, told.body) == (site.url + "/b?x=1", b"here")
    site.pages["/loop"] = redirect("/loop")
    with pytest.raises(SourceError, match="redirects"):
        fetcher.fetch(site.url + "/loop")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://a.example/",
        "nonsense",
        "",
        "http://",
        "http://u:secret@a.example/",
        "ftp://u:secret@a.example/",
    ],
)
def test_other_schemes_and_passwords_are_refused(fetcher: HttpFetcher, url: str) -> None:
    with pytest.raises(SourceError) as error:
        fetcher.fetch(url)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("status", "said"), [(404, "moved"), (410, "moved"), (403, "let us in"), (500, "later"), (503, "later")]
)
def test_other_answers_are_told_with_advice(site: Site, fetcher: HttpFetcher, status: int, said: str) -> None:
    site.pages["/"] = lambda request: answer(request, b"x" * 100, status, Retry_After="5")
    with pytest.raises(SourceError, match=f"{status}") as error:
        fetcher.fetch(site.url + "/")
    assert said in error.value.hint
    told = fetcher.fetch(site.url + "/", allow=frozenset({status}))
    assert (told.status, told.headers["retry-after"]) == (status, "5")


def test_headers_in_other_encodings_do_no_harm(site: Site, fetcher: HttpFetcher) -> None:
    def page(request: BaseHTTPRequestHandler) -> None:
        answer(request, b"ok", ETag='"\u00e9t\u00e9"')

    site.pages["/%C3%A9t%C3%A9"] = page
    site.pages["/"] = redirect("/\u00c3\u00a9t\u00c3\u00a9")  # UTF-8 as http.server writes it, byte for byte
    told = fetcher.fetch(site.url + "/")
    assert told.url == site.url + "/%C3%A9t%C3%A9"
    assert fetcher.fetch(site.url + "/", etag=told.etag, last_modified="Mon \u20ac").body == b"ok"


def test_a_body_goes_into_a_file(site: Site, fetcher: HttpFetcher) -> None:
    site.pages["/"] = lambda request: answer(request, gzip.compress(b"a" * 1000), Content_Encoding="gzip")
    file = io.BytesIO()
    told = fetcher.fetch(site.url + "/", into=file)
    assert (told.body, told.size, file.getvalue()) == (b"", 1000, b"a" * 1000)


def test_check_says_what_answers_without_reading_it(site: Site, fetcher: HttpFetcher) -> None:
    def huge(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/csv; charset=utf-8")
        request.send_header("Content-Length", "900000000000")
        request.end_headers()

    site.pages["/huge"] = huge
    site.pages["/"] = redirect("/huge")
    assert fetcher.check(site.url + "/huge") == "answers 200, text/csv, 900,000,000,000 bytes"
    assert fetcher.check(site.url + "/").endswith(f"(at {site.url}/huge)")
    with pytest.raises(SourceError, match="404"):
        fetcher.check(site.url + "/none")
