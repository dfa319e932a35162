"""The roles that a process may have, and the parts that each role runs as threads.

`tribune up` has all roles, `tribune run ROLE` has one. A part is a call that works until the application's `stopping`
is set. A store or log that is away is waited for; whatever else a part falls over ends the process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from tribune.bootstrap import Application
from tribune.failures import reason
from tribune.store.away import store_away

T = TypeVar("T")
Part = Callable[[], None]

CONSUMER = "consumer "
"""Begins the name of a part that is a consumer group."""

LONGEST_WAIT = 10.0
"""Seconds between two attempts at a store or log that stays away."""


class Role(StrEnum):
    """What one process does."""

    WEB = "web"
    PRODUCERS = "producers"
    CONSUMERS = "consumers"
    SENDERS = "senders"
    SCHEDULER = "scheduler"
    RELAY = "relay"


def parts_of(app: Application, role: Role) -> Mapping[str, Part]:
    """The parts of a role by name: of the web what stands beside its server, none for a relay that has nothing to
    relay. Nothing runs, connects or reads yet."""
    match role:
        case Role.CONSUMERS | Role.SENDERS:
            return _groups(app, sending=role is Role.SENDERS)
        case Role.PRODUCERS:
            return {"producers": partial(_producers, app)}
        case Role.WEB:
            return {"imports": partial(_imports, app)}
        case Role.SCHEDULER:
            return {"scheduler": partial(_scheduler, app)}
        case Role.RELAY if has_relay(app):
            return {"relay": partial(_relay, app)}
    return {}


def has_relay(app: Application) -> bool:
    """Whether events wait in an outbox for a relay: in the embedded log adding to the outbox is the append."""
    return app.settings.log.kind != "embedded"


def patiently(app: Application, what: str, attempt: Callable[[], T]) -> T | None:
    """What `attempt` gives, once the store and the log are there; None where the process is to stop before. Raises
    what waiting does not mend."""
    wait = 0.5
    while not app.stopping.is_set():
        try:
            return attempt()
        except Exception as error:
            if not is_away(error):
                raise
            structlog.get_logger().warning(
                "the store or the log cannot be reached", wanted=what, error=reason(error), again_in_seconds=wait
            )
        app.stopping.wait(wait)
        wait = min(wait * 2, LONGEST_WAIT)
    return None


def is_away(error: Exception) -> bool:
    """Whether this is the error of a store or log that may come back by itself."""
    if isinstance(error, (OperationalError, InterfaceError, NoConnection)) or store_away(error):
        return True
    # The library of the log is imported by the log alone; its errors are known by their home.
    return isinstance(error, (ConnectionError, TimeoutError)) or type(error).__module__.partition(".")[0] == "kafka"


def _groups(app: Application, *, sending: bool) -> Mapping[str, Part]:
    from consumers import makers
    from consumers.loop import Consumer, run

    def work(name: str, make: Callable[[], Consumer]) -> None:
        consumer = patiently(app, f"{CONSUMER}{name}", make)
        if consumer is not None:
            run(consumer, app, app.stopping)

    return {f"{CONSUMER}{name}": partial(work, name, make) for name, make in makers(app, sending=sending).items()}


def _producers(app: Application) -> None:
    from producers.watch import watch

    watch(app, app.stopping)


def _imports(app: Application) -> None:
    from web.newsroom.import_worker import work

    work(app, app.stopping, is_away)


def _scheduler(app: Application) -> None:
    import scheduler

    scheduler.run(app, app.stopping)


def _relay(app: Application) -> None:
    from producers import relay

    relay.run(app, app.stopping)
