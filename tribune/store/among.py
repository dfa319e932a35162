"""Whether a column holds one of several values, as a statement that is the same however many there are: it is then
built, prepared and planned once. A list of parameters is another statement for each number of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, any_, literal
from sqlalchemy.dialects.postgresql import ARRAY


def among(connection: Connection, column: Column[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """The condition; values in order."""
    told = sorted(values)
    if connection.dialect.name == "postgresql":
        return column == any_(literal(told, ARRAY(column.type)))
    return column.in_(told)
