"""Days and instants as they are asked for: written out. A number is refused: it would be read as seconds of 1970."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _written(value: Any) -> Any:
    if isinstance(value, (int, float)) or (isinstance(value, str) and _DAY.match(value) is None):
        raise ValueError("Write it out, as 2026-11-23; an instant with its zone, as 2026-11-23T06:00:00Z.")
    return value


Day = Annotated[date, BeforeValidator(_written)]
"""A day: 2026-11-23."""

AnInstant = Annotated[AwareDatetime, BeforeValidator(_written)]
"""An instant with its zone: 2026-11-23T06:00:00Z."""
