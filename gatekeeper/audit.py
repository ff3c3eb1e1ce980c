"""The evidence, proven: the chain is walked from its first block, and everything that it binds is bound again."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple, TypeVar

from psycopg import Connection, Cursor, DataError, ServerCursor
from psycopg.types.datetime import DateBinaryLoader, TimestamptzBinaryLoader
from sqlalchemy import Table

from gatekeeper.storage import chain, tables
from gatekeeper.storage.registry import rows_of_load

AnyCursor = TypeVar("AnyCursor", Cursor[Any], ServerCursor[Any])

ROWS_AT_ONCE: Final = 100
BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)

# One state of the whole ledger, however long the walk takes and whatever is added meanwhile. Whole tables are sorted.
LONG_READING: Final = """
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = '10min';
SET LOCAL enable_seqscan = on;
SET LOCAL work_mem = '32MB'
"""
STRAYS: Final = """
SELECT t.load FROM {0} t LEFT JOIN registry_load l ON l.id = t.load LEFT JOIN registry_batch b ON b.id = t.load
WHERE l.id IS NULL AND b.id IS NULL ORDER BY t.load LIMIT 1
"""
LOADS: Final = {table: list(table.columns.keys()).index("facts_digest") for table in (tables.REGISTRY_LOAD, tables.REGISTRY_BATCH)}
TAIL: Final = "SELECT block, hash, at, examination, registry_version, outbox FROM moving_tail"


class Finding(NamedTuple):
    """The first thing that does not fit. ``block`` is the first block that does not; None where every block does, but something else."""

    block: int | None
    sentence: str


class Walked(NamedTuple):
    """A ledger in which everything fits: how much it is, and the hash of its last block."""

    blocks: int
    rows: int
    head: str


def walk(connection: Connection[Any], head: bytes | None = None) -> Finding | Walked:
    """Walks the ledger as it is at this moment; nobody waits for it. ``connection`` must not be in a transaction yet.

    With ``head``, a block with this hash must be among the blocks: the hash that a published message carries proves what came before.
    Needs memory for one block at a time.
    """
    connection.execute(LONG_READING)
    return _Walk(connection, head).walked()


class _Walk:
    def __init__(self, connection: Connection[Any], head: bytes | None) -> None:
        self._connection, self._head = connection, head
        self._last = chain.Block(0, BEGINNING, 0, 0, b"", b"", chain.GENESIS)
        self._rows, self._examination, self._outbox = 0, 0, 0

    def walked(self) -> Finding | Walked:
        for finding in self._findings():
            return finding
        return Walked(self._last.number, self._rows, self._last.hash.hex())

    def _findings(self) -> Iterator[Finding]:
        recorded = {table: _Rows(self._connection, table) for table in tables.EVIDENCE}
        for row in _stream(self._connection, tables.BLOCK, "number"):
            block = chain.Block(*row)
            yield from self._link(block)
            yield from self._content(block, recorded)
            self._last = block
            if block.hash == self._head:
                self._head = None
        for table, rows in recorded.items():
            for number in rows.before(None):
                yield Finding(number, _says_no_block(table))
        yield from self._strays()
        yield from self._tail()
        if self._head is not None:
            yield Finding(None, f"No block has the hash {self._head.hex()}: this is not the ledger that published it.")

    def _link(self, block: chain.Block) -> Iterator[Finding]:
        number = self._last.number + 1
        if block.number != number:
            yield Finding(min(number, block.number), "It is missing." if block.number > number else "There cannot be such a block.")
        if block.previous != self._last.hash:
            yield Finding(number, "It does not follow from the block before, or that is not the one that it followed from.")
        if chain.seal(*block[:-1]).hash != block.hash:
            yield Finding(number, "Its hash is not that of what it says.")

    def _content(self, block: chain.Block, recorded: dict[Table, "_Rows"]) -> Iterator[Finding]:
        found: dict[Table, list[Sequence[Any]]] = {}
        count = 0
        for table, rows in recorded.items():
            for number in rows.before(block.number):
                yield Finding(number, _says_no_block(table))
            found[table] = rows.of(block.number, block.rows + 1 - count)
            count += len(found[table])
        if count != block.rows:
            yield Finding(block.number, f"It recorded {block.rows} rows, but {'more' if count > block.rows else count} are there.")
        if chain.block(block.number, block.at, block.registry_version, found, block.previous).digest != block.digest:
            yield Finding(block.number, "The rows that it recorded are not as they were.")
        for load, digest in [(row[0], row[place]) for table, place in LOADS.items() for row in found[table]]:
            if self._digest_of_load(load) != digest:
                yield Finding(block.number, f"The facts of the registry's load {load} are not as they were.")
        self._rows += count
        self._examination = max([self._examination, *(row[0] for row in found[tables.EXAMINATION])])
        self._outbox = max([self._outbox, *(row[0] for row in found[tables.OUTBOX])])

    def _digest_of_load(self, load: int) -> bytes:
        try:
            return chain.facts_digest(rows_of_load(self._connection, load))
        except DataError:
            return b"a day that no program wrote"

    def _strays(self) -> Iterator[Finding]:
        for table in (tables.FACT, tables.FACT_PRESENCE):
            for row in self._connection.execute(STRAYS.format(table.name).encode()):
                yield Finding(None, f"A row of {table.name} says that it came with load {row[0]} of the registry, which does not exist.")

    def _tail(self) -> Iterator[Finding]:
        last = self._last
        said = _lenient(self._connection.cursor(binary=True)).execute(TAIL).fetchall()
        ends = (last.number, last.hash, last.at, self._examination, last.registry_version, self._outbox)
        if len(said) != 1:
            yield Finding(None, "The ledger does not say where it ends (moving_tail).")
        elif said[0][0] > last.number:
            yield Finding(last.number + 1, "It is missing: the ledger's end (moving_tail) is a later block.")
        elif said[0] != ends:
            yield Finding(None, "The ledger does not end as it says (moving_tail).")


def _says_no_block(table: Table) -> str:
    return f"A row of {table.name} says that it was recorded by this block, which does not exist."


class _Rows:
    """The rows of one table, in the order of their blocks."""

    def __init__(self, connection: Connection[Any], table: Table) -> None:
        self._stream = _stream(connection, table, "block")
        self._next = next(self._stream, None)

    def before(self, number: int | None) -> Iterator[int | None]:
        """The block of the next row, if that is a block before ``number``; any is before None."""
        if self._next is not None and (number is None or self._next[-1] is None or self._next[-1] < number):
            yield self._next[-1]

    def of(self, number: int, most: int) -> list[Sequence[Any]]:
        """The rows of this block; no more than ``most`` of them."""
        found: list[Sequence[Any]] = []
        while self._next is not None and self._next[-1] == number and len(found) < most:
            found.append(self._next)
            self._next = next(self._stream, None)
        return found


def _stream(connection: Connection[Any], table: Table, order: str) -> Iterator[Sequence[Any]]:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    with _lenient(connection.cursor(f"walk_{table.name}", binary=True)) as cursor:
        cursor.itersize = 1 if table is tables.FILE_PIECE else ROWS_AT_ONCE
        yield from cursor.execute(f'SELECT {names} FROM "{table.name}" ORDER BY {order} NULLS FIRST'.encode())  # noqa: S608 - our own names


def _lenient(cursor: AnyCursor) -> AnyCursor:
    """What no program wrote (infinity, say) is then a row that does not fit, not an error."""
    cursor.adapters.register_loader("timestamptz", _AnyInstant)
    cursor.adapters.register_loader("date", _AnyDay)
    return cursor


class _AnyInstant(TimestamptzBinaryLoader):
    def load(self, data: Any) -> datetime:
        try:
            return super().load(data)
        except DataError:
            return bytes(data)  # type: ignore[return-value]


class _AnyDay(DateBinaryLoader):
    def load(self, data: Any) -> date:
        try:
            return super().load(data)
        except DataError:
            return bytes(data)  # type: ignore[return-value]
