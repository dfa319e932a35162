"""A mail server's replies out of a stream of bytes (RFC 5321, 4.2), however they are cut or glued.

What is no reply marks the stream as broken, for good: after nonsense nobody knows which answer belongs to which
command. Nothing raises, and memory is bounded whatever the server sends.
"""

from __future__ import annotations

from typing import NamedTuple

LONGEST_LINE = 4_096
"""Bytes. RFC 5321 allows 512; real servers exceed it."""

MOST_LINES = 128
"""Lines in one reply."""


class Reply(NamedTuple):
    """A complete reply. `words` are its lines without the code, joined by LF."""

    code: int
    words: bytes


class ReplyParser:
    """`feed` it what comes in. `empty`: nothing stands half-read; `broken`: why the stream makes no sense, or ""."""

    __slots__ = ("_lines", "_rest", "broken", "empty")

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[bytes] = []
        self.empty = True
        self.broken = ""

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that are complete by now. What came before nonsense is still given."""
        replies: list[Reply] = []
        if self.broken:
            return replies
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            if len(line) > LONGEST_LINE:
                self._break("a reply's line is too long")
                return replies
            reply = self._line(line[:-1] if line.endswith(b"\r") else line)
            if self.broken:
                return replies
            if reply is not None:
                replies.append(reply)
        if len(rest) > LONGEST_LINE:
            self._break("a reply's line is too long")
            return replies
        self._rest = rest
        self.empty = not rest and not self._lines
        return replies

    def _line(self, line: bytes) -> Reply | None:
        code, mark = line[:3], line[3:4]
        if len(code) < 3 or not code.isdigit() or mark not in (b"", b" ", b"-"):
            self._break("a reply is not one")
            return None
        self._lines.append(line[4:])
        if mark == b"-":
            if len(self._lines) >= MOST_LINES:
                self._break("a reply never ends")
            return None
        words = b"\n".join(self._lines)
        self._lines = []
        return Reply(int(code), words)

    def _break(self, why: str) -> None:
        self.broken = why
        self.empty = False
        self._rest, self._lines = b"", []
