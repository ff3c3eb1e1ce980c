"""The whole document by schemathesis, all checks, stateful links: nothing is a fault of ours, and nothing is answered that it does not say.

``make fuzz`` does the same for longer.
"""

import os
from pathlib import Path

import pytest

from gatekeeper.people.permissions import BUILT_IN
from tests.api.desk import Desk
from tests.api.fuzzing import tried
from tests.gate.ledger import authorization, order

SECONDS = os.environ.get("FUZZ_SECONDS")
SEED = ("--seed", os.environ.get("FUZZ_SEED", "1"))
PHASES = ("--phases", "examples,fuzzing,stateful")
"""Without that of coverage, which tries each limit of each parameter: a minute by itself, for `make fuzz`."""
WHOLE = ("--max-time", SECONDS) if SECONDS else ("--max-examples", "4", *PHASES)
"""Of a lead, who may do nearly everything."""
SHORT = ("--max-time", SECONDS) if SECONDS else ("--max-examples", "1", *PHASES)


@pytest.fixture
def filled(desk: Desk) -> Desk:
    desk.ledger.load(authorization("AU-MANY", 99))
    desk.ledger.judge(order(), order("SO-2", {"/lines/0/patient": None}), b"rubbish")
    return desk


def test_all_that_a_lead_may_do(filled: Desk, tmp_path: Path) -> None:
    found = tried(filled, "lead", tmp_path, *SEED, *WHOLE)
    assert found.returncode == 0, found.stdout[-20_000:] + found.stderr[-2000:]
    assert "Tested: " in found.stdout


@pytest.mark.parametrize("role", [role.name for role in BUILT_IN if role.name in {"order-system", "rems", "operator"}])
def test_what_others_may_do(filled: Desk, role: str, tmp_path: Path) -> None:
    """Also limited to one wholesaler and program."""
    found = tried(filled, role, tmp_path, *SEED, *SHORT, wholesalers=["WD-001"], programs=["lemtrada"])
    assert found.returncode == 0, found.stdout[-20_000:] + found.stderr[-2000:]


def test_it_finds_what_the_document_does_not_say(filled: Desk, tmp_path: Path) -> None:
    filled.app.view_functions["rules.list_reasons"] = lambda: ("{}", 200, {"Content-Type": "text/plain"})
    filled.app.view_functions["rules.list_reasons"].permission = "open"  # type: ignore[attr-defined] # as operations say it
    found = tried(filled, "lead", tmp_path, *SEED, "--max-examples", "1", "--include-operation-id", "list_reasons", "--phases", "fuzzing")
    assert found.returncode == 1
    assert "Undocumented Content-Type" in found.stdout or "text/plain" in found.stdout
