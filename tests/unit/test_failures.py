"""What is kept of an error."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from tribune.domain.errors import InvalidInput
from tribune.failures import frames, place, reason


def test_a_database_error_keeps_no_statement_and_no_row() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE people (address TEXT UNIQUE)"))
        row = {"address": "awa.diop@travail.example"}
        connection.execute(text("INSERT INTO people VALUES (:address)"), row)
        with pytest.raises(SQLAlchemyError) as raised:
            connection.execute(text("INSERT INTO people VALUES (:address)"), row)
    assert "awa.diop" in str(raised.value)  # what the library says by itself
    kept = reason(raised.value)
    assert kept == "IntegrityError: UNIQUE constraint failed: people.address"
    assert "awa.diop" not in frames(raised.value)
    engine.dispose()


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (KeyError("Awa Diop"), "KeyError: '…'"),
        (ValueError("<awa@travail.example>: no\nsecond line"), "ValueError: <…@…>: no"),
        (RuntimeError(), "RuntimeError"),
        (InvalidInput("'x' is not a code.", where="row 2"), "InvalidInput: row 2: 'x' is not a code."),
        (InvalidInput("awa@travail.example is taken."), "InvalidInput: …@… is taken."),
        (RuntimeError("x" * 5000), f"RuntimeError: {'x' * 486}"),
    ],
)
def test_reasons_are_one_short_line_without_values(error: Exception, kept: str) -> None:
    assert reason(error) == kept


def test_of_the_stack_our_own_places_are_kept_and_the_innermost_of_others() -> None:
    def broken() -> None:
        try:
            json.loads("{")
        except ValueError as error:
            raise InvalidInput("This is not JSON.") from error

    with pytest.raises(InvalidInput) as raised:
        broken()
    told = frames(raised.value).splitlines()
    assert told[0] == "InvalidInput" and "caused by JSONDecodeError" in told
    assert told[-1].startswith("  python3") or "json/decoder.py" in told[-1]
    assert sum("json/" in line for line in told) == 1
    assert place(raised.value).startswith("tests/unit/test_failures.py:")
    assert place(raised.value).endswith(" in broken")


def test_a_circle_of_causes_ends() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert frames(one).count("ValueError") == 2 and place(one) == ""
