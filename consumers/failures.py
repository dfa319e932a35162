"""What is kept of an error: enough to mend it, nothing of a person (decisions.md, 6).

Messages of our own errors are written for people to read. Those of others may quote values, and a database's quotes
whole rows: quoted parts and addresses are cut out, statements and parameters left behind. Of the stack the places
are kept, never the values of variables.
"""

from __future__ import annotations

import re
import traceback

from tribune.domain.errors import TribuneError

_ADDRESS = re.compile(r"[^\s<>\"',;:()\[\]]+@[^\s<>\"',;()\[\]]+")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_LONGEST = 500


def reason(error: BaseException) -> str:
    """The error's type and message in one line, without values."""
    error = getattr(error, "orig", None) or error
    told = str(error)
    if not isinstance(error, TribuneError):
        told = _QUOTED.sub("'…'", told.partition("\n")[0])
    told = " ".join(_ADDRESS.sub("…@…", told).split())
    return f"{type(error).__name__}: {told}"[:_LONGEST].rstrip(": ")


def frames(error: BaseException) -> str:
    """Where it happened, the outermost place first, one a line; then the same for what caused it."""
    lines = []
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        lines.append(("caused by " if at is not error else "") + type(at).__name__)
        for frame in traceback.extract_tb(at.__traceback__):
            path = "/".join(frame.filename.replace("\\", "/").split("/")[-3:])
            lines.append(f"  {path}:{frame.lineno} in {frame.name}")
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
    return "\n".join(lines)
