"""What sources tell becomes items. May be replayed: old news changes nothing."""

from __future__ import annotations

import structlog

from consumers.loop import Consumer
from tribune.bootstrap import Application
from tribune.domain.events import PUBLICATIONS, CloudEvent
from tribune.ports.store import Transaction
from tribune.services.catalogue.catalogue_item import catalogue_record, withdraw_record
from tribune.services.catalogue.settle_records import Settled


def consumer(app: Application) -> Consumer:
    """The consumer group `catalogue`."""
    logger = structlog.get_logger()

    def tell(settled: Settled) -> None:
        app.metrics.count("catalogue_records", what=settled.what)
        logger.info("catalogued", item=settled.item_id, what=settled.what, releases=len(settled.releases))

    def record(tx: Transaction, event: CloudEvent) -> None:
        tell(catalogue_record(tx, event, app.codelists, app.clock.now()))

    def withdrawal(tx: Transaction, event: CloudEvent) -> None:
        tell(withdraw_record(tx, event, app.clock.now()))

    return Consumer(
        group="catalogue",
        topics=(PUBLICATIONS,),
        handlers={
            "publication.published": record,
            "publication.updated": record,
            "publication.withdrawn": withdrawal,
            "data.released": record,
            "data.revised": record,
            "session.scheduled": record,
            "session.updated": record,
            "session.cancelled": withdrawal,
        },
        projection=True,
    )
