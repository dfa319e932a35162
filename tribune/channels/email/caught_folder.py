"""Look into the outbox folder. What a mail says on its outside is read once and kept; files are only read when new."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from datetime import datetime
from email.headerregistry import AddressHeader
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import default
from heapq import nlargest
from pathlib import Path

from tribune.channels.email.outbox_folder import content_of
from tribune.ports.caught import CaughtMail

MOST = 5_000
"""How many mails are looked at: the newest ones."""

_HEAD = 16_384


class CaughtFolder:
    """Implements tribune.ports.caught.CaughtMails. Safe to use from several threads."""

    def __init__(self, folder: Path, most: int = MOST) -> None:
        self._folder = folder
        self._most = most
        self._known: dict[tuple[str, int], CaughtMail] = {}
        self._lock = threading.Lock()

    def newest(self) -> Sequence[CaughtMail]:
        with self._lock:
            self._known = {key: mail for key in self._files() if (mail := self._known.get(key) or self._read(key[0]))}
            return sorted(self._known.values(), key=_newest_first, reverse=True)

    def content(self, delivery: str) -> bytes:
        return content_of(self._folder, delivery)

    def _files(self) -> list[tuple[str, int]]:
        """Name and time of change of the newest files."""
        try:
            with os.scandir(self._folder) as entries:
                found = [
                    (entry.name.removesuffix(".eml"), entry.stat().st_mtime_ns)
                    for entry in entries
                    if entry.name.endswith(".eml") and not entry.name.startswith(".")
                ]
        except OSError:
            return []  # nothing was caught yet
        return nlargest(self._most, found, key=lambda file: file[1])

    def _read(self, delivery: str) -> CaughtMail | None:
        try:
            envelope = json.loads((self._folder / f"{delivery}.json").read_bytes())
            message = _headers(self._folder / f"{delivery}.eml")
            to = message["to"]
            people = to.addresses if isinstance(to, AddressHeader) else ()
            return CaughtMail(
                delivery=delivery,
                recipient=str(envelope["recipient"]),
                name=people[0].display_name if people else "",
                subject=str(message["subject"] or ""),
                locale=str(envelope["locale"]),
                caught_at=datetime.fromisoformat(envelope["caught_at"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None  # gone meanwhile, or not one of ours


def _headers(path: Path) -> Message:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return BytesHeaderParser(policy=default).parsebytes(head.partition(b"\r\n\r\n")[0])


def _newest_first(mail: CaughtMail) -> tuple[datetime, list[int]]:
    return mail.caught_at, [_number(part) for part in mail.delivery.split(".")]


def _number(part: str) -> int:
    return int(part) if part.isascii() and part.isdigit() and len(part) < 19 else 0
