"""What staff say when somebody wants back what they have unsubscribed from."""

from __future__ import annotations

from dataclasses import dataclass, field

from web.forms import Fields


@dataclass(slots=True)
class AgainForm:
    """Somebody wants back what they have stopped: which newsletter ("": those that they stopped last),
    and how and when they said so: nobody else's word brings them back."""

    again: str = ""
    basis: str = ""
    source: str = ""
    given: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def typed(cls, fields: Fields) -> AgainForm:
        """From a form that was sent."""
        again, basis, source, given = (fields.one(name).strip() for name in ("again", "basis", "source", "given"))
        return cls(again, basis, source, given)
