"""An event is acted on: one file a consumer group."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consumers.loop import Consumer
    from tribune.bootstrap import Application

GROUPS = ("catalogue", "digests", "mailings", "deliveries", "notices")
"""The files beside this one that hold a group. A further group is one file and one word here."""


def all_consumers(app: Application) -> list[Consumer]:
    """Every consumer group, in the order in which an event passes through them."""
    return [import_module(f"consumers.{name}").consumer(app) for name in GROUPS]
