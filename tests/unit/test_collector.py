"""What stays to the end of a process is not looked through again and again."""

from __future__ import annotations

import gc

from tribune.collector import NEW, spare_what_stays


def test_what_is_there_is_left_alone_and_new_cycles_are_still_found() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    gc.unfreeze()
    try:
        spare_what_stays()
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold()[0] == NEW
        ring: list[object] = []
        ring.append(ring)
        del ring
        assert gc.collect() >= 1
    finally:
        gc.set_threshold(*before)
        if not frozen:
            gc.unfreeze()
