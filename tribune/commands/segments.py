"""`tribune segments`: saved rules that select people; who is in them, and why; tags of people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tribune.bootstrap import Application, application
from tribune.commands._rule_views import LOCALE, print_rule, rule_words
from tribune.domain.errors import InvalidInput

if TYPE_CHECKING:
    from tribune.domain.segment_json import Known
    from tribune.domain.segments import Facts, Rule
    from tribune.ports.store import Transaction
    from tribune.rendering.segment_reasons import Reason

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Segments: saved rules that select people. The format of rules: docs/segments.md.",
)

ACTOR = "cli"
_MOST_TOLD = 1_000

Which = Annotated[str, typer.Argument(help="A segment's short name, or a file of a rule that ends in .json.")]
Slug = Annotated[str, typer.Argument(help="A segment's short name.")]
People = Annotated[list[int], typer.Argument(help="Subscribers' numbers.", min=1)]


@app.command("list")
def list_(archived: Annotated[bool, typer.Option("--archived", help="Those that are archived.")] = False) -> None:
    """Name the segments."""
    with application() as app, app.store.read() as tx:
        found = tx.segments.all(archived=archived)
    for segment in found:
        print(f"{segment.slug}  {segment.name} (version {segment.version}, {segment.changed_at:%Y-%m-%d})")
    if not found:
        print("No segment is archived." if archived else "There is no segment yet: `tribune segments save FILE.json`.")


@app.command()
def show(
    slug: Slug,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rule's JSON alone.")] = False,
) -> None:
    """Say what a segment is: its rule in words and as JSON, and its versions."""
    from tribune.domain.segment_json import to_json
    from tribune.services.segments.find_segment import find_segment

    with application() as app, app.store.read() as tx:
        segment = find_segment(tx, slug)
        versions = tx.segments.versions(segment.id)
        text = json.dumps(to_json(segment.rule), ensure_ascii=False, indent=2)
        if as_json:
            print(text)
            return
        print(f"{segment.name} ({segment.slug}, version {segment.version})")
        if segment.description:
            print(segment.description)
        print_rule(app, segment.rule)
    print(text)
    for version in versions:
        print(f"version {version.version}: {version.changed_at:%Y-%m-%d %H:%M} UTC by {version.changed_by or 'nobody'}")
    if segment.archived_at:
        print(f"archived on {segment.archived_at:%Y-%m-%d}")


@app.command()
def save(
    file: Annotated[Path, typer.Argument(help="The rule, JSON in UTF-8.")],
    slug: Annotated[str, typer.Option(help="Its short name; without it, the file's name.")] = "",
    name: Annotated[str, typer.Option(help="Its name; without it, the name that it has, or the short name.")] = "",
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
) -> None:
    """Save a rule: a new segment, or the next version of the one with that short name."""
    from tribune.services.segments.save_segment import Draft, save_segment, slug_of

    with application() as app:
        rule = _read(file, _known(app))
        slug = slug or slug_of(file.stem)
        with app.store.write() as tx:
            kept = tx.segments.one(slug)
            draft = Draft(
                name or (kept.name if kept else slug),
                description if description is not None else (kept.description if kept else ""),
                rule,
                slug,
                kept.version if kept else None,
            )
            saved = save_segment(tx, draft, ACTOR, app.clock.now())
    if kept and kept.version == saved.version:
        print(f"{saved.slug} is like that already (version {saved.version}).")
    else:
        print(f"{saved.slug} saved, version {saved.version}.")


@app.command()
def count(which: Which) -> None:
    """Say how many people are in, and how many of them a mailing may reach now. A file is only tried, not saved."""
    from tribune.services.segments.see_segment import count_segment

    with _ready() as app, app.store.read() as tx:
        found = count_segment(tx, _rule(app, tx, which), app.codelists, app.clock.now())
    print(f"{found.people:,} people, {found.mailable:,} of whom can be mailed now")


@app.command()
def sample(
    which: Which,
    size: Annotated[int, typer.Option(help="How many.", min=1, max=_MOST_TOLD)] = 5,
) -> None:
    """Name a few of the people by number, with what rules know of them."""
    from tribune.services.segments.see_segment import see_segment

    with _ready() as app, app.store.read() as tx:
        for facts in see_segment(tx, _rule(app, tx, which), app.codelists, app.clock.now(), size).sample:
            print(_person(facts))


@app.command()
def why(
    which: Which,
    person: Annotated[int, typer.Argument(help="A subscriber's number.", min=1)],
) -> None:
    """Say why a person is in, or why not."""
    from tribune.rendering.formats import Formats
    from tribune.rendering.segment_reasons import SegmentReasons
    from tribune.services.segments.say_why_in_segment import say_why_in_segment

    with _ready() as app, app.store.read() as tx:
        told = say_why_in_segment(tx, _rule(app, tx, which), person, app.codelists, app.clock.now())
        reasons = SegmentReasons(rule_words(app), app.translations.gettext(LOCALE), Formats(LOCALE, app.codelists))
        print(reasons.answer(told.verdict))
        if told.verdict.found is not None:
            _print_reason(reasons.reason(told.verdict.found))
    if not told.facts.mailable:
        state = "suppressed" if told.facts.suppressed else told.facts.status.value
        print(f"A mailing does not reach them now: {state}.")


@app.command()
def schema() -> None:
    """Print the JSON Schema of rules."""
    from tribune.domain.segment_schema import document

    print(document(), end="")


@app.command()
def archive(
    slug: Slug,
    back: Annotated[bool, typer.Option("--back", help="Take it back into use.")] = False,
) -> None:
    """Archive a segment, or take it back into use."""
    from tribune.services.segments.archive_segment import archive_segment, restore_segment

    with application() as app, app.store.write() as tx:
        (restore_segment if back else archive_segment)(tx, slug, ACTOR, app.clock.now())
    print(f"{slug} is {'in use again' if back else 'archived'}.")


@app.command()
def tag(tag: Annotated[str, typer.Argument(help="Such as g20-alumni.")], people: People) -> None:
    """Tag people."""
    from tribune.services.segments.tag_people import tag_people

    with application() as app, app.store.write() as tx:
        changed = tag_people(tx, people, tag, ACTOR, app.clock.now())
    print(f"{changed} of {len(set(people))} tagged {tag}{'' if changed else ': all bore it already'}.")


@app.command()
def untag(tag: Annotated[str, typer.Argument(help="Such as g20-alumni.")], people: People) -> None:
    """Take a tag from people."""
    from tribune.services.segments.tag_people import untag_people

    with application() as app, app.store.write() as tx:
        changed = untag_people(tx, people, tag, ACTOR, app.clock.now())
    print(f"{tag} taken from {changed} of {len(set(people))}.")


@app.command()
def tags() -> None:
    """Name the tags, and how many people bear each."""
    with application() as app, app.store.read() as tx:
        found = tx.segments.tags()
    for name, number in found.items():
        print(f"{name}  {number:,}")
    if not found:
        print("Nobody bears a tag yet: `tribune segments tag TAG NUMBER...`.")


@contextmanager
def _ready() -> Iterator[Application]:
    """The house, its store ready to find people by rules."""
    from tribune.services.audience.refresh_masks import begin_masks

    with application() as app:
        begin_masks(app.store, app.codelists)
        yield app


def _known(app: Application) -> Known:
    from tribune.domain.segment_json import Known

    return Known(app.codelists, app.digests)


def _rule(app: Application, tx: Transaction, which: str) -> Rule:
    from tribune.services.segments.find_segment import find_segment

    return _read(Path(which), _known(app)) if which.endswith(".json") else find_segment(tx, which).rule


def _read(file: Path, known: Known) -> Rule:
    from tribune.domain.segment_json import read_text
    from tribune.domain.segments import MAX_TEXT

    if not file.is_file():
        raise InvalidInput("There is no such file.", where=str(file))
    try:
        with file.open(encoding="utf-8-sig") as opened:
            text = opened.read(MAX_TEXT + 1)
    except UnicodeDecodeError:
        raise InvalidInput("This is not UTF-8.", where=str(file), hint="Save it as UTF-8.") from None
    return read_text(text, known)


def _print_reason(reason: Reason, depth: int = 0) -> None:
    found = f" ({'; '.join(reason.found)})" if reason.found else ""
    text = " ".join([reason.text, *reason.lines])
    print(f"{'  ' * depth}{'yes' if reason.holds else 'no '} {text}{found}")
    for part in reason.parts:
        _print_reason(part, depth + 1)


def _person(facts: Facts) -> str:
    seen = f"seen {facts.seen}" if facts.seen else "never seen"
    mailed = f"mailed {facts.mailed}" if facts.mailed else "never mailed"
    told = [facts.group, f"reads {', '.join(facts.languages)}", facts.status.value, mailed, seen, *sorted(facts.tags)]
    return f"{facts.id}  {'; '.join(told)}"
