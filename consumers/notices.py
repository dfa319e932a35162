"""A mail to one person is ready: send it. A group of its own, so that it never waits behind mailings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from consumers.loop import ActingTogether, Consumer
from tribune.bootstrap import Application
from tribune.domain.events import NOTICES, CloudEvent, NoticeReady
from tribune.services.events.event_data import data_of
from tribune.services.notices.send_notices import NoticeSender, send_notices

TOGETHER = 50
"""Notices that are sent in one go: so many are in doubt at most when this process dies."""


def consumer(app: Application) -> Consumer:
    """The consumer group `notices`. Its handler sends: it works outside of any transaction, and may run twice. No
    inbox is asked: a notice that is settled or taken is claimed by nobody."""
    sender = sender_of(app)

    def send(events: Sequence[CloudEvent], pulse: Callable[[], None]) -> list[Exception | None]:
        some = events[:TOGETHER]
        send_notices(sender, [data_of(event, NoticeReady).notice for event in some])
        pulse()
        return [None] * len(some)

    return Consumer(group="notices", topics=(NOTICES,), handlers={"notice.ready": ActingTogether(send)})


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
