"""`gatekeeper feed void`, as two people type it who know that goods stayed."""

import pytest

from gatekeeper.storage import tables
from tests.cli.conftest import Typing
from tests.gate.conftest import ledger, template
from tests.gate.ledger import Ledger, authorization, order
from tests.gate.test_events import MANY
from tests.gate.warehouse import REPORTING, Warehouse, event

__all__ = ["ledger", "template"]

REASON = ("--reason", "It is on the shelf.")


@pytest.fixture
def record(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, as_person: Typing) -> str:
    """The id of the record of a line that a higher revision withdrew."""
    assert as_person
    monkeypatch.setenv("GATEKEEPER_DATABASE_URL", ledger.url)
    ledger.load(authorization("AU-MANY", 1000))
    Warehouse(ledger, REPORTING).judge(order("SO-1", MANY), order("SO-1", MANY | {"/revision": 2}))
    [row] = ledger.rows(tables.DISTRIBUTION_RECORD)
    return str(row[0])


def test_two_people_void_a_record(record: str, ledger: Ledger, as_person: Typing) -> None:
    """Propose, refuse, propose again, approve; nobody approves his own, and nobody acts without a token."""
    assert as_person(None, "feed", "void", "list").out == "No void waits for a second person.\n"
    assert as_person(None, "feed", "void", "propose", record, *REASON).status == 2
    said = as_person("u-1", "feed", "void", "propose", record, *REASON)
    name = said.out.split()[0]
    assert (said.status, said.out) == (0, f"{name} is proposed by u-1. Another person must approve it before it counts.\n")
    shown = as_person(None, "feed", "void", "list").out.splitlines()
    assert shown[0] == f"{name}  proposed  record 1 of lemtrada ({record}), original, WD-001/SO-1/1/1"
    assert shown[1].endswith(" by u-1: It is on the shelf.")
    own = as_person("u-1", "feed", "void", "approve", name, *REASON)
    assert (own.status, own.err) == (2, "Another person must approve what u-1 proposed.\n")
    assert as_person("u-2", "feed", "void", "refuse", name, *REASON).out == f"{name} is refused by u-2.\n"
    name = as_person("u-1", "feed", "void", "propose", record, *REASON).out.split()[0]
    made = as_person("u-2", "feed", "void", "approve", name, *REASON).out
    [void] = [row for row in ledger.rows(tables.DISTRIBUTION_RECORD) if row[3] == "void"]
    assert made == f"Record 2 of lemtrada ({void[0]}) voids {record}, approved by u-2.\n"
    assert as_person(None, "feed", "void", "list").out == "No void waits for a second person.\n"
    every = as_person(None, "feed", "void", "list", "--all").out
    assert sorted(line.split()[0] for line in every.splitlines() if line.startswith(" ")) == ["approved", "proposed", "proposed", "refused"]
    assert "P-1" not in every
    assert as_person(None, "verify").status == 0


def test_two_people_void_a_return(record: str, ledger: Ledger, as_person: Typing) -> None:
    """By the same commands; what is shown says what it is of."""
    warehouse = Warehouse(ledger)
    warehouse.tell(event("shipped", lines=[1]), event("returned", lines=[{"line": 1, "quantity": 4}]))
    back = next(str(row[0]) for row in ledger.rows(tables.DISTRIBUTION_RECORD) if row[3] == "return")
    name = as_person("u-1", "feed", "void", "propose", back, *REASON).out.split()[0]
    shown = as_person(None, "feed", "void", "list").out.splitlines()
    assert shown[0] == f"{name}  proposed  record 3 of lemtrada ({back}), return, WD-001/SO-1/1/1"
    assert as_person("u-1", "feed", "void", "approve", name, *REASON).status == 2
    made = as_person("u-2", "feed", "void", "approve", name, *REASON).out
    [void] = [row for row in ledger.rows(tables.DISTRIBUTION_RECORD) if row[3] == "void"]
    assert made == f"Record 4 of lemtrada ({void[0]}) voids {back}, approved by u-2.\n"
    assert as_person("u-1", "feed", "show", back).out.splitlines()[1] == "open, voided"
    again = as_person("u-1", "feed", "void", "propose", back, *REASON)
    assert (again.status, again.err) == (2, "Record 3 of lemtrada was voided already.\n")
    assert record in as_person("u-1", "feed", "show", record).out
    assert as_person(None, "verify").status == 0
