"""Rows go to the database as one statement for several tables: one array a column, in PostgreSQL's binary form.

An array arrives whole before the statement begins. COPY would be faster, but a process that freezes in the middle of one
is not cut off by any timeout, and would keep the ledger lock for as long as it is frozen.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from functools import cache
from itertools import count
from struct import Struct
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection, Cursor, RawCursor
from psycopg.adapt import Dumper
from psycopg.pq import Format
from sqlalchemy import BigInteger, Boolean, Date, DateTime, Integer, LargeBinary, SmallInteger, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

_LENGTH = Struct(">i").pack
_PAIR = Struct(">ii").pack
_LONG = Struct(">iq").pack
_UUID_LENGTH = _LENGTH(16)
_HEADER = Struct(">iiiii").pack
_NULL = _LENGTH(-1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_DAY_ZERO = date(2000, 1, 1).toordinal()


def _fixed(size: int, code: str) -> Callable[[Any], bytes]:
    pack = Struct(f">i{code}").pack
    return lambda value: pack(size, value)


def _sized(encode: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    def element(value: Any) -> bytes:
        encoded = encode(value)
        return _LENGTH(len(encoded)) + encoded

    return element


def _instant(value: datetime) -> bytes:
    since = value - _EPOCH
    return _LONG(8, (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def _day(value: date) -> bytes:
    return _PAIR(4, value.toordinal() - _DAY_ZERO)


def _uuid(value: UUID | str) -> bytes:
    return _UUID_LENGTH + (value.bytes if isinstance(value, UUID) else UUID(value).bytes)


def _bytes(value: bytes) -> bytes:
    return _LENGTH(len(value)) + value


class _Kind(NamedTuple):
    sql: str
    oid: int
    element: Callable[[Any], bytes]
    column: str = "{}"
    """What the table's column is made of the array's element."""


_KINDS = {
    SmallInteger: _Kind("int2", 21, _fixed(2, "h")),
    Integer: _Kind("int4", 23, _fixed(4, "i")),
    BigInteger: _Kind("int8", 20, _fixed(8, "q")),
    Boolean: _Kind("bool", 16, _fixed(1, "?")),
    Text: _Kind("text", 25, _sized(str.encode)),
    LargeBinary: _Kind("bytea", 17, _bytes),
    Uuid: _Kind("uuid", 2950, _uuid),
    Date: _Kind("date", 1082, _day),
    DateTime: _Kind("timestamptz", 1184, _instant),
    # unnest takes lists of lists apart to the last, so a list of words goes as one text.
    ARRAY: _Kind("text", 25, _sized(lambda words: ",".join(words).encode()), "string_to_array({}, ',')"),
}


class Column:
    """One column of rows, ready to be sent."""

    __slots__ = ("encoded",)

    def __init__(self, kind: _Kind, values: Sequence[Any]) -> None:
        element, first, many = kind.element, values[0], len(values)
        if values.count(first) == many:
            # Of half of the columns all rows of a batch say the same: the block, the instant, the source.
            body = (_NULL if first is None else element(first)) * many
        else:
            body = b"".join([_NULL if value is None else element(value) for value in values])
        self.encoded = _HEADER(1, None in values, kind.oid, many, 1) + body


class ColumnDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Column) -> bytes:
        return obj.encoded


def prepare(connection: Connection[Any]) -> None:
    """Lets ``connection`` send columns."""
    connection.adapters.register_dumper(Column, ColumnDumper)


class Added(NamedTuple):
    """Rows for one table, each with its members in order; ``also`` is what follows the statement (``ON CONFLICT …``)."""

    table: Table
    rows: Sequence[Sequence[Any]]
    also: str = ""


def insert(cursor: Cursor[Any], *added: Added) -> None:
    """Adds all that is given by one statement: each table of its own, none twice."""
    given = [each for each in added if each.rows]
    if given:
        columns = [column for each in given for column in _columns(each)]
        # So many places in so long a text the driver would look for anew each time; a raw statement counts them itself.
        RawCursor(cursor.connection).execute(_statement(tuple([(each.table, each.also) for each in given])), columns)


def _columns(added: Added) -> list[Column]:
    return [Column(kind, values) for kind, values in zip(_kinds(added.table), zip(*added.rows, strict=True), strict=True)]


@cache
def _kinds(table: Table) -> tuple[_Kind, ...]:
    return tuple(_KINDS[type(column.type)] for column in table.columns)


@cache
def _statement(parts: tuple[tuple[Table, str], ...]) -> bytes:
    places = count(1)
    inserts = [f'"{table.name}_added" AS ({_insert(table, places)}{also})' for table, also in parts]
    return f"WITH {', '.join(inserts)} SELECT".encode()


def _insert(table: Table, places: Iterator[int]) -> str:
    kinds = _kinds(table)
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    columns = ", ".join(kind.column.format(f'"{column.name}"') for kind, column in zip(kinds, table.columns, strict=True))
    arrays = ", ".join(f"${next(places)}::{kind.sql}[]" for kind in kinds)
    return f'INSERT INTO "{table.name}" ({names}) SELECT {columns} FROM unnest({arrays}) AS given({names})'  # noqa: S608 - names of our own tables
