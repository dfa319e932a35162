"""The collector of cycles, in processes that live long."""

from __future__ import annotations

import gc

NEW = 10_000
"""So many new objects are made before the youngest are looked through (Python: 700)."""


def spare_what_stays() -> None:
    """Call it once, when all is loaded. Code, templates and routes stay to the end of the process: to look through
    their 200,000 objects again and again stops every request for a tenth of a second. What is new is looked through as
    ever, only less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW, *gc.get_threshold()[1:])
