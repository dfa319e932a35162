"""Hold on to what is being sent: its lease is renewed meanwhile, and it is settled in spite of a store that is away for
a moment. What became of the mails is known here alone, and what is not written down is sent again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread
from typing import TypeVar

import structlog

from tribune.domain.errors import ConfigurationError, TribuneError
from tribune.ports.store import Store, Transaction

log = structlog.get_logger()

TRIES = (0.1, 0.5, 2.0, *[5.0] * 12)
"""Waits between attempts to settle a window: what became of its mails is known here alone. A minute in all: a database
that restarts is back by then. It is safe however late, for the ledger refuses whoever lost the chunk meanwhile."""

TRIES_AT_A_STOP = 4
"""So many attempts where the sender is to stop: it must have ended before whoever stops it loses patience."""

Told = TypeVar("Told")


def settle_patiently(
    store: Store,
    settle: Callable[[Transaction], Told],
    stopping: Callable[[], bool],
    tries: Sequence[float] | None = None,
) -> Told:
    """What `settle` gives in a write transaction, tried again after each of the waits `tries` (TRIES: for a minute)
    where the store fails.

    `settle` may run several times, also after a commit whose answer was lost: its writes must be conditioned on the
    claim, and what it tells elsewhere must not pile up. Raises the store's last error, and at once what the house
    itself refuses (Conflict and its like).
    """
    for number, wait in enumerate((*(TRIES if tries is None else tries), None), 1):
        try:
            with store.write() as tx:
                return settle(tx)
        except (ConfigurationError, TribuneError):
            raise
        except Exception as error:
            if wait is None or (number > TRIES_AT_A_STOP and stopping()):
                raise
            log.warning("the ledger cannot be written, will try again", error=type(error).__name__, seconds=wait)
            time.sleep(wait)
    raise AssertionError("unreachable: the last try returns or raises")


@contextmanager
def renewing(lease: timedelta, renewals: Callable[[], Sequence[Callable[[], None]]]) -> Iterator[None]:
    """Call what `renewals` gives four times in each `lease`, in a thread, until the end. What one of them raises is
    logged and keeps no other back: there is time for another try."""
    over = Event()

    def keep() -> None:
        while not over.wait(lease.total_seconds() / 4):
            for renew in renewals():
                try:
                    renew()
                except Exception as error:
                    log.warning("a lease cannot be renewed now", error=type(error).__name__)

    keeper = Thread(target=keep, name="tribune-leases", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
