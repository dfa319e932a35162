"""A driver that speaks as users do: people subscribe, items are published, time passes, mails arrive."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import yaml

import scheduler
from consumers import all_consumers
from consumers.loop import Drain
from producers import by_hand
from tribune.bootstrap import Application
from tribune.domain.imports import Basis, BasisKind, Refusal
from tribune.domain.zones import zone
from tribune.ports.clock import StoppedClock
from tribune.services.audience.import_subscribers import import_subscribers
from tribune.services.audience.subscriber_rows import COLUMNS
from tribune.services.events.relay_outbox import relay_outbox

BASIS = Basis(BasisKind.TRANSFER, "the former system")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Mail:
    """A mail as its reader has it."""

    message: EmailMessage
    path: Path
    came_at: datetime
    """What the clock said when the mail was there, whatever the mail itself says."""

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def language(self) -> str:
        return str(self.message["Content-Language"])

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        assert part is not None
        return _spaces(str(part.get_content()))

    @property
    def html(self) -> str:
        part = self.message.get_body(("html",))
        assert part is not None
        return _spaces(str(part.get_content()))


def _spaces(text: str) -> str:
    """No-break spaces as plain ones: which of them stands where is the typography tests' matter."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


class House:
    """The whole house on embedded defaults, with a clock that the test moves."""

    def __init__(self, app: Application, clock: StoppedClock, folder: Path) -> None:
        self.app = app
        self.clock = clock
        self.folder = folder
        self._files = 0
        self._came: dict[Path, datetime] = {}
        self._drain = Drain(all_consumers(app), app)

    # -- what people do

    def subscribe(self, address: str, **facts: Any) -> None:
        """A person subscribes, or changes what they get. Facts are columns of the import file, `wishes` rows."""
        wishes = facts.pop("wishes", [{}])
        row = {
            "address": address,
            "name": "",
            "group": "government",
            "languages": "en",
            "zone": "UTC",
            "fallback": "source",
            "digest": "letter",
            "cadence": "weekly",
            "weekday": "",
            "hour": "",
            **{key: str(value) for key, value in facts.items()},
        }
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows({**row, **{key: str(value) for key, value in wish.items()}} for wish in wishes)
        file = self._file("people.csv", text.getvalue())
        refused: list[Refusal] = []
        import_subscribers(
            self.app.store,
            self.app.clock,
            file,
            self.app.digests,
            self.app.codelists,
            basis=BASIS,
            tell=refused.append,
        )
        assert not refused, refused
        self.work()

    def publish(self, record: str, *, source_language: str = "en", **facts: Any) -> None:
        """Staff publish an item by hand; publishing the same record again updates it. `titles` is language -> title."""
        titles = facts.pop("titles", {source_language: record})
        item = {
            "record": record,
            "kind": "report",
            "source_language": source_language,
            "versions": {
                language: {"title": title, "abstract": f"{title} (abstract)."} for language, title in titles.items()
            },
            "policy_areas": ["employment"],
            **facts,
        }
        file = self._file("item.yaml", yaml.safe_dump(item, allow_unicode=True, sort_keys=False))
        list(by_hand.publish(self.app, [file]))
        self.work()

    def withdraw(self, record: str, reason: str = "An error was found.") -> None:
        """Staff take an item back."""
        file = self._file("item.yaml", yaml.safe_dump({"record": record, "withdrawn": reason}, allow_unicode=True))
        list(by_hand.publish(self.app, [file]))
        self.work()

    # -- what time does

    def work(self) -> None:
        """Everything that is waiting is done."""
        if self.app.settings.log.kind == "embedded":
            self._drain()
        while self._relay():
            self._drain()
        for file in self.app.settings.email.outbox_folder.rglob("*.eml"):
            self._came.setdefault(file, self.clock.now())

    def _relay(self) -> int:
        """What the relay does; how many events went to Kafka. In the embedded log there is none."""
        if self.app.settings.log.kind == "embedded":
            return 0
        with self.app.outbox_queue.hold() as outbox:
            assert outbox is not None
            done = relay_outbox(outbox, self.app.publisher)
        assert done.failure is None, done.failure
        assert done.published == done.read
        return done.published

    def close(self) -> None:
        """Leave the groups."""
        self._drain.__exit__()

    def until(self, local: str, where: str = "UTC", *, step: timedelta = timedelta(hours=6)) -> None:
        """Time passes until a local time (`2026-11-30 08:00`), the scheduler ticking on the way: where it has
        something to do by its own account."""
        end = datetime.fromisoformat(local).replace(tzinfo=zone(where))
        while self.clock.now() < end:
            due = scheduler.next_due(self.app)
            then = min(end, self.clock.now() + step)
            if due is not None and self.clock.now() < due < then:
                then = due
            self.clock.set(then)
            self.tick()

    def ticking_until(self, local: str, where: str = "UTC", *, every: timedelta = timedelta(minutes=30)) -> None:
        """Time passes until a local time, the scheduler ticking steadily, whatever it says to be waiting for."""
        end = datetime.fromisoformat(local).replace(tzinfo=zone(where))
        while self.clock.now() < end:
            now = self.clock.now()
            self.clock.set(min(end, now + every - (now - _EPOCH) % every))
            self.tick()

    def tick(self) -> None:
        """The scheduler ticks once, and what follows is done."""
        scheduler.tick(self.app)
        self.work()

    # -- what readers see

    def mails(self, address: str) -> list[Mail]:
        """The mails that a person has got, in the order of their sending."""
        found = []
        for file in self.app.settings.email.outbox_folder.rglob("*.eml"):
            message = message_from_bytes(file.read_bytes(), policy=policy.default)
            assert isinstance(message, EmailMessage)
            if message["To"].addresses[0].addr_spec == address:
                found.append(Mail(message, file, self._came.get(file, self.clock.now())))
        return sorted(found, key=lambda mail: (mail.message["Date"].datetime, mail.path.name))

    def _file(self, name: str, text: str) -> Path:
        self._files += 1
        file = self.folder / f"{self._files}-{name}"
        file.write_text(text, encoding="utf-8")
        return file
