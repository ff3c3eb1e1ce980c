"""A ledger for tests: a real database whose clock can be set, a registry in it, and messages judged in batches of any size."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from psycopg import Cursor
from psycopg.sql import SQL, Identifier
from sqlalchemy import Engine, Table

from gatekeeper import programs
from gatekeeper.arrivals import Answer, Arrival, Position, Source, read_arrival
from gatekeeper.gate import Rules, judge
from gatekeeper.programs import load_programs
from gatekeeper.registry.importing import Terms, import_file
from gatekeeper.storage import ledger
from gatekeeper.storage.engine import open_engine, transaction
from tests.labelled import GIVEN, change
from tests.storage.snapshots import Silent, snapshot

Wire = dict[str, Any]
RULES = Rules.of(load_programs())
BUILT_IN = Path(programs.__file__).parent
TOPIC = "shipment-orders"
NOON = datetime.fromisoformat("2026-11-20T12:00:00-05:00")
WORLD: list[Wire] = GIVEN["world"]
CLOCK = """
CREATE SCHEMA clock;
CREATE TABLE clock.stopped (at timestamptz);
INSERT INTO clock.stopped VALUES (NULL);
CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
$$SELECT coalesce(at, pg_catalog.clock_timestamp()) FROM clock.stopped$$
"""
"""A clock of the database that stands still where it is told to; until then it is the real one."""


class Ledger:
    """A migrated database, and one topic whose messages are judged."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self._folder, self.rules = url, folder, RULES
        self.engine = open_engine(url)
        self._offsets = {partition: count() for partition in range(16)}
        self._sequence: Iterator[int] = count(1000)
        self.set_clock(NOON)
        self.source = self.source_of("the topic")

    def source_of(self, topic_id: str) -> Source:
        with transaction(self.engine) as cursor:
            return Source(ledger.source_of(cursor, TOPIC, topic_id), TOPIC, topic_id)

    def number_by(self, numbers: Iterator[int]) -> None:
        """Snapshots take their sequences from here."""
        self._sequence = numbers

    def set_clock(self, at: datetime | None) -> None:
        with transaction(self.engine) as cursor:
            cursor.execute("UPDATE clock.stopped SET at = %s", (at,))

    def load(self, *more: Wire, as_of: datetime = NOON, world: Sequence[Wire] = WORLD, program: str = "lemtrada") -> None:
        """Imports the registry of the labelled cases, and ``more`` facts."""
        facts = [fact for fact in (*world, *more) if fact["program"] == program]
        path = self._folder / "facts.ndjson"
        snapshot(path, facts, snapshot=program, sequence=next(self._sequence), as_of=as_of.isoformat())
        import_file(self.engine, path, Terms(RULES.programs, 100), Silent())

    def judge(self, *messages: bytes, partition: int = 0, batch: int | None = None) -> list[Answer]:
        """What the gate answers to new messages; ``batch`` of them in a transaction (all, if not said)."""
        placed = [(Position(partition, next(self._offsets[partition])), message) for message in messages]
        return self.judge_at(placed, batch=batch)

    def arrivals(self, *messages: bytes, partition: int = 0) -> list[Arrival]:
        """New messages at the next positions, read."""
        return [read_arrival(Position(partition, next(self._offsets[partition])), message, self.rules.programs) for message in messages]

    def judge_at(self, placed: Sequence[tuple[Position, bytes]], *, batch: int | None = None, source: Source | None = None) -> list[Answer]:
        """The same for messages at these positions."""
        answers: list[Answer] = []
        for part in batches(placed, batch):
            with transaction(self.engine) as cursor:
                answers += judge_with(cursor, source or self.source, part, self.rules)
        return answers

    def rows(self, table: Table) -> list[tuple[Any, ...]]:
        """All rows, in the order of their key."""
        with transaction(self.engine) as cursor:
            return rows(cursor, table)

    def close(self) -> None:
        self.engine.dispose()


def judge_with(cursor: Cursor[Any], source: Source, placed: Iterable[tuple[Position, bytes]], rules: Rules = RULES) -> list[Answer]:
    arrivals = [read_arrival(position, message, rules.programs) for position, message in placed]
    return judge(cursor, source, arrivals, rules)


def rows(cursor: Cursor[Any], table: Table) -> list[tuple[Any, ...]]:
    names, key = (SQL(", ").join(Identifier(column.name) for column in columns) for columns in (table.columns, table.primary_key))
    return cursor.execute(SQL("SELECT {} FROM {} ORDER BY {}").format(names, Identifier(table.name), key)).fetchall()


def two_programs(folder: Path) -> Rules:
    """The rules of Lemtrada, and of a program before it in the alphabet that asks for no patient and has another product."""
    lemtrada = (BUILT_IN / "lemtrada.toml").read_text(encoding="utf-8")
    other = lemtrada.replace('"lemtrada"', '"alpha"').replace('"authorized"', '"none"').replace("58468-0200", "54321-0200")
    (folder / "lemtrada.toml").write_text(lemtrada, encoding="utf-8")
    (folder / "alpha.toml").write_text(re.sub("gtin = .*", "", other), encoding="utf-8")
    return Rules.of(load_programs(folder))


def batches(placed: Sequence[Any], size: int | None) -> Iterator[Sequence[Any]]:
    size = size or max(1, len(placed))
    for first in range(0, len(placed), size):
        yield placed[first : first + size]


def order(order_id: str = "SO-1", changes: Wire | None = None) -> bytes:
    """The labelled cases' order, which is released whole, with ``changes`` by JSON Pointer (None removes)."""
    return json.dumps(change(GIVEN["order"], {"/order_id": order_id} | (changes or {}))).encode()


def authorization(name: str, units: int) -> Wire:
    """One more authorization like AU-1."""
    like = next(fact for fact in WORLD if fact.get("authorization_id") == "AU-1")
    return like | {"authorization_id": name, "units": units}


@contextmanager
def undone(engine: Engine) -> Iterator[Cursor[Any]]:
    """A cursor in a transaction that is rolled back at the end: what was judged in it leaves nothing."""
    connection = engine.raw_connection()
    try:
        driver: Any = connection.driver_connection
        with driver.cursor() as cursor:
            yield cursor
    finally:
        connection.rollback()
        connection.close()
