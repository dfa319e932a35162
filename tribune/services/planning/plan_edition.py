"""Plan an edition that is due: who gets a mail, with which items, in which language (architecture.md, 8).

Everything is written in the transaction that handles the event: mailing, signatures, chunks, deliveries, marks and
the events that follow. So a plan is there whole or not at all, and a second `edition.due` finds its mailing.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from tribune.domain.audience import Cadence
from tribune.domain.codelists import Codelists
from tribune.domain.digests import Digest, Rules
from tribune.domain.errors import NotFound
from tribune.domain.events import CloudEvent, EditionDue
from tribune.domain.mailings import Mailing, MailingState
from tribune.ports.planning import Due, MailingPlan
from tribune.ports.store import PLANNING, Transaction
from tribune.services.audience.refresh_masks import Masker, masker
from tribune.services.planning.at_once import within_daily_cap, without_served
from tribune.services.planning.edition_contents import Contents, edition_contents
from tribune.services.planning.find_candidates import find_candidates
from tribune.services.planning.match_items import Candidate, match_items
from tribune.services.planning.write_plan import tell_of_plan, write_plan

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Planned:
    """What came of it. `mailing` None: nobody was due, it had been planned before, or its digest is retired."""

    mailing: int | None = None
    recipients: int = 0
    skipped_empty: int = 0
    signatures: int = 0
    chunks: int = 0


def plan_edition(
    tx: Transaction,
    edition: EditionDue,
    cause: CloudEvent,
    digests: Mapping[str, Digest],
    codelists: Codelists,
    rules: Rules,
    now: datetime,
) -> Planned:
    """Plan it; of a digest that was retired meanwhile, nothing. Raises NotFound for one that the settings do not have,
    Conflict while the masks are out of date."""
    digest = digests.get(edition.digest)
    if digest is None:
        raise NotFound(
            f"The digest {edition.digest!r} is not in the settings.",
            hint=f"Put [digests.{edition.digest}] back, then run `tribune events replay`.",
        )
    if digest.retired:
        return Planned()
    cadence = Cadence(edition.cadence)
    tx.lock(PLANNING)
    if tx.planning.mailing_of(digest.id, cadence, edition.occasion, edition.due_at) is not None:
        return Planned()
    local_date = None if cadence is Cadence.AT_ONCE else date.fromisoformat(edition.occasion)
    due = tx.planning.due(
        digest.id, cadence, edition.cohorts, local_date, dated=edition.dated, newcomers=edition.newcomers
    )
    if not len(due.ids):
        return Planned()
    horizon = tx.catalogue.last_sequence()
    candidates, selected = choose(tx, due, digest, cadence, masker(tx, codelists), edition.due_at, horizon)
    if cadence is Cadence.AT_ONCE:
        without_served(tx, due, selected, candidates)
    tx.planning.drop_carried(digest.id, cadence, due)
    if cadence is Cadence.AT_ONCE:
        cap = rules.at_once_daily_cap
        within_daily_cap(tx, due, selected, candidates, digest.id, cap, edition.due_at, now)
    with ThreadPoolExecutor(1) as beside:  # reckoned here while the database moves the marks
        made = beside.submit(
            edition_contents, due, selected, candidates, digest.max_items, rules.offered, rules.default_language
        )
        tx.planning.advance_marks(digest.id, cadence, due, horizon, local_date)
        contents = made.result()
    mailing = _mailing(tx, edition, digest, cadence, cause, len(due.ids), len(contents.people), now)
    chunks = write_plan(tx, mailing.id, due, contents)
    if cadence is Cadence.AT_ONCE:
        tx.planning.add_served_at_once(mailing.id, _served(due, contents, selected, candidates))
    tell_of_plan(tx, mailing, contents, len(chunks), now, cause)
    return Planned(mailing.id, mailing.recipients, mailing.skipped_empty, len(contents.texts), len(chunks))


def choose(
    tx: Transaction, due: Due, digest: Digest, cadence: Cadence, mask: Masker, at: datetime, horizon: int
) -> tuple[list[Candidate], Bools]:
    """The items that may go out, the most important first, and which of them are due to whom: items x people.

    `horizon`: the last catalogue sequence number when it was asked first. What is released while we look is for later.
    """
    carried = _carried(tx, due, digest.id, cadence)
    since = int(due.marks.min())
    candidates = find_candidates(tx, digest, since, horizon, {item for _, item in carried}, mask, at)
    reclassified = any(candidate.reclassified for candidate in candidates)
    wishes = tx.planning.wishes(digest.id, cadence, due, with_marks=reclassified)
    selected = match_items(due, wishes, candidates, cadence)
    _leave_out_reclassified(tx, due, selected, candidates, digest.id, cadence)
    place = {candidate.item.id: row for row, candidate in enumerate(candidates)}
    for person, item in carried:
        chain = due.profiles[int(due.profile[person])]
        if item in place and candidates[place[item]].shown_to((chain.languages, chain.fallback)) is not None:
            selected[place[item], person] = True
    return candidates, selected


def _carried(tx: Transaction, due: Due, digest: str, cadence: Cadence) -> list[tuple[int, int]]:
    """(place in `due`, item) of what waits for these people; items that became one with another under that one's id."""
    carried = tx.planning.carried(digest, cadence, due)
    now = tx.catalogue.items({item for _, item in carried}) if carried else {}
    return [(person, now[item].id) for person, item in carried if item in now]


def _leave_out_reclassified(
    tx: Transaction, due: Due, selected: Bools, candidates: list[Candidate], digest: str, cadence: Cadence
) -> None:
    """An item whose classification changed may have gone out in another cadence under the old one."""
    import numpy as np

    moved = {row: c for row, c in enumerate(candidates) if c.reclassified and selected[row].any()}
    if not moved:
        return
    since = min(c.releases[0].released_at for c in moved.values())
    served = tx.planning.served_otherwise(digest, cadence, {c.item.id for c in moved.values()}, since)
    for row, candidate in moved.items():
        selected[row] &= ~np.isin(due.ids, list(served[candidate.item.id]))


def _mailing(
    tx: Transaction,
    edition: EditionDue,
    digest: Digest,
    cadence: Cadence,
    cause: CloudEvent,
    people: int,
    recipients: int,
    now: datetime,
) -> Mailing:
    if not recipients:
        state = MailingState.FINISHED
    else:
        state = MailingState.APPROVED if digest.approval == "standing" else MailingState.PLANNED
    plan = MailingPlan(
        edition=tx.planning.edition(digest.id, cadence, edition.occasion),
        due_at=edition.due_at,
        state=state,
        approval=digest.approval,
        recipients=recipients,
        skipped_empty=people - recipients,
        correlation_id=cause.correlation_id or cause.id,
        planned_at=now,
        in_doubt=digest.in_doubt,
    )
    return Mailing(
        id=tx.planning.add_mailing(plan),
        edition=plan.edition,
        digest=digest.id,
        cadence=cadence,
        occasion=edition.occasion,
        due_at=plan.due_at,
        state=plan.state,
        approval=plan.approval,
        recipients=plan.recipients,
        skipped_empty=plan.skipped_empty,
        correlation_id=plan.correlation_id,
        planned_at=now,
        in_doubt=plan.in_doubt,
    )


def _served(due: Due, contents: Contents, selected: Bools, candidates: list[Candidate]) -> list[tuple[int, int]]:
    """(subscriber, sequence number of the release that they are shown), for everything in their mails."""
    rows = []
    for person in contents.people.tolist():
        profile = due.profiles[int(due.profile[person])]
        for row in selected[:, person].nonzero()[0].tolist():
            shown = candidates[row].shown_to((profile.languages, profile.fallback))
            rows += [(int(due.ids[person]), r.sequence) for r in candidates[row].releases if r.language == shown]
    return rows
