"""Which fault is to blame for what, the table, and whether the promise was kept (docs/adr/0020)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from tools.crash.faults import Kind
from tools.crash.tally import Double, Tally

if TYPE_CHECKING:
    from tools.crash.driver import Plan

COLUMNS = ("fault", "faults", "mails due then", "lost", "doubled", "most by one", "bound of one")
TIMES = ("next mail, s", "all that was due, s")
SLACK = 5.0
"""Seconds from the end of a lease until a chunk's new sender has it: the scheduler looks, its event travels."""


@dataclass
class Fault:
    """One fault that was done. `due` and `items`: what was on its way at that moment. Times are monotonic seconds."""

    kind: Kind
    at: float
    due: int
    items: frozenset[int]
    until: float = 0.0
    victims: Sequence[str] = ()
    next_mail: float | None = None
    caught_up: float | None = None
    doubled: int = 0
    lost: int = 0

    @property
    def label(self) -> str:
        """The fault and whom it struck."""
        named = self.kind.victim in ("", "all roles") or list(self.victims) == [self.kind.victim]
        told = ", ".join(self.victims) if len(self.victims) == 1 else ""
        return f"{self.kind.name}" if named and self.kind.victim else f"{self.kind.how.value}: {told}"

    def reach(self, lease: float) -> float:
        """Until when a second copy may come of it: what was in hand is given out again a lease after its end at the
        latest, and with a backlog comes when all that was due has arrived."""
        return max(self.until + lease, self.caught_up or 0.0) + SLACK

    def told(self, at: float | None) -> str:
        """Seconds from the fault, or a dash."""
        return f"{at - self.at:6.2f} s" if at is not None else "     -  "


@dataclass
class Reckoning:
    """The outcome of a run."""

    plan: Plan
    engines: str
    tally: Tally
    published: Mapping[int, float]
    faults: Sequence[Fault]
    wrong: list[str]
    not_tried: list[str]
    seconds: float
    lost: int = 0
    unexplained: int = 0  # doubles that no fault explains
    by_item: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        for double in self.tally.doubles:
            fault = blame(self.faults, double, self.plan.lease)
            if fault is None:
                self.unexplained += 1
            else:
                fault.doubled += 1
        for item, _ in self.tally.missing(self.published):
            self.lost += 1
            after = [fault for fault in self.faults if fault.until >= self.published[item]]
            if after:
                after[0].lost += 1
        for fault in self.faults:
            if fault.doubled > fault.kind.bound:
                self.wrong.append(f"{fault.label} doubled {fault.doubled:,}; its bound is {fault.kind.bound:,}")
        if self.lost:
            self.wrong.append(f"{self.lost:,} mails were lost")
        if self.unexplained:
            self.wrong.append(f"{self.unexplained:,} mails came twice without a fault that explains it")
        if self.tally.twins:
            self.wrong.append(f"{len(self.tally.twins):,} times an item came again in another mail")
        if self.tally.strangers:
            self.wrong.append(f"{self.tally.strangers:,} mails that nobody was to get")

    @property
    def due(self) -> int:
        """Mails due in all: each item for each reader."""
        return len(self.published) * self.plan.people

    @property
    def kept(self) -> bool:
        """Whether nobody was lost, nothing passed its bound, and no process fell by itself."""
        return not self.wrong

    def table(self) -> list[str]:
        """The table, as Markdown."""
        head = (*COLUMNS, *TIMES)
        return [f"| {' | '.join(head)} |", "|---|" + "--:|" * (len(head) - 1), *self._rows()]

    def _rows(self) -> Iterator[str]:
        by_kind: dict[Kind, list[Fault]] = {}
        for fault in self.faults:
            by_kind.setdefault(fault.kind, []).append(fault)
        for kind, struck in sorted(by_kind.items(), key=lambda told: told[0].name):
            yield _row(
                kind.name,
                struck,
                max(fault.doubled for fault in struck),
                f"{kind.bound:,}",
            )
        if self.faults:
            yield _row("**all**", self.faults, max(fault.doubled for fault in self.faults), "")

    def summary(self) -> list[str]:
        """What the table does not say, one line each."""
        kills = sum(fault.kind.kills for fault in self.faults)
        faults = f"{_counted(kills, 'kill')}, {_counted(len(self.faults) - kills, 'other fault')}"
        told = [
            f"{self.engines}: {faults} in {self.seconds:,.0f} s; {self.due:,} mails due, "
            f"{self.tally.mails:,} accepted, {self.tally.refused:,} refused for now, "
            f"{self.lost:,} lost, {len(self.tally.doubles):,} doubled, "
            f"{len(self.tally.twins):,} items in a second mail (seed {self.plan.seed}).",
        ]
        told += [f"Not tried: {what}." for what in self.not_tried]
        return told + [f"WRONG: {what}" for what in self.wrong]


def blame(faults: Sequence[Fault], double: Double, lease: float) -> Fault | None:
    """The fault that made a mail come twice; None: none of them explains it.

    Only a fault whose reach the second copy is within can be to blame. Of these: a mail that was accepted while a fault
    lasted that keeps senders from writing down what they sent is that fault's; else the first fault between the two
    acceptances is to blame; else (a clock that was stepped, a sender that wakes up late) the last one before both. What
    was accepted once it was over is not what it lasted for: a stop that answered for the second after it took 281
    doubles of a kill that came within that second.
    """
    near = [fault for fault in faults if fault.at <= double.again <= fault.reach(lease)]
    while_it_lasted = [fault for fault in near if fault.kind.lasting and fault.at <= double.before <= fault.until]
    if while_it_lasted:
        return while_it_lasted[-1]
    between = [fault for fault in near if double.before - 0.05 <= fault.at]
    if between:
        return between[0]
    return near[-1] if near else None


def _row(name: str, struck: Sequence[Fault], most: int, bound: str) -> str:
    cells = (
        name,
        f"{len(struck):,}",
        f"{sum(fault.due for fault in struck):,}",
        f"{sum(fault.lost for fault in struck):,}",
        f"{sum(fault.doubled for fault in struck):,}",
        f"{most:,}",
        bound,
        _spread([fault.next_mail - fault.at for fault in struck if fault.next_mail is not None]),
        _spread([fault.caught_up - fault.at for fault in struck if fault.caught_up is not None]),
    )
    return f"| {' | '.join(cells)} |"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _spread(seconds: Sequence[float]) -> str:
    """Median and worst."""
    return f"{median(seconds):.1f} (at most {max(seconds):.1f})" if seconds else "-"
