"""Hash and check passwords with Argon2id (RFC 9106), with the same work for an account that there is and one that there
is not."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable

from tribune.domain.errors import InvalidInput
from tribune.domain.passwords import LONGEST, PasswordProblem, normal, password_problem

MEMORY_KIB, PASSES, LANES = 19 * 1024, 2, 1
"""OWASP's password storage cheat sheet: 19 MiB, two passes, one lane."""
AT_ONCE = 4
"""So many hashes at the same moment: beyond, they wait, instead of taking the memory of the house."""


class Passwords:
    """The one place that hashes."""

    def __init__(self) -> None:
        from pwdlib.hashers.argon2 import Argon2Hasher

        self._argon2 = Argon2Hasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
        self._room = threading.BoundedSemaphore(AT_ONCE)
        self._nobodys = self._argon2.hash(secrets.token_hex(32))

    def hash(self, password: str) -> str:
        """The hash to keep, with its salt and parameters."""
        with self._room:
            return self._argon2.hash(normal(password))

    def check(self, password: str, kept: str | None) -> bool:
        """Whether this is the password of `kept`. Without one, nobody's is checked instead: it takes as long."""
        with self._room:
            right = self._argon2.verify(normal(password[: LONGEST + 1]), kept or self._nobodys)
        return right and kept is not None

    def outdated(self, kept: str) -> bool:
        """Whether it was hashed with other parameters than those of today."""
        return self._argon2.check_needs_rehash(kept)


def refuse_weak(password: str, about: Iterable[str]) -> None:
    """Raises InvalidInput, with `where` the problem (a PasswordProblem), for a password that is not taken."""
    problem = password_problem(password, about)
    if problem is not None:
        raise InvalidInput(_SAID[problem], where=problem.value)


_SAID = {
    PasswordProblem.TOO_SHORT: "A password has at least 12 characters.",
    PasswordProblem.TOO_LONG: "A password has at most 200 characters.",
    PasswordProblem.COMMON: "This password is one of those that are tried first.",
}
