"""Which errors say that the store is away, or takes no writes just now, whatever it was asked.

Whoever works through events, requests or files blames none of them for such an error, and waits: the disk is full, the
server is shutting down or has become read-only, the file is locked. What may be the fault of what was asked (a
statement that takes too long, a constraint, a lock that is waited for) is none of these.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy.exc import TimeoutError as NoneFree

_SQLITE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)
_STATES = ("08", "53", "57P", "25006")
"""PostgreSQL's connection exceptions, insufficient resources (a full disk), operator interventions that end the
connection (57014, a statement that was cancelled, is none), and a transaction that may only read."""
_UNSUPPORTED = "0A000"
"""What a standby says to a transaction that asks to write at its begin, as connections do that have read before:
"cannot set transaction read-write mode during recovery"."""


def store_away(error: BaseException) -> bool:
    """Whether this is an error of a store that is away, or takes no writes just now."""
    if isinstance(error, NoneFree) or getattr(error, "connection_invalidated", False):
        return True
    driver: Any = getattr(error, "orig", None) or error
    if isinstance(driver, sqlite3.Error):
        return getattr(driver, "sqlite_errorcode", 0) & 0xFF in _SQLITE
    if not hasattr(driver, "sqlstate"):
        return False
    if driver.sqlstate is None:  # it is of the driver: the server could not say anything
        return any(kind.__name__ == "OperationalError" for kind in type(driver).__mro__)
    return str(driver.sqlstate).startswith(_STATES) or (driver.sqlstate == _UNSUPPORTED and "recovery" in str(driver))
