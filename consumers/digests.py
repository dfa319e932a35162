"""An item became visible: who has a digest at once waits for it from now on. Slower rhythms find it by their marks."""

from __future__ import annotations

from consumers.loop import Consumer
from tribune.bootstrap import Application
from tribune.domain.events import CATALOGUE, CloudEvent, ItemReleased
from tribune.ports.store import Transaction
from tribune.services.events.event_data import data_of
from tribune.services.planning.wait_for_at_once import wait_for_at_once


def consumer(app: Application) -> Consumer:
    """The consumer group `digests`."""

    def released(tx: Transaction, event: CloudEvent) -> None:
        item = data_of(event, ItemReleased).item
        wait_for_at_once(tx, item, app.digests.values(), app.rules.at_once_wait, event.time, app.clock.now())

    return Consumer(group="digests", topics=(CATALOGUE,), handlers={"item.released": released})
