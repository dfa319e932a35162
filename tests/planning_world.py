"""A small world for tests of planning: items, people and editions, straight through the store's ports."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from tribune.bootstrap import Application
from tribune.domain.audience import Cadence, Choice, Fallback, Rhythm, Subscriber, Subscription
from tribune.domain.digests import Digest
from tribune.domain.events import CloudEvent, Cohort, EditionDue
from tribune.domain.items import Item, LanguageVersion, Release, SessionInfo
from tribune.domain.mailings import EditionContent
from tribune.domain.merging import Content
from tribune.services.audience.refresh_masks import masker, refresh_masks
from tribune.services.planning.plan_edition import Planned, plan_edition

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@dataclass
class World:
    """`app` with its masks in step."""

    app: Application

    def __post_init__(self) -> None:
        refresh_masks(self.app.store, self.app.codelists)
        self._events = 0

    def item(
        self,
        *languages: str,
        areas: tuple[str, ...] = (),
        places: tuple[str, ...] = (),
        kind: str = "report",
        session: SessionInfo | None = None,
        at: datetime = START,
    ) -> int:
        """An item released in these languages, in this order (the first is its source language)."""
        content = Content(kind, languages[0], _versions(languages), policy_areas=areas, places=places, session=session)
        with self.app.store.write() as tx:
            id = tx.catalogue.add_item(content, embargo_until=None, correlation_id="story", now=at)
            tx.catalogue.add_releases(
                Release(sequence, id, language, at)
                for sequence, language in zip(tx.catalogue.next_sequences(len(languages)), languages, strict=True)
            )
        return id

    def release(self, id: int, language: str, at: datetime = START) -> int:
        """A further language version, or one that staff call new; its sequence number."""
        with self.app.store.write() as tx:
            item = tx.catalogue.items([id])[id]
            known = tuple(version.language for version in item.versions)
            self._save(tx, item, replace(_content(item), versions=_versions(tuple(dict.fromkeys((*known, language))))))
            tx.catalogue.hide_releases([r.sequence for r in item.releases if r.language == language], at)
            sequence = tx.catalogue.next_sequences(1)[0]
            tx.catalogue.add_releases([Release(sequence, id, language, at)])
        return sequence

    def reclassify(self, id: int, areas: tuple[str, ...]) -> None:
        """A correction: not a release."""
        with self.app.store.write() as tx:
            item = tx.catalogue.items([id])[id]
            self._save(tx, item, replace(_content(item), policy_areas=areas))

    def withdraw(self, id: int) -> None:
        with self.app.store.write() as tx:
            item = tx.catalogue.items([id])[id]
            self._save(tx, item, _content(item), withdrawn_at=START)

    def _save(self, tx, item: Item, content: Content, withdrawn_at: datetime | None = None) -> None:  # type: ignore[no-untyped-def]
        from tribune.ports.catalogue import HistoryEntry

        tx.catalogue.add_history(HistoryEntry(item.id, item.version, "e", START, "changed"), _content(item))
        tx.catalogue.save_item(
            item.id,
            version=item.version + 1,
            content=content,
            embargo_until=None,
            withdrawn_at=withdrawn_at,
            correlation_id="story",
            now=START,
        )

    def person(
        self,
        *wishes: tuple[str, Choice] | str,
        languages: tuple[str, ...] = ("en",),
        fallback: Fallback = Fallback.SOURCE,
        zone: str = "Africa/Dakar",
        digest: str = "letter",
        address: str = "",
    ) -> int:
        """Somebody with these cadences (and choices), whose marks begin now."""
        told = [(wish, Choice()) if isinstance(wish, str) else wish for wish in wishes]
        with self.app.store.write() as tx:
            mark = tx.catalogue.last_sequence()
            new = Subscriber(
                id=0,
                address=address or f"p{self._next()}@example.org",
                name="Zoë Ndiaye",
                group="government",
                languages=languages,
                zone=zone,
                fallback=fallback,
                subscriptions=tuple(Subscription(digest, Cadence(cadence), choice) for cadence, choice in told),
                rhythms=tuple(
                    Rhythm(digest, cadence, 0, 0 if cadence is Cadence.AT_ONCE else 8, mark)
                    for cadence in dict.fromkeys(Cadence(cadence) for cadence, _ in told)
                ),
            )
            return tx.audience.add([new], masker(tx, self.app.codelists), START)[0]

    def plan(
        self, cadence: str, at: datetime = START, *, zones: tuple[str, ...] = ("Africa/Dakar",), digest: str = "letter"
    ) -> Planned:
        """Plan what is due at an instant for everybody of a cadence who has their digest at eight."""
        edition = self.due(cadence, at, zones=zones, digest=digest)
        event = CloudEvent(f"due{self._next()}", "/test", "edition.due", at, "k", {})
        with self.app.store.write() as tx:
            return plan_edition(tx, edition, event, self.app.digests, self.app.codelists, self.app.rules, at)

    def due(self, cadence: str, at: datetime, *, zones: tuple[str, ...], digest: str) -> EditionDue:
        occasion = at.isoformat() if cadence == "at_once" else at.date().isoformat()
        return EditionDue(digest, cadence, occasion, at, tuple(Cohort(0, 8, zone) for zone in zones))

    def _next(self) -> int:
        self._events += 1
        return self._events

    def mails(self, planned: Planned) -> dict[int, EditionContent]:
        """Subscriber -> what their mail of this mailing holds."""
        if planned.mailing is None:
            return {}
        with self.app.store.read() as tx:
            views = tx.ledger.deliveries(planned.mailing, limit=1_000_000)
            contents = tx.ledger.contents(planned.mailing, {view.signature for view in views})
        return {view.subscriber: contents[view.signature] for view in views}

    def got(self, planned: Planned, person: int) -> list[tuple[int, str]]:
        """(item, language) in a person's mail, in order."""
        content = self.mails(planned).get(person)
        return [(key.item, key.language) for key in content.fragments] if content else []

    def digest(self) -> Digest:
        return self.app.digests["letter"]


def days(number: float) -> timedelta:
    return timedelta(days=number)


def _versions(languages: tuple[str, ...]) -> tuple[LanguageVersion, ...]:
    return tuple(LanguageVersion(language, f"Title in {language}") for language in languages)


def _content(item: Item) -> Content:
    return Content(
        item.kind,
        item.source_language,
        item.versions,
        policy_areas=item.policy_areas,
        places=item.places,
        session=item.session,
    )
