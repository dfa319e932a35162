"""What integration tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tribune.domain.codelists import Codelists

if TYPE_CHECKING:
    from tests.threat_world import World


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory, migrated: Path, codelists: Codelists) -> Iterator[World]:
    """A house with one of everything that the routes lead to (tests/threat_world.py)."""
    from tests.threat_world import threatened

    with threatened(tmp_path_factory.mktemp("threats"), migrated, codelists) as made:
        yield made
