"""Logs: structured, with the correlation id, and without secrets."""

from __future__ import annotations

import json
import logging
import re

import pytest
import structlog

from tribune import logs


def test_a_line_is_json_outside_a_terminal_and_carries_the_correlation_id(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "auto")
    with structlog.contextvars.bound_contextvars(correlation_id="c-1"):
        structlog.get_logger().info("handled", type="publication.published")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["correlation_id"], line["level"]) == ("handled", "c-1", "info")


def test_links_and_passwords_are_cut_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    structlog.get_logger().info("opened", address="http://x/u/k1.7~letter~3.abcdef", password="hunter2")
    logging.getLogger("any").warning("opened %s", "/p/k1.7~letter~3.abcdef?x=1")
    told = capsys.readouterr().err
    assert "abcdef" not in told and "hunter2" not in told
    assert "/u/***" in told and "/p/***" in told


def test_the_level_is_heeded(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning", "json")
    structlog.get_logger().info("not this")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ({"nested": {"smtp_password": "hunter2"}}, {"nested": {"smtp_password": "***"}}),
        ({"links": ["/p/k1.7.hunter2"]}, {"links": ["/p/***"]}),
        ({"Authorization": "hunter2"}, {"Authorization": "***"}),
        ({"url": "http://u:hunter2@h/x?token=hunter2&a=1"}, {"url": "http://***@h/x?token=***&a=1"}),
        ({"error": "no mailbox awa@dakar.example here"}, {"error": "no mailbox ***@*** here"}),
    ],
)
def test_secrets_are_found_wherever_they_stand(
    told: dict[str, object], kept: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("info", "json")
    structlog.get_logger().info("told", **told)
    line = json.loads(capsys.readouterr().err)
    assert {key: line[key] for key in kept} == kept


def test_an_exception_is_told_without_values(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    try:
        raise ValueError("awa@dakar.example has /u/k1.7.hunter2")
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("any").exception("failed")
    told = capsys.readouterr().err
    assert "ValueError" in told
    assert "awa@" not in told and "hunter2" not in told


def test_links_of_staff_and_tokens_of_the_api_are_cut_out() -> None:
    told = "http://x/en/newsroom/invitation/abc_DEF-1 /fr/newsroom/sign-in/xyz?x=1 Bearer trb_abc_DEF-1, /m/k1.7.abc"
    assert logs.redacted(told) == (
        "http://x/en/newsroom/invitation/*** /fr/newsroom/sign-in/***?x=1 Bearer trb_***, /m/***"
    )


@pytest.mark.parametrize("format", ["human", "json"])
def test_nobody_writes_a_line_of_their_own_or_speaks_to_the_terminal(
    format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Log forging: what was asked for may hold line ends and escape sequences."""
    logs.configure("info", format)
    forged = "/en/x\n2026-11-23 [info] sign-in done\r\x1b[2J\x9b31m\u2028\u202e"
    structlog.get_logger().info("page failed", path=forged, told=[forged], more={forged: 1})
    logging.getLogger("any").warning("asked for %s", forged)
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 2
    plain = told.replace("\x1b[0m", "") if format == "human" else told
    assert "\x1b[2J" not in told and "\x9b" not in told and "\u202e" not in told and "\r" not in plain
    assert re.search(r"/en/x\\+n2026", told)


def test_an_address_in_a_query_or_an_error_is_none_any_more() -> None:
    assert logs.redacted("GET /people?q=ada%40union.example&page=2") == "GET /people?q=***@***&page=2"
    told = str(logs._clean({"error": ValueError("no ada@union.example"), "raw": b"ada@union.example"}))
    assert "ada" not in told and "ValueError" in told
