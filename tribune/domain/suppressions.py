"""Why an address is never mailed, and which reason outweighs which."""

from __future__ import annotations

ABOUT_THE_ADDRESS = frozenset({"wrong_address", "hard_bounce", "bounce", "rejected"})
"""What was about the address itself, and may have been mended: staff may take it off the list. A complaint or a
person's own wish is undone only by themselves, when they subscribe again."""


def outweighs(new: str, kept: str) -> bool:
    """Whether a reason takes the place of the one that is kept: who has themselves erased, asks never to be mailed
    again or complains means it, also where mail could not reach them before. Else the first reason stays."""
    return kept in ABOUT_THE_ADDRESS and new not in ABOUT_THE_ADDRESS
