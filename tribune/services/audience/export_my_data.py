"""All that is held about one person, as JSON that they can read and take elsewhere (GDPR, articles 15 and 20)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tribune.domain.audience import Status
from tribune.domain.digests import Digest, text_in
from tribune.domain.errors import NotFound
from tribune.domain.notices import NoticeKind
from tribune.domain.sending import name_of
from tribune.ports.data_requests import DataRequest, RequestKind, RequestState
from tribune.ports.ledger import DeliveryView
from tribune.ports.store import Transaction
from tribune.services.audience.list_sent import MOST, list_sent

FORMAT = "tribune.my-data/1"

_ASKED_ELSEWHERE = frozenset({"id", "subscriber_id", "kind", "locale", "created_at"})
"""What is told of the mail to an address that they asked to move to: they asked for it. What became of it would tell
whether that address is somebody's, or never mailed."""

_TOLD_ABOVE = frozenset({"people", "subscribers", "subscriptions", "rhythms", "marks", "person_tags", "engagement"})


def export_my_data(
    tx: Transaction, subscriber_id: int, digests: Mapping[str, Digest], by: str, now: datetime
) -> tuple[dict[str, Any], DataRequest]:
    """What we hold about a person, and the record that it was given out. Raises NotFound.

    What people ask for first stands first; `records` holds the rows of every other table that is about them, as they
    are, so that nothing is left out.
    """
    person = tx.audience.one(subscriber_id)
    if person is None:
        raise NotFound("There is no such subscriber.", hint="They may have been erased.")
    request = tx.data_requests.add(subscriber_id, RequestKind.EXPORT, RequestState.DONE, by, now)
    rows = tx.data_requests.rows_of(subscriber_id)
    first = rows["subscribers"][0]
    known = tx.segments.facts([subscriber_id]).get(subscriber_id)
    locale = person.languages[0]
    told = {
        "format": FORMAT,
        "made_at": now.isoformat(),
        "person": {
            "number": person.id,
            "address": person.address,
            "new_address": tx.data_requests.new_address(person.id),
            "name": person.name,
            "group": person.group,
            "languages": list(person.languages),
            "in_no_language_of_mine": person.fallback.value,
            "zone": person.zone,
            "status": person.status.value,
            "paused_until": person.paused_until.isoformat() if person.paused_until else None,
            "confirmed_at": None if person.status is Status.PENDING else first["confirmed_at"],
            "changed_at": first["changed_at"],
            "last_visit": known.seen.isoformat() if known and known.seen else None,
        },
        "tags": sorted(known.tags) if known else [],
        "never_mailed": tx.audience.suppressed([person.address]).get(person.address),
        "subscriptions": [
            {
                "digest": wish.digest,
                "name": text_in(digests[wish.digest].names, locale) if wish.digest in digests else wish.digest,
                "cadence": wish.cadence.value,
                "policy_areas": sorted(wish.choice.policy_areas),
                "places": sorted(wish.choice.places),
                "kinds": sorted(wish.choice.kinds),
            }
            for wish in person.subscriptions
        ],
        "rhythms": [
            {
                "digest": rhythm.digest,
                "cadence": rhythm.cadence.value,
                "weekday": rhythm.weekday,
                "hour": rhythm.hour,
                "served_up_to_release": rhythm.mark,
                "last_served_on": rhythm.last_date.isoformat() if rhythm.last_date else None,
                "stopped_at": rhythm.stopped_at.isoformat() if rhythm.stopped_at else None,
            }
            for rhythm in person.rhythms
        ],
        "mails": _mails(tx, subscriber_id),
        "records": {table: _records(tx, table, kept) for table, kept in rows.items() if table not in _TOLD_ABOVE},
    }
    return told, request


def _records(tx: Transaction, table: str, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    match table:
        case "notices":
            return [_notice(row) for row in rows]
        case "consents":
            versions = {row["text_version"] for row in rows} - {""}
            texts = {version: tx.consents.text(version) for version in versions}
            words = {version: text.words for version, text in texts.items() if text is not None}
            return [dict(row) | {"text": words.get(row["text_version"], "")} for row in rows]
    return list(rows)


def _notice(row: Mapping[str, Any]) -> Mapping[str, Any]:
    if row["kind"] != NoticeKind.ADDRESS_CONFIRM.value:
        return row
    return {name: value for name, value in row.items() if name in _ASKED_ELSEWHERE}


def _mails(tx: Transaction, subscriber_id: int) -> list[dict[str, Any]]:
    every = tx.ledger.deliveries_to(subscriber_id, limit=MOST)
    sent = {mail.name: mail for mail in list_sent(tx, subscriber_id, size=MOST)[0]}
    mailings = {number: tx.ledger.mailing(number) for number in {one.mailing for one in every}}

    def told(one: DeliveryView) -> dict[str, Any]:
        name = name_of(one.mailing, one.chunk, one.place)
        mailing, mail = mailings[one.mailing], sent.get(name)
        return {
            "mail": name,
            "digest": mailing.digest if mailing else None,
            "cadence": mailing.cadence.value if mailing and mailing.cadence else None,
            "campaign": mail.subject if mail and mail.subject else None,
            "due_at": mailing.due_at.isoformat() if mailing else None,
            "language": one.locale,
            "state": one.state.value,
            "code": one.code or None,
            "items": [
                {"number": item.item, "title": item.title, "language": item.language, "link": item.link or None}
                for item in (mail.items if mail else ())
            ],
        }

    return [told(one) for one in every]
