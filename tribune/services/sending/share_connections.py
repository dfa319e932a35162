"""Share the connections to a mail server among all workers that send, wherever they run."""

from __future__ import annotations

import os
import socket
import uuid

import structlog

from tribune.domain.throttling import SHARE_SECONDS
from tribune.ports.clock import Clock
from tribune.ports.store import Store

log = structlog.get_logger()


class ConnectionShare:
    """One sender's part of `total` connections. It is asked for anew every few seconds, so that a sender that comes
    gets its part, and that of one which ends or dies goes to the others.

    A store that is away for a moment changes nothing: mail goes on over the connections that there are."""

    def __init__(self, store: Store, clock: Clock, channel: str, total: int) -> None:
        self._store = store
        self._clock = clock
        self._channel = channel
        self._total = total
        self._worker = f"{socket.gethostname()[:40]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._mine = 1
        self._asked_at: float | None = None

    def allowed(self) -> int:
        """How many connections this sender may have now."""
        now = self._clock.monotonic()
        if self._asked_at is None or now - self._asked_at >= SHARE_SECONDS:
            self._asked_at = now
            try:
                with self._store.write() as tx:
                    self._mine = tx.throttles.hold(self._channel, self._worker, self._total, tx.now())
            except Exception as error:  # whatever it is: no mail waits for it
                log.warning("the share of connections cannot be asked for", error=type(error).__name__)
        return self._mine

    def let_go(self) -> None:
        """The connections are closed: they are the others'."""
        try:
            with self._store.write() as tx:
                tx.throttles.let_go(self._channel, self._worker)
        except Exception as error:  # it ends by itself
            log.warning("the share of connections cannot be given back", error=type(error).__name__)
