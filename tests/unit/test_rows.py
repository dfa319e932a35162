"""Rows of a command as a table: what is typed again is shown as it is typed."""

from __future__ import annotations

import pytest

from tribune.commands._rows import print_rows


@pytest.mark.parametrize("columns", ["60", "80", "200"])
def test_ids_are_shown_whole_and_as_they_are_typed(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    rows = [
        {
            "id": 184_117_949_522_584,
            "group": "catalogue",
            "bytes": 12_345,
            "reason": "It failed, and why is told. " * 9,
        },
        {"id": 7, "group": "deliveries", "bytes": 1, "reason": "x" * 90},
    ]
    print_rows(rows, False, "")
    told = capsys.readouterr().out
    assert any(line.startswith("184117949522584 ") for line in told.splitlines())
    assert "12,345" in told and "184,117" not in told
