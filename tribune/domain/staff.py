"""Who works in the newsroom, and what each role may do."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a staff member is in the newsroom; one person may have several."""

    AUTHOR = "author"
    EDITOR = "editor"
    APPROVER = "approver"
    AUDIENCE_MANAGER = "audience_manager"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """What a route or a service asks for. (Provisional: the ground brings the whole.)"""

    READ_AUDIT = "read_audit"
    MANAGE_STAFF = "manage_staff"
