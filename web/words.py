"""Names of states, rhythms and events as staff read them, in one locale."""

from __future__ import annotations

from collections.abc import Mapping

from tribune.domain.audience import Cadence
from tribune.domain.mailings import DeliveryState, MailingState
from tribune.rendering.locales import Texts

BY_HAND = "by-hand"
"""The source of what staff publish themselves (producers.by_hand)."""

NOT_MAILED, NEVER_MAILED = "not_mailed", "never_mailed"
"""A mail of a cancelled mailing, of an edition or of a campaign: its state has the name of the mailing's, and another
meaning."""

GOOD, BAD, ACTIVE = "good", "bad", "active"

TONES: Mapping[str, str] = {
    MailingState.FINISHED: GOOD,
    MailingState.RUNNING: ACTIVE,
    MailingState.APPROVED: ACTIVE,
    MailingState.PAUSED: BAD,
    MailingState.CANCELLED: BAD,
    DeliveryState.SENT: GOOD,
    DeliveryState.IN_DOUBT: ACTIVE,
    DeliveryState.RETRY: ACTIVE,
    DeliveryState.FAILED: BAD,
    DeliveryState.QUARANTINED: BAD,
}
"""How a badge of a state looks, beside its words. What is not named here looks quiet."""


class Words:
    """Names in the language of `texts`; a name that is not known stands for itself."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._cadences = self._of_cadences()
        self._states = self._of_states()
        self._types = self._of_types()
        self._issues, self._issues_of = self._of_issues()
        self._changes = self._of_changes()
        self._tasks = self._of_tasks()

    def cadence(self, cadence: str) -> str:
        """`weekly`."""
        return self._cadences.get(cadence, cadence)

    def issue(self, letter: str, cadence: str, day: str = "") -> str:
        """An issue of a letter: `The Observatory Letter, weekly issue of 23 November 2026`, or without the day."""
        pattern = (self._issues_of if day else self._issues).get(cadence, "%(letter)s")
        return pattern % {"letter": letter, "day": day}

    def campaign(self, letter: str, name: str) -> str:
        """A campaign in the name of a letter, as staff call it."""
        return self._texts.gettext("%(letter)s, campaign “%(name)s”") % {"letter": letter, "name": name}

    def state(self, state: str) -> str:
        """A state of a mailing or of its deliveries."""
        return self._states.get(state, state)

    def of_mails(self, state: str, campaign: object = None) -> str:
        """A state of single mails: what is cancelled there is carried over, but for a campaign's."""
        if state == DeliveryState.CANCELLED:
            return self.state(NEVER_MAILED if campaign else NOT_MAILED)
        return self.state(state)

    def tone(self, state: str) -> str:
        """The look of a state's badge: good, bad, active or nothing."""
        return TONES.get(state, "")

    def type(self, type: str) -> str:
        """What an event of a type says, as a heading."""
        return self._types.get(type, type)

    def task(self, group: str) -> str:
        """What a consumer group does with events, as staff call it."""
        return self._tasks.get(group, group)

    def source(self, source: str) -> str:
        """A source as staff know it."""
        return self._texts.gettext("published by hand") if source == BY_HAND else source

    def change(self, change: str) -> str:
        """What happened to an item."""
        return self._changes.get(change, change)

    def _of_cadences(self) -> Mapping[str, str]:
        pgettext = self._texts.pgettext
        return {
            Cadence.AT_ONCE: pgettext("rhythm of a digest", "at once"),
            Cadence.DAILY: pgettext("rhythm of a digest", "daily"),
            Cadence.WEEKLY: pgettext("rhythm of a digest", "weekly"),
            Cadence.MONTHLY: pgettext("rhythm of a digest", "monthly"),
        }

    def _of_issues(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        _ = self._texts.gettext
        return {
            Cadence.AT_ONCE: _("%(letter)s, message at once"),
            Cadence.DAILY: _("%(letter)s, daily issue"),
            Cadence.WEEKLY: _("%(letter)s, weekly issue"),
            Cadence.MONTHLY: _("%(letter)s, monthly issue"),
        }, {
            Cadence.AT_ONCE: _("%(letter)s, message of %(day)s"),
            Cadence.DAILY: _("%(letter)s, daily issue of %(day)s"),
            Cadence.WEEKLY: _("%(letter)s, weekly issue of %(day)s"),
            Cadence.MONTHLY: _("%(letter)s, monthly issue of %(day)s"),
        }

    def _of_states(self) -> Mapping[str, str]:
        pgettext = self._texts.pgettext
        return {
            MailingState.PLANNED: pgettext("state of a mailing", "waits for approval"),
            MailingState.APPROVED: pgettext("state of a mailing", "approved"),
            MailingState.RUNNING: pgettext("state of a mailing", "being sent"),
            MailingState.PAUSED: pgettext("state of a mailing", "paused"),
            MailingState.CANCELLED: pgettext("state of a mailing", "cancelled"),
            MailingState.FINISHED: pgettext("state of a mailing", "finished"),
            DeliveryState.WAITING: pgettext("state of mails", "waiting"),
            DeliveryState.IN_DOUBT: pgettext("state of mails", "in doubt"),
            DeliveryState.SENT: pgettext("state of mails", "sent"),
            DeliveryState.RETRY: pgettext("state of mails", "to be tried again"),
            DeliveryState.FAILED: pgettext("state of mails", "failed"),
            DeliveryState.SUPPRESSED: pgettext("state of mails", "not sent: no longer wanted"),
            DeliveryState.QUARANTINED: pgettext("state of mails", "held back for staff"),
            DeliveryState.EMPTY: pgettext("state of mails", "not sent: nothing left in it"),
            NOT_MAILED: pgettext("state of mails", "not sent: carried over"),
            NEVER_MAILED: pgettext("state of mails", "not sent: cancelled"),
        }

    def _of_types(self) -> Mapping[str, str]:
        _ = self._texts.gettext
        return {
            "publication.published": _("Publication published"),
            "publication.updated": _("Publication changed"),
            "publication.withdrawn": _("Publication withdrawn"),
            "data.released": _("Data released"),
            "data.revised": _("Data revised"),
            "session.scheduled": _("Live session scheduled"),
            "session.updated": _("Live session changed"),
            "session.cancelled": _("Live session cancelled"),
            "item.released": _("Language version released"),
            "item.withdrawn": _("Item withdrawn"),
            "edition.due": _("Edition due"),
            "mailing.planned": _("Mailing planned"),
            "mailing.approved": _("Mailing approved"),
            "mailing.started": _("Mailing started"),
            "mailing.paused": _("Mailing paused"),
            "mailing.resumed": _("Mailing goes on"),
            "mailing.cancelled": _("Mailing cancelled"),
            "mailing.finished": _("Mailing finished"),
            "delivery.chunk-ready": _("Chunk ready to send"),
            "delivery.chunk-done": _("Chunk done"),
            "delivery.failed": _("Delivery failed"),
            "notice.ready": _("Mail to one person ready to send"),
        }

    def _of_tasks(self) -> Mapping[str, str]:
        pgettext = self._texts.pgettext
        return {
            "catalogue": pgettext("what is done with events", "update of the catalogue"),
            "digests": pgettext("what is done with events", "messages at once"),
            "mailings": pgettext("what is done with events", "preparation of mailings"),
            "deliveries": pgettext("what is done with events", "sending of mailings"),
            "notices": pgettext("what is done with events", "mails to one person"),
        }

    def _of_changes(self) -> Mapping[str, str]:
        _ = self._texts.gettext
        return {
            "created": _("New in the catalogue"),
            "updated": _("Changed"),
            "unchanged": _("Told again, without a change"),
            "embargoed": _("Waits for the end of its embargo"),
            "embargo_over": _("The embargo is over"),
            "withdrawn": _("Withdrawn"),
            "came_back": _("Came back after it had been withdrawn"),
            "joined": _("Two items became one"),
            "split": _("Came apart into two items"),
            "record_withdrawn": _("A source took its part back"),
            "announced_late": _("Called new after the fact"),
            "recoded": _("Mapped anew: the code lists have changed"),
        }
