"""An item became visible: who has a digest at once waits for it from now on. Slower rhythms find it by their marks."""

from __future__ import annotations

from consumers.loop import Consumer
from tribune.bootstrap import Application
from tribune.domain.events import CATALOGUE, CloudEvent, ItemReleased
from tribune.ports.store import Transaction
from tribune.services.events.event_data import data_of
from tribune.services.planning.tick import claim_at_once
from tribune.services.planning.wait_for_at_once import wait_for_at_once


def consumer(app: Application) -> Consumer:
    """The consumer group `digests`."""

    def released(tx: Transaction, event: CloudEvent) -> None:
        item, now = data_of(event, ItemReleased).item, app.clock.now()
        waiting = wait_for_at_once(tx, item, app.digests.values(), app.rules.at_once_wait, event.time, now)
        for digest in () if app.rules.at_once_wait else waiting:
            if claim_at_once(tx, digest, now) is not None:
                app.metrics.count("editions_due", digest=digest, late="false")

    return Consumer(group="digests", topics=(CATALOGUE,), handlers={"item.released": released})
