"""Lines of one order on one authorization, judged together: what one holds while it is stopped counts for the others, to the unit."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from gatekeeper.evidence import case_of
from gatekeeper.examinations.recording import TERMS
from gatekeeper.feeds import voiding
from gatekeeper.feeds.correcting import approve, propose
from gatekeeper.judging.rehearsal import rehearse
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from schemas.correction import RecordChanges
from tests.feed.rems import Rems, acknowledgement
from tests.gate.following import LIFTED, SUSPENDED, Always, examinations
from tests.gate.ledger import Ledger, Wire, authorization, order
from tests.gate.shelves import live
from tests.gate.test_again import wrong
from tests.gate.test_balance import assert_uses
from tests.gate.test_bypass import read_on
from tests.gate.test_events import released_line
from tests.gate.test_other_goods import OTHER, SHIP_TO
from tests.gate.test_revisions import units
from tests.gate.test_site_aliases import ANNA, BERT
from tests.gate.warehouse import Warehouse, event

RECALL: Wire = {
    "fact": "recall", "program": "lemtrada", "sequence": 950, "effective_on": "2026-11-20", "ndc": "58468-0200-1", "lot": "R1",
    "status": "recalled",
}  # fmt: skip
RECALLED, EXHAUSTED = "lot_recalled", "authorization_exhausted"


@pytest.fixture
def warehouse(ledger: Ledger) -> Warehouse:
    ledger.load(authorization("AU-X", 1000), authorization("AU-Y", 1000))
    return Warehouse(ledger)


def line(number: int, quantity: int, **more: Any) -> Wire:
    return released_line(number, "AU-X") | {"quantity": quantity} | more


def ordered(*lines: Wire, order_id: str = "SO-1") -> bytes:
    """Lines of one order on one authorization."""
    return order(order_id, {"/lines/0": None} | {f"/lines/{place}": each for place, each in enumerate(lines)})


def now(warehouse: Warehouse, authorized: int, *facts: Wire) -> None:
    """The authorization is of so many units by now, and all that hangs on it is judged again."""
    warehouse.ledger.load(authorization("AU-X", authorized), authorization("AU-Y", 1000), *facts)
    warehouse.follow()


def stands(ledger: Ledger, order_id: str = "SO-1") -> dict[int, list[str]]:
    """By line the reasons that stop it now."""
    found: dict[int, list[str]] = {}
    for _, _, released, stopped in examinations(ledger, order_id):
        found |= {each["line"]: [] for each in (released or {"lines": []})["lines"] if each["outcome"] == "released"}
        found |= {each["line"]: [reason["code"] for reason in each["reasons"]] for each in (stopped or {"lines": []})["lines"]}
    return found


def held(ledger: Ledger, order_id: str = "SO-1") -> list[tuple[int, int, int]]:
    """What did not count against lines of the last examination, as its row has it: line, units, and what was released later."""
    [*_, row] = [row for row in ledger.rows(tables.EXAMINATION) if row[2] == order_id and row[5] in ("message", "again", "withdrawn")]
    return [(each.line, each.units, each.later) for each in case_of(row[9]).held]


def assert_sound(ledger: Ledger) -> None:
    assert wrong(ledger) == []
    assert_uses(ledger)


def past_gate(warehouse: Warehouse, number: int, quantity: int) -> None:
    """Goods of a line left before the order came, on the authorization."""
    goods = {name: value for name, value in line(number, quantity).items() if name in ("line", "quantity", "product", "patient", "lot")}
    warehouse.tell(event("shipped", lines=[goods], ship_to=SHIP_TO))
    read_on(warehouse, {0: 0})
    assert (live(warehouse.ledger, line=number) or {})["outside_gate"]


@pytest.mark.parametrize(("authorized", "expected"), [(6, []), (5, [EXHAUSTED])])
@pytest.mark.parametrize("first", [1, 2])
def test_what_left_past_the_gate_of_a_stopped_line(warehouse: Warehouse, first: int, authorized: int, expected: list[str]) -> None:
    """Four of the one that stays stopped, two are asked for by the other; a rehearsal says the same."""
    past_gate(warehouse, first, 4)
    now(warehouse, authorized, RECALL)
    message = ordered(*[line(1, 4, lot="R1"), line(2, 2)] if first == 1 else [line(1, 2), line(2, 4, lot="R1")])
    with transaction(warehouse.ledger.engine) as cursor:
        [rehearsed] = rehearse(cursor, [message], Always(warehouse.ledger.rules), TERMS, patients=True).answers
    warehouse.judge(message)
    assert stands(warehouse.ledger) == {first: [RECALLED], 3 - first: expected}
    assert {each["line"]: [reason["code"] for reason in each["reasons"]] for each in rehearsed.lines} == stands(warehouse.ledger)
    assert held(warehouse.ledger) == [(first, 4, 0)]
    assert units(warehouse.ledger) == {"AU-X": 4 if expected else 6}
    warehouse.follow()
    assert_sound(warehouse.ledger)


@pytest.mark.parametrize(("authorized", "expected"), [(6, []), (5, [EXHAUSTED])])
def test_of_lines_that_left_past_the_gate_each_is_one_of_the_others(warehouse: Warehouse, authorized: int, expected: list[str]) -> None:
    """Both are released on what left of them already, or neither."""
    past_gate(warehouse, 1, 4)
    past_gate(warehouse, 2, 2)
    now(warehouse, authorized)
    warehouse.judge(ordered(line(1, 4), line(2, 2)))
    assert stands(warehouse.ledger) == {1: expected, 2: expected}
    assert units(warehouse.ledger) == {"AU-X": 6}
    warehouse.follow()
    assert_sound(warehouse.ledger)


@pytest.mark.parametrize(("authorized", "expected"), [(6, []), (5, [EXHAUSTED])])
@pytest.mark.parametrize("first", [1, 2])
def test_a_withdrawn_line_whose_record_is_live(warehouse: Warehouse, first: int, authorized: int, expected: list[str]) -> None:
    """Both were withdrawn; the one that is recalled by now stays so, and may have left."""
    warehouse.judge(ordered(*[line(1, 4, lot="R1"), line(2, 2)] if first == 1 else [line(1, 2), line(2, 4, lot="R1")]))
    now(warehouse, 1000, SUSPENDED)
    now(warehouse, authorized, LIFTED, RECALL)
    # What the other holds too is too much beside the four.
    assert stands(warehouse.ledger) == {first: [RECALLED, *expected], 3 - first: expected}
    assert sorted(held(warehouse.ledger)) == sorted([(first, 4, 0), (3 - first, 2, 0)])
    assert units(warehouse.ledger) == {"AU-X": 6}
    assert_sound(warehouse.ledger)


@pytest.mark.parametrize(("authorized", "expected"), [(6, []), (5, [EXHAUSTED])])
def test_withdrawn_lines_that_are_both_clear(warehouse: Warehouse, authorized: int, expected: list[str]) -> None:
    warehouse.judge(ordered(line(1, 4), line(2, 2)))
    now(warehouse, 1000, SUSPENDED)
    now(warehouse, authorized, LIFTED)
    assert stands(warehouse.ledger) == {1: expected, 2: expected}
    assert units(warehouse.ledger) == {"AU-X": 6}
    assert_sound(warehouse.ledger)


WATCHED: list[tuple[Sequence[str | None], int, dict[int, list[str]]]] = [
    (("R1", None), 6, {1: [RECALLED], 2: []}),
    (("R1", None), 5, {1: [RECALLED], 2: [EXHAUSTED]}),
    ((None, "R1"), 4, {1: [], 2: [RECALLED, EXHAUSTED]}),
    ((None, "R1"), 3, {1: [EXHAUSTED], 2: [RECALLED, EXHAUSTED]}),
    ((None, None), 6, {1: [], 2: []}),
    ((None, None), 5, {1: [], 2: [EXHAUSTED]}),
]


@pytest.mark.parametrize(("lots", "authorized", "expected"), WATCHED)
def test_a_sibling_that_is_withdrawn_now_was_released_before(
    warehouse: Warehouse, lots: Sequence[str | None], authorized: int, expected: dict[int, list[str]]
) -> None:
    """Four, and then two; the authorization shrinks as a lot is recalled. A later one never counts against an earlier one."""
    warehouse.judge(ordered(*[line(place, (4, 2)[place - 1], **({"lot": lot} if lot else {})) for place, lot in enumerate(lots, 1)]))
    now(warehouse, authorized, RECALL)
    assert stands(warehouse.ledger) == expected
    if any(expected.values()):
        assert held(warehouse.ledger) == [(1, 4, 2), (2, 2, 0)]
    assert units(warehouse.ledger) == {"AU-X": 6}
    assert_sound(warehouse.ledger)


@pytest.mark.parametrize(("authorized", "expected"), [(7, []), (6, [EXHAUSTED])])
def test_a_sibling_that_was_withdrawn_before_stands_between_the_others(warehouse: Warehouse, authorized: int, expected: list[str]) -> None:
    warehouse.judge(ordered(line(1, 4), line(2, 2, lot="R1"), line(3, 1)), ordered(line(1, 5), order_id="SO-2"))
    now(warehouse, 1000, RECALL)
    assert stands(warehouse.ledger) == {1: [], 2: [RECALLED], 3: []}
    now(warehouse, authorized, RECALL)
    assert {number: stands(warehouse.ledger)[number] for number in (1, 3)} == {1: [], 3: expected}
    assert stands(warehouse.ledger, "SO-2") == {1: [EXHAUSTED]}
    assert_sound(warehouse.ledger)


def test_a_line_that_is_released_again_after_some_left_is_not_in_its_own_way(warehouse: Warehouse) -> None:
    """Its record is a correction by then; whatever is heard of the authorization, it stays released."""
    warehouse.judge(ordered(line(1, 5)))
    warehouse.tell(event("shipped", lines=[{"line": 1, "quantity": 3}]))
    assert (live(warehouse.ledger) or {})["kind"] == "correction"
    now(warehouse, 1000, SUSPENDED)
    now(warehouse, 5, LIFTED)
    assert stands(warehouse.ledger) == {1: []}
    now(warehouse, 6, LIFTED)
    now(warehouse, 5, LIFTED)
    assert stands(warehouse.ledger) == {1: []}
    now(warehouse, 4, LIFTED)
    assert stands(warehouse.ledger) == {1: [EXHAUSTED]}
    assert_sound(warehouse.ledger)


@pytest.mark.parametrize(("authorized", "expected"), [(6, []), (5, [EXHAUSTED])])
def test_what_went_to_another_patient_counts_for_what_was_released_to_him(
    warehouse: Warehouse, authorized: int, expected: list[str]
) -> None:
    """Two of SO-2 went to whom four of SO-1 were released: these have not left, and are one too many."""
    own = {"authorization_id": "AU-X", "patient_id": "P-1"}
    warehouse.judge(ordered(line(1, 4)), order("SO-2", {"/lines/0/patient/authorization_id": "AU-Y"}), ordered(line(1, 1), order_id="SO-3"))
    now(warehouse, authorized)
    warehouse.tell(event("shipped", "SO-3", lines=[1]))
    warehouse.tell(event("shipped", "SO-2", lines=[{"line": 1, "quantity": 2, "patient": OTHER | own}]))
    warehouse.follow()
    assert units(warehouse.ledger) == {"AU-X": 7, "AU-Y": 3}
    assert stands(warehouse.ledger) == {1: expected}
    assert_sound(warehouse.ledger)


@pytest.mark.parametrize(("authorized", "expected"), [(9, []), (8, [EXHAUSTED])])
def test_what_people_say_is_of_another_counts_for_what_was_released_to_him(
    warehouse: Warehouse, authorized: int, expected: list[str]
) -> None:
    warehouse.judge(ordered(line(1, 4)), order("SO-2", {"/lines/0/patient/authorization_id": "AU-Y"}))
    correct(warehouse, "SO-2", "AU-X")
    now(warehouse, authorized)
    assert units(warehouse.ledger) == {"AU-X": 9}
    assert stands(warehouse.ledger) == {1: expected}
    assert stands(warehouse.ledger, "SO-2") == {1: []}
    assert_sound(warehouse.ledger)


def test_what_people_say_is_of_another_is_not_taken_off_twice(warehouse: Warehouse) -> None:
    """What was released later on the authorization, and is another's by now, makes no room on it."""
    warehouse.judge(ordered(line(1, 1), order_id="SO-0"), ordered(line(1, 4)), ordered(line(1, 5), order_id="SO-2"))
    correct(warehouse, "SO-2", "AU-Y")
    now(warehouse, 4)
    assert units(warehouse.ledger) == {"AU-X": 5, "AU-Y": 5}
    assert (stands(warehouse.ledger, "SO-0"), stands(warehouse.ledger)) == ({1: []}, {1: [EXHAUSTED]})
    assert held(warehouse.ledger) == [(1, 4, 0)]
    assert_sound(warehouse.ledger)


def test_what_people_say_stayed_is_not_taken_off_twice(warehouse: Warehouse) -> None:
    """What was released later on the authorization, and is void by now, makes no room on it."""
    last = ordered(line(1, 5, lot="R1"), order_id="SO-2")
    warehouse.judge(ordered(line(1, 1), order_id="SO-0"), ordered(line(1, 4)), last)
    now(warehouse, 1000, RECALL)
    record, book = str((live(warehouse.ledger, "SO-2") or {})["record_id"]), Always(warehouse.ledger.rules)
    name = voiding.propose(warehouse.ledger.engine, record, "It is on the shelf.", ANNA, book, warehouse.terms)
    voiding.approve(warehouse.ledger.engine, str(name), "Seen too.", BERT, book, warehouse.terms)
    now(warehouse, 4, RECALL)
    assert units(warehouse.ledger) == {"AU-X": 5}
    assert (stands(warehouse.ledger, "SO-0"), stands(warehouse.ledger)) == ({1: []}, {1: [EXHAUSTED]})
    assert held(warehouse.ledger) == [(1, 4, 0)]
    assert_sound(warehouse.ledger)


def correct(warehouse: Warehouse, order_id: str, authorization_id: str) -> None:
    """Two people say whose the goods of a rejected record are."""
    record = str((live(warehouse.ledger, order_id) or {})["record_id"])
    Rems(warehouse.ledger).say(acknowledgement(record, "rejected"))
    name = propose(warehouse.ledger.engine, record, RecordChanges(authorization_id=authorization_id), "Seen.", ANNA)
    approve(warehouse.ledger.engine, str(name), "Seen too.", BERT, Always(warehouse.ledger.rules), warehouse.terms)


def test_a_row_without_it_is_decided_as_before(warehouse: Warehouse) -> None:
    """Where nothing is held nothing is kept, and rows of before have none."""
    warehouse.judge(ordered(line(1, 4), line(2, 2)))
    [row] = warehouse.ledger.rows(tables.EXAMINATION)
    assert "held" not in json.loads(row[9])
    assert case_of(row[9]).held == ()
