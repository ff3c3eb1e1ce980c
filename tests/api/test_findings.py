"""What a look-back found, line by line: to whom it concerns, with patients masked or on record."""

from pathlib import Path
from typing import Any

import pytest

from gatekeeper.storage import tables
from tests.api.desk import PURPOSE, Desk
from tests.api.test_lists import pages
from tests.gate.following import follow
from tests.gate.late import MANY, judge_on
from tests.gate.ledger import NOON
from tests.gate.test_bypass import SHIP_TO, WHOLE
from tests.gate.test_look_back import RECALL
from tests.gate.warehouse import Warehouse, event
from tests.registry.telling import Telling

OTHER = {"/wholesaler_id": "WD-2", "/lines/0/patient/authorization_id": "AU-MANY"}
SECRETS = (b'P-1"', b"AU-MANY")


@pytest.fixture
def recalled(desk: Desk, tmp_path: Path) -> str:
    """The path of what the recall of a lot found: two lines that were released, and goods that left past the gate."""
    ledger = desk.ledger
    judge_on(ledger, 0, "SO-1")
    judge_on(ledger, 0, "SO-2", changes=OTHER)
    Warehouse(ledger).tell(event("shipped", "SO-NEVER", lines=[WHOLE], ship_to=SHIP_TO))
    ledger.set_clock(NOON.replace(day=21))
    follow(ledger)
    Telling(ledger, tmp_path).tell(RECALL)
    follow(ledger)
    [alert_id] = [row[0] for row in ledger.rows(tables.ALERT) if row[1] == "lot_recalled"]
    assert MANY["authorization_id"] == "AU-MANY"
    return f"/v1/findings?alert_id={alert_id}"


def orders(findings: list[Any]) -> list[str]:
    return [finding["order_id"] for finding in findings]


def test_every_line_is_there_and_no_patient(desk: Desk, recalled: str) -> None:
    """Page by page; what left past the gate first."""
    found = [finding for page in pages(desk, recalled, "findings") for finding in page]
    assert orders(found) == ["SO-NEVER", "SO-1", "SO-2"]
    assert {finding["patient_id"] for finding in found} == {"masked"}
    assert not any(secret in desk.ask(recalled).data for secret in SECRETS)
    assert desk.ledger.rows(tables.INQUIRY) == []


def test_patients_show_for_a_purpose_that_goes_on_record(desk: Desk, recalled: str) -> None:
    answer = desk.answer(recalled, headers=PURPOSE)
    assert (answer["patients"], {finding["patient_id"] for finding in answer["findings"]}) == ("shown", {"P-1"})
    [row] = desk.ledger.rows(tables.INQUIRY)
    assert row[1:5] == ("patients", "list_findings", PURPOSE["Gatekeeper-Purpose"], 3)
    assert [who["person"] for who in desk.answer("/v1/orders/WD-001/SO-1")["looked"]] == ["u-17"]
    assert desk.ask(recalled.replace("/v1/", "/v1/exports/"), headers=PURPOSE, person="u-2").get_data()
    assert [who["person"] for who in desk.answer("/v1/orders/WD-001/SO-1")["looked"]] == ["u-17", "u-2"]
    assert desk.problem(recalled, "compliance-reader", headers=PURPOSE) == "not-permitted"
    assert len(desk.ledger.rows(tables.INQUIRY)) == 2


def test_who_is_limited_sees_what_is_theirs(desk: Desk, recalled: str) -> None:
    assert orders(desk.answer(recalled, wholesalers=["WD-2"])["findings"]) == ["SO-2"]
    assert desk.answer(recalled, programs=["tegsedi"])["findings"] == []
    assert desk.problem(recalled, "rems") == "not-permitted"
    assert desk.problem("/v1/findings") == "invalid-parameters"
    assert desk.problem("/v1/findings?alert_id=P-1") == "invalid-parameters"
    assert desk.answer("/v1/findings?alert_id=00000000-0000-0000-0000-000000000000")["findings"] == []
