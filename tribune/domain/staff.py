"""Staff: the roles that people of the organisation have, and what each role may do. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum


class Role(StrEnum):
    """What a member of staff is trusted with. One person may have several."""

    AUTHOR = "author"
    EDITOR = "editor"
    APPROVER = "approver"
    AUDIENCE_MANAGER = "audience_manager"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """What a page or a call of the API asks for."""

    READ_DESK = "read_desk"  # today, items, events, mailings: no personal data
    READ_MAILS = "read_mails"  # caught mails, as their readers see them
    PUBLISH_ITEMS = "publish_items"
    RUN_MAILINGS = "run_mailings"  # approve, pause, resume, cancel, try again
    REPLAY_EVENTS = "replay_events"  # dead letters, back to their groups
    READ_SEGMENTS = "read_segments"
    CHANGE_SEGMENTS = "change_segments"
    READ_PEOPLE = "read_people"
    CHANGE_PEOPLE = "change_people"
    READ_AUDIT = "read_audit"
    MANAGE_STAFF = "manage_staff"


_MAY: Mapping[Role, frozenset[Permission]] = {
    Role.AUTHOR: frozenset({Permission.READ_DESK, Permission.READ_SEGMENTS}),
    Role.EDITOR: frozenset(
        {Permission.READ_DESK, Permission.READ_SEGMENTS, Permission.READ_MAILS, Permission.PUBLISH_ITEMS}
    ),
    Role.APPROVER: frozenset(
        {Permission.READ_DESK, Permission.READ_SEGMENTS, Permission.READ_MAILS, Permission.RUN_MAILINGS}
    ),
    Role.AUDIENCE_MANAGER: frozenset(
        {
            Permission.READ_DESK,
            Permission.READ_MAILS,
            Permission.READ_SEGMENTS,
            Permission.CHANGE_SEGMENTS,
            Permission.READ_PEOPLE,
            Permission.CHANGE_PEOPLE,
        }
    ),
    Role.ADMINISTRATOR: frozenset(Permission),
    Role.AUDITOR: frozenset(
        {
            Permission.READ_DESK,
            Permission.READ_MAILS,
            Permission.READ_SEGMENTS,
            Permission.READ_PEOPLE,
            Permission.READ_AUDIT,
        }
    ),
}


def permissions(roles: Collection[Role]) -> frozenset[Permission]:
    """Everything that somebody with these roles may do."""
    return frozenset().union(*(_MAY[role] for role in roles))


def may(roles: Collection[Role], permission: Permission) -> bool:
    """Whether one of the roles allows it."""
    return permission in permissions(roles)
