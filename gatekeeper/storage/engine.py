"""How the database is reached: session settings, transactions, and the migrations."""

from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import ArgumentError

from gatekeeper.errors import Unusable

MIGRATIONS = Path(__file__).parent / "migrations"

SESSION = {
    "timezone": "UTC",
    "application_name": "gatekeeper",
    # A process that freezes inside a transaction is cut off after this, so that nobody waits longer for the ledger lock.
    "idle_in_transaction_session_timeout": "5s",
    "lock_timeout": "15s",
    # Lookups are by index, also when a table was small as their plan was made.
    "enable_seqscan": "off",
    "plan_cache_mode": "auto",
}
KEEPALIVE = {"connect_timeout": 10, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}


def open_engine(url: str, *, statement_timeout_s: int = 30) -> Engine:
    """An engine for ``url``, every session of which has the settings above. Nothing is connected yet."""
    options = " ".join(f"-c {name}={value}" for name, value in (SESSION | {"statement_timeout": f"{statement_timeout_s}s"}).items())
    try:
        parsed = sqlalchemy.make_url(url)
    except ArgumentError as error:
        raise Unusable("GATEKEEPER_DATABASE_URL is not a database URL such as postgresql://user@host/database.") from error
    if parsed.get_backend_name() != "postgresql":
        raise Unusable("GATEKEEPER_DATABASE_URL must name a PostgreSQL database: the ledger is kept in no other.")
    return sqlalchemy.create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        connect_args={"options": options, **KEEPALIVE},
        pool_size=2,
        max_overflow=2,
        pool_pre_ping=False,
    )


def migrate(engine: Engine) -> str:
    """Brings the database to this version, and says which that is. Several may call it at once."""
    with engine.begin() as connection:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7313002)")
        command.upgrade(_alembic(connection), "head")
    return _script().get_current_head() or ""


def check_version(connection: Connection) -> None:
    """Raises ``Unusable`` unless the database is of this version."""
    here, there = _script().get_current_head(), MigrationContext.configure(connection).get_current_revision()
    if here != there:
        raise Unusable(f"The database is of version {there or 'none'}, this program of {here}: run `gatekeeper migrate` first.")


def check_durable(connection: Connection) -> None:
    """Raises ``Unusable`` where a commit may be lost when the power fails: a verdict might be published and then forgotten."""
    rows = connection.exec_driver_sql("SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')")
    for name, setting in rows:
        if setting == "off":
            raise Unusable(f"The database runs with {name} = off, so a committed verdict could be lost: set {name} = on.")


def _script() -> ScriptDirectory:
    return ScriptDirectory(str(MIGRATIONS))


def _alembic(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
