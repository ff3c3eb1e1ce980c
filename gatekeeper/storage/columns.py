"""Rows go to the database as one statement for several tables: one array a column, in PostgreSQL's binary form.

An array arrives whole before the statement begins. COPY would be faster, but a process that freezes in the middle of one
is not cut off by any timeout, and would keep the ledger lock for as long as it is frozen.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import cache
from struct import Struct
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection, Cursor
from psycopg.adapt import Dumper
from psycopg.pq import Format
from sqlalchemy import BigInteger, Boolean, Date, DateTime, Integer, LargeBinary, SmallInteger, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

_LENGTH = Struct(">i").pack
_HEADER = Struct(">iiiii").pack
_NULL = _LENGTH(-1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_DAY_ZERO = date(2000, 1, 1).toordinal()


def _fixed(size: int, pack: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    length = _LENGTH(size)
    return lambda value: length + pack(value)


def _sized(encode: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    def element(value: Any) -> bytes:
        encoded = encode(value)
        return _LENGTH(len(encoded)) + encoded

    return element


def _instant(value: datetime) -> bytes:
    since = value - _EPOCH
    return Struct(">q").pack((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def _bytes(value: bytes) -> bytes:
    return _LENGTH(len(value)) + value


class _Kind(NamedTuple):
    sql: str
    oid: int
    element: Callable[[Any], bytes]
    column: str = "{}"
    """What the table's column is made of the array's element."""


_KINDS = {
    SmallInteger: _Kind("int2", 21, _fixed(2, Struct(">h").pack)),
    Integer: _Kind("int4", 23, _fixed(4, Struct(">i").pack)),
    BigInteger: _Kind("int8", 20, _fixed(8, Struct(">q").pack)),
    Boolean: _Kind("bool", 16, _fixed(1, Struct(">?").pack)),
    Text: _Kind("text", 25, _sized(str.encode)),
    LargeBinary: _Kind("bytea", 17, _bytes),
    Uuid: _Kind("uuid", 2950, _fixed(16, lambda value: value.bytes if isinstance(value, UUID) else UUID(value).bytes)),
    Date: _Kind("date", 1082, _fixed(4, lambda value: _LENGTH(value.toordinal() - _DAY_ZERO))),
    DateTime: _Kind("timestamptz", 1184, _fixed(8, _instant)),
    # unnest takes lists of lists apart to the last, so a list of words goes as one text.
    ARRAY: _Kind("text", 25, _sized(lambda words: ",".join(words).encode()), "string_to_array({}, ',')"),
}


class Column:
    """One column of rows, ready to be sent."""

    __slots__ = ("encoded",)

    def __init__(self, kind: _Kind, values: Sequence[Any]) -> None:
        element = kind.element
        body = [_NULL if value is None else element(value) for value in values]
        self.encoded = _HEADER(1, None in values, kind.oid, len(body), 1) + b"".join(body)


class ColumnDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Column) -> bytes:
        return obj.encoded


def prepare(connection: Connection[Any]) -> None:
    """Lets ``connection`` send columns."""
    connection.adapters.register_dumper(Column, ColumnDumper)


@cache
def _statement(table: Table) -> tuple[str, tuple[_Kind, ...]]:
    kinds = tuple(_KINDS[type(column.type)] for column in table.columns)
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    columns = ", ".join(kind.column.format(f'"{column.name}"') for kind, column in zip(kinds, table.columns, strict=True))
    arrays = ", ".join(f"%b::{kind.sql}[]" for kind in kinds)
    return f'INSERT INTO "{table.name}" ({names}) SELECT {columns} FROM unnest({arrays}) AS given({names})', kinds  # noqa: S608 - names of our own tables


class Added(NamedTuple):
    """Rows for one table, each with its members in order; ``also`` is what follows the statement (``ON CONFLICT …``)."""

    table: Table
    rows: Sequence[Sequence[Any]]
    also: str = ""


def insert(cursor: Cursor[Any], *added: Added) -> None:
    """Adds all that is given by one statement: each table of its own, none twice."""
    parts, given = [], []
    for table, rows, also in added:
        if rows:
            statement, kinds = _statement(table)
            parts.append(f'"{table.name}_added" AS ({statement}{also})')
            given += [Column(kind, values) for kind, values in zip(kinds, zip(*rows, strict=True), strict=True)]
    if parts:
        cursor.execute(f"WITH {', '.join(parts)} SELECT", given)
