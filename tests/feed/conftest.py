"""A ledger with a registry and a clock that can be set, and a REMS that acknowledges its records."""

import pytest

from tests.feed.rems import Rems
from tests.gate.conftest import ledger, template
from tests.gate.ledger import Ledger, authorization

__all__ = ["ledger", "template"]


@pytest.fixture
def rems(ledger: Ledger) -> Rems:
    ledger.load(authorization("AU-MANY", 1_000_000))
    return Rems(ledger)
