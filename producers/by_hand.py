"""Items written by hand enter: YAML or JSON files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tribune.bootstrap import Application
from tribune.domain.errors import InvalidInput
from tribune.domain.events import CloudEvent
from tribune.services.sources.item_files import read_items
from tribune.services.sources.publish_records import Told, events_for, publish_records

SOURCE = "by-hand"
ENDINGS = (".yaml", ".yml", ".json")


def publish(app: Application, paths: Iterable[Path], *, by: str = "", dry_run: bool = False) -> list[CloudEvent]:
    """Publish the items of these files and folders: all of them or, where one has a mistake, none.

    Items that were published before and have not changed give no event. `by` is who published, for the
    audit log ("": nobody in particular). Raises InvalidInput with all mistakes.
    """
    told = _read(app, paths)
    if dry_run:
        with app.store.read() as tx:
            return events_for(tx.sources, SOURCE, told, app.clock.now())[0]
    with app.store.write() as tx:
        events = publish_records(tx, SOURCE, told, app.clock.now())
        for event in events if by else ():
            facts: dict[str, str | int | bool | None] = {"type": event.type, "revision": event.revision}
            tx.audit.add(by, "item.published", f"record/{event.key}"[:100], facts, app.clock.now())
    return events


def _read(app: Application, paths: Iterable[Path]) -> list[Told]:
    found: dict[str, Path] = {}
    told: list[Told] = []
    mistakes: list[str] = []
    for path in _files(paths):
        try:
            items = read_items(_text(path), str(path), app.codelists)
        except InvalidInput as error:
            mistakes.append(str(error))
            continue
        for item in items:
            if item.record in found:
                mistakes.append(f"{path}: the record {item.record!r} stands in {found[item.record]} too. Keep one.")
            found.setdefault(item.record, path)
        told += items
    if mistakes:
        raise InvalidInput("Nothing was published; mend these first:\n" + "\n".join(mistakes))
    return told


def _files(paths: Iterable[Path]) -> list[Path]:
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.iterdir() if one.suffix in ENDINGS)
            if not inside:
                raise InvalidInput(f"No {', '.join(ENDINGS)} file stands here.", where=str(path))
            found |= dict.fromkeys(inside)
        else:
            found[path] = None
    return list(found)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput("This file is not UTF-8.", where=str(path), hint="Save it as UTF-8.") from None
    except OSError as error:
        raise InvalidInput(f"This file cannot be read: {error.strerror}.", where=str(path)) from None
