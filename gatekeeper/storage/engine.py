"""How the database is reached: session settings, transactions, and the migrations."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from psycopg import Cursor
from sqlalchemy import Connection, Engine, PoolProxiedConnection, event
from sqlalchemy.exc import ArgumentError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from gatekeeper.errors import Halt, TryAgain, Unusable
from gatekeeper.storage import columns

Database = Engine | Cursor[Any]
"""Where a step is taken: in a transaction of its own, or in one that is open."""
MIGRATIONS = Path(__file__).parent / "migrations"

SESSION = {
    "timezone": "UTC",
    "datestyle": "ISO",
    "application_name": "gatekeeper",
    # A process that freezes inside a transaction is cut off after this, so that nobody waits longer for the ledger lock.
    "idle_in_transaction_session_timeout": "5s",
    "lock_timeout": "15s",
    # Lookups are by index, also when a table was small as their plan was made.
    "enable_seqscan": "off",
    # To start a process of the database's takes longer than a batch's lookup, and others wait for the ledger lock meanwhile.
    "max_parallel_workers_per_gather": "0",
}
KEEPALIVE = {"connect_timeout": 10, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}
OLDEST = 150_000
NOT_DURABLE = """
CASE 'off' WHEN current_setting('fsync') THEN 'fsync' WHEN current_setting('full_page_writes') THEN 'full_page_writes'
           WHEN current_setting('synchronous_commit') THEN 'synchronous_commit' END
"""
"""The setting by which a commit may be lost when the power fails, where there is one; it may be changed at any time."""
AWAY = ("08", "25", "40", "53", "55", "57", "58")
"""Classes of SQLSTATE that pass: connection, state of the session, rollback, resources, locks, an operator's doing, the machine."""


def open_engine(url: str, *, statement_timeout_s: int = 30, connections: int = 4, plans: str = "auto") -> Engine:
    """An engine for ``url``, every session of which has the settings above. Nothing is connected yet.

    At most so many ``connections`` are open at a time; ``plans`` is their ``plan_cache_mode``.
    """
    session = SESSION | {"statement_timeout": f"{statement_timeout_s}s", "plan_cache_mode": plans}
    options = " ".join(f"-c {name}={value}" for name, value in session.items())
    try:
        parsed = sqlalchemy.make_url(url)
    except (ArgumentError, ValueError):
        raise Unusable("GATEKEEPER_DATABASE_URL is not a database URL such as postgresql://user@host/database.") from None
    if parsed.get_backend_name() != "postgresql":
        raise Unusable("GATEKEEPER_DATABASE_URL must name a PostgreSQL database: the ledger is kept in no other.")
    engine = sqlalchemy.create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        connect_args={"options": options, **KEEPALIVE},
        pool_size=connections // 2,
        max_overflow=connections - connections // 2,
        # Who was used last has its statements prepared, and has them at hand.
        pool_use_lifo=True,
        pool_pre_ping=False,
    )
    event.listen(engine, "connect", lambda connection, _: columns.prepare(connection))
    return engine


@contextmanager
def transaction(engine: Database) -> Iterator[Cursor[Any]]:
    """A cursor in a transaction that is committed at the end, and rolled back where anything is raised; the connection is then thrown away.

    Given the cursor of a transaction that is open, it is part of that one, and who opened it commits.

    What passes (the database is away, cut off, locked, full) is raised as ``TryAgain``: whether it was committed, the ledger says.
    What the database refuses otherwise is a fault of ours, ``Halt``. Neither repeats the database's words, which may hold what was sent.
    """
    if isinstance(engine, Cursor):
        yield engine
        return
    connection = _connect(engine)
    driver: Any = connection.driver_connection
    try:
        with driver.cursor() as cursor:
            yield cursor
        connection.commit()
    except psycopg.Error as error:
        connection.invalidate()
        raise named(error) from None
    except BaseException:
        connection.invalidate()
        raise
    connection.close()


def _connect(engine: Engine) -> PoolProxiedConnection:
    try:
        return engine.raw_connection()
    except (psycopg.Error, sqlalchemy.exc.DBAPIError) as error:
        raise unreachable(error) from None
    except PoolTimeoutError:
        raise TryAgain("All connections to the database are in use.") from None


def unreachable(error: psycopg.Error | sqlalchemy.exc.DBAPIError) -> TryAgain | Unusable:
    """What a failed attempt to connect means, in one sentence without any part of the address: a slip in it may show the password."""
    cause = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
    if not isinstance(cause, psycopg.OperationalError):
        return Unusable("GATEKEEPER_DATABASE_URL has an option that a connection to PostgreSQL does not have.")
    words = str(cause).strip().partition("\n")[0].rpartition("failed: ")[2].rstrip(".")
    known = "its host name is not known" if "resolve host" in words else re.sub(r'["\'].*["\']', "…", words)
    return TryAgain(f"The database cannot be reached: {known or type(cause).__name__}.")


def named(error: psycopg.Error) -> TryAgain | Halt:
    """What must be done about an error of the database, in one sentence that repeats none of its words."""
    code, kind = error.sqlstate or "", type(error).__name__
    if isinstance(error, psycopg.errors.DiskFull):
        return TryAgain("The database's disk is full: nothing is decided until it has room again.")
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) or code.startswith(AWAY):
        return TryAgain(f"The database did not finish ({kind}).")
    where = error.diag.constraint_name or error.diag.table_name
    return Halt(
        f"The database refused what the gatekeeper wrote ({kind}{f', {where}' if where else ''}): this is a fault of the gatekeeper."
    )


def migrate(engine: Engine) -> str:
    """Brings the database to this version, and says which that is. Several may call it at once."""
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7313002)")
            command.upgrade(_alembic(connection), "head")
    except CommandError:
        raise Unusable("The database is of a version that this program does not know: install a newer one.") from None
    return _script().get_current_head() or ""


def check_server(connection: Connection) -> str:
    """The server's version. Raises ``Unusable`` where it is older than the ledger needs."""
    number, name = connection.exec_driver_sql("SELECT current_setting('server_version_num')::int, current_setting('server_version')").one()
    if number < OLDEST:
        raise Unusable(f"The database runs PostgreSQL {name}: the ledger needs {OLDEST // 10_000} or newer.")
    return str(name)


def check_version(connection: Connection) -> None:
    """Raises ``Unusable`` unless the database is of this version."""
    here, there = _script().get_current_head(), MigrationContext.configure(connection).get_current_revision()
    if here != there:
        raise Unusable(f"The database is of version {there or 'none'}, this program of {here}: run `gatekeeper migrate` first.")


def check_durable(connection: Connection) -> None:
    """Raises ``Unusable`` where a commit may be lost when the power fails: a verdict might be published and then forgotten."""
    name = connection.exec_driver_sql(f"SELECT {NOT_DURABLE}").scalar_one()
    if name is not None:
        raise Unusable(f"The database runs with {name} = off, so a committed verdict could be lost: set {name} = on.")


def _script() -> ScriptDirectory:
    return ScriptDirectory(str(MIGRATIONS))


def _alembic(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
