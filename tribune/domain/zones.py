"""Time zones from the tzdata package only, so that every path computes with the same rules (decisions.md, 21)."""

from __future__ import annotations

from functools import cache
from importlib import metadata, resources
from zoneinfo import ZoneInfo

from tribune.domain.errors import InvalidInput


@cache
def names() -> frozenset[str]:
    """Every IANA zone name that the tzdata package has."""
    listed = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8")
    return frozenset(line.strip() for line in listed.splitlines() if line.strip())


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of that name. Raises InvalidInput for a name that is not in the IANA list."""
    if name not in names():
        import difflib

        near = difflib.get_close_matches(name, names(), n=3, cutoff=0.6)
        hint = f"Did you mean {' or '.join(near)}?" if near else "Use an IANA name such as Africa/Dakar."
        raise InvalidInput(f"{name!r} is not a time zone.", hint=hint)
    with resources.files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@cache
def version() -> str:
    """The version of the rules in use."""
    return metadata.version("tzdata")
