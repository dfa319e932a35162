"""Time zones come from the tzdata package."""

from __future__ import annotations

from datetime import datetime

import pytest

from tribune.domain import zones
from tribune.domain.errors import InvalidInput


def test_every_name_has_rules() -> None:
    assert len(zones.names()) > 500
    for name in zones.names():
        assert datetime(2026, 7, 1, tzinfo=zones.zone(name)).utcoffset() is not None


def test_an_unknown_zone_names_the_nearest() -> None:
    with pytest.raises(InvalidInput, match="Africa/Dakar"):
        zones.zone("Africa/Daker")


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "/etc/localtime", "Africa"])
def test_a_path_is_not_a_zone(name: str) -> None:
    with pytest.raises(InvalidInput):
        zones.zone(name)
