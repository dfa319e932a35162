"""The tree of errors.

TribuneError            something a person can understand and act on: `what` happened, `hint` what to do
|- InvalidInput         a file, a row, an event, a form is wrong; `where` names the place
|- NotFound             no such thing
|- Conflict             the thing is not in a state that allows it
|- SourceError          a feed, repository or data service could not be read; never stops the other sources
|- BrokenEvent          an event that cannot be decoded or validated; goes to the dead letters at once
`- DeliveryError        a message did not leave; four kinds that are handled in four ways
   |- Throttled         the provider asks us to slow down: the whole lane waits
   |- Retryable         this recipient, later
   |- Permanent         this recipient, never
   `- UnknownOutcome    the provider may have accepted it: the channel's policy decides

ConfigurationError      stands outside the tree, so that no handler hides it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class TribuneError(Exception):
    """An error that a person can understand: what happened, where, and what to do."""

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        self.what = what
        self.where = where
        self.hint = hint
        super().__init__(" ".join(part for part in (f"{where}:" if where else "", what, hint) if part))


@dataclass(frozen=True, slots=True)
class Fault:
    """One place of a document that is wrong: a JSON pointer to it (RFC 6901), what, and what would be right."""

    pointer: str
    what: str
    hint: str = ""


class InvalidInput(TribuneError):
    """Input from a person or a file is wrong. `faults`: each place, where there may be several."""

    def __init__(self, what: str, *, where: str = "", hint: str = "", faults: Sequence[Fault] = ()) -> None:
        super().__init__(what, where=where, hint=hint)
        self.faults = tuple(faults)


class NotFound(TribuneError):
    """There is no such thing."""


class Conflict(TribuneError):
    """The thing is not in a state that allows this."""


class SourceError(TribuneError):
    """A source could not be read."""


class BrokenEvent(TribuneError):
    """An event that no retry can mend."""


class DeliveryError(TribuneError):
    """A message did not leave. `code` is the provider's own answer, for the ledger."""

    def __init__(self, what: str, *, code: str = "", where: str = "", hint: str = "") -> None:
        self.code = code
        super().__init__(what, where=where, hint=hint)


class Throttled(DeliveryError):
    """Slow down: the lane waits. `of_mail`: said in answer to one recipient or their message, which has been tried
    therefore. `for_all`: whoever it is said to, it speaks of the connection; else of where this mail goes, too."""

    def __init__(
        self, what: str, *, code: str = "", where: str = "", hint: str = "", of_mail: bool = False, for_all: bool = True
    ) -> None:
        self.of_mail = of_mail
        self.for_all = for_all
        super().__init__(what, code=code, where=where, hint=hint)


class Retryable(DeliveryError):
    """Try this recipient again later."""


class Permanent(DeliveryError):
    """Never try this recipient again."""


class UnknownOutcome(DeliveryError):
    """The connection was lost after the message left: it may have been accepted."""


class ConfigurationError(Exception):
    """The settings are wrong. Stops the process at the start; nothing may catch it and go on."""
