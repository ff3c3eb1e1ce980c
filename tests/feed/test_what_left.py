"""Books do not agree where what was reported to have left is not what is recorded, also when every record was accepted."""

from datetime import timedelta

import pytest

from gatekeeper.domain.sequences import Range
from gatekeeper.feeds import reconciling
from tests.feed.rems import Rems, acknowledgement
from tests.feed.test_correcting import approved, proposed
from tests.feed.test_reconciling import WD, accept_all, differences, found
from tests.feed.test_writing import TODAY
from tests.gate.ledger import Wire, order
from tests.gate.shelves import live, records
from tests.gate.test_bypass import SHIP_TO, WHOLE, read_on
from tests.gate.test_bypass_in_parts import complete
from tests.gate.test_events import MANY
from tests.gate.test_revisions import SERIALS
from tests.gate.warehouse import REPORTING, Warehouse, event

ELSEWHERE: Wire = SHIP_TO | {"rems_site_id": "HF-UNKNOWN"}


@pytest.fixture
def warehouse(rems: Rems) -> Warehouse:
    return Warehouse(rems.ledger, REPORTING)


@pytest.mark.parametrize(
    "told",
    [
        [{"quantity": 7}],
        [{"quantity": 2, "lot": "X1"}, {"quantity": 3, "lot": "X2"}],
        [{"serials": ["A", "B", "C", "D", "E", "F"]}],
        [{"serials": ["A", "B"]}, {"serials": ["B", "C", "D"]}],
        [{"quantity": 5, "serials": ["A", "B"]}],
        [{"quantity": 1, "unit": "pallet"}],
        [{"quantity": 2, "ship_to": ELSEWHERE}, {"quantity": 3}],
    ],
    ids=["more", "two lots", "a serial more", "a serial twice", "serials and quantity", "a unit", "two sites"],
)  # fmt: skip
def test_what_one_record_cannot_say_is_a_difference(rems: Rems, warehouse: Warehouse, told: list[Wire]) -> None:
    """Although it was reported as shipped, and every record accepted; also where nobody must report."""
    warehouse.judge(order("SO-1", MANY | SERIALS))
    for line in told:
        to = {"ship_to": line.pop("ship_to")} if "ship_to" in line else {}
        warehouse.tell(event("shipped", lines=[{"line": 1} | line], **to))
    accept_all(rems)
    stands = live(rems.ledger)
    assert stands is not None
    wanted = {reconciling.OTHERWISE: [Range(stands["sequence"], stands["sequence"])]}
    assert differences(found(rems, reporting=WD)) == wanted
    assert differences(found(rems)) == wanted


def test_serials_that_left_by_each_others_lines(rems: Rems, warehouse: Warehouse) -> None:
    second = order("SO-2", MANY | {"/lines/0/serials": list("FGHIJ")})
    warehouse.judge(order("SO-1", MANY | SERIALS), second)
    warehouse.tell(event("shipped", "SO-1", lines=[{"line": 1, "serials": list("ABCDF")}]))
    warehouse.tell(event("shipped", "SO-2", lines=[{"line": 1, "serials": list("EGHIJ")}]))
    accept_all(rems)
    assert differences(found(rems, reporting=WD)) == {reconciling.OTHERWISE: [Range(1, 2)]}


@pytest.mark.parametrize(
    "told",
    [
        [{}, {}],
        [{"quantity": 5, "lot": "A1234", "serials": list("ABCDE")}],
        [{"serials": ["A", "B"]}, {"serials": ["C", "D", "E"]}],
        [{"quantity": 2}],
        [{"lot": "X1"}],
        [{"serials": list("VWXYZ")}],
    ],
    ids=["plain", "all of it", "in parts", "short", "another lot", "other serials"],
)  # fmt: skip
def test_what_its_record_says_is_none(rems: Rems, warehouse: Warehouse, told: list[Wire]) -> None:
    warehouse.judge(order("SO-1", MANY | SERIALS | {"/lines/0/lot": "A1234"}))
    warehouse.tell(*(event("shipped", lines=[{"line": 1} | line]) for line in told))
    # Later: what left at the same instant may be what came back.
    warehouse.tell(event("returned", lines=[{"line": 1, "quantity": 1}], at="2026-11-24T10:00:00-05:00"))
    accept_all(rems)
    assert differences(found(rems, reporting=WD)) == {}


def test_what_left_for_another_site_and_is_recorded_so_is_none(rems: Rems, warehouse: Warehouse) -> None:
    warehouse.judge(order("SO-1", MANY))
    warehouse.tell(event("shipped", lines=[1], ship_to=ELSEWHERE))
    accept_all(rems)
    stands = live(rems.ledger)
    assert stands is not None
    assert (stands["ship_to"]["site_id"], stands["outside_gate"]) == ("HF-UNKNOWN", True)
    assert differences(found(rems, reporting=WD)) == {}


def test_what_people_corrected_is_theirs_to_say(rems: Rems, warehouse: Warehouse) -> None:
    """The lot is; how many left is not."""
    warehouse.judge(order("SO-1", MANY))
    warehouse.tell(event("shipped", lines=[{"line": 1, "lot": "X1"}]))
    rems.say(acknowledgement(records(rems.ledger)[-1]["record_id"], "rejected"))
    made = approved(rems, proposed(rems, records(rems.ledger)[-1]["record_id"], lot="C1"))
    rems.say(acknowledgement(records(rems.ledger)[0]["record_id"]), acknowledgement(made.record_id))
    assert differences(found(rems, reporting=WD)) == {}


def test_goods_that_wait_for_their_order_are_a_difference(rems: Rems, warehouse: Warehouse) -> None:
    """Of the days on which they were reported, and until their record is there."""
    warehouse.tell(event("shipped", "SO-9", lines=[WHOLE], ship_to=SHIP_TO, event_id="EV-WAITS"))
    warehouse.tell(event("returned", "SO-8", lines=[WHOLE]))
    returned, shipped = found(rems).waiting
    assert returned.startswith("WD-001 SO-8 revision 1 line 1, event ")
    assert shipped == "WD-001 SO-9 revision 1 line 1, event EV-WAITS"
    other = TODAY + timedelta(days=1)
    assert found(rems, days=(other, other)).waiting == []
    read_on(warehouse, {0: 0})
    accept_all(rems)
    of = found(rems)
    assert (of.waiting, of.unrecorded, differences(of), of.counts["recorded"]) == ([], [], {}, 1)


def test_what_nobody_released_and_left_in_parts_is_none(rems: Rems, warehouse: Warehouse) -> None:
    """Two lots are in one record without a lot; two recipients are a difference until people say that they were one."""
    stopped = {"/lines/0/patient/authorization_id": "AU-NEW"}
    warehouse.judge(order("SO-1", stopped), order("SO-2", stopped))
    warehouse.tell(*(event("shipped", "SO-1", lines=[{"line": 1, "quantity": 2, "lot": lot}]) for lot in ("L1", "L2")))
    parts: list[Wire] = [{}, {"ship_to": SHIP_TO | {"rems_site_id": "HF4"}}]
    warehouse.tell(*(event("shipped", "SO-2", lines=[{"line": 1, "quantity": 2}], **to) for to in parts))
    accept_all(rems)
    assert list(differences(found(rems, reporting=WD))) == [reconciling.OTHERWISE]
    complete(warehouse, {"ship_to": SHIP_TO})
    accept_all(rems)
    assert (differences(found(rems, reporting=WD)), found(rems).unrecorded) == ({}, [])
