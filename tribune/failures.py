"""What is kept of an error: enough to mend it, nothing of a person (decisions.md, 6).

Messages of our own errors are written for people to read. Those of others may quote values, and a database's quotes
whole rows: quoted parts and addresses are cut out, statements and parameters left behind. Of the stack the places
are kept, never the values of variables.
"""

from __future__ import annotations

import re
import traceback
from pathlib import Path, PurePath

from tribune.domain.errors import TribuneError

_ADDRESS = re.compile(r"[^\s<>\"',;:()\[\]]+@[^\s<>\"',;()\[\]]+")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_LONGEST = 500
_ROOT = Path(__file__).resolve().parent.parent
_OURS = frozenset({"tribune", "producers", "consumers", "web", "scheduler.py", "tests"})


def reason(error: BaseException) -> str:
    """The error's type and message in one line, without values."""
    error = getattr(error, "orig", None) or error
    told = str(error)
    if not isinstance(error, TribuneError):
        told = _QUOTED.sub("'…'", told.partition("\n")[0])
    told = " ".join(_ADDRESS.sub("…@…", told).split())
    return f"{type(error).__name__}: {told}"[:_LONGEST].rstrip(": ")


def frames(error: BaseException) -> str:
    """Where it happened, the outermost place first, one a line; then the same for what caused it. Of other people's
    code only the innermost place."""
    lines = []
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        lines.append(("caused by " if at is not error else "") + type(at).__name__)
        stack = traceback.extract_tb(at.__traceback__)
        lines += [f"  {_told(frame)}" for frame in stack if _is_ours(frame) or frame is stack[-1]]
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
    return "\n".join(lines)


def place(error: BaseException) -> str:
    """The innermost place in our own code: one line for the log."""
    stack = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in stack if _is_ours(frame)]
    return _told(ours[-1]) if ours else ""


def _is_ours(frame: traceback.FrameSummary) -> bool:
    path = PurePath(frame.filename)
    return path.is_relative_to(_ROOT) and path.relative_to(_ROOT).parts[0] in _OURS


def _told(frame: traceback.FrameSummary) -> str:
    path = PurePath(frame.filename)
    parts = path.relative_to(_ROOT).parts if _is_ours(frame) else path.parts[-3:]
    return f"{'/'.join(parts)}:{frame.lineno} in {frame.name}"
