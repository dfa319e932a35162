"""Plan a campaign: a message for those people of a segment whom a digest may mail (docs/adr/0032-campaigns.md).

As an edition it is planned in one transaction, and waits for a person's approval; what follows is done by the same
senders through the same ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tribune.domain.campaigns import Draft, Numbers
from tribune.domain.codelists import Codelists
from tribune.domain.digests import Digest, Rules
from tribune.domain.errors import Conflict, InvalidInput, NotFound
from tribune.domain.events import event_id
from tribune.domain.mailings import Mailing, MailingState
from tribune.domain.matching import over
from tribune.ports.planning import Due, MailingPlan
from tribune.ports.segments import Segment
from tribune.ports.store import PLANNING, Transaction
from tribune.services.campaigns.campaign_contents import Readers, Shown, campaign_contents
from tribune.services.planning.write_plan import SOURCE, tell_of_plan, write_plan
from tribune.services.segments.find_segment import find_segment
from tribune.services.segments.segment_people import segment_people
from tribune.services.segments.segment_terms import segment_terms

EACH = "each"
"""A campaign is always approved by somebody who has looked at it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A campaign that is to be planned. `at`: when it leaves, once it is approved (None: at once)."""

    draft: Draft
    segment: str
    digest: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outline:
    """What would be planned: for which version of the segment, in the name of which digest, for whom."""

    segment: Segment
    digest: Digest
    numbers: Numbers
    due: Due
    readers: Readers


def plan_campaign(
    tx: Transaction,
    wanted: Wanted,
    digests: Mapping[str, Digest],
    codelists: Codelists,
    rules: Rules,
    actor: str,
    now: datetime,
) -> Mailing:
    """Plan it; the mailing, which waits for approval.

    Raises as `outline_campaign`, and Conflict where a campaign of this name is on its way already or nobody would get
    it.
    """
    tx.lock(PLANNING)
    _not_twice(tx, wanted.draft.name)
    outline = outline_campaign(tx, wanted, digests, codelists, rules, now)
    numbers, digest, contents = outline.numbers, outline.digest, outline.readers.contents
    if not numbers.recipients:
        hint = "`tribune campaign plan ... --dry-run` says how many are left out, and why."
        raise Conflict(f"Nobody in the segment {outline.segment.slug!r} would get this campaign.", hint=hint)
    campaign = tx.campaigns.add(wanted.draft, digest.id, outline.segment, numbers, now, actor)
    plan = MailingPlan(
        edition=None,
        campaign=campaign,
        due_at=wanted.at or now,
        state=MailingState.PLANNED,
        approval=EACH,
        recipients=numbers.recipients,
        skipped_empty=numbers.no_language,
        correlation_id=event_id(SOURCE, f"campaign/{campaign}", 1, "campaign"),
        planned_at=now,
        in_doubt=digest.in_doubt,
    )
    number = tx.planning.add_mailing(plan)
    chunks = write_plan(tx, number, outline.due, contents, wanted.at)
    mailing = tx.ledger.mailing(number)
    assert mailing is not None  # noqa: S101 - it has just been written
    tell_of_plan(tx, mailing, contents, len(chunks), now)
    told: dict[str, str | int] = {
        "campaign": campaign,
        "segment": outline.segment.slug,
        "version": outline.segment.version,
        "digest": digest.id,
        "recipients": numbers.recipients,
    }
    tx.audit.add(actor, "campaign.planned", f"mailing/{number}", told, now)
    return mailing


def digest_named(id: str, digests: Mapping[str, Digest]) -> Digest:
    """The digest in whose name a campaign goes out. Raises NotFound."""
    if id not in digests:
        hint = f"The settings have {', '.join(digests)}." if digests else f"Add [digests.{id}] to the settings."
        raise NotFound(f"There is no digest {id!r}.", hint=hint)
    return digests[id]


def outline_campaign(
    tx: Transaction, wanted: Wanted, digests: Mapping[str, Digest], codelists: Codelists, rules: Rules, now: datetime
) -> Outline:
    """Who would get it, and in which language; nothing is written.

    Raises NotFound for a segment, a digest or an item that there is not, InvalidInput for a time that has passed,
    Conflict for a segment that is archived and while the masks are out of step with the code lists.
    """
    digest = digest_named(wanted.digest, digests)
    if wanted.at is not None and wanted.at <= now:
        raise InvalidInput("This time has passed.", where="at", hint="Leave it out to send once it is approved.")
    segment = find_segment(tx, wanted.segment)
    if segment.archived_at is not None:
        hint = f"Take it back into use first: `tribune segments archive {segment.slug} --back`."
        raise Conflict(f"The segment {segment.slug!r} is archived.", hint=hint)
    items = items_of(tx, wanted.draft, wanted.at or now)
    people = tx.segments.count(segment.rule, segment_terms(tx, codelists, now)).people
    reached, due = _readers(tx, segment, digest, codelists, now)
    readers = campaign_contents(due, wanted.draft, items, rules.offered, rules.default_language)
    numbers = Numbers(
        people=people,
        unreachable=max(people - reached, 0),
        not_subscribed=reached - len(due.ids),
        no_language=readers.left_out,
        in_another=readers.in_another,
        languages=readers.languages,
    )
    return Outline(segment, digest, numbers, due, readers)


def _readers(tx: Transaction, segment: Segment, digest: Digest, codelists: Codelists, now: datetime) -> tuple[int, Due]:
    """How many of the segment may be mailed at all, and those of them whom the digest may mail."""
    import numpy as np

    batches = [np.array(batch, np.int64) for batch in segment_people(tx, segment.rule, codelists, now)]
    ids = np.concatenate(batches) if batches else np.empty(0, np.int64)
    return len(ids), tx.planning.subscribed(digest.id, ids)


def items_of(tx: Transaction, draft: Draft, at: datetime) -> list[Shown]:
    """The items under the text, as the catalogue has them now. Raises NotFound, and Conflict for one that cannot go out
    `at` that time."""
    found = tx.catalogue.items(draft.items) if draft.items else {}
    releases = tx.catalogue.releases_of({item.id for item in found.values()})
    shown: list[Shown] = []
    for number in draft.items:
        item = found.get(number)
        if item is None:
            raise NotFound(f"There is no item {number}.", where="items", hint="`tribune items list` shows them.")
        if item.withdrawn_at is not None:
            raise Conflict(f"Item {number} is withdrawn.", where="items", hint="Leave it out.")
        if not releases.get(item.id):
            hint = "Leave it out, or wait for its release."
            raise Conflict(f"Item {number} is not out yet.", where="items", hint=hint)
        if over(item, at):
            raise Conflict(f"Item {number} is a live session that will have ended by then.", where="items")
        if all(one.item.id != item.id for one in shown):  # two may have become one
            shown.append(Shown(item, releases[item.id]))
    return shown


def _not_twice(tx: Transaction, name: str) -> None:
    """Nobody gets a campaign twice because a command was given twice."""
    for _, number in tx.campaigns.named(name):
        mailing = tx.ledger.mailing(number)
        if mailing is not None and mailing.state is not MailingState.CANCELLED:
            hint = f"Cancel that one (`tribune mailing cancel {number}`), or give this one another name."
            raise Conflict(f"The campaign {name!r} is planned already: mailing {number}.", hint=hint)
