"""A transaction ends whole or not at all, and what goes wrong is named by what must be done."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Cursor
from sqlalchemy import Engine

from gatekeeper.config import Settings
from gatekeeper.errors import Halt, TryAgain, Unusable
from gatekeeper.opening import open_ledger
from gatekeeper.readers import Secret
from gatekeeper.storage import tables
from gatekeeper.storage.columns import Added, insert
from gatekeeper.storage.engine import migrate, open_engine, transaction
from tests.real.ports import free_ports
from tests.real.waiting import wait_until

COUNTS = "INSERT INTO moving_record_count (program, sequence) VALUES ('lemtrada', 1)"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    migrate(engine)
    yield engine
    engine.dispose()


def counts(engine: Engine) -> list[tuple[str, int]]:
    with transaction(engine) as cursor:
        return cursor.execute("SELECT program, sequence FROM moving_record_count").fetchall()


def session(engine: Engine) -> int:
    with transaction(engine) as cursor:
        row = cursor.execute("SELECT pg_backend_pid()").fetchone()
        assert row
        return int(row[0])


def run(engine: Engine, *steps: str | Callable[[Cursor[Any]], object]) -> None:
    """One transaction of these statements, and of what else is done with its cursor."""
    with transaction(engine) as cursor:
        for step in steps:
            cursor.execute(step.encode()) if isinstance(step, str) else step(cursor)


def fail(_: Cursor[Any]) -> None:
    raise KeyError


def test_what_was_done_is_there_and_the_connection_is_kept(engine: Engine) -> None:
    before = session(engine)
    with transaction(engine) as cursor:
        insert(cursor, Added(tables.RECORD_COUNT, [("lemtrada", 1)]))
    assert counts(engine) == [("lemtrada", 1)]
    assert session(engine) == before


def test_what_was_raised_leaves_nothing_and_no_connection(engine: Engine) -> None:
    before = session(engine)
    with pytest.raises(KeyError):
        run(engine, COUNTS, fail)
    assert counts(engine) == []
    assert session(engine) != before


def test_a_session_that_is_cut_off_is_to_be_tried_again(engine: Engine) -> None:
    with pytest.raises(TryAgain, match=r"^The database did not finish \(AdminShutdown\)\.$"):
        run(engine, COUNTS, "SELECT pg_terminate_backend(pg_backend_pid())")
    assert counts(engine) == []


def test_a_transaction_that_stood_still_too_long_is_to_be_tried_again(engine: Engine, database_url: str) -> None:
    def stand_still(cursor: Cursor[Any]) -> None:
        pid = cursor.connection.info.backend_pid
        with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as other:
            wait_until(lambda: not other.execute("SELECT FROM pg_stat_activity WHERE pid = %s", (pid,)).rowcount, 120, "the session ends")

    # Whether the database's last words arrive before the connection is gone is a matter of luck.
    with pytest.raises(TryAgain, match=r"did not finish \((IdleInTransactionSessionTimeout|OperationalError)\)"):
        run(engine, "SET LOCAL idle_in_transaction_session_timeout = '1ms'", stand_still, COUNTS)


@pytest.mark.parametrize("setting", ["statement_timeout", "lock_timeout"])
def test_what_took_too_long_is_to_be_tried_again(engine: Engine, setting: str) -> None:
    with transaction(engine) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(1)")
        with pytest.raises(TryAgain, match=r"^The database did not finish \(\w+\)\.$"):
            run(engine, f"SET LOCAL {setting} = '1ms'", "SELECT pg_advisory_xact_lock(1)")


def test_a_disk_that_is_full_is_said_and_is_to_be_tried_again(engine: Engine) -> None:
    with pytest.raises(TryAgain, match=r"^The database's disk is full: nothing is decided until it has room again\.$"):
        run(engine, COUNTS, "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$")
    assert counts(engine) == []


def test_what_the_database_refuses_is_our_fault_and_shows_no_row(engine: Engine) -> None:
    with pytest.raises(Halt) as halted:
        run(engine, "INSERT INTO moving_freshness VALUES ('P-MARKER', NULL)")
    assert "NotNullViolation, moving_freshness" in str(halted.value)
    assert "MARKER" not in str(halted.value)
    assert halted.value.__suppress_context__


def test_a_database_that_is_away_is_one_sentence() -> None:
    url = f"postgresql://gate:hush@127.0.0.1:{free_ports(1)[0]}/ledger"
    for attempt in (lambda: open_ledger(Settings(database_url=Secret(url))), lambda: session(open_engine(url))):
        with pytest.raises(TryAgain, match=r"^The database cannot be reached: Connection refused\.$"):
            attempt()


@pytest.mark.parametrize(
    "url", ["", "hush", "mysql://hush@db/x", "postgresql://gate:hush@db:hush/x", "postgresql://gate:hush@127.0.0.1:1/x?hush=1"]
)
def test_an_address_that_cannot_be_used_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(Unusable, match=r"^GATEKEEPER_DATABASE_URL ") as refused:
        open_ledger(Settings(database_url=Secret(url)))
    assert "hush" not in str(refused.value)


def test_a_host_that_nobody_knows_is_not_shown() -> None:
    with pytest.raises(TryAgain, match="its host name is not known") as refused:
        open_ledger(Settings(database_url=Secret("postgresql://gate:p@hush.invalid/x")))
    assert "hush" not in str(refused.value)


def test_a_database_of_another_version_is_refused(database_url: str) -> None:
    with pytest.raises(Unusable, match="run `gatekeeper migrate` first"):
        open_ledger(Settings(database_url=Secret(database_url)))


def test_a_database_that_forgets_is_refused(engine: Engine, database_url: str) -> None:
    with transaction(engine) as cursor:
        cursor.execute(f"ALTER DATABASE {database_url.rpartition('/')[2]} SET synchronous_commit = off")
    with pytest.raises(Unusable, match="synchronous_commit = off"):
        open_ledger(Settings(database_url=Secret(database_url)))


def test_a_ledger_of_this_version_opens(engine: Engine, database_url: str, tmp_path: Path) -> None:
    opened = open_ledger(Settings(database_url=Secret(database_url), home=tmp_path))
    assert counts(opened) == counts(engine)
    opened.dispose()
