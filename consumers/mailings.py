"""An edition is due: who gets it is planned, and its deliveries are written."""

from __future__ import annotations

import structlog

from consumers.loop import Consumer
from tribune.bootstrap import Application
from tribune.domain.events import MAILINGS, CloudEvent, EditionDue
from tribune.ports.store import Transaction
from tribune.services.audience.refresh_masks import refresh_masks
from tribune.services.events.event_data import data_of
from tribune.services.planning.plan_edition import plan_edition

log = structlog.get_logger(__name__)


def consumer(app: Application) -> Consumer:
    """The consumer group `mailings`. Brings the masks in step with the code lists first."""
    changed = refresh_masks(app.store, app.codelists)
    if changed:
        log.info("subscriptions brought in step with the code lists", subscriptions=changed)

    def due(tx: Transaction, event: CloudEvent) -> None:
        edition = data_of(event, EditionDue)
        planned = plan_edition(tx, edition, event, app.every_digest, app.codelists, app.rules, app.clock.now())
        if planned.mailing is not None:
            log.info(
                "edition planned",
                mailing=planned.mailing,
                digest=edition.digest,
                cadence=edition.cadence,
                occasion=edition.occasion,
                recipients=planned.recipients,
                nothing_new_for=planned.skipped_empty,
                chunks=planned.chunks,
            )

    return Consumer(group="mailings", topics=(MAILINGS,), handlers={"edition.due": due})
