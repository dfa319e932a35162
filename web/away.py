"""What cannot be done now and may be done in a moment: what tells such errors from faults. Every page,
form and call of the API answers them with 503 and says when to come again."""

from __future__ import annotations

import sqlite3

from tribune.store.away import store_away

RETRY_SECONDS = "10"
"""What `Retry-After` says."""

_HELD = frozenset({"55P03", "40P01", "57014"})
"""PostgreSQL waited for a lock for too long, ended one of two that waited for each other, or a statement that took too
long."""
_SQLITE_HELD = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def is_busy(error: BaseException) -> bool:
    """Whether somebody else has held for too long what this needed. Nothing was changed."""
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlite_errorcode", None)
    return getattr(cause, "sqlstate", None) in _HELD or (code is not None and code & 0xFF in _SQLITE_HELD)


def is_away(error: BaseException) -> bool:
    """Whether it is the store or the log that failed, and not what was asked."""
    return store_away(error) or isinstance(error, (ConnectionError, TimeoutError))
