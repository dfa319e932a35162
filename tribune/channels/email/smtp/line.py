"""The line to a mail server while a connection is being made: one command, one reply (opening.py speaks over it)."""

from __future__ import annotations

import asyncio
from typing import cast

from tribune.channels.email.replies import hung_up, too_slow
from tribune.channels.email.smtp.parser import Reply, ReplyParser


class Line(asyncio.Protocol):
    """A transport and the replies that come over it. `over`: the transport is closed."""

    def __init__(self) -> None:
        self.parser = ReplyParser()
        self.transport: asyncio.Transport | None = None
        self.over = False
        self._answer: asyncio.Future[Reply] | None = None
        self._heard: Reply | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    async def reply(self, seconds: float, step: str) -> Reply:
        """The next reply. Raises Throttled."""
        heard, self._heard = self._heard, None
        if heard is not None:
            return heard  # the greeting may be quicker than we are
        if self.over or self.parser.broken:
            raise hung_up(step)
        self._answer = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                return await self._answer
        except TimeoutError:
            raise too_slow(step) from None
        except ConnectionError:
            raise hung_up(step) from None
        finally:
            self._answer = None

    async def command(self, line: bytes, seconds: float, step: str) -> Reply:
        """Say something and wait for its reply. Raises Throttled."""
        if not self.clean or self.transport is None:
            raise hung_up(step)
        self.transport.write(line + b"\r\n")
        return await self.reply(seconds, step)

    @property
    def clean(self) -> bool:
        """The line stands, and nothing came over it that was not asked for."""
        return self.parser.empty and not self.parser.broken and self._heard is None and not self.over

    def hear(self, reply: Reply) -> bool:
        """A reply came; whether to go on reading."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(reply)
        elif self._heard is None:
            self._heard = reply
        else:
            self.parser.broken = "replies to nothing"
        return not self.parser.broken

    def hear_no_more(self, why: str) -> None:
        """The line is dead."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError(why))

    def describe(self) -> str:
        """What the line is like, in words."""
        tls = self.transport.get_extra_info("ssl_object") if self.transport is not None else None
        return f" over {tls.version()}, its certificate is valid" if tls is not None else " without TLS"
