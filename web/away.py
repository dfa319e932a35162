"""What cannot be done now and may be done in a moment: the one place that tells such errors from faults. Every page,
form and call of the API answers them with 503 and says when to come again."""

from __future__ import annotations

RETRY_SECONDS = "10"
"""What `Retry-After` says."""

_HELD = frozenset({"55P03", "40P01"})
"""PostgreSQL waited for a lock for too long, or ended one of two that waited for each other."""
_SQLITE_HELD = frozenset({5, 6})
"""SQLITE_BUSY, SQLITE_LOCKED; the higher bits of a code say more."""


def is_busy(error: BaseException) -> bool:
    """Whether somebody else has held for too long what this needed. Nothing was changed."""
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlite_errorcode", None)
    return getattr(cause, "sqlstate", None) in _HELD or (code is not None and code & 0xFF in _SQLITE_HELD)


def is_away(error: BaseException) -> bool:
    """Whether it is the connection to the store or the log that failed, and not what was asked."""
    gone = getattr(error, "connection_invalidated", False)
    return bool(gone) or isinstance(error, (ConnectionError, TimeoutError)) or _no_connection(error)


def _no_connection(error: BaseException) -> bool:
    from sqlalchemy.exc import OperationalError
    from sqlalchemy.exc import TimeoutError as NoneFree

    return isinstance(error, NoneFree) or (isinstance(error, OperationalError) and error.statement is None)
