"""A chunk of deliveries is ready: send it, and whatever of it is due for another attempt."""

from __future__ import annotations

import os
import socket
import uuid
from datetime import timedelta

from consumers.loop import Acting, Consumer
from tribune.bootstrap import Application
from tribune.domain.events import DELIVERIES, ChunkReady, CloudEvent
from tribune.services.events.event_data import data_of
from tribune.services.sending.make_mails import Sender
from tribune.services.sending.send_chunk import send_chunk
from tribune.services.sending.send_retries import send_retries


def consumer(app: Application) -> Consumer:
    """The consumer group `deliveries`. Its handler sends: it works outside of any transaction, and may run twice."""
    sender = sender_of(app)

    def send(event: CloudEvent) -> None:
        ready = data_of(event, ChunkReady)
        send_chunk(sender, ready.mailing, ready.chunk)
        send_retries(sender, ready.mailing, ready.chunk)

    return Consumer(group="deliveries", topics=(DELIVERIES,), handlers={"delivery.chunk-ready": Acting(send)})


def sender_of(app: Application) -> Sender:
    """A sender of this process, with a name of its own in the ledger."""
    return Sender(
        store=app.store,
        clock=app.clock,
        channel=app.email,
        composer=app.composer,
        links=app.reader_links,
        digests=app.digests,
        owner=f"{socket.gethostname()[:40]}:{os.getpid()}:{uuid.uuid4().hex[:8]}",
        metrics=app.metrics,
        lease=timedelta(seconds=app.settings.ledger.lease_seconds),
        stopping=app.stopping.is_set,
    )
