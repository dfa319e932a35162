"""A sign-up: what somebody asks for on the public form. It comes into force when they confirm it from their mailbox.

Until then nobody has agreed to anything: a stranger may have typed the address. So what was asked for is set aside,
one row for each time, and the link in the mail names its row: whoever follows it gets what that mail was about, and
never what somebody else asked for in their name (docs/adr/0026).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from tribune.domain.audience import Cadence, Choice, Fallback, Rhythm, Status, Subscriber, Subscription
from tribune.domain.changes import in_order, rhythms_in_order
from tribune.domain.consent import ConsentSource
from tribune.domain.preferences import Wishes, with_wishes

OTHER_GROUP = "other"

LIFTED = frozenset({"erased", "asked_by_phone_or_letter"})
"""Reasons of suppression that a confirmation takes away: who had themselves erased, or asked staff never to be mailed
again, may come back of their own will. Whom mail cannot reach, and who complained, stay there and are sent nothing."""

NOBODYS = frozenset({Status.PENDING, Status.UNSUBSCRIBED})
"""Statuses of whoever is sent nothing by their own will, or was merely typed: their mailbox may say yes to a
subscription, or be moved to."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. Marks of the rhythms mean nothing yet: they begin at the confirmation (decisions.md, 10)."""

    languages: tuple[str, ...]
    zone: str
    subscriptions: tuple[Subscription, ...]
    rhythms: tuple[Rhythm, ...]
    group: str = OTHER_GROUP
    fallback: Fallback = Fallback.SOURCE


@dataclass(frozen=True, slots=True)
class Asking:
    """A form that was sent. `network` is shortened (tribune.domain.consent.shortened); "" is counted for nobody."""

    address: str
    wanted: Wanted
    text_version: str
    network: str
    source: ConsentSource = ConsentSource.FORM


@dataclass(frozen=True, slots=True)
class SignUp:
    """What waits for its confirmation."""

    id: int
    subscriber: int
    at: datetime
    wanted: Wanted
    text_version: str
    source: ConsentSource
    network: str


class Standing(StrEnum):
    """What a link of a confirmation mail still does."""

    WAITS = "waits"
    CHANGES = "changes"
    """They are subscribed, and this form asks for what they do not have: it is taken where they say so."""
    DONE = "done"
    """This or another sign-up of theirs was confirmed, and brings nothing new: they are subscribed."""
    LEFT = "left"
    """They have unsubscribed since."""
    OVER = "over"
    """It was not confirmed in time, or the person was erased."""


LONGEST_WINDOW = timedelta(days=1)
"""No quota's time is longer; so long after its end, a window that was counted still matters."""


@dataclass(frozen=True, slots=True)
class Quota:
    """At most `number` sign-ups from one network within this time. The time slides: windows that follow each other
    without gaps are counted, and of the one before as much as would still be in sight if it had been asked evenly
    (the "sliding window counter" of https://blog.cloudflare.com/counting-things-a-lot-of-different-things/). So
    nothing comes at once at a border; spread over all of `within`, up to twice the number may."""

    number: int
    within: timedelta

    def until(self, now: datetime) -> datetime:
        """The end of the window in which `now` lies."""
        seconds = int(self.within.total_seconds())
        return datetime.fromtimestamp((int(now.timestamp()) // seconds + 1) * seconds, UTC)

    def holds(self, asked: int, before: int, now: datetime) -> bool:
        """Whether it may be the `asked`th of its window, where so many came in the one before. Those who were refused
        count too, but no window weighs more than what it let through."""
        in_sight = self.until(now) - now
        return asked * self.within + min(before, self.number) * in_sight <= self.number * self.within

    def again(self, asked: int, before: int, now: datetime) -> datetime:
        """When one more may come after these, if none does until then."""
        end = self.until(now)
        if asked >= self.number:  # not in this window
            asked, before, end = 0, asked, end + self.within
        before = max(min(before, self.number), 1)
        in_sight = min(self.within * (self.number - 1 - asked) // before, self.within)
        return max(end - in_sight, now)


def pending(asking: Asking) -> Subscriber:
    """Somebody of whom nothing is known but that their address was typed: without a name and without subscriptions."""
    wanted = asking.wanted
    return Subscriber(
        id=0,
        address=asking.address,
        name="",
        group=wanted.group,
        languages=wanted.languages,
        zone=wanted.zone,
        fallback=wanted.fallback,
        status=Status.PENDING,
    )


def offered(wanted: Wanted, digests: Collection[str]) -> Wanted:
    """What of it can still be had: without digests that are no more."""
    return replace(
        wanted,
        subscriptions=tuple(s for s in wanted.subscriptions if s.digest in digests),
        rhythms=tuple(r for r in wanted.rhythms if r.digest in digests),
    )


def confirmed(person: Subscriber, wanted: Wanted, name: str, horizon: int) -> Subscriber:
    """The person as they are once they have confirmed. All marks move to `horizon`, the present; the last date that a
    rhythm of theirs was served stays, so that no date is served twice. A pause in which they had left is over: this is
    a new wish. `name` "": as it was."""
    dates = {(r.digest, r.cadence): r.last_date for r in person.rhythms}
    return replace(
        person,
        name=name or person.name,
        group=wanted.group,
        languages=wanted.languages,
        zone=wanted.zone,
        fallback=wanted.fallback,
        status=Status.ACTIVE,
        paused_until=None,
        subscriptions=in_order(wanted.subscriptions),
        rhythms=rhythms_in_order(
            [
                replace(r, mark=horizon, last_date=dates.get((r.digest, r.cadence)), stopped_at=None)
                for r in wanted.rhythms
            ]
        ),
    )


def received(person: Subscriber) -> set[str]:
    """The digests that a person has and has not stopped."""
    return {r.digest for r in person.rhythms if r.stopped_at is None}


def taken(person: Subscriber, wanted: Wanted) -> Subscriber:
    """A subscriber with what a form of theirs asks for: the digests that it names as it says, all others as they were.
    Languages, zone and group are the person's, so they follow the form only where it is about all that they receive.
    Marks are left alone (tribune.services.audience.take_sign_up)."""
    asked = {s.digest for s in wanted.subscriptions}
    after = person
    for digest in sorted(asked):
        wishes = tuple(s for s in wanted.subscriptions if s.digest == digest)
        timings = tuple((r.cadence, r.weekday, r.hour) for r in wanted.rhythms if r.digest == digest)
        after = with_wishes(after, digest, Wishes(wishes, timings))
    after = replace(
        after, rhythms=tuple(replace(r, stopped_at=None) if r.digest in asked else r for r in after.rhythms)
    )
    if not received(person) <= asked:
        return after
    group = person.group if wanted.group == OTHER_GROUP else wanted.group
    return replace(after, languages=wanted.languages, zone=wanted.zone, fallback=wanted.fallback, group=group)


def standing(person: Subscriber | None, waiting: SignUp | None) -> Standing:
    """What a link does, by the person and its sign-up, where that still waits."""
    if person is None:
        return Standing.OVER
    if waiting is not None:
        left = max((r.stopped_at for r in person.rhythms if r.stopped_at is not None), default=None)
        match person.status:
            case Status.PENDING:
                return Standing.WAITS
            case Status.UNSUBSCRIBED if left is None or left <= waiting.at:  # no form of before brings them back
                return Standing.WAITS
            case Status.ACTIVE | Status.PAUSED if taken(person, waiting.wanted) != person:
                return Standing.CHANGES
    match person.status:
        case Status.ACTIVE | Status.PAUSED:
            return Standing.DONE
        case Status.PENDING:
            return Standing.OVER
    return Standing.LEFT


# -- how it is kept


def to_json(wanted: Wanted) -> dict[str, Any]:
    """As JSON that `from_json` reads."""
    return {
        "languages": list(wanted.languages),
        "zone": wanted.zone,
        "group": wanted.group,
        "fallback": wanted.fallback.value,
        "subscriptions": [
            {
                "digest": s.digest,
                "cadence": s.cadence.value,
                "policy_areas": sorted(s.choice.policy_areas),
                "places": sorted(s.choice.places),
                "kinds": sorted(s.choice.kinds),
            }
            for s in wanted.subscriptions
        ],
        "rhythms": [
            {"digest": r.digest, "cadence": r.cadence.value, "weekday": r.weekday, "hour": r.hour}
            for r in wanted.rhythms
        ],
    }


def from_json(kept: Mapping[str, Any]) -> Wanted:
    """From what `to_json` gave."""
    return Wanted(
        languages=tuple(kept["languages"]),
        zone=kept["zone"],
        group=kept["group"],
        fallback=Fallback(kept["fallback"]),
        subscriptions=tuple(
            Subscription(
                s["digest"],
                Cadence(s["cadence"]),
                Choice(frozenset(s["policy_areas"]), frozenset(s["places"]), frozenset(s["kinds"])),
            )
            for s in kept["subscriptions"]
        ),
        rhythms=tuple(Rhythm(r["digest"], Cadence(r["cadence"]), r["weekday"], r["hour"]) for r in kept["rhythms"]),
    )


def one_wish(
    digests: Sequence[str], cadence: Cadence, choice: Choice, *, weekday: int = 0, hour: int = 8
) -> tuple[tuple[Subscription, ...], tuple[Rhythm, ...]]:
    """Subscriptions and rhythms of somebody who wants the same of each digest."""
    return (
        tuple(Subscription(digest, cadence, choice) for digest in digests),
        tuple(Rhythm(digest, cadence, weekday, hour) for digest in digests),
    )
