"""What `tribune campaign` prints and writes: sentences for people, JSON for programs."""

from __future__ import annotations

import json
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tribune.commands._mailing_views import edition, mailing_data, people, percent, print_hints, words
from tribune.commands._rule_views import print_rule
from tribune.domain.segment_json import to_json

if TYPE_CHECKING:
    from tribune.bootstrap import Application
    from tribune.domain.campaigns import Campaign, Numbers
    from tribune.domain.mailings import Mailing
    from tribune.services.campaigns.plan_campaign import Outline, Wanted
    from tribune.services.campaigns.see_campaign import SeenCampaign


def print_outline(told: Outline, wanted: Wanted, *, as_json: bool) -> None:
    """Who would get it."""
    if as_json:
        facts = {"segment": told.segment.slug, "segment_version": told.segment.version, "digest": told.digest.id}
        print(json.dumps({"name": wanted.draft.name, **facts, **_numbers(told.numbers)}, ensure_ascii=False))
        return
    print(
        f'Campaign "{wanted.draft.name}" for {told.segment.slug} (version {told.segment.version}). Nothing is planned.'
    )
    _print_numbers(told.numbers, told.digest.id)


def print_planned(mailing: Mailing, campaign: Campaign, *, as_json: bool) -> None:
    """It was planned; what comes next."""
    if as_json:
        print(json.dumps({"mailing": mailing.id, **campaign_data(campaign)}, ensure_ascii=False))
        return
    print(f"Mailing {mailing.id} ({edition(mailing)}) is planned and waits for approval.")
    _print_numbers(campaign.numbers, campaign.digest)
    print(
        f"Look at it with `tribune campaign show {mailing.id}`; let it leave: `tribune mailing approve {mailing.id}`."
    )


def print_one(house: Application, seen: SeenCampaign, now: datetime, *, as_json: bool) -> None:
    """All that is known of a campaign."""
    campaign, progress = seen.campaign, seen.progress
    if as_json:
        print(json.dumps(campaign_data(campaign) | mailing_data(progress, now), ensure_ascii=False))
        return
    told = progress.mailing
    print(f"Mailing {told.id} ({edition(told)}): {words(told.state)}, due {told.due_at:%Y-%m-%d %H:%M} UTC")
    print(f"Planned on {campaign.created_at:%Y-%m-%d %H:%M} UTC by {campaign.created_by}")
    print(f"For segment {campaign.segment}, as it was in version {campaign.segment_version}:")
    print_rule(house, campaign.rule, "  ")
    _print_numbers(campaign.numbers, campaign.digest)
    if progress.total:
        print(f"Progress: {progress.settled:,} of {progress.total:,} ({percent(progress)})")
    print_hints(progress)
    for message in campaign.draft.messages:
        print(f"\n[{message.language}] {message.subject}\n\n{message.text}")
    if campaign.draft.items:
        print(f"\nItems: {', '.join(map(str, campaign.draft.items))}")


def campaign_data(campaign: Campaign) -> dict[str, Any]:
    """A campaign for programs."""
    return {
        "name": campaign.name,
        "digest": campaign.digest,
        "segment": campaign.segment,
        "segment_version": campaign.segment_version,
        "rule": to_json(campaign.rule),
        "planned_by": campaign.created_by,
        "messages": [
            {"language": one.language, "subject": one.subject, "text": one.text} for one in campaign.draft.messages
        ],
        "items": list(campaign.draft.items),
        **_numbers(campaign.numbers),
    }


def write_preview(folder: Path, language: str, content: bytes) -> list[Path]:
    """A mail as files: as it leaves, and its two parts."""
    message = message_from_bytes(content, policy=policy.SMTP)
    assert isinstance(message, EmailMessage)  # noqa: S101 - what this policy makes
    written = [folder / f"{language}.eml"]
    written[0].write_bytes(content)
    for kind, ending in (("html", "html"), ("plain", "txt")):
        part = message.get_body((kind,))
        if part is not None:
            written.append(folder / f"{language}.{ending}")
            written[-1].write_text(str(part.get_content()), encoding="utf-8")
    return written


def _numbers(numbers: Numbers) -> dict[str, Any]:
    told = numbers.to_json()
    return {
        "people_in_segment": told.pop("people"),
        "recipients": numbers.recipients,
        "by_language": told.pop("languages"),
        "left_out": {name: told[name] for name in ("unreachable", "not_subscribed", "no_language")},
        "in_another_language": told["in_another"],
    }


def _print_numbers(numbers: Numbers, digest: str) -> None:
    print(f"  {'In the segment':<22}{people(numbers.people)}")
    for number, why in (
        (numbers.unreachable, "not active, or their address is never mailed"),
        (numbers.not_subscribed, f"do not have {digest}, or have unsubscribed from it"),
        (numbers.no_language, "can read none of the languages in which it is written"),
    ):
        if number:
            print(f"  {'Left out':<22}{people(number)}: {why}")
    print(f"  {'Get it':<22}{people(numbers.recipients)}")
    for language, number in numbers.languages.items():
        print(f"    {'in ' + language:<20}{people(number)}")
    if numbers.in_another:
        print(f"    {people(numbers.in_another)} of them in none of their languages, as they asked: the mail says so")
