"""What shapes of the API have in common: what goes in is strict, what comes out is told in full."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

LARGEST = 2**31 - 1
Number = Annotated[int, Path(ge=1, le=LARGEST, description="Its number.")]


class In(BaseModel):
    """What is sent to the API: unknown members are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Out(BaseModel):
    """What the API tells."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _clean(text: str) -> str:
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in text):
        raise ValueError("control characters are not taken")
    return text


Text = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(_clean)]
Line = Annotated[str, StringConstraints(max_length=500), AfterValidator(_clean)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_clean)]
"""A code, the id of a digest, the tag of a language."""

Words = Annotated[tuple[Word, ...], Field(max_length=500)]
