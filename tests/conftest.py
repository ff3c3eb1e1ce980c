"""The real parts that tests ask for, each started by the first test that does and stopped at the end."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings

from tests.real.broker import Broker
from tests.real.database import Database

# How long an example takes says how busy the machine is, and nothing about the product.
settings.register_profile("busy machines", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machines")


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A running Apache Kafka, shared by all tests: name topics, groups and transactional ids so that they are yours alone."""
    broker = Broker(tmp_path_factory.mktemp("kafka"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Database]:
    """A running PostgreSQL, shared by all tests: `database_url` gives a database of one's own in it."""
    # Not below pytest's own folder, which every other run of the same user locks against the server's user.
    with TemporaryDirectory() as folder:
        database = Database(Path(folder))
        database.start()
        yield database
        database.stop()


@pytest.fixture
def database_url(postgres: Database) -> Iterator[str]:
    """A new, empty database for one test."""
    url = postgres.fresh()
    yield url
    postgres.drop(url)
