"""Chunks of deliveries are ready: send them as one stream, and whatever of them is due for another attempt."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta

from consumers.loop import ActingTogether, Consumer
from tribune.bootstrap import Application
from tribune.domain.errors import TribuneError
from tribune.domain.events import DELIVERIES, ChunkReady, CloudEvent
from tribune.services.events.event_data import data_of
from tribune.services.sending.make_mails import Sender
from tribune.services.sending.send_retries import send_retries
from tribune.services.sending.send_stream import Stream


def consumer(app: Application) -> Consumer:
    """The consumer group `deliveries`. Its handler sends: it works outside of any transaction, and may run twice: a
    chunk that is done is claimed by nobody."""
    sender = sender_of(app)

    def send(events: Sequence[CloudEvent], pulse: Callable[[], None]) -> Sequence[Exception | None]:
        told = [data_of(event, ChunkReady) for event in events]
        chunks = [(ready.mailing, ready.chunk) for ready in told]
        stream = Stream(sender, chunks, pulse=pulse)
        broken: Exception | None = None
        try:
            stream.run()
        except Exception as error:
            if not stream.taken:
                raise
            broken = error
        errors: dict[tuple[int, int], Exception] = dict(stream.errors)
        looked_at = chunks[: stream.taken]
        if broken is not None:  # whoever is not seen through comes again; a chunk that is done is claimed by nobody
            return [None if chunk in stream.through else broken for chunk in looked_at]
        with app.store.read() as tx:
            again = tx.ledger.with_retries_due(set(looked_at), tx.now()) if looked_at else []
        for chunk in again:
            if sender.stopping():  # their events come again to whoever is next
                return [errors.get(one) for one in looked_at[: looked_at.index(chunk)]]
            try:
                send_retries(sender, *chunk)
                pulse()
            except TribuneError as error:
                errors[chunk] = error
        return [errors.get(chunk) for chunk in looked_at]

    return Consumer(group="deliveries", topics=(DELIVERIES,), handlers={"delivery.chunk-ready": ActingTogether(send)})


def sender_of(app: Application) -> Sender:
    """A sender of this process, with a name of its own in the ledger."""
    return Sender(
        store=app.store,
        clock=app.clock,
        channel=app.email,
        composer=app.composer,
        links=app.reader_links,
        digests=app.every_digest,
        owner=f"{socket.gethostname()[:40]}:{os.getpid()}:{uuid.uuid4().hex[:8]}",
        metrics=app.metrics,
        rates=app.rates,
        lease=timedelta(seconds=app.settings.ledger.lease_seconds),
        stopping=app.stopping.is_set,
        places=app.codelists.places,
    )
