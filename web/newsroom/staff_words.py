"""Names of roles, permissions and what stands in the audit log, as staff read them, in one locale."""

from __future__ import annotations

from collections.abc import Mapping

from tribune.domain.staff import Permission, Role
from tribune.rendering.locales import Texts


class StaffWords:
    """Names in the language of `texts`; a name that is not known stands for itself."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._roles = self._of_roles()
        self._permissions = self._of_permissions()
        self._actions = self._of_actions()

    def role(self, role: str) -> str:
        """`Editor`."""
        return self._roles.get(role, (role, ""))[0]

    def trust(self, role: str) -> str:
        """What a role is trusted with, in a sentence."""
        return self._roles.get(role, (role, ""))[1]

    def permission(self, permission: str) -> str:
        """What a permission allows, as the end of "This token may"."""
        return self._permissions.get(permission, permission)

    def action(self, action: str) -> str:
        """What was done: `Signed in`."""
        return self._actions.get(action, action)

    def group(self, group: str) -> str:
        """A group of actions, by the first part of their names."""
        groups = {
            "api_token": self._texts.gettext("API tokens"),
            "audit": self._texts.gettext("Audit log"),
            "import": self._texts.gettext("Imports"),
            "password": self._texts.gettext("Passwords"),
            "person": self._texts.gettext("People"),
            "recovery_code": self._texts.gettext("Recovery codes"),
            "second_factor": self._texts.gettext("Second factors"),
            "segment": self._texts.gettext("Segments"),
            "sign_in": self._texts.gettext("Signing in"),
            "sign_out": self._texts.gettext("Signing out"),
            "staff": self._texts.gettext("Staff"),
            "suppression": self._texts.gettext("Suppression list"),
        }
        return groups.get(group, group)

    def doer(self, actor: str, names: Mapping[str, str]) -> str:
        """Who did it: a name, where the actor is one of the staff and `names` (`staff/3` -> name) has it. Consent
        records write `staff:3`."""
        _ = self._texts.gettext
        kind, _slash, number = actor.replace(":", "/").partition("/")
        if (name := names.get(f"{kind}/{number}")) is not None:
            return name
        if number and kind in ("staff", "token"):
            told = _("Member of staff no. %(number)s") if kind == "staff" else _("Program with token no. %(number)s")
            return told % {"number": number}
        return {
            "self": _("The person themselves"),
            "time": _("By itself, on the day"),
            "system": _("Nobody signed in"),
            "cli": _("On the server"),
            "command": _("On the server"),
            "provider": _("The organisation’s sign-in"),
        }.get(actor, actor)

    def _of_roles(self) -> dict[str, tuple[str, str]]:
        _ = self._texts.gettext
        return {
            Role.AUTHOR: (_("Author"), _("Writes and sees what goes out.")),
            Role.EDITOR: (_("Editor"), _("Edits what authors write, and reads mails as people get them.")),
            Role.APPROVER: (_("Approver"), _("Approves mailings before they leave.")),
            Role.AUDIENCE_MANAGER: (
                _("Audience manager"),
                _("Sees and changes people, imports and segments."),
            ),
            Role.ADMINISTRATOR: (_("Administrator"), _("May do everything, and says who may do what.")),
            Role.AUDITOR: (_("Auditor"), _("Reads everything, the audit log too, and changes nothing.")),
        }

    def _of_permissions(self) -> dict[str, str]:
        _ = self._texts.gettext
        return {
            Permission.READ_DESK: _("Read the desk: items, events, mailings"),
            Permission.READ_MAILS: _("Read caught mails"),
            Permission.PUBLISH_ITEMS: _("Publish items and withdraw them"),
            Permission.RUN_MAILINGS: _("Approve, pause, resume and cancel mailings"),
            Permission.REPLAY_EVENTS: _("Have failed events handled again"),
            Permission.READ_SEGMENTS: _("Read segments"),
            Permission.CHANGE_SEGMENTS: _("Change segments"),
            Permission.READ_PEOPLE: _("Read people and their data"),
            Permission.CHANGE_PEOPLE: _("Change, import and erase people"),
            Permission.READ_AUDIT: _("Read the audit log"),
            Permission.MANAGE_STAFF: _("Manage staff"),
        }

    def _of_actions(self) -> dict[str, str]:
        _ = self._texts.gettext
        return {
            "api_token.made": _("API token made"),
            "api_token.revoked": _("API token revoked"),
            "audit.exported": _("Audit log exported"),
            "dead_letter.discarded": _("Failed event thrown away"),
            "dead_letter.replayed": _("Failed event handled again"),
            "event.discarded": _("Event that could not be published thrown away"),
            "consents.exported": _("Consent records given out"),
            "events.put_back": _("Events put back to be published"),
            "events.rewound": _("Events read again from an earlier place"),
            "item.published": _("Item published"),
            "mailing.approved": _("Mailing approved"),
            "mailing.cancelled": _("Mailing cancelled"),
            "mailing.paused": _("Mailing paused"),
            "mailing.resumed": _("Mailing resumed"),
            "mailing.retried": _("Mails tried again"),
            "mailing.settled": _("Mails left unsent"),
            "import.cancelled": _("Import stopped"),
            "import.checked": _("Import checked"),
            "import.done": _("Import done"),
            "import.removed": _("Import’s file removed"),
            "import.started": _("Import begun"),
            "import.uploaded": _("File for an import received"),
            "people.exported": _("People given out as a file"),
            "people.listed": _("People listed"),
            "people.searched": _("People searched for"),
            "people.tagged": _("Tag given to people"),
            "people.untagged": _("Tag taken from people"),
            "person.added": _("Person added"),
            "person.exported": _("Person’s data given out"),
            "person.changed": _("Person changed"),
            "person.resubscribed": _("Person subscribed again"),
            "person.resumed": _("Person resumed"),
            "password.changed": _("Password changed"),
            "person.corrected": _("Person’s data corrected"),
            "person.erased": _("Person erased"),
            "person.link_sent": _("Link sent to a person"),
            "person.paused": _("Person’s mails paused"),
            "person.seen": _("Person’s data looked at"),
            "person.suppressed": _("Person put on the suppression list"),
            "person.unsubscribed": _("Person unsubscribed"),
            "recovery_code.used": _("Recovery code used"),
            "second_factor.changed": _("Second factor changed"),
            "segment.archived": _("Segment archived"),
            "segment.created": _("Segment made"),
            "segment.restored": _("Segment brought back"),
            "segment.saved": _("Segment changed"),
            "sign_in.done": _("Signed in"),
            "sign_in.failed": _("Sign-in failed"),
            "sign_out.done": _("Signed out"),
            "sign_out.elsewhere": _("Signed out elsewhere"),
            "suppression.added": _("Address put on the suppression list"),
            "suppression.key_forgotten": _("Lost key of the suppression list forgotten"),
            "suppression.exported": _("Suppression list given out"),
            "suppression.lifted": _("Address taken off the suppression list"),
            "suppression.looked_up": _("Suppression list asked for an address"),
            "staff.access_ended": _("Sessions and tokens ended: no group gives a role any more"),
            "staff.added": _("Member of staff added"),
            "staff.disabled": _("Access withdrawn"),
            "staff.enabled": _("Access given back"),
            "staff.joined": _("Invitation accepted"),
            "staff.link_given": _("Link given"),
            "staff.reset": _("Password and second factor taken away"),
            "staff.roles_changed": _("Roles changed"),
        }
