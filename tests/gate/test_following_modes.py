"""What passed because a program had ended, when the program is in force again."""

import json
from datetime import timedelta

import pytest

from gatekeeper.storage import tables
from tests.gate.following import causes, codes, examinations, follow, states
from tests.gate.ledger import NOON, Ledger, Wire, authorization, order
from tests.gate.warehouse import REPORTING, Warehouse, event

ENDED: Wire = {"fact": "program", "program": "lemtrada", "sequence": 950, "effective_on": "2026-11-20", "mode": "ended"}


@pytest.mark.parametrize("mode", ["active", "discretion"])
@pytest.mark.parametrize("later", [False, True])
def test_what_a_program_that_had_ended_let_go_is_taken_back_when_it_is_in_force_again(ledger: Ledger, mode: str, later: bool) -> None:  # noqa: FBT001
    """What was held when it ended, and what came after: with the next fact, or on its day. What nobody restricts is nobody's still."""
    ledger.load(authorization("AU-MANY", 1000))
    unknown: Wire = {"/lines/0/patient/authorization_id": "AU-NONE"}
    ledger.judge(order(changes=unknown))
    ledger.load(authorization("AU-MANY", 1000), ENDED)
    follow(ledger)
    ledger.judge(order("SO-2", unknown), order("SO-3", {"/lines/0/product": {"ndc": "00093-7180-56"}}))
    assert states(ledger) == ([], [("SO-1", 1, 1), ("SO-2", 1, 1)])

    again = ENDED | {"sequence": 951, "mode": mode, "effective_on": "2026-11-21" if later else "2026-11-20"}
    ledger.load(authorization("AU-MANY", 1000), ENDED, again)
    if later:
        assert follow(ledger) == 0
        ledger.set_clock(NOON + timedelta(hours=12))
    assert follow(ledger) == 2
    for name in ("SO-1", "SO-2"):
        *_, (_, _, [before], _), (cause, _, back, stopped) = [
            (cause, number, released and [line["outcome"] for line in released["lines"]], said)
            for cause, number, released, said in examinations(ledger, name)
        ]
        assert (before, cause, back, codes(stopped)) == ("not_covered", "withdrawn", ["withdrawn"], [["authorization_unknown"]])
    assert states(ledger) == ([("SO-1", 1, 1), ("SO-2", 1, 1)], [])
    assert causes(ledger, "SO-3") == ["message"]


@pytest.mark.parametrize("batch", [1, None])
def test_what_has_left_of_it_is_not_taken_back_nor_missed(ledger: Ledger, batch: int | None) -> None:
    """All of it: at once, in parts, in another unit's words, before its order came. What left in part may still stay."""
    ledger.load(authorization("AU-MANY", 1000), ENDED)
    warehouse = Warehouse(ledger, REPORTING)
    unknown: Wire = {"/lines/0/patient/authorization_id": "AU-NONE"}
    part = {"line": 1, "quantity": 3}
    warehouse.tell(event("shipped", "SO-4", lines=[1]))
    warehouse.judge(*[order(f"SO-{number}", unknown) for number in range(1, 5)])
    warehouse.tell(
        event("shipped", "SO-1", lines=[1]),
        event("shipped", "SO-2", lines=[part]),
        event("shipped", "SO-2", lines=[{"line": 1, "quantity": 2, "unit": "vial"}]),
        event("shipped", "SO-3", lines=[part, {"line": 2}]),
        batch=batch,
    )
    assert states(ledger) == ([], [("SO-3", 1, 1)])

    ledger.load(authorization("AU-MANY", 1000), ENDED, ENDED | {"sequence": 951, "mode": "active"})
    warehouse.follow()
    assert [causes(ledger, f"SO-{number}")[1:] for number in (1, 2, 4)] == [[], [], []]
    assert causes(ledger, "SO-3") == ["message", "withdrawn"]
    ledger.set_clock(NOON + timedelta(days=30))
    warehouse.follow()
    silent = [json.loads(alert[3])["order_id"] for alert in ledger.rows(tables.ALERT) if alert[1] == "shipment_unreported"]
    assert silent == ["SO-3"]


def test_of_others_only_what_was_released_before_it_passed_counts_against_it(ledger: Ledger) -> None:
    """Whenever it is looked at again, and for whatever reason."""
    two: Wire = {"/lines/0/quantity": 2}
    first, second = ({"/lines/0/patient/authorization_id": name} for name in ("AU-6", "AU-7"))
    several = [authorization("AU-6", 6), authorization("AU-7", 6)]
    ledger.load(*several)
    ledger.judge(order("SO-1", second))
    ledger.load(*several, ENDED)
    follow(ledger)
    ledger.judge(order("SO-2", first | two), order("SO-3", second | two))
    ledger.load(*several, ENDED, ENDED | {"sequence": 951, "mode": "active"})
    follow(ledger)
    assert [causes(ledger, f"SO-{number}") for number in (2, 3)] == [["message"], ["message", "withdrawn"]]
    ledger.judge(order("SO-4", first))
    assert states(ledger)[1] == [("SO-1", 1, 1), ("SO-2", 1, 1), ("SO-4", 1, 1)]
    ledger.load(
        *[fact | {"sequence": 952 + number} for number, fact in enumerate(several)], ENDED, ENDED | {"sequence": 951, "mode": "active"}
    )
    follow(ledger)
    assert causes(ledger, "SO-2") == ["message"]
