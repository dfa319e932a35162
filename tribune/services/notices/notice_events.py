"""The event that a notice waits for a sender. It goes with the notice's correlation id."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from tribune.domain.events import CloudEvent, NoticeReady
from tribune.domain.notices import Notice
from tribune.services.events.event_codec import new_event

SOURCE = "/tribune/notices"


def notice_ready(notice: Notice, now: datetime) -> CloudEvent:
    """Each time that a notice is given out has an id of its own: its epoch is in it."""
    record = f"notice/{notice.id}/{notice.epoch}"
    event = new_event(
        "notice.ready", NoticeReady(notice.id), source=SOURCE, key=str(notice.id), record=record, time=now
    )
    return replace(event, correlation_id=notice.correlation_id)
