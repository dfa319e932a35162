"""Subscribers as the API tells them and takes them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tribune.domain.audience import Cadence, Choice, Fallback, Status, Subscriber, Subscription
from tribune.domain.errors import Fault, InvalidInput
from tribune.domain.imports import MAX_SOURCE, Basis, BasisKind
from tribune.ports.store import Transaction
from tribune.services.people.save_person import Told
from web.api.moments import Day
from web.api.shapes import In, Out, Word, Words

Address = Annotated[str, StringConstraints(min_length=3, max_length=254)]
Weekday = Annotated[int, Field(ge=0, le=6, description="0 is Monday. For weekly, and monthly: the first such day.")]
Hour = Annotated[int, Field(ge=0, le=23, description="The local hour of the person.")]


class SubscriptionOut(Out):
    """One wish for one digest. Empty lists mean any."""

    digest: str
    cadence: Cadence
    policy_areas: list[str]
    places: list[str]
    kinds: list[str]


class RhythmOut(Out):
    """When a digest comes in one cadence."""

    digest: str
    cadence: Cadence
    weekday: int = Field(description="0 is Monday.")
    hour: int = Field(description="Local.")
    stopped_at: datetime | None = Field(description="Since when the person has unsubscribed from it.")


class PersonOut(Out):
    """A subscriber."""

    id: int
    address: str
    name: str
    group: str = Field(description="Their constituent group, a code of the list `groups`.")
    languages: list[str] = Field(description="In their order: the first is also that of the frame.")
    zone: str
    fallback: Fallback = Field(description="What becomes of an item in none of their languages.")
    status: Status
    paused_until: datetime | None = Field(description="When a pause ends: the beginning of a day in `zone`.")
    suppressed: str | None = Field(description="Why their address is never mailed; null: it may be.")
    tags: list[str]
    subscriptions: list[SubscriptionOut]
    rhythms: list[RhythmOut]


class PersonRef(Out):
    """Whom it was about, and how they are now. Names and addresses are told by GET alone: answers to POST are kept."""

    id: int
    status: Status
    changed: bool = Field(description="Whether anything changed.")


class PeopleOut(Out):
    """People that were found."""

    data: list[PersonOut]


class SubscriptionIn(In):
    """One wish for one digest. Empty lists mean any."""

    digest: Word
    cadence: Cadence
    policy_areas: Words = ()
    places: Words = ()
    kinds: Words = ()


class RhythmIn(In):
    """When a digest comes in one cadence. What is not told is Monday, at eight."""

    digest: Word
    cadence: Cadence
    weekday: Weekday = 0
    hour: Hour = 8


class PersonChange(In):
    """What is to change of a person; what is left out stays. `subscriptions` replace all that there are."""

    name: Annotated[str, StringConstraints(max_length=300)] | None = None
    group: Word | None = None
    languages: Annotated[tuple[Word, ...], Field(min_length=1, max_length=20)] | None = None
    zone: Word | None = None
    fallback: Fallback | None = None
    subscriptions: Annotated[tuple[SubscriptionIn, ...], Field(max_length=100)] | None = None
    rhythms: Annotated[tuple[RhythmIn, ...], Field(max_length=100)] = ()

    def told(self) -> Told:
        """As the service takes it. Raises InvalidInput for a rhythm that is told twice."""
        rhythms: dict[tuple[str, Cadence], tuple[int, int]] = {}
        for number, one in enumerate(self.rhythms):
            if (one.digest, one.cadence) in rhythms:
                told = Fault(f"/rhythms/{number}", "This rhythm is told twice.", "Keep one.")
                raise InvalidInput(told.what, faults=[told])
            rhythms[one.digest, one.cadence] = (one.weekday, one.hour)
        return Told(
            name=self.name,
            group=self.group,
            languages=self.languages,
            zone=self.zone,
            fallback=self.fallback,
            subscriptions=None if self.subscriptions is None else [_subscription(one) for one in self.subscriptions],
            rhythms=rhythms,
        )


class BasisIn(In):
    """On what ground somebody is written to who did not sign up here."""

    kind: BasisKind = Field(description="consent, contract, public_function or transfer.")
    source: Annotated[str, StringConstraints(min_length=1, max_length=MAX_SOURCE)] = Field(
        description="Where the person or their consent comes from: a form, a contract, a body, a system. No names."
    )
    given: Day | None = Field(default=None, description="The day of a consent. It is not in the future.")

    def basis(self, now: datetime) -> Basis:
        """Raises InvalidInput."""
        try:
            return Basis.stated(self.kind, self.source, self.given, now)
        except InvalidInput as error:
            at = "/basis/given" if error.where == "given" else "/basis/source"
            raise InvalidInput(error.what, faults=[Fault(at, error.what, error.hint)]) from None


class PersonIn(PersonChange):
    """A new subscriber: `languages`, `zone` and `subscriptions` are needed."""

    address: Address
    basis: BasisIn


class AddressIn(In):
    """An address. It travels in the body: what stands in addresses of requests is logged on the way."""

    address: Address


class OfDigestIn(In):
    """A digest, or all of them."""

    digest: Word | None = Field(default=None, description="Left out: everything.")


class AgainIn(OfDigestIn):
    """Who comes back, and on what ground: only the person themselves can want it."""

    basis: BasisIn = Field(
        description="`kind` is consent, and `given` the day on which they told you: not before that of their last stop."
    )


class PauseIn(In):
    """Until when nothing is sent."""

    until: Day = Field(description="The pause ends when this day begins where the person is.")


class ConsentOut(Out):
    """One act: what the person agreed to or took back, when, through which door."""

    act: str
    at: datetime
    source: str
    by: str = Field(description="`self`, or who acted: `staff:3`, `token:12`.")
    basis: str
    text_version: str
    network: str = Field(description="Shortened so that it points at nobody; empty once its time is over.")
    agreed: dict[str, object]


class ConsentsOut(Out):
    """A person's consent records, the oldest first."""

    data: list[ConsentOut]


class ReasonIn(AddressIn):
    """An address that is never to be mailed again, and why."""

    reason: Literal["asked_by_phone_or_letter", "wrong_address", "hard_bounce"]


class LiftIn(AddressIn):
    """An address that may be mailed again, and why."""

    why: Literal["works_again", "put_there_by_mistake", "other"] = Field(
        description="What has been mended. It stands in the audit log as this word: nothing personal does."
    )


def people_out(tx: Transaction, people: Collection[Subscriber]) -> list[PersonOut]:
    """People as the API tells them: a query for all tags, and one for all suppressions."""
    suppressed = tx.audience.suppressed([person.address for person in people])
    tags = tx.segments.tags_of([person.id for person in people])
    return [_person_out(one, suppressed.get(one.address), tags.get(one.id, ())) for one in people]


def _person_out(person: Subscriber, suppressed: str | None, tags: Iterable[str]) -> PersonOut:
    return PersonOut(
        id=person.id,
        address=person.address,
        name=person.name,
        group=person.group,
        languages=list(person.languages),
        zone=person.zone,
        fallback=person.fallback,
        status=person.status,
        paused_until=person.paused_until if person.status is Status.PAUSED else None,
        suppressed=suppressed,
        tags=sorted(tags),
        subscriptions=[
            SubscriptionOut(
                digest=one.digest,
                cadence=one.cadence,
                policy_areas=sorted(one.choice.policy_areas),
                places=sorted(one.choice.places),
                kinds=sorted(one.choice.kinds),
            )
            for one in person.subscriptions
        ],
        rhythms=[
            RhythmOut(
                digest=one.digest,
                cadence=one.cadence,
                weekday=one.weekday,
                hour=one.hour,
                stopped_at=one.stopped_at,
            )
            for one in person.rhythms
        ],
    )


def _subscription(told: SubscriptionIn) -> Subscription:
    choice = Choice(frozenset(told.policy_areas), frozenset(told.places), frozenset(told.kinds))
    return Subscription(told.digest, told.cadence, choice)
