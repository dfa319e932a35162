"""`tribune notices`: mails to one person. No addresses here: people are numbers."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tribune.commands._numbers import LARGEST

if TYPE_CHECKING:
    from tribune.domain.notices import Notice

app = typer.Typer(add_completion=False, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, one object a line.")]


@app.callback()
def notices() -> None:
    """Mails to one person, such as a link that they asked for."""


@app.command("list")
def list_(
    state: Annotated[str, typer.Option(help="Only those in this state, for instance quarantined.")] = "",
    subscriber: Annotated[
        int | None, typer.Option(max=LARGEST, help="Only those to this person (their number).")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=LARGEST, help="How many, the newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """The newest notices: what, to whom, how far."""
    from tribune.bootstrap import application
    from tribune.domain.errors import InvalidInput
    from tribune.domain.notices import NoticeState

    known = {each.value: each for each in NoticeState}
    if state and state not in known:
        raise InvalidInput(f"There is no state {state!r}.", hint=f"States are: {', '.join(known)}.")
    with application() as house, house.store.read() as tx:
        states = [known[state]] if state else []
        found = tx.notices.recent(states=states, subscriber=subscriber, limit=limit)
    if as_json:
        for notice in found:
            print(json.dumps(_as_data(notice), ensure_ascii=False))
    elif found:
        _print(found)
    else:
        print("There are no such notices." if state or subscriber else "No notice has been asked for yet.")


@app.command()
def show(
    notice_id: Annotated[int, typer.Argument(metavar="NOTICE", max=LARGEST, help="The notice's number.")],
    as_json: AsJson = False,
) -> None:
    """One notice: where it stands, and why."""
    from tribune.bootstrap import application
    from tribune.domain.errors import NotFound

    with application() as house, house.store.read() as tx:
        notice = tx.notices.one(notice_id)
    if notice is None:
        raise NotFound(f"There is no notice {notice_id}.", hint="See `tribune notices list`.")
    if as_json:
        print(json.dumps(_as_data(notice), ensure_ascii=False))
        return
    print(f"Notice {notice.id}: {_word(notice.kind)}, in {notice.locale}, to subscriber {notice.subscriber}")
    print(f"  State         {_word(notice.state)}{f': {notice.code}' if notice.code else ''}")
    print(f"  Asked for     {_time(notice.created_at)}")
    print(f"  Attempts      {notice.attempts}")
    if notice.next_attempt_at:
        print(f"  Looked at     {_time(notice.next_attempt_at)} (at the latest)")
    print(f"  Settled       {_time(notice.settled_at)}")
    print(f"  Mail          {notice.name}")
    print(f"  Story         {notice.correlation_id}")


def _word(value: str) -> str:
    return str(value).replace("_", " ")


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "-"


def _print(found: list[Notice]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("No.", justify="right")
    for heading in ("What", "Subscriber", "Asked for", "State", "Attempts", "Why"):
        table.add_column(heading, overflow="fold")
    for notice in found:
        asked = _time(notice.created_at)
        told = (_word(notice.kind), str(notice.subscriber), asked, _word(notice.state), str(notice.attempts))
        table.add_row(str(notice.id), *told, notice.code)
    Console(highlight=False, markup=False).print(table)


def _as_data(notice: Notice) -> dict[str, Any]:
    def instant(moment: datetime | None) -> str | None:
        return moment.isoformat() if moment else None

    return {
        "notice": notice.id,
        "kind": notice.kind.value,
        "subscriber": notice.subscriber,
        "locale": notice.locale,
        "state": notice.state.value,
        "code": notice.code,
        "attempts": notice.attempts,
        "handovers": notice.handovers,
        "next_attempt_at": instant(notice.next_attempt_at),
        "created_at": instant(notice.created_at),
        "settled_at": instant(notice.settled_at),
        "correlation_id": notice.correlation_id,
    }
