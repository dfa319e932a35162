"""States, reasons and acts of people as staff read them, in one locale."""

from __future__ import annotations

from datetime import date

from tribune.domain.imports import BasisKind
from tribune.rendering.formats import Formats
from tribune.rendering.locales import Texts
from web.newsroom.import_words import ImportWords


class PeopleWords:
    """Names in the language of `texts`; a name that is not known stands for itself."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def status(self, status: str) -> str:
        """Whether somebody is mailed."""
        _ = self._texts.gettext
        return {
            "pending": _("not confirmed yet"),
            "active": _("subscribed"),
            "paused": _("paused"),
            "unsubscribed": _("unsubscribed"),
        }.get(status, status)

    def tone(self, status: str) -> str:
        """How the badge of a status looks."""
        return {"active": "good", "paused": "active"}.get(status, "")

    def reason(self, reason: str) -> str:
        """Why an address is never mailed."""
        _ = self._texts.gettext
        return {
            "hard_bounce": _("the address does not exist"),
            "bounce": _("the address does not exist"),
            "rejected": _("the address does not exist"),
            "wrong_address": _("the address belongs to somebody else"),
            "complaint": _("they reported a mail as unwanted"),
            "erased": _("they had their data deleted"),
            "asked_by_phone_or_letter": _("they asked for it by telephone or letter"),
        }.get(reason, reason)

    def act(self, act: str) -> str:
        """What a consent record tells of."""
        _, pgettext = self._texts.gettext, self._texts.pgettext
        return {
            "signed_up": _("Signed up on the form"),
            "confirmed": _("Confirmed from their mailbox"),
            "imported": _("Brought in by an import"),
            "changed": _("Changed what they receive"),
            "paused": pgettext("consent record", "Paused"),
            "resumed": _("Went on after a pause"),
            "unsubscribed": _("Unsubscribed"),
            "resubscribed": _("Subscribed again"),
        }.get(act, act)

    def door(self, source: str) -> str:
        """Through which door."""
        _ = self._texts.gettext
        return {
            "form": _("public form"),
            "mail": _("link of a mail"),
            "one_click": _("button of the mail program"),
            "import": _("import"),
            "staff": _("staff"),
            "api": _("API"),
        }.get(source, source)

    def request(self, kind: str) -> str:
        """What was asked for about data."""
        _ = self._texts.gettext
        return {
            "export": _("A copy of their data"),
            "erase": _("To be deleted"),
            "address": _("Another address"),
        }.get(kind, kind)

    def request_state(self, state: str) -> str:
        """Where such a request stands."""
        _ = self._texts.gettext
        return {
            "waiting": _("waits for the confirmation from the new address"),
            "clearing": _("deleted; copies of mails are being cleared away"),
            "done": _("done"),
            "refused": _("refused by the person"),
            "expired": _("never confirmed"),
            "replaced": _("replaced by a later one"),
        }.get(state, state)

    def ground(self, basis: str, formats: Formats) -> str:
        """The ground of a consent record (tribune.domain.imports.Basis.text): `They agreed elsewhere, 1 March 2026 –
        paper form`. What was kept otherwise stays as it is."""
        head, colon, source = basis.partition(": ")
        kind, _comma, given = head.partition(", ")
        try:
            words = ImportWords(self._texts).basis(BasisKind(kind))
            day = formats.date(date.fromisoformat(given)) if given else ""
        except ValueError:
            return basis
        return f"{', '.join(filter(None, (words, day)))} – {source}" if colon else basis

    def conflict(self, where: str) -> str:
        """Why somebody cannot be added."""
        _ = self._texts.gettext
        if where == "known":
            return _("This address is a subscriber’s already: find the person, and change what is known of them.")
        return _("This address is on the suppression list: only the person can come back, by subscribing themselves.")

    def refused(self, act: str) -> str:
        """Why nothing was done for somebody."""
        _ = self._texts.gettext
        if act == "link":
            return _("They were sent several links already.")
        if act == "link-listed":
            return _("No link can be sent to them while their address is on the suppression list.")
        return _("They cannot be subscribed again here while their address is on the suppression list.")

    def wrong(self, field: str) -> str:
        """What is wrong with a field."""
        _ = self._texts.gettext
        return {
            "until": _("Choose a day between tomorrow and a year from now."),
            "address": _("This is not an e-mail address. Use the form name@example.org."),
            "name": _("Write the name in one line, with 300 characters at most."),
            "source": _("Say how they told you that they want it again."),
            "again_basis": _("Only their own consent brings somebody back who has unsubscribed."),
            "again_given": _(
                "They have unsubscribed after this day. Give the day on which they told you that they want it again."
            ),
            "tag": _("Use small letters, digits and hyphens, at most 60 of them, such as g20-alumni."),
            "rhythms": _("Please choose how often it is to come."),
        }.get(field, _("Please choose from the list."))
