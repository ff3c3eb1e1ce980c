"""A migrated ledger for each test."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from gatekeeper.storage.engine import migrate, open_engine


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    migrate(engine)
    yield engine
    engine.dispose()
