"""Small PNG files: pictures of pages have few colours, so that a palette of 256 loses nothing that an eye sees."""

from __future__ import annotations

import struct
import zlib
from collections import Counter

SIGNATURE = b"\x89PNG\r\n\x1a\n"
Colour = tuple[int, int, int]


def smaller(png: bytes) -> bytes:
    """The same picture with a palette. Takes 8 bits of red, green and blue without transparency, as browsers do."""
    width, height, raw = _pixels(png)
    colours = Counter(zip(raw[0::3], raw[1::3], raw[2::3], strict=True))
    palette = [colour for colour, _ in colours.most_common(256)]
    places = {colour: place for place, colour in enumerate(palette)}
    near: dict[Colour, int] = {}  # the rest are edges of letters: of shades that lie close together, one tells for all
    for colour in colours.keys() - places.keys():
        coarse = (colour[0] >> 3, colour[1] >> 3, colour[2] >> 3)
        if coarse not in near:
            near[coarse] = min(range(len(palette)), key=lambda place: _distance(palette[place], colour))
        places[colour] = near[coarse]
    indexes = bytes(map(places.__getitem__, zip(raw[0::3], raw[1::3], raw[2::3], strict=True)))
    lines = b"".join(b"\0" + indexes[row * width : (row + 1) * width] for row in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    colour_bytes = b"".join(bytes(colour) for colour in palette)
    return SIGNATURE + b"".join(
        _chunk(name, data)
        for name, data in ((b"IHDR", head), (b"PLTE", colour_bytes), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    )


def _distance(one: Colour, other: Colour) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _pixels(png: bytes) -> tuple[int, int, bytes]:
    """Width, height, and the bytes of red, green and blue, row by row."""
    at, packed, width, height, depth = len(SIGNATURE), b"", 0, 0, 3
    while at < len(png):
        (length,), name = struct.unpack(">I", png[at : at + 4]), png[at + 4 : at + 8]
        data = png[at + 8 : at + 8 + length]
        if name == b"IHDR":
            width, height, bits, kind = struct.unpack(">IIBB", data[:10])
            if bits != 8 or kind not in (2, 6):
                raise ValueError("a picture of 8 bits with red, green and blue is needed")
            depth = 3 if kind == 2 else 4
        elif name == b"IDAT":
            packed += data
        at += length + 12
    rows, stride = zlib.decompress(packed), width * depth
    before, found = bytearray(stride), []
    for row in range(height):
        start = row * (stride + 1)
        line = bytearray(rows[start + 1 : start + 1 + stride])
        _unfilter(rows[start], line, before, depth)
        found.append(bytes(line))
        before = line
    raw = b"".join(found)
    if depth == 4:
        kept = bytearray(width * height * 3)
        for n in range(3):
            kept[n::3] = raw[n::4]
        raw = bytes(kept)
    return width, height, raw


def _unfilter(kind: int, line: bytearray, above: bytearray, depth: int) -> None:
    """Undo what a row was filtered with (PNG, 9.2)."""
    if kind == 2:
        line[:] = bytes((value + up) & 255 for value, up in zip(line, above, strict=True))
    elif kind:
        for n in range(len(line)):
            left, up = (line[n - depth], above[n - depth]) if n >= depth else (0, 0)
            line[n] = (line[n] + _guess(kind, left, above[n], up)) & 255


def _guess(kind: int, left: int, above: int, corner: int) -> int:
    if kind == 1:
        return left
    if kind == 3:
        return (left + above) // 2
    guess = left + above - corner
    return min((left, above, corner), key=lambda value: abs(guess - value))
