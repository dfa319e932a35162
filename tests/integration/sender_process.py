"""A sender in a process of its own, for tests that kill it: sends chunks of a mailing into an outbox folder.

Usage: python -m tests.integration.sender_process FOLDER MAILING CHUNKS LEASE_SECONDS

Every hand-over is written to FOLDER/handed.log (one line, appended in one write, before the channel has it) and every
mail that the channel called sent to FOLDER/sent.log.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

from tests.planned import make_sender
from tribune.bootstrap import Application
from tribune.channels.email.outbox_folder import OutboxFolder
from tribune.config import Settings
from tribune.domain.mailings import ChunkState
from tribune.ports.channels import Outcome, OutgoingMail
from tribune.services.sending.send_chunk import send_chunk
from tribune.services.sending.send_retries import release_retries


class Watched(OutboxFolder):
    """The outbox folder, a little slower, with a record of what went through its hands."""

    def send(self, mails: Iterable[OutgoingMail | None]) -> Iterator[Outcome | None]:
        def watched() -> Iterator[OutgoingMail | None]:
            for mail in mails:
                if mail is None:
                    yield None
                    continue
                append(self.folder.parent / "handed.log", mail.delivery)
                time.sleep(0.001)
                yield mail

        for outcome in super().send(watched()):
            if outcome is None:
                yield None
                continue
            append(self.folder.parent / "sent.log", outcome.delivery)
            yield outcome


def append(path: Path, line: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(handle, f"{line}\n".encode())
    os.close(handle)


def settings_in(folder: Path) -> Settings:
    return Settings.model_validate(
        {
            "data_dir": folder,
            "store": {"url": f"sqlite:///{folder}/tribune.sqlite3"},
            "email": {"outbox_folder": folder / "outbox"},
            "digests": {"letter": {"names": {"en": "The letter"}, "sender": "letter@observatory.example"}},
        }
    )


def main(folder: Path, mailing: int, chunks: int, lease: float) -> None:
    app = Application(settings_in(folder))
    sender = make_sender(app, Watched(folder / "outbox"), f"process {os.getpid()}", lease=timedelta(seconds=lease))
    while True:
        for chunk in range(chunks):
            send_chunk(sender, mailing, chunk)
        with app.store.write() as tx:
            release_retries(tx, app.clock.now())
            if all(view.state == ChunkState.DONE.value for view in tx.ledger.chunks(mailing)):
                return
        time.sleep(0.05)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
