"""Somebody sends the subscription form: set aside what they ask for, and ask at their address whether it is meant.

Whoever sends it hears the same whatever is behind the address: somebody new, somebody who is subscribed already
(nothing changes; where they lack what was asked for, a mail asks whether they wish it as well, else it leads them to
their preferences), somebody who has left (nothing changes before they confirm), or somebody who is never mailed. One
and the same address is sent few such mails, and one network may ask so often only (threats.md: subscription bombing,
enumeration).

No lock of the audience is taken: nothing here has rhythms or marks, so planning and changes see none of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tribune.domain.addresses import address_key
from tribune.domain.audience import Choice, Status, Subscriber
from tribune.domain.digests import Rules
from tribune.domain.notices import NoticeKind, about_digests, longest_limit, may_be_requested
from tribune.domain.sign_up import LIFTED, NOBODYS, Asking, Quota, Wanted, offered, pending, received
from tribune.ports.quotas import Window
from tribune.ports.sign_ups import Known
from tribune.ports.store import Transaction
from tribune.services.notices.request_notice import Request, request_notices

_KINDS = (NoticeKind.CONFIRM_SUBSCRIPTION, NoticeKind.ADD_SUBSCRIPTION, NoticeKind.ALREADY_SUBSCRIBED)
_LOOK_BACK = max(longest_limit(kind) for kind in _KINDS)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to whoever sent the form: to look into their mailbox, or (`again_at`) that too many came from their
    network, and when it may ask again."""

    again_at: datetime | None = None


CHECK_YOUR_MAIL = Answer()


@dataclass(frozen=True)
class SignUps:
    """What a sign-up needs. `quotas`: how many from one network; `hidden` makes the opaque word under which a network
    is counted."""

    rules: Rules
    quotas: Sequence[Quota]
    hidden: Callable[[str], str]


def sign_up(tx: Transaction, asking: Asking, needs: SignUps, now: datetime) -> Answer:
    """One form."""
    return sign_up_together(tx, [asking], needs, now)[0]


def sign_up_together(tx: Transaction, asked: Sequence[Asking], needs: SignUps, now: datetime) -> list[Answer]:
    """Several forms at once, in a dozen statements however many they are: what is said to each.

    Of several for one address the last one counts: a form that was sent twice is one wish.
    """
    refused = _over_quota(tx, asked, needs, now)
    wanted = {address_key(asking.address): asking for n, asking in enumerate(asked) if n not in refused}
    may_be_mailed = _not_suppressed(tx, wanted)
    known = _known_or_new(tx, {key: wanted[key] for key in may_be_mailed}, now)
    earlier = tx.notices.requested_by([one.subscriber for one in known.values()], now - _LOOK_BACK)
    there = tx.audience.several([one.subscriber for one in known.values() if one.status not in NOBODYS])
    waiting, mails = [], []
    for key, one in known.items():
        asking = wanted[key]
        kind, asked_for = _kind(asking.wanted, there.get(one.subscriber))
        if not may_be_requested(kind, earlier.get((one.subscriber, kind), ()), now):
            continue
        if kind is NoticeKind.ALREADY_SUBSCRIBED:
            mails.append(Request(kind, one.subscriber, one.languages, about_digests(_digests(asked_for))))
        else:
            languages = one.languages if kind is NoticeKind.ADD_SUBSCRIPTION else asking.wanted.languages
            waiting.append((kind, one.subscriber, languages, replace(asking, wanted=asked_for)))
    numbers = tx.sign_ups.add([(subscriber, asking) for _, subscriber, _, asking in waiting], now)
    for number, (kind, subscriber, languages, asking) in zip(numbers, waiting, strict=True):
        content = {"sign_up": str(number), **about_digests(_digests(asking.wanted))}
        mails.append(Request(kind, subscriber, languages, content))
    request_notices(tx, mails, needs.rules, now)
    return [Answer(refused[n]) if n in refused else CHECK_YOUR_MAIL for n in range(len(asked))]


def _over_quota(tx: Transaction, asked: Sequence[Asking], needs: SignUps, now: datetime) -> dict[int, datetime]:
    """The places of forms from networks that have asked too often, and when each may ask again. They count as well."""
    places: dict[int, list[tuple[Window, Quota, int]]] = {}
    rank: Counter[Window] = Counter()
    for n, asking in enumerate(asked):
        if not asking.network:
            continue
        for quota in needs.quotas:
            who = needs.hidden(f"{quota.within.total_seconds():.0f} {asking.network}")
            window = Window(who, quota.until(now), quota.within)
            rank[window] += 1
            places.setdefault(n, []).append((window, quota, rank[window]))
    counted = tx.quotas.count(rank)
    over: dict[int, datetime] = {}
    for n, told in places.items():
        for window, quota, place in told:
            total, before = counted[window]
            if not quota.holds(total - rank[window] + place, before, now):
                over[n] = max(quota.again(total, before, now), over.get(n, now))
    return over


def _not_suppressed(tx: Transaction, wanted: dict[str, Asking]) -> list[str]:
    reasons = tx.audience.suppressed([asking.address for asking in wanted.values()])
    return [key for key, asking in wanted.items() if reasons.get(asking.address, "") in ("", *LIFTED)]


def _known_or_new(tx: Transaction, wanted: dict[str, Asking], now: datetime) -> dict[str, Known]:
    """Whose these addresses are; somebody new for each that is nobody's."""
    known = tx.sign_ups.known(wanted)
    if len(known) < len(wanted):
        tx.sign_ups.take_turn()  # another process may be adding one of them at this moment
        known |= tx.sign_ups.known(wanted.keys() - known.keys())
    new = {key: pending(asking) for key, asking in wanted.items() if key not in known}
    ids = tx.audience.add(list(new.values()), _no_masks, now)
    return known | {
        key: Known(id, Status.PENDING, person.languages) for id, (key, person) in zip(ids, new.items(), strict=True)
    }


def _kind(wanted: Wanted, subscribed: Subscriber | None) -> tuple[NoticeKind, Wanted]:
    """What is mailed, and what it is about: to a subscriber the digests that they lack, where there are any."""
    if subscribed is None:
        return NoticeKind.CONFIRM_SUBSCRIPTION, wanted
    lacking = set(_digests(wanted)) - received(subscribed)
    if lacking:
        return NoticeKind.ADD_SUBSCRIPTION, offered(wanted, lacking)
    return NoticeKind.ALREADY_SUBSCRIBED, wanted


def _digests(wanted: Wanted) -> list[str]:
    return list(dict.fromkeys(s.digest for s in wanted.subscriptions))


def _no_masks(_: Choice) -> Sequence[int]:
    raise AssertionError("nobody who has not confirmed has a subscription")
