"""SMTP (RFC 5321) over a pool of kept, pipelined connections: TLS verified, AUTH, one answer per recipient.

One recipient a transaction: nothing of one person can get into another's message. Which answer means what stands in
`replies.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tribune.channels.email.smtp.pool import Pool
from tribune.channels.email.smtp.settings import Server
from tribune.domain.errors import ConfigurationError
from tribune.domain.sending import InDoubt
from tribune.ports.channels import Outcome, OutgoingMail


class Share(Protocol):
    """The part of all workers' connections that one call of `send` may have (services.sending.share_connections)."""

    def allowed(self) -> int: ...

    def let_go(self) -> None: ...


class SmtpChannel:
    """Implements tribune.ports.channels.EmailChannel. `timeout` (seconds) is for each answer, and four times that for
    a whole mail; `connections`: at most so many for each call of `send` that runs at the same time. `share` makes what
    says how many of all workers' connections such a call may have; none is kept afterwards then.
    Raises ConfigurationError for a password that would cross the network in the clear."""

    name = "smtp"
    in_doubt = InDoubt.SEND_AGAIN

    def __init__(
        self,
        *,
        host: str,
        port: int,
        security: str = "starttls",
        username: str = "",
        password: str = "",
        password_file: Path | None = None,
        auth: str = "auto",
        ca_file: Path | None = None,
        timeout: float = 30.0,
        connections: int = 10,
        share: Callable[[], Share] | None = None,
    ) -> None:
        if username and security == "none" and not _is_loopback(host):
            raise ConfigurationError(
                "email.smtp.security = 'none': a password is never sent without TLS to another machine. "
                "Use 'starttls' or 'tls', or leave username and password out."
            )
        self._server = Server(
            host, port, security, username, password, auth, ca_file, timeout, connections, password_file
        )
        self._share = share
        self._kept: list[Pool] = []
        self._lock = threading.Lock()
        self._end = weakref.finalize(self, _close_collected, self._kept)

    def __repr__(self) -> str:
        return f"SmtpChannel({self._server.host}:{self._server.port}, {self._server.security})"

    def send(self, mails: Iterable[OutgoingMail | None]) -> Iterator[Outcome | None]:
        if self._share is not None:
            yield from self._send_with(self._share(), mails)
            return
        with self._pool() as pool:
            yield from pool.send(mails)

    def _send_with(self, share: Share, mails: Iterable[OutgoingMail | None]) -> Iterator[Outcome | None]:
        pool = Pool(self._server, share.allowed)
        try:
            yield from pool.send(mails)
        finally:
            pool.close()
            share.let_go()

    def forget_before(self, instant: datetime) -> int:
        """Nothing is kept here."""
        return 0

    def forget(self, deliveries: Iterable[str]) -> int:
        """Nothing is kept here."""
        return 0

    def check(self) -> str:
        pool = Pool(self._server)
        try:
            words = pool.open_one().describe()
        finally:
            pool.close()
        server = self._server
        signed_in = f" Signed in as {server.username}." if server.username else " Nobody is signed in."
        return (
            f"The mail server {server.host}:{server.port} answers{words}.{signed_in} "
            "Tribune does not sign with DKIM: the mail server must."
        )

    def close(self) -> None:
        """Say goodbye on the connections that are kept. The channel can be used again."""
        with self._lock:
            pools, self._kept[:] = list(self._kept), []
        _close_all(pools)

    @contextlib.contextmanager
    def _pool(self) -> Iterator[Pool]:
        """A pool that nobody else uses now; kept afterwards, with its connections, for whoever comes next."""
        with self._lock:
            pool = self._kept.pop() if self._kept else None
        pool = pool or Pool(self._server)
        try:
            yield pool
        finally:
            with self._lock:
                self._kept.append(pool)


def _close_all(pools: list[Pool]) -> None:
    while pools:
        pools.pop().close()


def _close_collected(pools: list[Pool]) -> None:
    """The collector calls this in whatever thread it is at work: where a loop runs, another one cannot."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        _close_all(pools)
    else:
        threading.Thread(target=_close_all, args=(pools,), name="smtp-goodbye").start()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
