"""Answers of the API that are given once: a request that carries a key has one effect, however often it is sent. Pure.

Source: draft-ietf-httpapi-idempotency-key-header-07, "The Idempotency-Key HTTP Header Field".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tribune.domain.errors import Conflict, InvalidInput

KEPT = timedelta(hours=24)
"""How long an answer is kept for whoever asks again."""

ABANDONED = timedelta(minutes=10)
"""Work that has not ended after this long was cut short by a fault: the key is free again."""

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with its key: whose (the number of a token), which, and a hash of everything that it asks for."""

    token: int
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: the status, headers of its own, and the body as JSON text. It carries no address and no name,
    for it is kept (decisions.md, 6)."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeptKey:
    """What stands under a key. `answer` None: somebody is at work on it since `taken_at`."""

    fingerprint: str
    taken_at: datetime
    answer: Answer | None


class KeyUsedOtherwise(InvalidInput):
    """The key stands for another request."""


class StillAtWork(Conflict):
    """A request with this key is being worked on at this moment."""


def checked_key(told: str) -> str:
    """An idempotency key as a header carries it; quotes around it (a structured field) are taken off. Raises
    InvalidInput."""
    key = told[1:-1] if len(told) > 2 and told[0] == told[-1] == '"' else told
    if not _KEY.fullmatch(key):
        raise InvalidInput(
            "An idempotency key holds 1 to 255 visible ASCII characters, without blanks.",
            where="Idempotency-Key",
            hint="A random UUID does well.",
        )
    return key


def fingerprint(secret: str, parts: Iterable[bytes]) -> str:
    """A hash of a request, keyed with its token: what is kept tells nothing of what was asked to whoever reads it."""
    found = hashlib.blake2b(key=hashlib.sha512(secret.encode()).digest(), digest_size=32)
    for part in parts:
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.hexdigest()


def known_answer(kept: KeptKey, asked: KeyedRequest) -> Answer:
    """The answer that is kept for a request that comes again. Raises KeyUsedOtherwise, StillAtWork."""
    if kept.fingerprint != asked.fingerprint:
        raise KeyUsedOtherwise(
            "This idempotency key was used for another request.", hint="Make a new key for each thing you want done."
        )
    if kept.answer is None:
        raise StillAtWork(
            "A request with this idempotency key is being worked on.", hint="Ask again in a moment, with the same key."
        )
    return kept.answer
