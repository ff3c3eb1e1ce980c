"""A ledger of one's own for each test, copied from one that was migrated once."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from gatekeeper.storage.engine import migrate, open_engine
from tests.gate.ledger import CLOCK, Ledger
from tests.real.database import Database

# What it finds is said in full, also where a test only calls it.
pytest.register_assert_rewrite("tests.gate.what_must_hold")


def say(postgres: Database, *statements: str) -> None:
    with psycopg.connect(postgres.url.replace("+psycopg", ""), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def template(postgres: Database) -> Iterator[str]:
    """The name of a migrated, empty ledger with a clock that can be set."""
    url = postgres.fresh()
    engine = open_engine(url)
    migrate(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(CLOCK)
    engine.dispose()
    yield url.rpartition("/")[2]
    postgres.drop(url)


@pytest.fixture
def ledger(postgres: Database, template: str, tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger whose clock stands at noon of the labelled cases' day."""
    name = f"test_{uuid4().hex}"
    say(postgres, f"CREATE DATABASE {name} TEMPLATE {template}", f"ALTER DATABASE {name} SET search_path = clock, pg_catalog, public")
    ledger = Ledger(postgres.url_of(name), tmp_path)
    yield ledger
    ledger.close()
    postgres.drop(postgres.url_of(name))
