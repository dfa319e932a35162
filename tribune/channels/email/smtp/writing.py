"""What goes out over a line, and what is known of it: whether the kernel can have had a message's final dot.

A message is complete for a server only with its final dot. An event loop keeps in a buffer what the kernel does not
take, and throws that away without a word where the connection is reset. So the dot of a body that the kernel may not
take at once is not given to the loop before the kernel has taken the body: what is lost until then has not been sent,
for certain.
"""

from __future__ import annotations

import asyncio
import socket
from typing import cast

from tribune.channels.email.smtp.line import Line

LOOK_AGAIN = 0.01
"""Seconds. Under TLS nothing tells that the kernel has taken everything, so it is looked at."""


class Writing(Line):
    """`held_back`: the final dot (and the envelope behind it) that follows once the kernel has the whole body."""

    def __init__(self) -> None:
        super().__init__()
        self.held_back = b""
        self._under_tls: asyncio.Transport | None = None
        self._at_once = 0
        self._left = 0
        self._loop: asyncio.AbstractEventLoop

    def ready_to_write(self, transport: asyncio.Transport, under_tls: asyncio.Transport | None) -> None:
        """`under_tls`: the transport that TLS writes to."""
        self.transport, self._under_tls = transport, under_tls
        self._loop = asyncio.get_running_loop()
        # What is written goes to the kernel at once, and `resume_writing` says when it has everything.
        (under_tls or transport).set_write_buffer_limits(high=0)
        told = transport.get_extra_info("socket")
        # An empty queue takes so much in one go: the kernel counts its own bookkeeping as well. It is empty when a
        # body is due, because the server has answered everything that was in it.
        self._at_once = told.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // 4

    def write(self, data: bytes) -> bool:
        """Whether the line took it; False: it is dead, and nothing of `data` has left."""
        over, under = cast(asyncio.Transport, self.transport), self._under_tls
        if self.over or over.is_closing() or (under is not None and under.is_closing()):
            return False
        over.write(data)
        return not (over.is_closing() or (under is not None and under.is_closing()))

    def write_body(self, body: bytes, behind: bytes) -> bool:
        """A message without its final dot, then what follows it: in one write where the kernel takes that whole. False
        as above; `body_gone` is called when the kernel has the body and the rest is on its way."""
        if len(body) <= self._at_once:
            return self.write(body + behind)
        if not self.write(body):
            return False
        self.held_back, self._left = behind, self._unsent()
        if self._left and self._under_tls is not None:
            self._loop.call_later(LOOK_AGAIN, self._look_again)
        return True

    def moved(self) -> bool:
        """Whether the kernel has taken some of the body since this was asked the last time."""
        before, self._left = self._left, self._unsent()
        return self._left < before

    def follow(self) -> bool:
        """Write what was held back, if the kernel has the body by now. False where the line is dead."""
        if not self.held_back or (self._unsent() and not self._closing):  # a buffer that is dead is empty as well
            return True
        if not self.write(self.held_back):
            return False
        self.held_back = b""
        self.body_gone()
        return True

    def body_gone(self) -> None:
        """The kernel has the body, and what was held back is written."""

    def resume_writing(self) -> None:
        if not self.follow():
            self.lost()

    def lost(self) -> None:
        """The line turned out to be dead."""

    @property
    def _closing(self) -> bool:
        under, over = self._under_tls, cast(asyncio.Transport, self.transport)
        return self.over or over.is_closing() or (under is not None and under.is_closing())

    def _unsent(self) -> int:
        """Bytes that the kernel has not taken."""
        over = cast(asyncio.Transport, self.transport).get_write_buffer_size()
        return over + (self._under_tls.get_write_buffer_size() if self._under_tls is not None else 0)

    def _look_again(self) -> None:
        if self.held_back and not self.over:
            if not self.follow():
                self.lost()
            elif self.held_back:
                self._loop.call_later(LOOK_AGAIN, self._look_again)
