"""What a page for staff asks for. Every route of the newsroom names a permission; none does without."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, Request

from tribune.domain.staff import Permission


class Needs:
    """The dependency of a route for which somebody must have a permission."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    def __call__(self, request: Request) -> None:
        """Staff sign-in comes next; until then the guard keeps the newsroom to `[web] desk_networks`."""


def needs(permission: Permission) -> Any:
    """`dependencies=[needs(Permission.READ_DESK)]` of a router or a route."""
    return Depends(Needs(permission))


def may(request: Request, permission: Permission) -> bool:
    """Whether who asks has a permission beyond the one that the route needs: a page shows only what they may do."""
    return True


def actor(request: Request) -> str:
    """Who does it, as the audit log names them: `staff/3`."""
    return "system"
