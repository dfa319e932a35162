"""Watch a mailing until it is finished: a bar that is redrawn in a terminal, a line a change in a pipe."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from tribune.commands._mailing_views import edition, in_words, mailing_data, pace, percent, words
from tribune.domain.mailings import MailingState
from tribune.services.sending.mailing_progress import MailingProgress, mailing_progress, time_left

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tribune.bootstrap import Application

OVER = (MailingState.FINISHED, MailingState.CANCELLED)
REDRAW_SECONDS = 0.5
LINE_SECONDS = 5.0
LOOK_BACK_SECONDS = 10.0


class Pace:
    """How many deliveries were settled per second lately: over the last ten seconds that were looked at."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._seen: deque[tuple[float, int]] = deque()

    def saw(self, settled: int) -> float | None:
        """The rate up to now; None at the first look."""
        now = self._now()
        self._seen.append((now, settled))
        while len(self._seen) > 2 and self._seen[1][0] <= now - LOOK_BACK_SECONDS:
            self._seen.popleft()
        since, before = self._seen[0]
        return (settled - before) / (now - since) if now > since else None


def watch(house: Application, mailing_id: int, *, as_json: bool = False) -> None:
    """Until it is finished or cancelled; Ctrl-C leaves earlier. Raises NotFound."""
    from rich.console import Console

    console = Console(highlight=False)
    try:
        if console.is_terminal and not as_json:
            _redraw(house, mailing_id, console)
        else:
            _tell_changes(house, mailing_id, as_json=as_json)
    except KeyboardInterrupt:
        if not as_json:
            print("No longer watching; the mailing goes on.")


def _look(house: Application, mailing_id: int) -> tuple[MailingProgress, datetime]:
    """The numbers, and the store's time at which they stood so."""
    with house.store.read() as tx:
        return mailing_progress(tx, mailing_id), tx.now()


def _redraw(house: Application, mailing_id: int, console: object) -> None:
    from rich.console import Console
    from rich.live import Live

    assert isinstance(console, Console)  # noqa: S101 - imported when it is needed
    lately = Pace()
    progress, _ = _look(house, mailing_id)
    with Live(_picture(progress, lately.saw(progress.settled)), console=console, auto_refresh=False) as live:
        while progress.mailing.state not in OVER:
            time.sleep(REDRAW_SECONDS)
            progress, _ = _look(house, mailing_id)
            live.update(_picture(progress, lately.saw(progress.settled)), refresh=True)


def _picture(progress: MailingProgress, rate: float | None) -> RenderableType:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    told = progress.mailing
    bar = Table.grid(padding=(0, 1))
    bar.add_row(
        ProgressBar(progress.total or 1, progress.settled, width=40),
        f"{progress.settled:,} of {progress.total:,} ({percent(progress)})",
        pace(rate, time_left(progress, rate)),
    )
    languages = Table.grid(padding=(0, 2))
    for locale, counts in progress.languages.items():
        languages.add_row(locale, in_words(counts))
    return Group(Text(f"Mailing {told.id}: {edition(told)}, {words(told.state)}"), bar, languages)


def _tell_changes(house: Application, mailing_id: int, *, as_json: bool) -> None:
    lately, told_at, told = Pace(), 0.0, ""
    while True:
        progress, now = _look(house, mailing_id)
        over = progress.mailing.state in OVER
        rate = lately.saw(progress.settled)
        if as_json:
            # The recent pace instead of the whole run's: what watching adds.
            left = time_left(progress, rate)
            data = mailing_data(progress, now) | {
                "rate": None if rate is None else round(rate, 2),
                "seconds_left": None if left is None else round(left.total_seconds(), 1),
            }
            same, line = json.dumps([data["state"], data["states"]]), json.dumps(data)
        else:
            same = f"{words(progress.mailing.state)}: {in_words(progress.states)}"
            moving = pace(rate, time_left(progress, rate)) if not over else ""
            line = f"{same} ({percent(progress)}{', ' if moving else ''}{moving})"
        if same != told and (over or not told or time.monotonic() - told_at >= LINE_SECONDS):
            print(line, flush=True)
            told, told_at = same, time.monotonic()
        if over:
            return
        time.sleep(REDRAW_SECONDS)
