"""How a command comes to the ledger: the database that the settings name, of this version, with durable commits."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from gatekeeper.config import Settings
from gatekeeper.errors import Unusable
from gatekeeper.storage import embedded
from gatekeeper.storage.engine import check_durable, check_server, check_version, migrate, named, open_engine, unreachable


def engine_of(settings: Settings, *, statement_timeout_s: int = 30, connections: int = 4, plans: str = "auto") -> Engine:
    """The engine of the settings' database; where they name none, the embedded server is started or found."""
    url = settings.database_url.reveal() if settings.database_url else embedded.start(settings.home)
    return open_engine(url, statement_timeout_s=statement_timeout_s, connections=connections, plans=plans)


@contextmanager
def connected(engine: Engine) -> Iterator[Connection]:
    """A connection for questions. Where the database is away, or cannot be used, that is one sentence."""
    try:
        connection = engine.connect()
    except DBAPIError as error:
        raise unreachable(error) from None
    with connection, plainly():
        yield connection


@contextmanager
def plainly() -> Iterator[None]:
    """An error of the database within is one sentence that repeats none of its words."""
    try:
        yield
    except (DBAPIError, psycopg.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(cause, psycopg.errors.InsufficientPrivilege):
            raise Unusable("The database's user lacks a right that the gatekeeper needs: it must own the tables.") from None
        if isinstance(cause, psycopg.Error):
            raise named(cause) from None
        raise


def open_ledger(settings: Settings, *, statement_timeout_s: int = 30, connections: int = 4, plans: str = "auto") -> Engine:
    """The settings' database, checked. Raises ``TryAgain`` where it is away, ``Unusable`` where it cannot keep the ledger as it is."""
    engine = engine_of(settings, statement_timeout_s=statement_timeout_s, connections=connections, plans=plans)
    try:
        with connected(engine) as connection:
            check_server(connection)
            check_version(connection)
            check_durable(connection)
    except BaseException:
        engine.dispose()
        raise
    return engine


def migrate_ledger(settings: Settings) -> str:
    """Brings the settings' database to this version, and says which that is."""
    engine = engine_of(settings)
    try:
        with connected(engine) as connection:
            check_server(connection)
            check_durable(connection)
        with plainly():
            return migrate(engine)
    finally:
        engine.dispose()
