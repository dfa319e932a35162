"""`tribune campaign`: messages to the people of a segment. Nobody's address here: people are numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tribune.bootstrap import Application
    from tribune.domain.campaigns import Draft

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Campaigns: messages to the people of a segment. How to write one: docs/campaigns.md.",
)

ACTOR = "cli"
_LARGEST_FILE = 1_000_000

File = Annotated[Path, typer.Argument(help="The campaign: YAML in UTF-8.")]
OfDigest = Annotated[str, typer.Option("--digest", help="In the name of which digest it goes out.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command()
def plan(
    file: File,
    segment: Annotated[str, typer.Option("--segment", help="For whom: a segment's short name.")],
    digest: OfDigest,
    at: Annotated[
        str, typer.Option("--at", help="When it leaves, once it is approved: 2026-12-03 09:00 (UTC, or with +01:00).")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say who would get it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Plan a campaign: its recipients and its contents are fixed, and it waits for approval."""
    from tribune.bootstrap import application
    from tribune.commands import _campaign_views as views
    from tribune.services.audience.refresh_masks import begin_masks
    from tribune.services.campaigns.plan_campaign import Wanted, outline_campaign, plan_campaign

    with application() as house:
        begin_masks(house.store, house.codelists)
        wanted = Wanted(_read(house, file), segment, digest, _instant(at))
        if dry_run:
            with house.store.read() as tx:
                told = outline_campaign(tx, wanted, house.digests, house.codelists, house.rules, tx.now())
            views.print_outline(told, wanted, as_json=as_json)
            return
        with house.store.write() as tx:
            mailing = plan_campaign(tx, wanted, house.digests, house.codelists, house.rules, ACTOR, tx.now())
            campaign = tx.campaigns.one(mailing.campaign.id) if mailing.campaign else None
        assert campaign is not None  # noqa: S101 - it has just been planned
        views.print_planned(mailing, campaign, as_json=as_json)


@app.command()
def show(
    which: Annotated[str, typer.Argument(help="A campaign's name, or the number of its mailing.")],
    as_json: AsJson = False,
) -> None:
    """Show a campaign: what it says, for whom it was planned, and how far it is."""
    from tribune.bootstrap import application
    from tribune.commands import _campaign_views as views
    from tribune.services.campaigns.see_campaign import see_campaign

    with application() as house:
        with house.store.read() as tx:
            seen, now = see_campaign(tx, which), tx.now()
        views.print_one(house, seen, now, as_json=as_json)


@app.command()
def preview(
    file: File,
    digest: OfDigest,
    to: Annotated[Path, typer.Option("--to", help="The folder to write into.")] = Path("preview"),
    language: Annotated[
        list[str] | None, typer.Option("--language", help="For readers of this language (may be given again).")
    ] = None,
    send_test: Annotated[str, typer.Option("--send-test", help="Also send each to this address.")] = "",
) -> None:
    """Write the mail as readers of each language get it: LANGUAGE.html, LANGUAGE.txt and LANGUAGE.eml."""
    from tribune.bootstrap import application
    from tribune.commands._campaign_views import write_preview
    from tribune.domain.addresses import plain
    from tribune.domain.errors import InvalidInput
    from tribune.services.campaigns.plan_campaign import digest_named
    from tribune.services.campaigns.preview_campaign import NOBODY, preview_campaign

    with application() as house:
        draft, told = _read(house, file), digest_named(digest, house.digests)
        address = send_test.strip() or NOBODY
        if not plain(address):
            raise InvalidInput("This is not an address.", where="--send-test")
        path = f"b+preview@{house.settings.email.return_path_domain}"
        mails = {}
        with house.store.read() as tx:
            for one in language or house.rules.offered:
                mails[one] = preview_campaign(
                    *(tx, draft, told, [one], house.composer, house.rules, house.base_url, tx.now()),
                    address=address,
                    sender=path,
                )
        to.mkdir(parents=True, exist_ok=True)
        for one, mail in mails.items():
            print(f"{one}: {', '.join(map(str, write_preview(to, one, mail.content)))}")
        if send_test:
            for outcome in house.email.send(iter(mails.values())):
                if outcome is not None and outcome.error is not None:
                    raise outcome.error
            print(f"{len(mails)} sent to {address}. Their links lead nowhere.")


@app.command()
def schema() -> None:
    """Print the JSON Schema of campaigns."""
    from tribune.services.campaigns.read_campaign import schema

    print(schema(), end="")


def _read(house: Application, file: Path) -> Draft:
    from tribune.domain.errors import InvalidInput
    from tribune.services.campaigns.read_campaign import read_campaign

    if not file.is_file():
        raise InvalidInput("There is no such file.", where=str(file))
    if file.stat().st_size > _LARGEST_FILE:
        raise InvalidInput("This file is too large for a campaign.", where=str(file))
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput("This is not UTF-8.", where=str(file), hint="Save it as UTF-8.") from None
    return read_campaign(text, str(file), house.rules.offered)


def _instant(text: str) -> datetime | None:
    from tribune.domain.errors import InvalidInput

    if not text:
        return None
    try:
        told = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(f"{text!r} is not a time.", where="--at", hint="Write 2026-12-03 09:00.") from None
    return told if told.tzinfo else told.replace(tzinfo=UTC)
