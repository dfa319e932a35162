"""Mail into a folder: for trying out, for the demo, for tests. Nothing leaves the machine.

One mail is `12.0.37.eml`, the bytes as a mail server would get them, with `12.0.37.json` beside it: the envelope
(sender, recipient), locale, and the instant it was caught. A delivery's name is its file name, so that a mail that is
sent again overwrites itself; a folder therefore belongs to one store.

Files appear whole (written aside, then renamed, the envelope first). A mail counts as sent when both its files are on
the disk: neither a killed process nor a power cut loses one that the ledger calls sent. For speed up to 32 mails
are brought to the disk together (see disk.py).
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from tribune.channels.email.disk import put, sweep
from tribune.channels.email.envelope import refusal
from tribune.domain.errors import NotFound, Permanent, Throttled
from tribune.domain.sending import InDoubt
from tribune.ports.channels import Outcome, OutgoingMail
from tribune.ports.clock import Clock, SystemClock

_BATCH = 32
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]{0,99}")


class OutboxFolder:
    """Implements tribune.ports.channels.EmailChannel."""

    name = "outbox"
    in_doubt = InDoubt.SEND_AGAIN

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.folder = folder
        self._clock = clock or SystemClock()

    def send(self, mails: Iterable[OutgoingMail | None]) -> Iterator[Outcome | None]:
        source = iter(mails)
        more, broken = True, None
        while more:
            batch: list[OutgoingMail] = []
            dry = False
            while len(batch) < _BATCH and more and not dry:
                try:
                    mail = next(source)
                except StopIteration:
                    more = False
                except Exception as error:  # what is in hand is still written
                    more, broken = False, error
                else:
                    dry = mail is None
                    batch += [mail] if mail is not None else []
            if batch:
                yield from self._write(batch)
            if dry:
                yield None
        if broken is not None:
            raise broken

    def check(self) -> str:
        probe = self.folder / f".probe-{os.getpid()}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise Throttled(
                f"The outbox folder {self.folder} cannot be written: {error.strerror or error}.",
                hint="Set email.outbox_folder to a folder that you may write.",
            ) from None
        return (
            f"Mails are caught in the folder {self.folder.resolve()}; nothing leaves this machine, and nobody signs "
            'with DKIM. Set email.channel = "smtp" to send.'
        )

    def forget_before(self, instant: datetime) -> int:
        """Delete mails caught before an instant (decisions.md, 6: captured mails expire); how many files."""
        # Files carry the machine's time, the clock may be moved: what counts is the distance.
        age = (self._clock.now() - instant).total_seconds()
        return sweep(self.folder, time.time() - age)

    def forget(self, deliveries: Iterable[str]) -> int:
        """Delete the caught mails of these names; how many files."""
        gone = 0
        for name in deliveries:
            if _NAME.fullmatch(name):
                for file in (self.folder / f"{name}.eml", self.folder / f"{name}.json"):
                    try:
                        file.unlink()
                        gone += 1
                    except FileNotFoundError:
                        pass
        return gone

    def _write(self, batch: Sequence[OutgoingMail]) -> list[Outcome]:
        outcomes = []
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            files = []
            for mail in batch:
                error = _refusal(mail)
                if error is None:
                    files += self._files(mail)
                outcomes.append(Outcome(mail.delivery, error))
            put(files)
        except OSError as error:
            # The disk is full, or the folder gone: no mail of this batch counts as sent, and the rest waits.
            words = f"The outbox folder cannot be written: {error.strerror or type(error).__name__}"
            return [Outcome(mail.delivery, Throttled(words, code=words)) for mail in batch]
        return outcomes

    def _files(self, mail: OutgoingMail) -> list[tuple[Path, bytes]]:
        envelope = {
            "delivery": mail.delivery,
            "sender": mail.sender,
            "recipient": mail.recipient,
            "locale": mail.locale,
            "caught_at": self._clock.now().isoformat(),
        }
        return [
            (self.folder / f"{mail.delivery}.json", json.dumps(envelope, ensure_ascii=False, indent=1).encode()),
            (self.folder / f"{mail.delivery}.eml", mail.content),
        ]


def _refusal(mail: OutgoingMail) -> Permanent | None:
    if not _NAME.fullmatch(mail.delivery):
        return Permanent("The delivery's name is not one for a file.", code="550 bad delivery name (refused here)")
    return refusal(mail)


def content_of(folder: Path, delivery: str) -> bytes:
    """The bytes of a caught mail. Raises NotFound."""
    # The name may come from a web address: nothing but a plain file name of this folder is looked for.
    if _NAME.fullmatch(delivery):
        try:
            return (folder / f"{delivery}.eml").read_bytes()
        except OSError:
            pass
    raise NotFound("There is no such mail in the outbox.")
