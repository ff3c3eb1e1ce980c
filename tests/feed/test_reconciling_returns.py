"""Returns are in the books too: what events report to have come back is what return records say, sent and acknowledged as all are."""

from datetime import timedelta

import pytest

from gatekeeper.domain.sequences import Range
from gatekeeper.feeds import reconciling
from tests.feed.rems import Rems, acknowledgement
from tests.feed.test_reconciling import WD, accept_all, differences, found, spoil
from tests.feed.test_writing import TODAY
from tests.gate.ledger import NOON, Wire, order
from tests.gate.shelves import records
from tests.gate.test_answers import CAMPATH
from tests.gate.test_events import MANY
from tests.gate.test_revisions import SERIALS
from tests.gate.warehouse import REPORTING, Warehouse, event

BACK = "2026-11-24T10:00:00-05:00"


@pytest.fixture
def warehouse(rems: Rems) -> Warehouse:
    """Two lines that left: one with serials, one without."""
    warehouse = Warehouse(rems.ledger, REPORTING)
    warehouse.judge(order("SO-1", SERIALS | MANY), order("SO-2", MANY))
    warehouse.tell(event("shipped", "SO-1", lines=[1]), event("shipped", "SO-2", lines=[1]))
    return warehouse


def returned(order_id: str = "SO-1", **line: object) -> bytes:
    return event("returned", order_id, lines=[{"line": 1} | line], at=BACK)


def test_returns_that_agree(rems: Rems, warehouse: Warehouse) -> None:
    """In parts, by serials, of all that is out, and told twice: each has its record, but the one that says nothing new."""
    told = [returned(serials=["A", "B"]), returned(serials=["B"], verified=True), returned("SO-2", quantity=2), returned("SO-2")]
    warehouse.tell(*told)
    accept_all(rems)
    of = found(rems, reporting=WD)
    assert (differences(of), of.returned, of.agree) == ({}, [], True)
    assert (of.counts["shipped"], of.counts["returned"], of.counts["  of them return"]) == (2, 3, 3)
    assert of.counts["recorded"] == of.counts["for the topic"] == of.counts["acknowledged"] == 5


def test_a_return_that_is_not_acknowledged_or_was_rejected(rems: Rems, warehouse: Warehouse) -> None:
    warehouse.tell(returned(serials=["A", "B"]), returned("SO-2", quantity=2))
    said = records(rems.ledger)
    rems.say(*[acknowledgement(each["record_id"]) for each in said[:2]], acknowledgement(said[2]["record_id"], "rejected"))
    assert differences(found(rems, reporting=WD)) == {
        reconciling.NOT_CORRECTED: [Range(3, 3)], reconciling.NOT_ACKNOWLEDGED: [Range(4, 4)],
    }  # fmt: skip


@pytest.mark.parametrize(
    "line", [{"quantity": 7}, {"serials": ["Q"]}, {"quantity": 1, "unit": "pallet"}, {"quantity": 3, "serials": ["A"]}]
)
def test_what_came_back_and_could_not_be_recorded(rems: Rems, warehouse: Warehouse, line: Wire) -> None:
    """More than left, a vial that never left, a unit that nobody knows: on the day on which it was reported."""
    rems.ledger.set_clock(NOON + timedelta(days=1))
    warehouse.tell(returned(**line))
    accept_all(rems)
    [where] = found(rems, days=(TODAY + timedelta(days=1),) * 2, reporting=WD).returned
    assert where.startswith("WD-001 SO-1 revision 1 line 1, event EV-")
    assert found(rems, reporting=WD).agree


def test_what_nobody_knows_left_and_what_nobody_restricts(rems: Rems, warehouse: Warehouse) -> None:
    """Of a line that was stopped a return has no record, of whatever program; of one of nobody's product it needs none."""
    warehouse.judge(order("SO-3", {"/lines/0/patient": None}), order("SO-4", MANY | {"/lines/0/product": CAMPATH["product"]}))
    warehouse.tell(returned("SO-3", quantity=1), returned("SO-4", quantity=1), returned("SO-9", quantity=1))
    accept_all(rems)
    of = found(rems, reporting=WD)
    assert [where.split(",")[0] for where in of.returned] == ["WD-001 SO-3 revision 1 line 1"]
    assert [where.split(",")[0] for where in of.waiting] == ["WD-001 SO-9 revision 1 line 1"]


def test_a_return_of_vials_that_did_not_leave(rems: Rems, warehouse: Warehouse) -> None:
    """It was recorded before it was told which had left."""
    warehouse.judge(order("SO-5", SERIALS | MANY | {"/lines/0/serials": ["P", "Q", "R", "S", "T"]}))
    warehouse.tell(returned("SO-5", serials=["P"]), event("shipped", "SO-5", lines=[{"line": 1, "serials": ["V", "W", "X", "Y", "Z"]}]))
    accept_all(rems)
    assert differences(found(rems, reporting=WD)) == {reconciling.RETURNED_OTHERWISE: [Range(4, 4)]}


@pytest.mark.parametrize("again", [[{}], [{"quantity": 5}], [{"quantity": 1}, {"quantity": 1}]], ids=["all", "five", "in parts"])
def test_what_came_back_and_left_again(rems: Rems, warehouse: Warehouse, again: list[Wire]) -> None:
    """More left than is recorded, also where nobody says how much; told again by the instant of the first it is the same goods."""
    warehouse.tell(event("shipped", "SO-1", lines=[1]), event("shipped", "SO-2", lines=[1]))
    warehouse.tell(returned(verified=True), returned("SO-2"))
    accept_all(rems)
    assert found(rems, reporting=WD).agree
    warehouse.tell(*(event("shipped", "SO-1", lines=[{"line": 1} | line], at="2026-11-25T10:00:00-05:00") for line in again))
    accept_all(rems)
    live = next(each for each in reversed(records(rems.ledger)) if each["order_id"] == "SO-1" and each["kind"] != "return")
    for reporting in (WD, ()):
        assert differences(found(rems, reporting=reporting)) == {reconciling.OTHERWISE: [Range(live["sequence"], live["sequence"])]}


def test_return_records_that_were_altered(rems: Rems, warehouse: Warehouse) -> None:
    """One that no event reports, and one that says another quantity than its event; more came back than left."""
    warehouse.tell(returned(serials=["A"]), returned("SO-2", quantity=2))
    accept_all(rems)
    spoil(rems, "UPDATE examination SET digest = sha256('x') WHERE cause = 'returned' AND order_id = 'SO-1'")
    spoil(rems, "UPDATE distribution_record SET units = 1 WHERE kind = 'return' AND sequence = 4")
    of = found(rems, reporting=WD)
    assert differences(of) == {reconciling.RETURN_UNREPORTED: [Range(3, 3)], reconciling.RETURNED_OTHERWISE: [Range(4, 4)]}
    assert (of.counts["returned"], of.counts["  of them return"]) == (1, 2)
    spoil(rems, "UPDATE distribution_record SET units = 2 WHERE kind = 'return' AND sequence = 4")
    spoil(rems, "UPDATE distribution_record SET units = 1 WHERE kind = 'original' AND sequence = 2")
    assert differences(found(rems))[reconciling.RETURNED_OTHERWISE] == [Range(4, 4)]
