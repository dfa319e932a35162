"""Undo an answer's gzip within a bound, so that a small answer cannot fill the memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from tribune.domain.errors import SourceError

PIECE = 1 << 18  # bytes that one step may yield


class Decoder:
    """Feed it raw chunks; it yields the body in pieces. Raises SourceError past `max_bytes` or on broken data."""

    def __init__(self, encoding: str, max_bytes: int, where: str) -> None:
        self.size = 0
        self._max = max_bytes
        self._where = where
        self._encoding = encoding.strip().lower().removeprefix("x-")
        if self._encoding not in ("", "identity", "gzip"):
            raise SourceError(f"An answer in the encoding {encoding!r}, which we did not ask for.", where=where)
        self._inflater = _new() if self._encoding == "gzip" else None
        self._begun = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The pieces that this chunk completes."""
        if self._inflater is None:
            yield self._counted(chunk)
            return
        rest = chunk
        while rest:
            try:
                piece = self._inflater.decompress(rest, PIECE)
            except zlib.error as error:
                raise self._broken(error) from None
            self._begun = True
            if piece:
                yield self._counted(piece)
            if self._inflater.eof:
                # gzip members may follow one another (RFC 1952); zero bytes behind the last are padding.
                rest = self._inflater.unused_data.lstrip(b"\0")
                if rest:
                    self._inflater = _new()
                continue
            rest = self._inflater.unconsumed_tail
            if not rest and not piece:
                break

    def end(self) -> Iterator[bytes]:
        """What is left. Raises SourceError where the data ends too early."""
        if self._inflater is None or not self._begun:
            return
        piece = self._inflater.flush()
        if piece:
            yield self._counted(piece)
        if not self._inflater.eof:
            raise self._broken("it ends too early")

    def _counted(self, piece: bytes) -> bytes:
        self.size += len(piece)
        if self.size > self._max:
            raise SourceError(
                f"The answer is larger than {self._max:,} bytes.",
                where=self._where,
                hint="If this source may be that large, raise max_bytes in [http] (or of the ILOSTAT source).",
            )
        return piece

    def _broken(self, error: object) -> SourceError:
        return SourceError(f"The compressed answer is broken: {error}.", where=self._where, hint="Try again later.")


def _new() -> zlib._Decompress:
    return zlib.decompressobj(zlib.MAX_WBITS | 16)  # 16: with gzip's header and check sum
