"""Columns, bases and states of imports as staff read them, in one locale."""

from __future__ import annotations

from tribune.domain.imports import BasisKind, ImportState, Outcome
from tribune.rendering.locales import Texts
from tribune.services.audience.subscriber_rows import COLUMNS


class ImportWords:
    """Names in the language of `texts`."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def columns(self) -> list[tuple[str, str]]:
        """(column, its name) of everything that a file may hold."""
        return [(name, self.column(name)) for name in COLUMNS]

    def column(self, name: str) -> str:
        """`E-mail address`."""
        _ = self._texts.gettext
        return {
            "address": _("E-mail address"),
            "name": _("Name"),
            "group": _("Group"),
            "languages": _("Languages"),
            "zone": _("Time zone"),
            "fallback": _("Items in other languages"),
            "digest": _("Digest"),
            "policy_areas": _("Policy areas"),
            "places": _("Countries and regions"),
            "kinds": _("Kinds of items"),
            "cadence": _("How often"),
            "weekday": _("Day of the week"),
            "hour": _("Hour"),
            "status": _("State of the subscription"),
            "tags": _("Tags"),
        }.get(name, name)

    def basis(self, kind: str) -> str:
        """What somebody states."""
        _ = self._texts.gettext
        return {
            BasisKind.CONSENT: _("They agreed elsewhere"),
            BasisKind.CONTRACT: _("A contract or a membership"),
            BasisKind.PUBLIC_FUNCTION: _("They are written to in their function"),
            BasisKind.TRANSFER: _("They were subscribers in a system that this one replaces"),
        }[BasisKind(kind)]

    def basis_hint(self, kind: str) -> str:
        """What it means."""
        _ = self._texts.gettext
        return {
            BasisKind.CONSENT: _("On paper, at a conference or in another system. Its date is needed."),
            BasisKind.CONTRACT: _("The mailing is part of what was agreed."),
            BasisKind.PUBLIC_FUNCTION: _("Contact points of constituents, members of official bodies."),
            BasisKind.TRANSFER: _("What they agreed to there goes on here."),
        }[BasisKind(kind)]

    def state(self, state: str) -> str:
        """Where a job stands."""
        _ = self._texts.gettext
        return {
            ImportState.UPLOADED: _("waits for what is in it"),
            ImportState.CHECKING: _("is being checked"),
            ImportState.CHECKED: _("checked, nothing taken in yet"),
            ImportState.RUNNING: _("is being taken in"),
            ImportState.DONE: _("taken in"),
            ImportState.CANCELLED: _("given up"),
            ImportState.FAILED: _("failed"),
        }[ImportState(state)]

    def tone(self, state: str) -> str:
        """How the badge of a state looks."""
        if ImportState(state).works:
            return "active"
        return {ImportState.DONE: "good", ImportState.FAILED: "bad"}.get(ImportState(state), "")

    def outcome(self, outcome: str) -> str:
        """What was done with rows."""
        _ = self._texts.gettext
        return {
            Outcome.NEW: _("new people"),
            Outcome.CHANGED: _("people changed"),
            Outcome.UNCHANGED: _("as they were"),
            Outcome.DUPLICATE: _("said twice in the file"),
            Outcome.REFUSED: self._texts.pgettext("rows of an import", "refused"),
            Outcome.SUPPRESSED: _("not to be mailed"),
        }[Outcome(outcome)]
