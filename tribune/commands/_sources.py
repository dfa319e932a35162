"""What `tribune pull` and `tribune publish` share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import make_url

from tribune import config, logs
from tribune.bootstrap import Application, application
from tribune.domain.errors import Conflict
from tribune.domain.events import CloudEvent
from tribune.store.migrate import is_current


@contextmanager
def house_for(dry_run: bool) -> Iterator[Application]:
    """The application. What is published goes into the outbox, so the store alone is needed where it is in shape. A dry
    run writes nothing: where there is no store yet, an empty one stands in elsewhere. Raises Conflict where there is
    one of an older version."""
    logs.configure("critical")  # what the log would say, the command prints
    settings = config.load()
    url = make_url(settings.store.url)
    there = url.get_backend_name() != "sqlite" or bool(url.database and Path(url.database).is_file())
    with TemporaryDirectory() as elsewhere:
        if dry_run and not there:
            store = settings.store.model_copy(update={"url": f"sqlite:///{elsewhere}/tribune.sqlite3"})
            settings = settings.model_copy(update={"store": store})
        with application(settings, prepared=False) as house:
            if dry_run and there:
                with house.store.read() as tx:
                    tx.now()  # it is there, or it is told why not
                if not is_current(house.store.engine):
                    raise Conflict(
                        "The store is not in the shape of this version. A dry run writes nothing, so it leaves it so.",
                        hint="Run `tribune migrate` first.",
                    )
            elif settings.log.kind == "embedded" or not is_current(house.store.engine):
                house.prepare()
            yield house


def title_of(event: CloudEvent) -> str:
    """What an event is about, in one line."""
    versions = event.data.get("versions") or [{}]
    title = versions[0].get("title") or event.data["record"]
    languages = ", ".join(version.get("language", "") for version in versions)
    data = event.data.get("data")
    if data:
        counts = {name: data.get(f"{name}_count", 0) for name in ("new", "revised", "removed")}
        said = "first load" if data.get("first_load") else ", ".join(f"{n:,} {name}" for name, n in counts.items() if n)
        return f"{title} [{said}]"
    if languages:
        return f"{title} ({languages})"
    reason = event.data.get("reason")  # a withdrawal: of its record the source says no more
    return f"{title}: {reason}" if reason else f"{title}"
