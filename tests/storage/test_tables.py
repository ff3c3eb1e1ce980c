"""The tables that the program thinks of are the database's, and the database itself refuses to change evidence, whoever asks."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import Cursor
from psycopg.errors import InsufficientPrivilege
from psycopg.sql import SQL, Identifier
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    Engine,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    inspect,
)
from sqlalchemy.dialects.postgresql import ARRAY

from gatekeeper.storage import ledger, tables
from gatekeeper.storage.columns import Added, insert
from gatekeeper.storage.engine import migrate, transaction

AT = datetime(2026, 11, 20, 6, tzinfo=UTC)
EXAMPLES: dict[type, Any] = {
    SmallInteger: 1, Integer: 1, BigInteger: 1, Text: "x", LargeBinary: b"x", Boolean: True, Date: AT.date(), DateTime: AT,
    Uuid: UUID(int=1), ARRAY: ["site"],
}  # fmt: skip
CHANGES = {
    "UPDATE": SQL("UPDATE {table} SET {column} = {column}"),
    "DELETE": SQL("DELETE FROM {table}"),
    "TRUNCATE": SQL("TRUNCATE {table}"),
    "TRUNCATE CASCADE": SQL("TRUNCATE {table} CASCADE"),
    "MERGE": SQL("MERGE INTO {table} t USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE"),
    "ON CONFLICT": SQL("INSERT INTO {table} SELECT * FROM {table} ON CONFLICT ({key}) DO UPDATE SET {column} = excluded.{column}"),
}


def test_every_table_is_what_the_migration_makes(engine: Engine) -> None:
    """Columns, types, keys, constraints, indexes and comments: nothing that one has and the other has not."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, tables.METADATA) == []
        found = inspect(connection)
        assert set(found.get_table_names()) == {*tables.METADATA.tables, "alembic_version"}
        for table in tables.METADATA.sorted_tables:
            assert found.get_pk_constraint(table.name)["constrained_columns"] == [column.name for column in table.primary_key], table.name
            assert found.get_table_comment(table.name)["text"] == table.comment
            checks = {check.name for check in table.constraints if isinstance(check, CheckConstraint) and not check.info.get("type_bound")}
            assert {check["name"] for check in found.get_check_constraints(table.name)} == {name for name in checks if name}
            given = [
                (column["name"], column["type"].compile(connection.dialect), column["nullable"]) for column in found.get_columns(table.name)
            ]
            assert given == [(c.name, c.type.compile(connection.dialect), bool(c.nullable)) for c in table.columns], table.name


def test_migrating_twice_is_migrating_once(engine: Engine) -> None:
    """A second `migrate` finds the database as it must be, and leaves the ledger's tail alone."""
    with transaction(engine) as cursor:
        number = ledger.source_of(cursor, "shipment-orders", "an id")
    version = migrate(engine)
    with transaction(engine) as cursor:
        assert ledger.source_of(cursor, "shipment-orders", "an id") == number
        assert ledger.read_tail(cursor).block == 1
    assert migrate(engine) == version


def fill(cursor: Cursor[Any]) -> None:
    """One row in each table of evidence."""
    for table in tables.ONLY_ADDED:
        insert(cursor, Added(table, [tuple(EXAMPLES[type(column.type)] for column in table.columns)]))


def attempts(cursor: Cursor[Any], table: Table) -> list[str]:
    """How each change of the table ended."""
    key = SQL(", ").join(Identifier(column.name) for column in table.primary_key)
    names = {"table": Identifier(table.name), "column": Identifier(table.columns[0].name), "key": key}
    ends = []
    for change, statement in CHANGES.items():
        cursor.execute("SAVEPOINT before")
        try:
            cursor.execute(statement.format(**names))
        except InsufficientPrivilege as refusal:
            ends.append(str(refusal.diag.message_primary))
        else:
            ends.append(f"{change} was done")
        cursor.execute("ROLLBACK TO SAVEPOINT before")
    return ends


@pytest.mark.parametrize("role", ["origin", "replica", "local"])
def test_evidence_is_never_changed_not_even_by_a_superuser(engine: Engine, database_url: str, role: str) -> None:
    """UPDATE, DELETE, TRUNCATE and what amounts to one are refused on all evidence, also where a session says it is a replica."""
    with psycopg.connect(database_url.replace("+psycopg", "")) as connection, connection.cursor() as cursor:
        with transaction(engine) as filling:
            fill(filling)
        assert cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (True,)
        cursor.execute(SQL("SET session_replication_role = {}").format(role))
        for table in tables.ONLY_ADDED:
            assert attempts(cursor, table) == [f"rows of {table.name} are only ever added"] * len(CHANGES)


def test_what_moves_moves(engine: Engine) -> None:
    """The tables that move are not held still by the same means."""
    with transaction(engine) as cursor:
        rows = cursor.execute("SELECT relname FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid WHERE tgname = 'only_added'").fetchall()
        assert {name for (name,) in rows} == {table.name for table in tables.ONLY_ADDED}
        cursor.execute("DELETE FROM moving_tail")
