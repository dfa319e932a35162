"""Structured logs: human in a terminal, JSON otherwise, with the event's correlation id (structlog contextvars).

Links in mails carry signed tokens: they are cut out of every log line (decisions.md, 29).
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

_TOKEN = re.compile(r"(?<!/)/([a-z]|newsroom/(?:sign-in|invitation))/[A-Za-z0-9_.~:+%-]+")
_API_TOKEN = re.compile(r"\btrb_[A-Za-z0-9_-]+")
_PART = r"[^\s<>\"',;:()\[\]/?&=]+"
_ADDRESS = re.compile(rf"{_PART}(?:@|%40){_PART}\.{_PART}")
_IN_LINK = re.compile(r"(?i)(//)[^/\s@]+@|([?&](?:token|key|api_key|secret|password|signature)=)[^&\s]+")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_SECRET = re.compile(r"(?i)password|secret|token|authorization|signing_key|api_key")
# No local variables: they may hold names and addresses (decisions.md, 6).
_TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


def redacted(text: str) -> str:
    """`text` without tokens of links, passwords in addresses, and e-mail addresses."""
    text = _API_TOKEN.sub("trb_***", _TOKEN.sub(r"/\1/***", text))
    text = _IN_LINK.sub(lambda found: f"{found[1] or found[2]}***" + ("@" if found[1] else ""), text)
    return _ADDRESS.sub("***@***", text)


def _on_one_line(text: str) -> str:
    """`text` with `\\n` for a line end, and so on: nobody writes a line of their own, or speaks to the terminal."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _on_one_line(redacted(value))
    if isinstance(value, Mapping):
        return {_clean(key): "***" if _SECRET.search(str(key)) else _clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(inner) for inner in value]
    if isinstance(value, BaseException | bytes):
        return _clean(repr(value))
    return value


def _redact(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return dict(_clean(entry))


class _RedactFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redacted(record.getMessage()), ()
        if record.exc_info and record.exc_info[1]:
            record.msg += f" ({type(record.exc_info[1]).__name__}: {redacted(str(record.exc_info[1]))})"
            record.exc_info = None
        record.msg = _on_one_line(record.msg)
        return True


def configure(level: str = "info", format: str = "auto") -> None:
    """Set up logging for this process; `format` is auto, human or json. Logs go to standard error."""
    human = format == "human" or (format == "auto" and sys.stderr.isatty())
    number = getattr(logging, level.upper())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Any] = (
        [_redact, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if human
        else [_TRACEBACKS, _redact, structlog.processors.JSONRenderer(ensure_ascii=False)]
    )
    structlog.configure(
        processors=shared + last,
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # looked up anew: tests and shells change it
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_RedactFilter())
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)
