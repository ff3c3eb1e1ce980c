"""A ledger with a registry, and a place on the broker, for each test."""

from collections.abc import Iterator

import pytest

from gatekeeper.clock import now
from tests.consumers.place import Place
from tests.gate.conftest import ledger, template
from tests.gate.ledger import Ledger, authorization
from tests.real.broker import Broker

__all__ = ["ledger", "template"]


@pytest.fixture
def place(broker: Broker, ledger: Ledger) -> Iterator[Place]:
    ledger.set_clock(None)
    ledger.load(authorization("AU-MANY", 1_000_000), as_of=now())
    place = Place(broker, ledger.engine)
    yield place
    place.close()
