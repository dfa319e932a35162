"""Does a fault to a running stack, and mends it again as a process manager would."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.crash import disk
from tools.crash.faults import ALL, DOWN_SECONDS, How, Kind
from tools.crash.locks import writes
from tools.stack.engines import Engines
from tools.stack.workers import Worker
from tribune.domain.sending import RETRY_DELAYS

STEPS = (60, 900, 3600, 86_400)
"""Seconds by which the clock is stepped: forward, and at the next such fault back."""

TO_THE_RETRIES = int(RETRY_DELAYS[0].total_seconds()) + 60
"""Seconds by which the clock must go on until mails that were refused for now are due again."""


class Striker:
    """Holds what a fault needs. `in_hand` are the workers whose end is meant: nobody else starts them. `sink` is the
    mail server's process id, once it runs."""

    sink: int | None = None

    def __init__(
        self, engines: Engines, workers: Mapping[str, Worker], dice: random.Random, folder: Path, lease: float
    ) -> None:
        self.in_hand: set[str] = set()
        self.bad_exits: list[str] = []
        self.caught_in_a_write = False  # the last stop: its victim held SQLite's lock
        self._engines = engines
        self._workers = workers
        self._dice = dice
        self._offset = folder / "offset"
        self._disk = folder / "data"
        self._lease = lease
        self._ahead = 0
        self._passed = 0  # what went by for the sake of retries; it is never taken back

    def strike(self, kind: Kind) -> tuple[float, list[str]]:
        """Do it and mend it; when it was done (monotonic), and to whom."""
        match kind.how:
            case How.CLOCK:
                return self._step_the_clock()
            case How.FULL:
                return self._fill_the_disk()
            case How.REFUSE:
                return self._refuse()
            case How.DOWN:
                return self._take_down(kind.victim, DOWN_SECONDS)
            case How.KILL if kind.victim in self._engines.killable:
                return self._take_down(kind.victim, self._dice.uniform(0.1, 2.5))
        victims = self._victims(kind.victim)
        self.in_hand.update(victim.name for victim in victims)
        try:
            at = time.monotonic()
            if kind.how is How.STALL:
                self._stall(victims)
            else:
                self._end(victims, signal.SIGKILL if kind.how is How.KILL else signal.SIGTERM)
        finally:
            self.in_hand.difference_update(victim.name for victim in victims)
        return at, [victim.name for victim in victims]

    def _take_down(self, server: str, seconds: float) -> tuple[float, list[str]]:
        at = time.monotonic()
        self._engines.kill(server)
        time.sleep(seconds)
        self._engines.restart(server)
        return at, [server]

    def _victims(self, role: str) -> list[Worker]:
        if role == ALL:
            return list(self._workers.values())
        return [self._dice.choice([worker for worker in self._workers.values() if worker.role == role])]

    def _end(self, victims: Sequence[Worker], how: signal.Signals) -> None:
        for victim in victims:
            victim.signal(how)
        for victim in victims:
            code = victim.wait(35)
            if how is signal.SIGTERM and code != 0:
                self.bad_exits.append(f"{victim.name} ended with {code} on SIGTERM")
                victim.signal(signal.SIGKILL)
                victim.wait(10)
        time.sleep(self._dice.uniform(0.0, 1.0))
        for victim in victims:
            victim.start()

    def _stall(self, victims: Sequence[Worker]) -> None:
        for victim in victims:
            victim.signal(signal.SIGSTOP)
        time.sleep(0.1)
        self.caught_in_a_write = any(writes(victim.pid) for victim in victims)
        time.sleep(self._lease + self._dice.uniform(1.0, 3.0))
        for victim in victims:
            victim.signal(signal.SIGCONT)

    def _step_the_clock(self) -> tuple[float, list[str]]:
        self._ahead = 0 if self._ahead else self._dice.choice(STEPS)
        self._set_the_clock()
        return time.monotonic(), [f"+{self._ahead} s" if self._ahead else "back"]

    def _set_the_clock(self) -> None:
        aside = self._offset.with_suffix(".new")
        aside.write_text(str(self._ahead + self._passed), encoding="ascii")
        aside.replace(self._offset)

    def _refuse(self) -> tuple[float, list[str]]:
        """The mail server answers 451 to some mails for a while; then it is time for their retries."""
        if self.sink is None:
            raise RuntimeError("there is no mail server to refuse mails: set `sink` first")
        at = time.monotonic()
        os.kill(self.sink, signal.SIGUSR1)
        try:
            time.sleep(self._dice.uniform(3.0, 6.0))
        finally:
            os.kill(self.sink, signal.SIGUSR2)
        # A retry is dated when its window is settled, at half a lease at the latest: only then may the clock move.
        time.sleep(self._lease / 2 + 1)
        self._passed += TO_THE_RETRIES
        self._set_the_clock()
        return at, ["mail server"]

    def _fill_the_disk(self) -> tuple[float, list[str]]:
        at = time.monotonic()
        disk.fill(self._disk)
        try:
            time.sleep(self._dice.uniform(1.0, 4.0))
        finally:
            disk.free(self._disk)
        return at, ["disk"]
