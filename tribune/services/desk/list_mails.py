"""List caught mails: those that a filter asks for, page by page, and what stands before and after one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tribune.domain.codelists import fold
from tribune.domain.errors import NotFound
from tribune.ports.caught import CaughtMail, CaughtMails

PAGE = 50


@dataclass(frozen=True, slots=True)
class MailFilter:
    """Which mails: in a locale, of a mailing, with words in subject, name or address. Empty means any."""

    locale: str = ""
    mailing: int | None = None
    words: str = ""
    letters_only: bool = False
    """Without mails to one person (notices): some hold a link to what is theirs alone."""

    @property
    def empty(self) -> bool:
        return not (self.locale or self.mailing is not None or self.words)


@dataclass(frozen=True, slots=True)
class MailPage:
    """A page of mails. `locales` and `mailings` count all caught mails, the newest mailing first."""

    mails: Sequence[CaughtMail]
    found: int
    page: int
    pages: int
    caught: int
    locales: Mapping[str, int]
    mailings: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """A mail, its place among those found (from 1), and what stands before (newer) and after (older) it."""

    mail: CaughtMail
    place: int
    found: int
    before: CaughtMail | None
    after: CaughtMail | None


def list_mails(caught: CaughtMails, wanted: MailFilter, page: int = 1) -> MailPage:
    """The mails that the filter asks for, the newest first; a page beyond the last one gives the last."""
    everything = _may_be_seen(caught, wanted)
    found = [mail for mail in everything if _fits(mail, wanted)]
    pages = max(1, -(-len(found) // PAGE))
    page = min(max(page, 1), pages)
    mailings = Counter(mail.mailing for mail in everything if mail.mailing is not None)
    return MailPage(
        mails=found[(page - 1) * PAGE : page * PAGE],
        found=len(found),
        page=page,
        pages=pages,
        caught=len(everything),
        locales=dict(sorted(Counter(mail.locale for mail in everything).items())),
        mailings=dict(sorted(mailings.items(), reverse=True)),
    )


def find_mail(caught: CaughtMails, delivery: str, wanted: MailFilter) -> Neighbours:
    """One mail among those that the filter asks for; the filter is left aside for a mail that it leaves out.
    Raises NotFound."""
    everything = _may_be_seen(caught, wanted)
    found = [mail for mail in everything if _fits(mail, wanted)]
    if all(mail.delivery != delivery for mail in found):
        found = list(everything)
    place = next((n for n, mail in enumerate(found) if mail.delivery == delivery), None)
    if place is None:
        raise NotFound("There is no such mail in the outbox.")
    return Neighbours(
        mail=found[place],
        place=place + 1,
        found=len(found),
        before=found[place - 1] if place else None,
        after=found[place + 1] if place + 1 < len(found) else None,
    )


def _may_be_seen(caught: CaughtMails, wanted: MailFilter) -> Sequence[CaughtMail]:
    everything = caught.newest()
    return [mail for mail in everything if not is_notice(mail.delivery)] if wanted.letters_only else everything


def is_notice(delivery: str) -> bool:
    """Whether a mail is one to one person, and no mailing's (tribune.domain.notices.Notice.name)."""
    return delivery.startswith("n.")


def _fits(mail: CaughtMail, wanted: MailFilter) -> bool:
    if wanted.locale and mail.locale != wanted.locale:
        return False
    if wanted.mailing is not None and mail.mailing != wanted.mailing:
        return False
    text = f"{mail.subject} {mail.name} {mail.recipient}"
    return all(word in fold(text) for word in fold(wanted.words).split())
