"""What the suite sends: readers, and items that each reader must get once. Known here, independently of any ledger."""

from __future__ import annotations

import csv
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from producers import by_hand
from tools.stack.workers import tribune
from tribune import config
from tribune.bootstrap import Application
from tribune.failures import reason

GROUND = ("--basis", "transfer", "--source", "the crash suite")
COLUMNS = ("address", "name", "group", "languages", "zone", "fallback", "digest", "cadence")


def address_of(person: int) -> str:
    """The address of a reader, 1 and up."""
    return f"r{person:06d}@crash.example"


def person_of(address: str) -> int:
    """The reader of an address."""
    return int(address[1:7])


def import_people(folder: Path, number: int) -> None:
    """Readers who want everything at once, in three languages."""
    path = folder / "people.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for person in range(1, number + 1):
            language = ("en", "fr", "es")[person % 3]
            rows.writerow(
                (
                    address_of(person),
                    f"Reader {person}",
                    "government",
                    language,
                    "Africa/Dakar",
                    "source",
                    "letter",
                    "at_once",
                )
            )
    told = tribune(folder, "subscribers", "import", str(path), *GROUND, seconds=600)
    if f"{number:,} added" not in told and f"{number} added" not in told:
        raise RuntimeError(f"the readers were not imported: {told}")


def write_item(folder: Path, number: int) -> Path:
    """The file of an item. Its title carries the mark by which the sink knows it."""
    mark = f"zq{number:05d}qz"
    path = folder / "items" / f"{mark}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        f"record: {mark}\nkind: report\nsource_language: en\npolicy_areas: [wages]\n"
        f'versions: {{en: {{title: "Report {mark} on wages", abstract: "What wages did of late."}}}}\n',
        encoding="utf-8",
    )
    return path


class Publisher(threading.Thread):
    """Publishes the next item whenever fewer mails than `ahead` are due, as `tribune publish` does: until it worked.

    `published` holds the instant (monotonic) at which each item was on its way for sure.
    """

    def __init__(self, folder: Path, people: int, due: Callable[[], int], ahead: int) -> None:
        super().__init__(name="publisher", daemon=True)
        self.published: dict[int, float] = {}
        self.attempts_failed = 0
        self._folder = folder
        self._people = people
        self._due = due
        self._ahead = ahead
        self._ended = threading.Event()
        self.broken: Exception | None = None

    def run(self) -> None:
        app = Application(config.load(self._folder / "tribune.toml"))
        try:
            while not self._ended.is_set():
                if self._due() >= self._ahead:
                    self._ended.wait(0.1)
                    continue
                self._publish(app, len(self.published) + 1)
        except Exception as error:  # told by the driver
            self.broken = error
        finally:
            app.close()

    def _publish(self, app: Application, number: int) -> None:
        path = write_item(self._folder, number)
        while True:  # what was begun is finished, or the item would be half known
            try:
                by_hand.publish(app, [path], dry_run=False)
            except Exception as error:
                self.attempts_failed += 1
                structlog.get_logger().info("publish again", item=number, error=reason(error))
                time.sleep(0.3)
                continue
            self.published[number] = time.monotonic()
            return

    def end(self) -> None:
        """Publish no more."""
        self._ended.set()
        self.join(120)
