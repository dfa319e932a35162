"""An event is acted on: one file a consumer group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consumers.loop import Consumer
    from tribune.bootstrap import Application

GROUPS = ("catalogue", "digests", "mailings", "deliveries", "notices")
"""The files beside this one that hold a group. A further group is one file and one word here."""

SENDING = frozenset({"deliveries", "notices"})
"""The groups that hand mails over: the role `senders` runs them; the role `consumers` runs all others."""


def all_consumers(app: Application) -> list[Consumer]:
    """Every consumer group, in the order in which an event passes through them."""
    return [import_module(f"consumers.{name}").consumer(app) for name in GROUPS]


def makers(app: Application, *, sending: bool) -> Mapping[str, Callable[[], Consumer]]:
    """The groups of the role `senders` (`sending`) or `consumers`: a name, and the call that builds the consumer.

    Building may read the store, so it is left to whoever can wait for it.
    """

    def make(name: str) -> Consumer:
        built: Consumer = import_module(f"consumers.{name}").consumer(app)
        return built

    return {name: partial(make, name) for name in GROUPS if (name in SENDING) == sending}
