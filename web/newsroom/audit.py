"""The audit log for those who may read it: who did what when."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from tribune.bootstrap import Application
from tribune.domain.audit import AuditFilter
from tribune.domain.staff import Permission
from tribune.services.audit.export_audit import export_in_slices
from web.newsroom.access import actor, needs
from web.newsroom.frame import Newsroom, query_of
from web.pages import Pages

AUDIT = "/{locale}/newsroom/audit"
SHOWN = 100
Text = Annotated[str, Query(max_length=60)]
Number = Annotated[int, Query(ge=0, le=2**31 - 1)]


def router(app: Application, pages: Pages) -> APIRouter:
    """`/{locale}/newsroom/audit`."""
    routes = APIRouter(dependencies=[needs(Permission.READ_AUDIT)])
    frame = Newsroom(app, pages)

    @routes.get(AUDIT)
    def audit(
        request: Request, who: Text = "", action: Text = "", since: Text = "", until: Text = "", before: Number = 0
    ) -> Response:
        wanted = _filter(who, action, since, until)
        with app.store.read() as tx:
            found = tx.audit.newest(SHOWN + 1, wanted, before or None)
            people = tx.staff.everyone()
            actions = tx.audit.actions()
            head = tx.audit.head()
        names = {one.actor: one.name for one in people}
        chosen = {"who": who, "action": action, "since": since, "until": until}
        older = query_of(**chosen, before=found[SHOWN - 1].number) if len(found) > SHOWN else ""
        return frame.show(
            request,
            "audit.html",
            "audit",
            entries=found[:SHOWN],
            names=names,
            people=people,
            actions=actions,
            groups=sorted({one.partition(".")[0] for one in actions}),
            chosen=chosen,
            older=older,
            head=head,
            query=query_of(**chosen),
        )

    @routes.post(AUDIT + "/export")
    def export(request: Request, who: Text = "", action: Text = "", since: Text = "", until: Text = "") -> Response:
        frame.locale(request)
        wanted = _filter(who, action, since, until)
        with app.store.write() as tx:
            tx.audit.add(actor(request), "audit.exported", "", {"filtered": wanted != AuditFilter()}, app.clock.now())
        return StreamingResponse(
            export_in_slices(app.store, wanted),
            media_type="application/x-ndjson",
            headers={"content-disposition": 'attachment; filename="audit.jsonl"'},
        )

    return routes


def _filter(who: str, action: str, since: str, until: str) -> AuditFilter:
    """What is asked for; days are whole days in UTC. A date that is none asks for nothing."""
    end = _day(until)
    return AuditFilter(
        actor=who, action=action, since=_day(since), until=end + timedelta(days=1) if end is not None else None
    )


def _day(text: str) -> datetime | None:
    try:
        told = date.fromisoformat(text)
    except ValueError:
        return None
    return datetime(told.year, told.month, told.day, tzinfo=UTC) if 1 < told.year < 9998 else None
