"""Does a fault to a running stack, and mends it again as a process manager would."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.crash import disk
from tools.crash.faults import ALL, How, Kind
from tools.stack.engines import Engines
from tools.stack.workers import Worker

STEPS = (60, 900, 3600, 86_400)
"""Seconds by which the clock is stepped: forward, and at the next such fault back."""


class Striker:
    """Holds what a fault needs. `in_hand` are the workers whose end is meant: nobody else starts them."""

    def __init__(
        self, engines: Engines, workers: Mapping[str, Worker], dice: random.Random, folder: Path, lease: float
    ) -> None:
        self.in_hand: set[str] = set()
        self.bad_exits: list[str] = []
        self._engines = engines
        self._workers = workers
        self._dice = dice
        self._offset = folder / "offset"
        self._disk = folder / "data"
        self._lease = lease
        self._ahead = 0

    def strike(self, kind: Kind) -> tuple[float, list[str]]:
        """Do it and mend it; when it was done (monotonic), and to whom."""
        match kind.how:
            case How.CLOCK:
                return self._step_the_clock()
            case How.FULL:
                return self._fill_the_disk()
            case How.KILL if kind.victim in self._engines.killable:
                at = time.monotonic()
                self._engines.kill(kind.victim)
                time.sleep(self._dice.uniform(0.1, 2.5))
                self._engines.restart(kind.victim)
                return at, [kind.victim]
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
        time.sleep(self._lease + self._dice.uniform(1.0, 3.0))
        for victim in victims:
            victim.signal(signal.SIGCONT)

    def _step_the_clock(self) -> tuple[float, list[str]]:
        self._ahead = 0 if self._ahead else self._dice.choice(STEPS)
        aside = self._offset.with_suffix(".new")
        aside.write_text(str(self._ahead), encoding="ascii")
        aside.replace(self._offset)
        return time.monotonic(), [f"+{self._ahead} s" if self._ahead else "back"]

    def _fill_the_disk(self) -> tuple[float, list[str]]:
        at = time.monotonic()
        disk.fill(self._disk)
        try:
            time.sleep(self._dice.uniform(1.0, 4.0))
        finally:
            disk.free(self._disk)
        return at, ["disk"]
