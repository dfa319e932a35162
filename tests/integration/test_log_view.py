"""Looking into the log claims nothing and commits nothing."""

from __future__ import annotations

from datetime import timedelta

from tribune.bootstrap import Application
from tribune.ports.clock import StoppedClock


def test_the_newest_stand_first_over_all_partitions(app: Application, clock: StoppedClock) -> None:
    for number in range(9):
        app.log.publish_raw("publications", f"key-{number}", f"é {number}".encode())
        clock.move(timedelta(seconds=1))
    app.log.publish_raw("catalogue", "last", b"other topic")
    view = app.log_view
    assert [m.value for m in view.newest(["publications"], limit=2)] == ["é 8".encode(), "é 7".encode()]
    assert view.newest(["publications", "catalogue"], limit=1)[0].key == "last"
    assert [m.key for m in view.newest(["publications"], limit=5, containing="é 3")] == ["key-3"]
    assert view.newest(["publications"], limit=5, containing="é 3", depth=2) == []
    assert view.newest(["publications"], limit=5, containing="%' OR 1=1") == []
    assert app.log.lag() == []
