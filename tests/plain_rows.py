"""Rows for tables of which only matters that they have some."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Date, DateTime, Integer, LargeBinary, SmallInteger, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

AT = datetime(2026, 11, 20, 6, tzinfo=UTC)


def plain_row(table: Table, number: int) -> tuple[Any, ...]:
    """A row that means nothing, all but its block; another number makes another row."""
    values = {
        **dict.fromkeys((SmallInteger, Integer, BigInteger), number), Text: f"x-{number}", LargeBinary: b"%d" % number,
        Uuid: UUID(int=number), DateTime: AT, Date: AT.date(), Boolean: False, ARRAY: ["x"],
    }  # fmt: skip
    return tuple(values[type(column.type)] for column in table.columns if column.name != "block")
