"""The real parts that tests ask for, each started by the first test that does and stopped at the end."""

from collections.abc import Iterator

import pytest

from tests.real.broker import Broker
from tests.real.database import Database


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A running Apache Kafka, shared by all tests: name topics, groups and transactional ids so that they are yours alone."""
    broker = Broker(tmp_path_factory.mktemp("kafka"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A running PostgreSQL, shared by all tests: `database_url` gives a database of one's own in it."""
    database = Database(tmp_path_factory.mktemp("postgres"))
    database.start()
    yield database
    database.stop()


@pytest.fixture
def database_url(postgres: Database) -> Iterator[str]:
    """A new, empty database for one test."""
    url = postgres.fresh()
    yield url
    postgres.drop(url)
