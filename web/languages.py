"""Which language a browser asks for."""

from __future__ import annotations

from collections.abc import Sequence

from tribune.domain.audience import frame_locale


def preferred(accept_language: str, offered: Sequence[str], default: str) -> str:
    """The best offered language for an Accept-Language header (RFC 9110, 12.5.4); `default` where none fits."""
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept_language.split(",")[:20]):
        tag, _, quality = part.replace(" ", "").partition(";q=")
        try:
            weight = float(quality or 1)
        except ValueError:
            continue
        if tag and weight > 0:
            wanted.append((-weight, place, tag))
    return frame_locale([tag for _, _, tag in sorted(wanted)], offered, default)
