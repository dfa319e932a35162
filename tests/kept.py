"""Whether anything has changed: every row of a store on SQLite, and every file."""

from __future__ import annotations

import sqlite3

from tribune.bootstrap import Application
from tribune.store.tables import metadata


class Kept:
    """The store and the files as they are; what has `changed` since one last looked."""

    def __init__(self, app: Application) -> None:
        self._folders = (app.settings.data_dir, app.settings.email.outbox_folder)
        self._reading = sqlite3.connect(app.settings.data_dir / "tribune.sqlite3")
        self._version: object = None
        self._rows: dict[str, list[str]] | None = None
        self._files: dict[str, int] | None = None
        self.changed()

    def changed(self) -> set[str]:
        """Tables and files in which anything is otherwise. Every row of every table is compared, where SQLite says
        that somebody else has written at all."""
        found: set[str] = set()
        version = self._reading.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            rows = {name: self._all(name) for name in metadata.tables}
            found |= {name for name in rows if self._rows is not None and rows[name] != self._rows[name]}
            self._version, self._rows = version, rows
        files = {
            str(file): file.stat().st_mtime_ns
            for folder in self._folders
            for file in folder.rglob("*")
            if file.is_file() and "sqlite3" not in file.name
        }
        found |= {name for name, _ in (self._files or files).items() ^ files.items()}
        self._files = files
        return found

    def _all(self, table: str) -> list[str]:
        return sorted(map(repr, self._reading.execute(f'SELECT * FROM "{table}"')))
