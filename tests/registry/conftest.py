"""A ledger whose clock can be set, and one topic of registry facts on it."""

from pathlib import Path

import pytest

from tests.gate.conftest import ledger, template
from tests.gate.ledger import Ledger
from tests.registry.telling import Telling

__all__ = ["ledger", "template"]


@pytest.fixture
def telling(ledger: Ledger, tmp_path: Path) -> Telling:
    return Telling(ledger, tmp_path)
