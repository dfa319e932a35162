"""`tribune events`: the event log, as whoever runs the house sees it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tribune.commands._discard import discard_aside, discard_letter
from tribune.commands._numbers import LARGEST, LARGEST_OF_OUTBOX
from tribune.commands._rows import plain, print_rows, shown_time
from tribune.ports.log import LARGEST_LETTER

if TYPE_CHECKING:
    from tribune.ports.log import DeadLetter, Message

app = typer.Typer(add_completion=False, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, one object a line.")]
Group = Annotated[str | None, typer.Option("--group", "-g", help="Only this consumer group.")]
EVERY = 1_000_000


@app.callback()
def events() -> None:
    """The event log: how far each group is, what failed and why, and how to have it again."""


@app.command()
def lag(
    group: Group = None,
    partitions: Annotated[bool, typer.Option("--partitions", help="Each partition by itself.")] = False,
    as_json: AsJson = False,
) -> None:
    """How far each consumer group is behind."""
    from tribune.bootstrap import application

    with application() as house:
        lags = house.log.lag(group)
        waiting = house.log.waiting(group)
        dead = [letter for letter in house.log.dead_letters(group=group, limit=EVERY) if letter.replayed_at is None]
    if partitions:
        rows = [
            {"group": one.group, "topic": one.topic, "partition": one.partition}
            | {"committed": one.committed, "end": one.end, "behind": one.behind}
            for one in lags
        ]
    else:
        groups = sorted({one.group for one in lags} | {one.group for one in waiting} | {one.group for one in dead})
        rows = [
            {
                "group": name,
                "topics": ", ".join(sorted({one.topic for one in lags if one.group == name})),
                "behind": sum(one.behind for one in lags if one.group == name),
                "to try again": sum(one.group == name for one in waiting),
                "dead letters": sum(one.group == name for one in dead),
            }
            for name in groups
        ]
    print_rows(rows, as_json, "No consumer group has read anything yet. `tribune up` runs them all.")


@app.command()
def waiting(group: Group = None, as_json: AsJson = False) -> None:
    """Events that failed and will be tried again by themselves, the next first."""
    from tribune.bootstrap import application

    with application() as house:
        rows = [
            {
                "group": one.group,
                "position": f"{one.position.topic}/{one.position.partition}/{one.position.offset}",
                "key": one.key,
                "attempts": one.attempts,
                "not before": shown_time(one.not_before),
                "reason": one.reason,
            }
            for one in house.log.waiting(group)
        ]
    print_rows(rows, as_json, "Nothing waits to be tried again.")


@app.command()
def dead(
    letter: Annotated[
        int | None, typer.Argument(metavar="[ID]", max=LARGEST_LETTER, help="This one, with all that is known of it.")
    ] = None,
    group: Group = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that were replayed.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=LARGEST, help="How many, the newest first.")] = 50,
    discard: Annotated[
        bool, typer.Option("--discard", help="Throw this one away, which nobody wants handled any more.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Events that a group gave up, with the reason."""
    from tribune.bootstrap import application
    from tribune.domain.errors import InvalidInput

    if discard and letter is None:
        raise InvalidInput("Say which dead letter: give its id.", hint="`tribune events dead` lists them.")
    with application() as house:
        if discard and letter is not None:
            discard_letter(house, _letter(house.log.dead_letters(limit=EVERY), letter), yes)
            return
        if letter is not None:
            _show_letter(_letter(house.log.dead_letters(limit=EVERY), letter), as_json)
            return
        letters = house.log.dead_letters(group=group, limit=limit if every else EVERY)
    shown = [one for one in letters if every or one.replayed_at is None][:limit]
    rows = [
        {
            "id": one.id,
            "group": one.group,
            "died at": shown_time(one.died_at),
            "type": _envelope(one.value).get("type", ""),
            "key": one.key,
            "attempts": one.attempts,
            "reason": one.reason,
        }
        | ({"replayed at": shown_time(one.replayed_at) if one.replayed_at else ""} if every else {})
        for one in shown
    ]
    print_rows(rows, as_json, "There are no dead letters.")
    if stubs := [str(one.id) for one in shown if one.whole_bytes is not None and not as_json]:
        print(f"Too large to be kept whole: {', '.join(stubs)}. `tribune events dead ID` tells where the whole stands.")
    if rows and not as_json:
        print("`tribune events dead ID` shows one; `tribune events replay ID` gives it back to its group;")
        print("`tribune events dead --discard ID` throws it away.")


@app.command()
def replay(
    letters: Annotated[
        list[int] | None, typer.Argument(metavar="[ID]...", max=LARGEST_LETTER, help="Dead letters.")
    ] = None,
    group: Group = None,
    every: Annotated[bool, typer.Option("--all", help="All of them (with --group: all of that group).")] = False,
) -> None:
    """Give dead letters back to the group that they belong to, and to no other, to be handled again.

    One that was too large to be kept whole is read again where it stood first. Where it is gone from there, or too
    large to be given back, it is named, with what to do; all others are given back.
    """
    from tribune.bootstrap import application
    from tribune.commands._written import write_down
    from tribune.domain.errors import InvalidInput

    if bool(letters) == every:
        raise InvalidInput("Say which dead letters: give their ids, or --all.")
    with application() as house:
        found = house.log.dead_letters(group=group, limit=EVERY)
        if letters:
            ids = [_letter(found, one).id for one in letters]
        else:
            ids = [one.id for one in found if one.replayed_at is None]
        of = {one.id: one.group for one in found}
        with house.store.write() as tx:
            for id in ids:
                write_down(tx, "dead_letter.replayed", f"dead-letter/{id}", {"group": of[id]})
        count = house.log.replay_dead(ids)
    back = "dead letter is" if count == 1 else "dead letters are"
    print(f"{count} {back} back with their group; a running `tribune up` handles them at once.")


@app.command()
def aside(
    numbers: Annotated[
        list[int] | None,
        typer.Argument(metavar="[ID]...", min=1, max=LARGEST_OF_OUTBOX, help="These only; else all of them."),
    ] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Put them back in the outbox, for the relay to publish them.")
    ] = False,
    discard: Annotated[bool, typer.Option("--discard", help="Throw these away, which can never be published.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Events that the relay could not publish, such as one too large, and set aside in the outbox."""
    from tribune.bootstrap import application
    from tribune.commands._written import write_down
    from tribune.domain.errors import InvalidInput, NotFound

    if discard and (retry or not numbers):
        raise InvalidInput("Say which events to throw away: give their ids, and not --retry.")
    with application() as house:
        kept = house.outbox_queue.aside() if house.settings.log.kind == "kafka" else ()
        known = {one.id: one for one in kept}
        for number in numbers or ():
            if number not in known:
                raise NotFound(f"No event {number} is set aside.", hint="`tribune events aside` lists them.")
        chosen = [known[number] for number in sorted(set(numbers))] if numbers else list(kept)
        if discard:
            discard_aside(house, chosen, yes)
            return
        if retry:
            with house.store.write() as tx:
                write_down(tx, "events.put_back", "", {"events": len(chosen)})
            count = house.outbox_queue.put_back([one.id for one in chosen])
            back = "event is" if count == 1 else "events are"
            print(f"{count} {back} back in the outbox; a running relay publishes them, or sets them aside again.")
            return
    rows = [
        {
            "id": one.id,
            "added at": shown_time(one.added_at),
            "topic": one.topic,
            "type": _envelope(one.value).get("type", ""),
            "key": one.key,
            "bytes": len(one.value),
        }
        for one in chosen
    ]
    print_rows(rows, as_json, "No event is set aside.")
    if rows and not as_json:
        print("Why each was set aside stands in the relay's log, under its number (outbox_id). Once that is mended,")
        print("`tribune events aside --retry ID` puts one back for the relay, and without an ID all of them;")
        print("`tribune events aside --discard ID` throws one away.")


@app.command()
def rewind(
    group: Annotated[str, typer.Argument(help="The consumer group.")],
    topic: Annotated[str, typer.Argument(help="The topic.")],
    offset: Annotated[int | None, typer.Option(min=0, help="To this offset in each partition; 0 is the start.")] = None,
    at: Annotated[
        str | None, typer.Option(help="To the first event since: 2026-11-23T06:00:00Z or 2026-11-23.")
    ] = None,
) -> None:
    """Let a group read a topic again from an offset or an instant.

    Only groups that derive state (the catalogue) handle again what they have handled; what reaches a person is known to
    the group's inbox and is passed over.
    """
    from tribune.bootstrap import application
    from tribune.commands._written import write_down
    from tribune.domain.errors import InvalidInput, NotFound
    from tribune.domain.topics import reads

    instant = _instant(at) if at is not None else None
    with application() as house:
        lags = house.log.lag()
        known = sorted({one.group for one in lags})
        if group not in known:
            raise NotFound(
                f"There is no consumer group {group!r}.", hint=f"There are: {', '.join(known) or 'none yet'}."
            )
        # A topic that nobody of the group reads would be behind for ever.
        read = reads(group) or sorted({one.topic for one in lags if one.group == group})
        if topic not in read:
            raise InvalidInput(f"The group {group} does not read {topic!r}.", hint=f"It reads: {', '.join(read)}.")
        with house.store.write() as tx:
            facts = {"group": group, "topic": topic, "offset": offset, "at": instant.isoformat() if instant else None}
            write_down(tx, "events.rewound", "", facts)
        house.log.rewind(group, topic, offset=offset, at=instant)
        behind = sum(one.behind for one in house.log.lag(group) if one.topic == topic)
    print(f"{group} reads {topic} again: {behind:,} event{'' if behind == 1 else 's'}.")


@app.command()
def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="The id of an event, or of its story (correlation id).")],
    as_json: AsJson = False,
) -> None:
    """An event with its data, and the other events of its story."""
    from tribune.bootstrap import application
    from tribune.domain.errors import NotFound
    from tribune.domain.events import topics

    with application() as house:
        found = house.log_view.newest(tuple(topics()), limit=1_000, containing=id)
        envelopes = [(_envelope(message.value), message) for message in found]
        one = next((told for told, _ in envelopes if told.get("id") == id), None)
        story = one.get("correlationid", id) if one else id
        if story != id:
            again = house.log_view.newest(tuple(topics()), limit=1_000, containing=story)
            envelopes = [(_envelope(message.value), message) for message in again]
    told = [pair for pair in envelopes if pair[0].get("correlationid") == story or pair[0].get("id") == id]
    if not told:
        raise NotFound(f"No event {id!r} is on the log.", hint="Events are kept for 30 days; give the whole id.")
    told.sort(key=lambda pair: (pair[1].published_at, pair[1].position))
    if as_json:
        for envelope, message in told:
            print(json.dumps({"position": _position(message), "event": envelope}, ensure_ascii=False))
        return
    if one is not None:
        print(plain(json.dumps(one, ensure_ascii=False, indent=2), keep_lines=True), end="\n\n")
    rows = [
        {
            "published at": shown_time(message.published_at),
            "type": envelope.get("type", ""),
            "key": message.key,
            "position": _position(message),
            "id": envelope.get("id", ""),
        }
        for envelope, message in told
    ]
    print(f"The story {story}:")
    print_rows(rows, False, "")


@app.command()
def schemas(
    folder: Annotated[Path, typer.Option(help="The folder of documents.")] = Path("docs"),
) -> None:
    """Write the JSON schemas of the events, and the page about them."""
    from tribune.services.events.event_schemas import documents

    for name, text in documents().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print(f"{len(documents())} files written to {folder}/.")


def _letter(letters: Any, id: int) -> DeadLetter:
    from tribune.domain.errors import NotFound

    found: DeadLetter | None = next((one for one in letters if one.id == id), None)
    if found is None:
        raise NotFound(f"There is no dead letter {id}.", hint="`tribune events dead --all` lists them.")
    return found


def _show_letter(letter: DeadLetter, as_json: bool) -> None:
    told = {
        "id": letter.id,
        "group": letter.group,
        "position": f"{letter.position.topic}/{letter.position.partition}/{letter.position.offset}",
        "key": letter.key,
        "attempts": letter.attempts,
        "died at": shown_time(letter.died_at),
        "replayed at": shown_time(letter.replayed_at) if letter.replayed_at else "",
        "reason": letter.reason,
        "detail": letter.detail,
        "whole bytes": letter.whole_bytes,
    }
    event = _envelope(letter.value)
    if as_json:
        print(json.dumps(told | {"event": event or letter.value.decode("utf-8", "replace")}, ensure_ascii=False))
        return
    for name, value in told.items():
        if name not in ("detail", "whole bytes") and value != "":
            print(f"{name:12} {plain(value)}")
    print(f"\n{plain(letter.detail, keep_lines=True)}\n")
    text = json.dumps(event, ensure_ascii=False, indent=2) if event else letter.value.decode("utf-8", "replace")
    print(plain(text, keep_lines=True))
    if letter.whole_bytes is not None:
        print(
            f"\nThis is the beginning: {len(letter.value):,} of {letter.whole_bytes:,} bytes. The event was too large "
            f"to be kept whole among the dead letters; as long as {letter.position.topic} keeps it, the whole stands "
            f"at {told['position']}.\n`tribune events replay {letter.id}` reads it there, and says what to do where "
            "that cannot be."
        )


def _position(message: Message) -> str:
    return f"{message.position.topic}/{message.position.partition}/{message.position.offset}"


def _envelope(value: bytes) -> dict[str, Any]:
    """What a message says it is, as far as it can be read: it may be broken."""
    try:
        told = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _instant(text: str) -> datetime:
    from tribune.domain.errors import InvalidInput

    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{text!r} is not an instant.", hint="Write 2026-11-23T06:00:00Z or 2026-11-23.") from None
    return told if told.tzinfo else told.replace(tzinfo=UTC)
