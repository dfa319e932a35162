"""The house that acceptance tests live in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.house import House
from tribune.bootstrap import Application
from tribune.ports.clock import StoppedClock


@pytest.fixture
def house(app: Application, clock: StoppedClock, tmp_path: Path) -> Iterator[House]:
    house = House(app, clock, tmp_path)
    yield house
    house.close()
