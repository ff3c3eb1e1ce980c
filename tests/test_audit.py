"""The walk over the chain: whoever alters, removes, adds or swaps a row of the evidence is found, at the first block that does not fit."""

# ruff: noqa: S608 - a superuser's statements, made of our own names

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Cursor
from sqlalchemy import BigInteger, Boolean, Date, DateTime, Engine, Integer, LargeBinary, SmallInteger, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from gatekeeper.audit import Finding, Walked, walk
from gatekeeper.errors import Halt
from gatekeeper.storage import chain, ledger, tables
from gatekeeper.storage.columns import Added, insert
from gatekeeper.storage.engine import migrate, open_engine, transaction
from gatekeeper.storage.registry import rows_of_load
from tests.plain_rows import plain_row

AT = datetime(2026, 11, 20, 6, tzinfo=UTC)
WRITTEN_OTHERWISE = {tables.SOURCE, tables.SET_ASIDE, tables.REGISTRY_LOAD, tables.REGISTRY_BATCH, tables.OUTBOX}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def written(engine: Engine) -> Engine:
    """A ledger of ten blocks, with rows of every table in two of them."""
    with transaction(engine) as cursor:
        ledger.source_of(cursor, "shipment-orders", "first")
    for number in (1, 2):
        with transaction(engine) as cursor:
            add(cursor, messages(number))
        for add_facts in (load, batch):
            with transaction(engine) as cursor:
                add_facts(cursor, number)
    with transaction(engine) as cursor:
        ledger.source_of(cursor, "shipment-orders", "made again")
    with transaction(engine) as cursor:
        add(cursor, {tables.SET_ASIDE: [(1, 0, offset, "rubbish", "u-17", AT) for offset in (1, 2)]})
    with transaction(engine) as cursor:
        add(cursor, {tables.SET_ASIDE: [(1, 1, 9, "rubbish", "u-17", AT)]})
    return engine


def add(cursor: Cursor[Any], rows: dict[Table, list[tuple[Any, ...]]]) -> None:
    ledger.take_lock(cursor)
    tail = ledger.read_tail(cursor)
    last = max([tail.examination, *(row[0] for row in rows.get(tables.EXAMINATION, ()))])
    version = tail.registry_version + bool({tables.REGISTRY_LOAD, tables.REGISTRY_BATCH} & set(rows))
    outbox = [ledger.Outgoing(row[0], after=(1, 0, 7)) for row in rows.get(tables.EXAMINATION, ())]
    blocked: dict[Table, list[Sequence[Any]]] = {table: [(*row, tail.block + 1) for row in recorded] for table, recorded in rows.items()}
    ledger.add_block(cursor, tail, blocked, examination=last, registry_version=version, outbox=outbox)


def messages(number: int) -> dict[Table, list[tuple[Any, ...]]]:
    """What a batch of two orders and one that could not be read records."""
    orders = [10 * number, 10 * number + 1]
    rows: dict[Table, list[tuple[Any, ...]]] = {
        tables.ARRIVAL: [*((1, 0, n, "order", b"d", n, n) for n in orders), (1, 0, 10 * number + 2, "refused", b"d", None, None)],
        tables.EXAMINATION: [
            (order, "WD-001", f"SO-{order}", 1, 1, "message", b"d", AT, number, b"case", b"released", None) for order in reversed(orders)
        ],
        tables.DISTRIBUTION_RECORD: [(uuid4(), "lemtrada", order, "original", None, order, 5, b"{}") for order in orders],
        tables.ALERT: [(uuid4(), "order_contradicts", order, b"{}") for order in orders],
        tables.REFUSAL: [(1, 0, 10 * number + 2, b"\x00", b"{}")],
        tables.HEARTBEAT: [(2, 0, order, "lemtrada", order, AT) for order in orders],
        tables.ASIDE: [(2, 0, order, "contradicts", b"{}") for order in orders],
        tables.SHIPMENT_EVENT: [(3, 0, order, f"E-{order}", "WD-001", f"SO-{order}", 1, "shipped", b"d", b"{}") for order in orders],
        tables.REFUSED_FILE: [(order, "ab", None, "It is damaged.", 9, 9, None, False, None, AT) for order in orders],
        tables.FILE_PIECE: [(f"ab{number}", piece, b"rubbish") for piece in range(2)],
        tables.FILE_CONFIRMATION: [(f"ab{order}", "u-17", "They closed.", AT) for order in orders],
        tables.SITE_ALIAS: [(uuid4(), "lemtrada", "HF-1", "WD-001", b"{}", "u-17", AT) for _ in orders],
        tables.SITE_ALIAS_DECISION: [(UUID(int=order), 1, "approved", "Seen.", "u-18", AT) for order in orders],
        tables.LOOK_BACK: [(order, 11, "site", number, 9, 1, None, AT) for order in orders],
        tables.FINDING: [(10 * number, order, 1, b"{}") for order in orders],
    }  # fmt: skip
    others = set(tables.EVIDENCE) - rows.keys() - WRITTEN_OTHERWISE
    return rows | {table: [plain_row(table, order) for order in orders] for table in others}


def load(cursor: Cursor[Any], number: int) -> None:
    facts = [(10 * number + k, number, "site", "lemtrada", f"HF-{k}", k, date(2026, 1, 1), b"{}") for k in range(3)]
    insert(cursor, Added(tables.FACT, facts))
    insert(cursor, Added(tables.FACT_PRESENCE, [(10 + k, number, date(2026, number, 1), bool(k)) for k in range(2)]))
    digest = chain.facts_digest(rows_of_load(cursor.connection, number))
    row = (number, number, "lemtrada", 40 + number, AT, AT.date(), AT, ["patient", "site"], 3, "ab", digest, AT)
    add(cursor, {tables.REGISTRY_LOAD: [row]})


def batch(cursor: Cursor[Any], number: int) -> None:
    """Two facts that came by topic."""
    facts = [(390 + 10 * number + k, 50 + number, "patient", "lemtrada", f"P-{k}", k, AT.date(), b"{}") for k in (1, 2)]
    insert(cursor, Added(tables.FACT, facts))
    digest = chain.facts_digest(rows_of_load(cursor.connection, 50 + number))
    add(cursor, {tables.REGISTRY_BATCH: [(50 + number, 20 + number, "topic", 2, digest, AT)]})


def walked(engine: Engine, head: bytes | None = None) -> Finding | Walked:
    with transaction(engine) as cursor:
        return walk(cursor.connection, head)


def first_misfit(engine: Engine) -> int | None:
    found = walked(engine)
    assert isinstance(found, Finding), "nothing was found"
    return found.block


CHANGED = {
    Text: "{} || 'x'", SmallInteger: "{} + 100", Integer: "{} + 100", BigInteger: "{} + 100", LargeBinary: "{} || '\\x00'::bytea",
    DateTime: "{} + interval '1 microsecond'", Date: "{} + 1", Boolean: "NOT {}", Uuid: "gen_random_uuid()",
    ARRAY: "array_append({}, 'recall')",
}  # fmt: skip
WHEN_NULL = {
    BigInteger: "7", Integer: "7", SmallInteger: "7", Text: "'x'", LargeBinary: "'\\x00'::bytea", Uuid: "gen_random_uuid()",
}  # fmt: skip
OF_BLOCK = """(SELECT l.block FROM registry_load l WHERE l.id = kept.load
    UNION ALL SELECT b.block FROM registry_batch b WHERE b.id = kept.load)"""


def changed(table: Table, name: str) -> str:
    kind = type(table.columns[name].type)
    other = CHANGED[kind].format(f'"{name}"')
    return f"coalesce({other}, {WHEN_NULL[kind]})" if table.columns[name].nullable else other


def block_of(table: Table) -> str:
    return {tables.FACT: OF_BLOCK, tables.FACT_PRESENCE: OF_BLOCK, tables.BLOCK: "kept.number"}.get(table, "kept.block")


class Superuser:
    """One table, before and after somebody with all rights was at it."""

    def __init__(self, connection: psycopg.Connection[Any], table: Table) -> None:
        self._connection, self._table = connection, table
        connection.execute(f"ALTER TABLE {table.name} DISABLE TRIGGER ALL".encode())
        connection.execute(f"CREATE TEMPORARY TABLE kept AS SELECT *, row_number() OVER () AS n FROM {table.name}".encode())
        keys = " AND ".join(f't."{key.name}" = kept."{key.name}"' for key in table.primary_key)
        self.rows: list[tuple[int, int]] = self.ask(f"SELECT n, {block_of(table)} FROM kept ORDER BY n")
        self._row = f"FROM kept WHERE {keys} AND kept.n = "

    def ask(self, statement: str) -> list[Any]:
        return self._connection.execute(statement.encode()).fetchall()

    def alter(self, row: int, column: str) -> None:
        value = changed(self._table, column).replace(f'"{column}"', f't."{column}"')
        self._do(f'UPDATE {self._table.name} t SET "{column}" = {value} {self._row} {row}')

    def remove(self, row: int) -> None:
        self._do(f"DELETE FROM {self._table.name} t {self._row.replace('FROM', 'USING', 1)} {row}")

    def add(self, row: int) -> None:
        values = ", ".join(f'"{c.name}"' if c.name in {"block", "load"} else changed(self._table, c.name) for c in self._table.columns)
        self._do(f"INSERT INTO {self._table.name} SELECT {values} FROM kept WHERE n = {row}")

    def swap(self, one: int, other: int) -> None:
        """All but the key of one row goes to the other, and the other way."""
        keys = {key.name for key in self._table.primary_key}
        own = {tables.FACT_PRESENCE: "day"}.get(self._table, "load" if self._table is tables.FACT else "block")
        columns = [column.name for column in self._table.columns if column.name not in keys] if self._table is tables.BLOCK else [own]
        for name in columns:
            for row, source in ((one, other), (other, one)):
                self._do(f'UPDATE {self._table.name} t SET "{name}" = (SELECT "{name}" FROM kept WHERE n = {source}) {self._row} {row}')

    def undo(self) -> None:
        names = ", ".join(f'"{column.name}"' for column in self._table.columns)
        self._connection.execute(f"TRUNCATE {self._table.name}".encode())
        self._do(f"INSERT INTO {self._table.name} ({names}) SELECT {names} FROM kept")

    def _do(self, statement: str) -> None:
        assert self._connection.execute(statement.encode()).rowcount > 0, statement


@contextmanager
def superuser(url: str, table: Table) -> Iterator[Superuser]:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        yield Superuser(connection, table)


def test_a_ledger_in_which_everything_fits_is_walked_whole(written: Engine) -> None:
    found = walked(written)
    assert isinstance(found, Walked)
    said = sum(len(rows) for number in (1, 2) for rows in messages(number).values())
    assert (found.blocks, found.rows) == (10, 2 + said + 2 * 2 + 2 + 2 + 3)
    with transaction(written) as cursor:
        assert found.head == ledger.read_tail(cursor).hash.hex()


def test_an_empty_ledger_fits(engine: Engine) -> None:
    assert walked(engine) == Walked(0, 0, chain.GENESIS.hex())


@pytest.mark.parametrize("table", tables.ONLY_ADDED, ids=lambda table: table.name)
def test_an_altered_row_is_found(written: Engine, database_url: str, table: Table) -> None:
    with superuser(database_url, table) as hand:
        for column in table.columns:
            for row, block in (hand.rows[0], hand.rows[-1]):
                hand.alter(row, column.name)
                assert first_misfit(written) == block, column.name
                hand.undo()
    assert isinstance(walked(written), Walked)


@pytest.mark.parametrize("table", tables.ONLY_ADDED, ids=lambda table: table.name)
def test_a_removed_row_is_found(written: Engine, database_url: str, table: Table) -> None:
    with superuser(database_url, table) as hand:
        for row, block in hand.rows:
            hand.remove(row)
            assert first_misfit(written) == block
            hand.undo()


@pytest.mark.parametrize("table", tables.ONLY_ADDED, ids=lambda table: table.name)
def test_an_added_row_is_found(written: Engine, database_url: str, table: Table) -> None:
    with superuser(database_url, table) as hand:
        for row, block in hand.rows:
            hand.add(row)
            assert first_misfit(written) == (11 if table is tables.BLOCK else block)
            hand.undo()


@pytest.mark.parametrize("table", tables.ONLY_ADDED, ids=lambda table: table.name)
def test_swapped_rows_are_found(written: Engine, database_url: str, table: Table) -> None:
    with superuser(database_url, table) as hand:
        one, other = hand.rows[0], hand.rows[-1]
        hand.swap(one[0], other[0])
        assert first_misfit(written) == min(one[1], other[1])


@pytest.mark.parametrize(("table", "row"), [
    (tables.ARRIVAL, (1, 5, 0, "order", b"d", 1, 1, 0)), (tables.ARRIVAL, (1, 5, 0, "order", b"d", 1, 1, -4)),
    (tables.ALERT, (UUID(int=1), "order_contradicts", 1, b"{}", 9)),
])  # fmt: skip
def test_a_row_of_a_block_that_does_not_exist_is_found(written: Engine, table: Table, row: tuple[Any, ...]) -> None:
    with transaction(written) as cursor:
        insert(cursor, Added(table, [row]))
    assert first_misfit(written) == row[-1]


@pytest.mark.parametrize(("table", "row"), [
    (tables.FACT, (99, 9, "site", "lemtrada", "HF-1", 1, date(2026, 1, 1), b"{}")), (tables.FACT_PRESENCE, (10, 9, date(2026, 1, 1), True)),
])  # fmt: skip
def test_a_fact_of_a_load_that_does_not_exist_is_found(written: Engine, table: Table, row: tuple[Any, ...]) -> None:
    with transaction(written) as cursor:
        insert(cursor, Added(table, [row]))
    found = walked(written)
    assert isinstance(found, Finding)
    assert "load 9 of the registry, which does not exist" in found.sentence


@pytest.mark.parametrize(("table", "column"), [(tables.BLOCK, "at"), (tables.SET_ASIDE, "at"), (tables.FACT, "effective_on")])
def test_a_day_without_end_is_found(written: Engine, database_url: str, table: Table, column: str) -> None:
    with superuser(database_url, table) as hand:
        hand.ask(f"UPDATE {table.name} SET {column} = 'infinity' RETURNING 1")
        assert first_misfit(written) == hand.rows[0][1]


def test_blocks_cut_off_at_the_end_are_missed(written: Engine, database_url: str) -> None:
    for table in (tables.SET_ASIDE, tables.BLOCK):
        with superuser(database_url, table) as hand:
            hand.ask(f"DELETE FROM {table.name} WHERE {'number' if table is tables.BLOCK else 'block'} = 10 RETURNING 1")
    assert first_misfit(written) == 10


@pytest.mark.parametrize("change", ["block = 3", "hash = ''", "at = 'infinity'", "examination = 0", "registry_version = 9"])
def test_an_end_that_is_not_the_end_is_found(written: Engine, change: str) -> None:
    with transaction(written) as cursor:
        cursor.execute(f"UPDATE moving_tail SET {change}".encode())
    assert first_misfit(written) is None


def test_a_head_that_was_published_must_be_there(written: Engine) -> None:
    with transaction(written) as cursor:
        heads = [row[0] for row in cursor.execute("SELECT hash FROM block")]
    assert all(isinstance(walked(written, head), Walked) for head in heads)
    found = walked(written, b"\x17" * 32)
    assert isinstance(found, Finding)
    assert found.sentence == f"No block has the hash {'17' * 32}: this is not the ledger that published it."


@pytest.mark.parametrize("table", tables.ONLY_ADDED, ids=lambda table: table.name)
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_database_itself_refuses_changes(engine: Engine, table: Table, statement: str) -> None:
    column = f'"{table.columns[0].name}"'
    with pytest.raises(Halt, match="InsufficientPrivilege"), transaction(engine) as cursor:
        cursor.execute(statement.format(table.name, column, column).encode())
