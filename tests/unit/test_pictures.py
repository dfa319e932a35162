"""The pictures of the documentation: each is shown somewhere and each that is shown is there; they are kept small."""

from __future__ import annotations

import re
import struct
import zlib

from tests.conftest import ROOT
from tools.pictures.png import SIGNATURE, smaller

IMAGES = ROOT / "docs" / "images"


def test_each_picture_is_shown_and_each_that_is_shown_is_there() -> None:
    shown = set()
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for path in re.findall(r"!\[[^\]]+\]\(([^)\s]+\.png)\)", page.read_text(encoding="utf-8")):
            shown.add((page.parent / path).resolve())
    assert shown == set(IMAGES.rglob("*.png"))


def test_all_pictures_together_are_small() -> None:
    assert sum(file.stat().st_size for file in IMAGES.rglob("*.png")) < 1_500_000


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def test_a_picture_becomes_smaller_and_stays_what_it_was() -> None:
    """Two rows of three, each filtered in another way: white, blue, black; then the same again, and a red one."""
    white, blue, black, red = (255, 255, 255), (30, 45, 190), (0, 0, 0), (250, 60, 75)
    above = [*white, *blue, *black]
    below = [*white, *blue, *red]
    rows = bytes([0, *above]) + bytes([2, *((b - a) % 256 for a, b in zip(above, below, strict=True))])
    head = struct.pack(">IIBBBBB", 3, 2, 8, 2, 0, 0, 0)
    png = SIGNATURE + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    made = smaller(png)
    assert struct.unpack(">IIBB", made[16:26]) == (3, 2, 8, 3), "with a palette"
    palette_at, pixels_at = made.index(b"PLTE") + 4, made.index(b"IDAT") + 4
    lines = zlib.decompress(made[pixels_at:])
    found = [tuple(made[palette_at + 3 * n : palette_at + 3 * n + 3]) for n in lines[1:4] + lines[5:8]]
    for wanted, got in zip([white, blue, black, white, blue, red], found, strict=True):
        assert max(abs(a - b) for a, b in zip(wanted, got, strict=True)) < 8
