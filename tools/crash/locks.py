"""Who holds SQLite's lock: in WAL mode a process that writes holds byte 120 of the file's -shm (WAL_WRITE_LOCK of
sqlite.org/walformat.html), and Linux tells of it in /proc/locks."""

from __future__ import annotations

from pathlib import Path

_WRITE_LOCK = 120


def writes(pid: int) -> bool:
    """Whether this process is in the middle of a write. False where the system does not tell."""
    held = Path("/proc/locks")
    lines = held.read_text(encoding="ascii").splitlines() if held.exists() else []
    # 12: POSIX  ADVISORY  WRITE 4228 00:2a:17 120 120
    told = (line.split() for line in lines if "->" not in line)
    return any(words[3] == "WRITE" and words[4] == str(pid) and words[6:8] == [str(_WRITE_LOCK)] * 2 for words in told)
