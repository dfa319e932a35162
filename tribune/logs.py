"""Structured logs: human in a terminal, JSON otherwise, with the event's correlation id (structlog contextvars).

Links in mails carry signed tokens: they are cut out of every log line (decisions.md, 29).
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_TOKEN = re.compile(r"/(u|p)/[A-Za-z0-9_.~:+%-]+")
# No local variables: they may hold names and addresses (decisions.md, 6).
_TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
_SECRETS = frozenset({"password", "secret", "token", "authorization", "signing_key"})


def _redact(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in entry.items():
        if key in _SECRETS:
            entry[key] = "***"
        elif isinstance(value, str):
            entry[key] = _TOKEN.sub(r"/\1/***", value)
    return entry


class _RedactFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        redacted = _TOKEN.sub(r"/\1/***", message)
        if redacted != message:
            record.msg, record.args = redacted, ()
        return True


def configure(level: str = "info", format: str = "auto") -> None:
    """Set up logging for this process; `format` is auto, human or json. Logs go to standard error."""
    human = format == "human" or (format == "auto" and sys.stderr.isatty())
    number = getattr(logging, level.upper())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _redact,
    ]
    last: list[Any] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if human
        else [_TRACEBACKS, structlog.processors.JSONRenderer(ensure_ascii=False)]
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
