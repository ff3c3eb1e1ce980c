"""A ledger with a clock that can be set, and the API on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.desk import Desk
from tests.gate.conftest import ledger, template
from tests.gate.ledger import Ledger

__all__ = ["ledger", "template"]


@pytest.fixture
def desk(ledger: Ledger, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(ledger, tmp_path)
    yield desk
    desk.close()
