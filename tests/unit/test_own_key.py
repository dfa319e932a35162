"""The key of an installation: made once, whole, and by one of several processes; never an empty one."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tribune.domain.errors import ConfigurationError
from tribune.key_parts import own_key


def test_it_is_made_once_and_is_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "signing.key"
    key = own_key(path)
    assert len(key) == 64
    assert own_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["signing.key"]


def test_of_several_that_start_at_once_all_have_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        for round in range(40):
            path = tmp_path / str(round) / "signing.key"
            keys = set(pool.map(own_key, [path] * 8))
            assert len(keys) == 1
            assert len(keys.pop()) == 64


@pytest.mark.parametrize("content", [b"", b"short"])
def test_a_key_that_was_cut_short_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "signing.key"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="cut short"):
        own_key(path)
