"""A mail server that writes down every mail **before** it answers for it: what it accepted is counted exactly.

Usage: python -m tools.crash.sink RECORD PORT [MAILS_A_SECOND [ONE_IN]]

One line a mail is appended to RECORD: monotonic seconds, Message-ID, recipient, marks of items (`zq00012qz`) found in
the body, separated by tabs. It is never killed, so what stands there is what left. With MAILS_A_SECOND it answers no
faster than that: senders are then at work whenever a fault comes. From SIGUSR1 to SIGUSR2 it refuses one mail in ONE_IN
for now (451): its line has `451` for the marks.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import cast

CAN = (b"sink.crash.example", b"PIPELINING", b"8BITMIME", b"SMTPUTF8", b"SIZE")
EHLO = b"".join(b"250-%b\r\n" % word for word in CAN) + b"250 ENHANCEDSTATUSCODES\r\n"
OK = b"250 2.0.0 ok\r\n"
NOT_NOW = b"451 4.2.0 not now, come again later\r\n"
REFUSED = b"451"
"""What stands for the marks of a mail that was refused for now."""
MARK = re.compile(rb"zq(\d{5})qz")
_ID = re.compile(rb"^message-id:\s*<([^>]+)>", re.IGNORECASE | re.MULTILINE)
_PATH = re.compile(rb"<([^>]*)>")


class Record:
    """The file, the pace at which mails are answered, and which are refused: while `refusing`, one in `one_in`."""

    def __init__(self, path: Path, rate: float, one_in: int = 0) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._every = 1 / rate if rate else 0.0
        self._next = time.monotonic()
        self._one_in = one_in
        self._seen = 0
        self._refusing = False

    def refuse(self, refusing: bool) -> None:
        """Begin to refuse mails, or refuse none any more."""
        self._refusing = refusing

    def take(self, recipient: bytes, content: bytes) -> tuple[float, bytes]:
        """Write one mail down; how many seconds its answer has to wait, and the answer."""
        head, _, _ = content.partition(b"\r\n\r\n")
        found = _ID.search(head)
        marks = sorted(set(MARK.findall(content.replace(b"=\r\n", b""))))
        now = time.monotonic()
        self._seen += self._refusing
        refused = self._refusing and self._one_in > 0 and self._seen % self._one_in == 0
        what = REFUSED if refused else b",".join(marks)
        fields = (f"{now:.4f}".encode(), found[1] if found else b"-", recipient, what)
        os.write(self._handle, b"\t".join(fields) + b"\n")
        self._next = max(self._next + self._every, now)
        return self._next - now, NOT_NOW if refused else OK


class Sink(asyncio.Protocol):
    """One connection. Commands may come split or glued (RFC 2920); answers keep their order."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._buffer = bytearray()
        self._recipient = b""
        self._in_data = False
        self._resting = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass
        self._transport.write(b"220 sink.crash.example ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._resting:
            self._go_on()

    def _go_on(self) -> None:
        while self._transport is not None and not self._transport.is_closing():
            if self._in_data:
                taken = self._mail()
                if taken is None:
                    return
                wait, answer = taken
                if wait > 0.002:
                    self._resting = True
                    asyncio.get_running_loop().call_later(wait, self._answer_late, answer)
                    return
                self._say(answer)
                continue
            line, ended, rest = self._buffer.partition(b"\r\n")
            if not ended:
                return
            self._buffer = rest
            self._command(bytes(line))

    def _mail(self) -> tuple[float, bytes] | None:
        """Write down the mail whose end has come: how long its answer waits, and the answer; None where the end has not
        come."""
        if self._buffer.startswith(b".\r\n"):
            content, rest = b"", self._buffer[3:]
        else:
            end = self._buffer.find(b"\r\n.\r\n")
            if end < 0:
                return None
            content, rest = bytes(self._buffer[: end + 2]), self._buffer[end + 5 :]
        self._buffer = rest
        self._in_data = False
        return self._record.take(self._recipient, content)

    def _answer_late(self, answer: bytes) -> None:
        self._resting = False
        self._say(answer)
        self._go_on()

    def _command(self, line: bytes) -> None:
        verb = line[:4].upper()
        if verb in (b"EHLO", b"HELO"):
            self._say(EHLO)
        elif verb == b"RCPT":
            found = _PATH.search(line)
            self._recipient = found[1] if found else b"-"
            self._say(OK)
        elif verb == b"DATA":
            self._in_data = True
            self._say(b"354 go on\r\n")
        elif verb == b"QUIT":
            self._say(b"221 2.0.0 bye\r\n")
            if self._transport is not None:
                self._transport.close()
        elif verb in (b"MAIL", b"RSET", b"NOOP"):
            self._say(OK)
        else:
            self._say(b"502 5.5.1 not known here\r\n")

    def _say(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


async def serve(path: Path, port: int, rate: float, one_in: int) -> None:
    """Serve until SIGTERM."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    record = Record(path, rate, one_in)
    loop.add_signal_handler(signal.SIGUSR1, record.refuse, True)
    loop.add_signal_handler(signal.SIGUSR2, record.refuse, False)
    await loop.create_server(lambda: Sink(record), "127.0.0.1", port, backlog=512)
    await ended.wait()


if __name__ == "__main__":
    import uvloop

    record, port, rate, one_in = (*sys.argv[1:], "0", "0")[:4]
    uvloop.run(serve(Path(record), int(port), float(rate), int(one_in)))
