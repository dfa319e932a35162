"""One run: start a stack, let mails flow, strike again and again, and reckon at the end."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tools.crash import disk
from tools.crash.faults import How, Kind, in_a_write, kinds, schedule
from tools.crash.reckoning import Fault, Reckoning
from tools.crash.strike import Striker
from tools.crash.tally import Tally
from tools.crash.world import Publisher, import_people
from tools.stack import house
from tools.stack.engines import Embedded, Engines, Real
from tools.stack.workers import Worker, alike, answers, free_port, save_pid, stop_remembered, tribune

COPIES = {"web": 1, "producers": 1, "consumers": 2, "senders": 2, "scheduler": 2}
RESUME_SECONDS = 180.0
"""How long all that was due at a fault may take to arrive, before the run is given up as stuck."""


@dataclass(frozen=True)
class Plan:
    """What to run. `rounds`: how many kills (other faults come on top); `mails` due at least; `rate` at which the sink
    answers, a second (0: as fast as it can); one mail in `refuse` gets a 451 while it says so (0: none ever)."""

    folder: Path
    real: bool
    seed: int
    rounds: int
    people: int
    mails: int
    rate: float
    refuse: int = 50
    lease: float = 10.0
    session: float = 4.0
    kinds: tuple[str, ...] = ()  # only those whose name contains one of these


class Driver:
    """The run of a plan. Use as a context: at its end nothing of it runs any more."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.dice = random.Random(plan.seed)  # noqa: S311 - a schedule, not a secret
        self.folder = plan.folder
        self.engines: Engines = Real(self.folder) if plan.real else Embedded(self.folder)
        self.workers: dict[str, Worker] = alike(COPIES | ({"relay": 2} if plan.real else {}), self.folder)
        self.striker = Striker(self.engines, self.workers, self.dice, self.folder, plan.lease)
        self.record = self.folder / "mails.tsv"
        self.tally = Tally(self.record, plan.people)
        self.publisher = Publisher(self.folder, plan.people, self.due, plan.people // 2)
        self.faults: list[Fault] = []
        self.deaths: list[str] = []
        self.no_disk = ""
        self._sink: subprocess.Popen[bytes] | None = None
        self._over = threading.Event()
        self._began = time.monotonic()

    def due(self) -> int:
        """How many (item, reader) are published and not served yet."""
        return len(self.publisher.published) * self.plan.people - self.tally.settled

    def __enter__(self) -> Driver:
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "logs").mkdir(parents=True)
        self.no_disk = "" if self.plan.real else disk.mount(self.folder / "data")
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        stop_remembered(self.folder, seconds=5)
        with suppress(Exception):
            self.engines.stop()
        if not self.plan.real and not self.no_disk:
            disk.unmount(self.folder / "data")

    # -- start ------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        say(f"starting {self.engines.name} ...")
        self.engines.start()
        port = self._start_sink()
        (self.folder / "tribune.toml").write_text(self._settings(port), encoding="utf-8")
        tribune(self.folder, "migrate")
        say(f"importing {self.plan.people:,} readers ...")
        import_people(self.folder, self.plan.people)
        for worker in self.workers.values():
            worker.start()
        self._wait_until_well()
        for work in (self._read_tally, self._look_after):
            threading.Thread(target=work, name=work.__name__, daemon=True).start()

    def _start_sink(self) -> int:
        port = free_port()
        script = Path(__file__).with_name("sink.py")
        with (self.folder / "logs" / "sink.log").open("ab") as log:
            self._sink = subprocess.Popen(
                [sys.executable, str(script), str(self.record), str(port), str(self.plan.rate), str(self.plan.refuse)],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        save_pid(self.folder, "sink", self._sink.pid)
        self.striker.sink = self._sink.pid
        until = time.monotonic() + 20
        while not answers(port):
            if time.monotonic() > until:
                raise RuntimeError(f"the sink does not answer: {self.folder}/logs/sink.log")
            time.sleep(0.05)
        return port

    def _settings(self, sink: int) -> str:
        web = self.workers["web-1"].port
        return f"""data_dir = "{self.folder}/state"
clock_offset_file = "{self.folder}/offset"
{self.engines.settings()}session_seconds = {self.plan.session}
[ledger]
lease_seconds = {self.plan.lease}
{house.sections("letter@crash.example", sink, web, daily_cap=1_000_000)}"""

    def _wait_until_well(self, seconds: float = 120.0) -> None:
        until = time.monotonic() + seconds
        for worker in self.workers.values():
            while not worker.healthy():
                if time.monotonic() > until:
                    raise RuntimeError(
                        f"{worker.name} is not well: {dict(worker.health()) or 'no answer'}; {worker.log}"
                    )
                time.sleep(0.1)

    # -- beside -----------------------------------------------------------------------------------------------

    def _read_tally(self) -> None:
        while not self._over.wait(0.05):
            if self.record.exists():
                self.tally.read()

    def _look_after(self) -> None:
        """The process manager: whoever ends unasked is written down, and started again."""
        while not self._over.wait(0.2):
            for name, worker in self.workers.items():
                code = worker.ended()
                if code is None or name in self.striker.in_hand or self._over.is_set():
                    continue
                last = worker.log.read_text(encoding="utf-8", errors="replace").splitlines()[-1:]
                self.deaths.append(f"{name} ended by itself with {code}: {''.join(last)[:300]}")
                say(self.deaths[-1])
                worker.start()

    # -- the run ----------------------------------------------------------------------------------------------

    def run(self) -> Reckoning:
        """All rounds, then the rest of the mails, then the count."""
        offered = kinds(self.engines.name, COPIES["senders"], full_disk=not self.no_disk, refusals=self.plan.refuse > 0)
        wanted = self.plan.kinds
        chosen = [kind for kind in offered if not wanted or any(word in kind.name for word in wanted)]
        self.publisher.start()
        stuck = ""
        coming = schedule(self.dice, self.plan.rounds, chosen)
        for number, kind in enumerate(coming, 1):
            stuck = self._round(f"{number:>4}/{len(coming)}", kind)
            if stuck:
                self._tell_what_is_stuck()
            if stuck or self.publisher.broken is not None:
                break
        while not stuck and self.tally.settled < self.plan.mails and self.publisher.broken is None:
            time.sleep(0.2)
        self.publisher.end()
        self._settle()
        self._leave()
        return Reckoning(
            plan=self.plan,
            engines=self.engines.name,
            tally=self.tally,
            published=dict(self.publisher.published),
            faults=self.faults,
            wrong=[
                *([f"stuck: {stuck}"] if stuck else []),
                *([f"the publisher broke: {self.publisher.broken!r}"] if self.publisher.broken else []),
                *self.deaths,
                *self.striker.bad_exits,
            ],
            not_tried=[f"full disk ({self.no_disk})"] if self.no_disk else [],
            seconds=time.monotonic() - self._began,
        )

    def _round(self, number: str, kind: Kind) -> str:
        """One fault, at a random moment while mails flow; what is stuck after it, or an empty text."""
        begin = time.monotonic() + self.dice.uniform(0.1, 1.5)
        while time.monotonic() < begin or (self.due() < self.plan.people // 20 and time.monotonic() < begin + 20):
            time.sleep(0.01)
        fault = Fault(kind, time.monotonic(), due=self.due(), items=frozenset(self.publisher.published))
        fault.at, fault.victims = self.striker.strike(kind)
        fault.until = time.monotonic()
        if kind.how is How.STALL and self.striker.caught_in_a_write:
            fault.kind = in_a_write(kind, COPIES["senders"])
        if (
            kind.how is How.REFUSE
        ):  # what was published and refused meanwhile must have come before the clock moves again
            fault.items = frozenset(self.publisher.published)
        self.faults.append(fault)
        with (self.folder / "faults.tsv").open("a", encoding="utf-8") as told:  # beside the mail server's record
            told.write(f"{fault.at:.4f}\t{fault.until:.4f}\t{fault.label}\n")
        stuck = self._wait_for(fault)
        say(
            f"{number} {fault.label:<44} due {fault.due:>6,}  next mail "
            f"{fault.told(fault.next_mail)}  all of it {fault.told(fault.caught_up)}  mails {self.tally.mails:,}"
            f"  doubled {len(self.tally.doubles):,}"
        )
        if not stuck:
            try:
                self._wait_until_well()
            except RuntimeError as error:
                stuck = str(error)
        return stuck

    def _wait_for(self, fault: Fault) -> str:
        """Until all that was published before the fault has arrived. What did not, or an empty text."""
        until = time.monotonic() + RESUME_SECONDS
        while True:
            complete = self.tally.complete_at
            fault.next_mail = fault.next_mail or self.tally.first_after(fault.at)
            late = [item for item in fault.items if item not in complete]
            if not late:
                fault.caught_up = max([fault.at, *(complete[item] for item in fault.items)])
                return ""
            if time.monotonic() > until:
                missing = len(self.tally.missing(dict.fromkeys(late, 0.0)))
                return (
                    f"{missing:,} mails of {len(late)} items did not come in {RESUME_SECONDS:.0f} s after {fault.label}"
                )
            time.sleep(0.02)

    def _tell_what_is_stuck(self) -> None:
        """How each worker says it is, how far the groups are behind, and the mailings, into the run's folder."""
        told = [f"{worker.name}: {dict(worker.health()) or 'no answer'}" for worker in self.workers.values()]
        for command in (("events", "lag"), ("mailing", "list"), ("events", "dead")):
            try:
                told.append(tribune(self.folder, *command, seconds=60))
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                told.append(str(error))
        path = self.folder / "logs" / "stuck.txt"
        path.write_text("\n".join(told), encoding="utf-8")
        say(f"what is stuck: {path}")

    def _settle(self, quiet: float = 45.0) -> None:
        """Until nothing is due any more and nothing comes for longer than a lease; or nothing comes at all."""
        while True:
            silent = time.monotonic() - max(self.tally.last_at, self.faults[-1].until if self.faults else 0.0)
            if (self.due() <= 0 and silent > 2 * self.plan.lease + 2) or silent > quiet:
                return
            time.sleep(0.2)

    def _leave(self) -> None:
        """SIGTERM to all: each must drain and end well."""
        self._over.set()
        time.sleep(0.5)
        for worker in self.workers.values():
            worker.signal(signal.SIGTERM)
        for worker in self.workers.values():
            code = worker.wait(35)
            if code != 0:
                self.striker.bad_exits.append(f"{worker.name} ended with {code} on SIGTERM at the end")
        self.tally.read()


def say(text: str) -> None:
    """A line for whoever watches."""
    print(text, flush=True)
