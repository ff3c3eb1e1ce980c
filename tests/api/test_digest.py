"""A day at the desk: what opened, what cleared, what is due, and on which day a stop clears by itself."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.desk import Desk
from tests.api.test_order_list import CAMPATH, PATH
from tests.gate.following import follow
from tests.gate.ledger import NOON, authorization, order
from tests.gate.warehouse import Warehouse, event

DAY = "/v1/digest?day=2026-11-21"
NEXT = NOON + timedelta(days=1)
LATER = {"/lines/0/patient/authorization_id": "AU-LATER"}
AUTHORIZED = (authorization("AU-LATER", 99) | {"valid_from": "2026-11-25"}, authorization("AU-MANY", 99))
MISSING = {"/lines/0/patient": None}


def names(several: list[Any]) -> list[str]:
    return [each.get("order", each)["order_id"] for each in several]


@pytest.fixture
def day(desk: Desk) -> Desk:
    """Orders that open and clear in every way, on one day and before it."""
    desk.ledger.load(*AUTHORIZED)
    desk.ledger.judge(order("OLD-OPEN", MISSING), order("OLD-REVISED", MISSING), order("OLD-SETTLED", MISSING), order("OLD-GONE", MISSING))
    desk.ledger.set_clock(NEXT)
    desk.ledger.load(*AUTHORIZED, as_of=NEXT)
    desk.ledger.judge(
        order("NEW-OPEN", MISSING), order("NEW-LATER", LATER), order("RELEASED"),
        order("OLD-REVISED", {"/revision": 2, "/lines/0": CAMPATH | {"line": 1}}), order("SHIPS", MISSING | {"/ship_on": "2026-11-21"}),
    )  # fmt: skip
    Warehouse(desk.ledger).tell(event("cancelled", "OLD-GONE"))
    etag = desk.ask(f"{PATH}/WD-001/OLD-SETTLED").headers["ETag"]
    settled = desk.ask(f"{PATH}/WD-001/OLD-SETTLED/settlements", method="POST", json={"reason": "not wanted"}, headers={"If-Match": etag})
    assert settled.status_code == 200
    return desk


def test_what_opened_what_cleared_and_what_is_due(day: Desk) -> None:
    told = day.answer(DAY)
    assert names(told["opened"]) == ["NEW-OPEN", "NEW-LATER", "SHIPS"]
    assert sorted(names(told["cleared"])) == ["OLD-GONE", "OLD-REVISED", "OLD-SETTLED"]
    assert names(told["due"]) == ["SHIPS"]
    assert (told["opened_orders"], told["cleared_orders"], told["more_due"]) == (3, 3, False)
    assert (told["since"], told["to"]) == ("2026-11-21T05:00:00.000Z", "2026-11-22T05:00:00.000Z")
    before = day.answer("/v1/digest?day=2026-11-20")
    assert (names(before["opened"]), before["cleared"]) == (["OLD-OPEN"], [])


def test_a_stop_that_a_day_clears(day: Desk) -> None:
    """It names the day, and on that day the gate itself releases the line."""
    clears = {each["order"]["order_id"]: each["clears_at"] for each in day.answer(DAY)["opened"]}
    assert clears == {"NEW-OPEN": None, "NEW-LATER": "2026-11-25T05:00:00.000Z", "SHIPS": None}
    at = NOON + timedelta(days=5)
    day.ledger.set_clock(at)
    day.ledger.load(*AUTHORIZED, as_of=at)
    follow(day.ledger)
    told = day.answer("/v1/digest?day=2026-11-25")
    assert "NEW-LATER" in names(told["cleared"])
    [line] = day.answer(f"{PATH}?q=NEW-LATER")["orders"][0]["lines"]
    assert line["outcome"] == "released"


def test_limits_and_times(day: Desk) -> None:
    assert day.answer(DAY, wholesalers=["WD-2"])["opened"] == []
    assert day.answer(DAY, programs=["tegsedi"])["opened"] == []
    assert names(day.answer(f"{DAY}&program=lemtrada")["opened"]) == ["NEW-OPEN", "NEW-LATER", "SHIPS"]
    assert names(day.answer("/v1/digest?since=2026-11-21T16:59:59Z")["opened"]) == ["NEW-OPEN", "NEW-LATER", "SHIPS"]
    for query in ("since=2026-11-01T00:00:00Z", "since=2027-01-01T00:00:00Z", "since=2026-11-21T00:00:00Z&day=2026-11-21"):
        assert day.problem(f"/v1/digest?{query}") == "invalid-parameters"
