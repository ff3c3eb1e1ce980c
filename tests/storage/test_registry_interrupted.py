"""An import beside others: killed or frozen at a named point, and two at once."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Composed
from sqlalchemy import Engine

from gatekeeper.errors import Unusable
from gatekeeper.registry.importing import Loaded
from gatekeeper.storage.engine import open_engine
from gatekeeper.storage.ledger import LEDGER_LOCK
from gatekeeper.storage.registry import IMPORT_LOCK
from tests.real.waiting import wait_until
from tests.storage.snapshots import TABLES, load, registry, rows, site, snapshot

POINTS: dict[str, SQL | Composed] = {
    "before comparing": SQL("LOCK TABLE fact IN ACCESS EXCLUSIVE MODE"),
    "before the ledger lock": SQL("SELECT pg_advisory_xact_lock({})").format(LEDGER_LOCK),
    "before the commit": SQL("LOCK TABLE moving_freshness IN ACCESS EXCLUSIVE MODE"),
}
"""What is held so that an import waits there: it holds the ledger lock at the last of these points."""


@contextmanager
def holding_up(url: str, lock: SQL | Composed) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute(lock)
        yield connection


def sessions(connection: psycopg.Connection, *, waiting: bool) -> int:
    """Other sessions in this database: all, or those that wait for a lock."""
    connection.execute("SELECT pg_stat_clear_snapshot()")
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND application_name = 'gatekeeper' AND (NOT %s OR wait_event_type = 'Lock')", (waiting,)
    ).fetchone()  # fmt: skip
    return row[0] if row else 0


@contextmanager
def importing(url: str, path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command, in a program of its own."""
    command = [sys.executable, "-W", "ignore", "-c", "from gatekeeper.cli import main; main()", "registry", "import", str(path)]
    child = subprocess.Popen(command, env=os.environ | {"GATEKEEPER_DATABASE_URL": url}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


@pytest.mark.parametrize("point", POINTS)
def test_an_import_that_is_killed_leaves_nothing(engine: Engine, database_url: str, tmp_path: Path, point: str) -> None:
    engine.dispose()
    path = snapshot(tmp_path / "1", [site(number, sequence=number) for number in range(1, 9)], sequence=10)
    with importing(database_url, path) as child, holding_up(database_url, POINTS[point]) as connection:
        wait_until(lambda: sessions(connection, waiting=True), 120, "the import waits")
        child.kill()
        child.wait()
    with psycopg.connect(database_url.replace("+psycopg", "")) as connection:
        wait_until(lambda: not sessions(connection, waiting=False), 120, "the import's session has ended")
        left = connection.execute("SELECT relname FROM pg_class WHERE relpersistence = 't'").fetchall()

    assert left == []
    assert registry(engine) == {table: [] for table in TABLES}
    assert rows(engine, "block") == []
    assert load(engine, path).version == 1


def test_an_import_that_is_frozen_is_cut_off_and_gives_the_ledger_lock_back(engine: Engine, database_url: str, tmp_path: Path) -> None:
    engine.dispose()
    path = snapshot(tmp_path / "1", [site(1)], sequence=10)
    with importing(database_url, path) as child:
        with holding_up(database_url, POINTS["before the commit"]) as connection:
            wait_until(lambda: sessions(connection, waiting=True), 120, "the import waits")
            child.send_signal(signal.SIGSTOP)
        with holding_up(database_url, SQL("SET lock_timeout = '15s'")) as connection:
            connection.execute(POINTS["before the ledger lock"])
        child.send_signal(signal.SIGCONT)
        _, said = child.communicate()

    assert child.returncode == 1
    assert b"Import the file again" in said
    assert b"Traceback" not in said
    assert registry(engine) == {table: [] for table in TABLES}


def test_of_two_imports_at_once_one_follows_the_other(engine: Engine, database_url: str, tmp_path: Path) -> None:
    facts = [site(number, sequence=number) for number in range(1, 9)]
    paths = [snapshot(tmp_path / "1", facts, sequence=10), snapshot(tmp_path / "2", facts[1:], sequence=11)]
    lock = SQL("SELECT pg_advisory_xact_lock({})").format(IMPORT_LOCK)

    def attempt(path: Path) -> Loaded | None:
        other = open_engine(database_url)
        try:
            return load(other, path)
        except Unusable:
            return None
        finally:
            other.dispose()

    with ThreadPoolExecutor(2) as both:
        with holding_up(database_url, lock) as connection:
            done = [both.submit(attempt, path) for path in paths]
            wait_until(lambda: sessions(connection, waiting=True) == len(paths), 120, "both imports wait")
        first, second = (one.result() for one in done)

    assert second is not None
    assert second.version == (2 if first else 1)
    assert len(rows(engine, "registry_load")) == (2 if first else 1)
    assert len(rows(engine, "fact")) == (8 if first else 7)
    assert len(rows(engine, "alert")) == (0 if first else 1)
    assert second.certified.after == 7
