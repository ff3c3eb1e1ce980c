"""Over HTTP too, two people say that the goods of a withdrawn line stayed, and its record is void."""

import json

import pytest

from gatekeeper.people.approvals import MEANINGS
from gatekeeper.storage import tables
from tests.api.desk import Desk
from tests.api.test_two_people import OTHER, WHY, said_in_the_ledger
from tests.api.test_work import problem
from tests.gate.ledger import authorization, order
from tests.gate.test_events import MANY
from tests.gate.warehouse import REPORTING, Warehouse, event


@pytest.fixture
def withdrawn(desk: Desk) -> str:
    """The path of the record of a line that a higher revision withdrew; nobody has said what became of its goods."""
    desk.ledger.load(authorization("AU-MANY", 1000))
    Warehouse(desk.ledger, REPORTING).judge(order("SO-1", MANY), order("SO-1", MANY | {"/revision": 2}))
    [record] = desk.ledger.rows(tables.DISTRIBUTION_RECORD)
    return f"/v1/distribution-records/{record[0]}/voids"


def test_a_record_is_voided_by_two(desk: Desk, withdrawn: str) -> None:
    proposed = desk.act(withdrawn, json=WHY).get_json()
    assert (proposed["state"], proposed["order_id"], proposed["line"], proposed["sequence"]) == ("proposed", "SO-1", 1, 1)
    assert proposed["kind"] == "original"
    assert "P-1" not in json.dumps(proposed)
    void = f"/v1/voids/{proposed['void_id']}"
    assert problem(desk.act(withdrawn, json=WHY)) == (409, "conflict")
    assert problem(desk.act(f"{void}/approvals", json=WHY)) == (409, "conflict")
    assert [each["void_id"] for each in desk.answer("/v1/voids?state=proposed")["voids"]] == [proposed["void_id"]]
    approved = desk.act(f"{void}/approvals", json=WHY, **OTHER).get_json()
    assert (approved["state"], approved["approval"]["meaning"]) == ("approved", MEANINGS["void"])
    [made] = [row for row in desk.ledger.rows(tables.DISTRIBUTION_RECORD) if row[3] == "void"]
    assert str(made[0]) == approved["made"]
    said_in_the_ledger(desk, "void", proposed["void_id"])
    [shown] = desk.answer("/v1/voids?state=approved")["voids"]
    assert ([step["person"] for step in shown["steps"]], desk.answer("/v1/voids?state=proposed")["voids"]) == (["u-17", "u-18"], [])


def test_a_refused_void_comes_to_nothing_and_others_see_none(desk: Desk, withdrawn: str) -> None:
    for limits in ({"programs": ["tegsedi"]}, {"wholesalers": ["WD-2"]}):
        assert problem(desk.act(withdrawn, json=WHY, **limits)) == (404, "not-found")
    assert desk.act(withdrawn, json={}).status_code == 400
    void = f"/v1/voids/{desk.act(withdrawn, json=WHY).get_json()['void_id']}"
    for limits in ({"programs": ["tegsedi"]}, {"wholesalers": ["WD-2"]}):
        assert problem(desk.act(f"{void}/approvals", json=WHY, **OTHER, **limits)) == (404, "not-found")
        assert problem(desk.act(f"{void}/refusals", json=WHY, **limits)) == (404, "not-found")
        assert desk.answer("/v1/voids", **limits)["voids"] == []
    assert desk.act(f"{void}/refusals", json=WHY).get_json()["state"] == "refused"
    assert problem(desk.act(f"{void}/approvals", json=WHY, **OTHER)) == (409, "conflict")
    assert (len(desk.ledger.rows(tables.DISTRIBUTION_RECORD)), desk.ledger.rows(tables.APPROVAL)) == (1, [])


def test_voids_page(desk: Desk, withdrawn: str) -> None:
    for _ in range(3):
        void = desk.act(withdrawn, json=WHY).get_json()["void_id"]
        desk.act(f"/v1/voids/{void}/refusals", json=WHY)
    first = desk.answer("/v1/voids?limit=2")
    second = desk.answer(f"/v1/voids?limit=2&cursor={first['next']}")
    assert len({each["void_id"] for page in (first, second) for each in page["voids"]}) == 3
    assert second["next"] is None


def test_a_return_is_voided_by_two(desk: Desk, withdrawn: str) -> None:
    """The same operations; who approves says another thing, and others see none of it."""
    warehouse = Warehouse(desk.ledger, REPORTING)
    warehouse.tell(event("shipped", lines=[1]), event("returned", lines=[{"line": 1, "quantity": 4}]))
    back = next(row[0] for row in desk.ledger.rows(tables.DISTRIBUTION_RECORD) if row[3] == "return")
    assert problem(desk.act(withdrawn, json=WHY)) == (409, "conflict")
    path = f"/v1/distribution-records/{back}/voids"
    assert problem(desk.act(path, json=WHY, wholesalers=["WD-2"])) == (404, "not-found")
    proposed = desk.act(path, json=WHY).get_json()
    assert (proposed["state"], proposed["kind"], proposed["sequence"], proposed["record_id"]) == ("proposed", "return", 3, str(back))
    void = f"/v1/voids/{proposed['void_id']}"
    assert problem(desk.act(f"{void}/approvals", json=WHY)) == (409, "conflict")
    approved = desk.act(f"{void}/approvals", json=WHY, **OTHER).get_json()
    assert (approved["state"], approved["approval"]["meaning"]) == ("approved", MEANINGS["void of a return"])
    [made] = [row for row in desk.ledger.rows(tables.DISTRIBUTION_RECORD) if row[3] == "void"]
    assert (str(made[0]), made[4]) == (approved["made"], back)
    assert problem(desk.act(path, json=WHY)) == (409, "conflict")
    events = desk.answer("/v1/orders/WD-001/SO-1")["events"]
    assert [each["event"] for each in events] == ["shipped", "returned"], "what was told stays on record"
