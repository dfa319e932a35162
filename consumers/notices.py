"""A mail to one person is ready: send it. A group of its own, so that it never waits behind mailings."""

from __future__ import annotations

from consumers.loop import Acting, Consumer
from tribune.bootstrap import Application
from tribune.domain.events import NOTICES, CloudEvent, NoticeReady
from tribune.services.events.event_data import data_of
from tribune.services.notices.send_notice import NoticeSender, send_notice


def consumer(app: Application) -> Consumer:
    """The consumer group `notices`. Its handler sends: it works outside of any transaction, and may run twice."""
    sender = sender_of(app)

    def send(event: CloudEvent) -> None:
        send_notice(sender, data_of(event, NoticeReady).notice)

    return Consumer(group="notices", topics=(NOTICES,), handlers={"notice.ready": Acting(send)})


def sender_of(app: Application) -> NoticeSender:
    """The sender of this process's notices."""
    return NoticeSender(
        store=app.store,
        clock=app.clock,
        channel=app.email,
        composer=app.notice_composer,
        links=app.notice_links,
        digests=app.digests,
        metrics=app.metrics,
        stopping=app.stopping.is_set,
    )
