"""What a line holds is held where it was used up: by patient, by product, and by serial also where no record could be made yet."""

import json
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.gate import Rules
from gatekeeper.goods import bypasses
from gatekeeper.people.access import Person
from gatekeeper.programs import load_programs
from gatekeeper.storage import tables
from tests.gate.following import Always
from tests.gate.ledger import BUILT_IN, Ledger, Wire, authorization, order, two_programs
from tests.gate.shelves import live
from tests.gate.test_again import wrong
from tests.gate.test_answers import CAMPATH
from tests.gate.test_balance import assert_uses
from tests.gate.test_bypass import SHIP_TO, WHOLE, read_on
from tests.gate.test_events import MANY
from tests.gate.test_other_goods import OTHER
from tests.gate.test_records_live import FIVE, SERIALISED, serials, shipped
from tests.gate.test_revisions import units
from tests.gate.test_serials_out import ask_for, owner
from tests.gate.warehouse import Warehouse, event

ALPHAS: Wire = {"product": {"ndc": "54321-0200-1"}}
NOBODYS: Wire = {key: value for key, value in WHOLE.items() if key != "patient"} | {"serials": FIVE}
"""Goods of nobody known: no record can be made of them."""


@pytest.fixture
def warehouse(ledger: Ledger) -> Warehouse:
    ledger.load(authorization("AU-MANY", 1000))
    return Warehouse(ledger)


def past_gate(warehouse: Warehouse, **line: Any) -> None:
    warehouse.tell(event("shipped", "SO-9", lines=[NOBODYS | line], ship_to=SHIP_TO))


@pytest.mark.parametrize("first", ["other", "own"])
def test_units_are_used_up_of_whom_they_went_to(warehouse: Warehouse, first: str) -> None:
    """Two of five for another patient: three of the first's may still leave, or have left."""
    warehouse.judge(order("SO-1", MANY))
    told = {"other": shipped(quantity=2, patient=OTHER), "own": shipped(quantity=3)}
    warehouse.tell(told.pop(first))
    assert units(warehouse.ledger) == ({"AU-MANY": 3, "AU-2": 2} if first == "other" else {"AU-MANY": 5})
    assert_uses(warehouse.ledger)
    warehouse.tell(*told.values())
    assert units(warehouse.ledger) == {"AU-MANY": 3, "AU-2": 2}
    assert_uses(warehouse.ledger)


@pytest.mark.parametrize(("first", "then"), [({"serials": ["A", "B"]}, {}), ({"serials": ["C", "D", "E"]}, {"quantity": 2})])
def test_what_left_for_another_without_a_name_is_out(warehouse: Warehouse, first: Wire, then: Wire) -> None:
    """All that left of the first is known by name; the others left for the second, whichever they are."""
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(shipped(**first), shipped(patient=OTHER, **then))
    assert set(serials(warehouse.ledger)) == set(FIVE)
    assert_uses(warehouse.ledger)
    assert {ask_for(warehouse, serial, f"SO-2{serial}") for serial in FIVE} == {"stopped"}


@pytest.mark.parametrize("first", ["other", "own"])
def test_what_was_told_of_each_is_held_of_each(warehouse: Warehouse, first: str) -> None:
    """Also where it is more than was released; whoever was told first."""
    warehouse.judge(order("SO-1", SERIALISED))
    told = {"other": shipped(patient=OTHER), "own": shipped(serials=["A", "B"])}
    warehouse.tell(told.pop(first), *told.values())
    assert units(warehouse.ledger) == {"AU-MANY": 2, "AU-2": 5}
    assert set(serials(warehouse.ledger)) == set(FIVE)
    assert_uses(warehouse.ledger)


def test_what_nobody_restricts_takes_nothing_from_what_left_beside_it(warehouse: Warehouse) -> None:
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(shipped(quantity=2, patient=OTHER), shipped(lot="L2"), shipped(quantity=5, product=CAMPATH["product"]))
    assert units(warehouse.ledger) == {"AU-MANY": 3, "AU-2": 2}
    assert set(serials(warehouse.ledger)) == set(FIVE)
    assert_uses(warehouse.ledger)


def test_what_may_still_leave_of_one_product_is_held_beside_what_left_of_another(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.ledger.rules = two_programs(tmp_path)
    warehouse.judge(order("SO-1", SERIALISED))
    warehouse.tell(shipped(serials=["V", "W"], **ALPHAS))
    assert ask_for(warehouse, "C", "SO-2") == "stopped", "C may still leave"
    assert set(serials(warehouse.ledger)) == {*FIVE, "V", "W"}
    assert len({row[1] for row in warehouse.ledger.rows(tables.SERIAL)}) == 2
    assert_uses(warehouse.ledger)
    warehouse.tell(shipped(serials=["C", "D", "E"]))
    assert set(serials(warehouse.ledger)) == {"C", "D", "E", "V", "W"}
    assert {row[1]: row[2] for row in warehouse.ledger.rows(tables.UNITS)} == {"alpha": 2, "lemtrada": 3}
    assert_uses(warehouse.ledger)


@pytest.mark.parametrize("settled", [True, False])
def test_serials_of_goods_without_a_record_are_out(warehouse: Warehouse, settled: bool) -> None:  # noqa: FBT001
    """While their order is waited for, and after it was in vain; people complete it as ever."""
    past_gate(warehouse)
    if settled:
        read_on(warehouse, {0: 0})
        warehouse.follow()
    assert ask_for(warehouse, "A", "SO-2") == "stopped"
    assert {owner(warehouse, serial) for serial in FIVE} == {"SO-9"}
    assert_uses(warehouse.ledger)
    read_on(warehouse, {0: 1})
    warehouse.follow()
    complete(warehouse, {"patient": json.loads(order())["lines"][0]["patient"]})
    assert (live(warehouse.ledger, "SO-9") or {})["serials"] == FIVE
    assert_uses(warehouse.ledger)


def test_an_order_is_not_stopped_by_its_own_goods(warehouse: Warehouse) -> None:
    """They left before it came: it is released, or stays stopped for another reason and can be released later."""
    past_gate(warehouse)
    warehouse.judge(order("SO-9", SERIALISED | {"/lines/0/patient/authorization_id": "AU-NEW"}))
    assert live(warehouse.ledger, "SO-9") is None
    warehouse.follow()
    assert ask_for(warehouse, "A", "SO-2") == "stopped"
    warehouse.ledger.load(authorization("AU-MANY", 1000), authorization("AU-NEW", 1000))
    warehouse.follow()
    assert "outside_gate" not in (live(warehouse.ledger, "SO-9") or {})
    assert {owner(warehouse, serial) for serial in FIVE} == {"SO-9"}
    assert wrong(warehouse.ledger) == []
    assert_uses(warehouse.ledger)


def test_goods_whose_serials_another_line_has_are_recorded_without_them(warehouse: Warehouse) -> None:
    """The other had them first: people say how many left, and name no serial; none is free before both gave it up."""
    warehouse.judge(order("SO-1", SERIALISED))
    past_gate(warehouse, patient=WHOLE["patient"])
    read_on(warehouse, {0: 1})
    warehouse.follow()
    [bypass] = bypasses.listed(warehouse.ledger.engine, every=True)
    assert (bypass.state, bypass.lacks) == ("open", "serial_of_another_line")
    complete(warehouse, {"quantity": 5, "serials": []})
    record = live(warehouse.ledger, "SO-9") or {}
    assert (record["quantity"], record.get("serials"), record["outside_gate"]) == (5, None, True)
    assert {owner(warehouse, serial) for serial in FIVE} == {"SO-1"}
    warehouse.tell(event("cancelled"))
    warehouse.follow()
    assert {owner(warehouse, serial) for serial in FIVE} == {"SO-9"}
    assert ask_for(warehouse, "A", "SO-3") == "stopped"
    assert wrong(warehouse.ledger) == []
    assert_uses(warehouse.ledger)


def complete(warehouse: Warehouse, said: Wire) -> None:
    engine, book = warehouse.ledger.engine, Always(warehouse.ledger.rules)
    [bypass] = bypasses.listed(engine, every=True)
    completion = bypasses.read_completion(json.dumps(said).encode())
    bypasses.complete(engine, str(bypass.bypass_id), completion, "Seen.", Person("u-1", "U"), book, warehouse.terms)
    bypasses.approve(engine, str(bypass.bypass_id), "Seen too.", Person("u-2", "V"), book, warehouse.terms)


PALLET: Wire = {"quantity": 1, "unit": "pallet"}
TO_OTHER: Wire = PALLET | {"patient": OTHER}


@pytest.mark.parametrize(
    ("told", "staying", "leaving"),
    [
        ([{"quantity": 2, "patient": OTHER}, PALLET], {"AU-2": 2, "AU-MANY": 3}, {"AU-2": 2, "AU-MANY": 3}),
        ([{"quantity": 2}, TO_OTHER], {"AU-MANY": 2, "AU-2": 3}, {"AU-MANY": 5, "AU-2": 3}),
        ([{"quantity": 2, "patient": OTHER}, {"quantity": 1}, TO_OTHER], {"AU-2": 4, "AU-MANY": 1}, {"AU-2": 4, "AU-MANY": 3}),
    ],
)
def test_what_left_in_a_unit_that_nobody_can_convert_is_all_that_nobody_else_has(
    warehouse: Warehouse, told: list[Wire], staying: dict[str, int], leaving: dict[str, int]
) -> None:
    """For whom it left as much counts as may have; also where the rest is known to stay, and nothing more may leave."""
    warehouse.judge(order("SO-1", MANY))
    warehouse.tell(*[shipped(**each) for each in told])
    assert units(warehouse.ledger) == leaving
    assert_uses(warehouse.ledger)
    warehouse.tell(event("cancelled", lines=[1]))
    assert units(warehouse.ledger) == staying
    assert_uses(warehouse.ledger)


def test_two_products_of_one_program_count_together(warehouse: Warehouse, tmp_path: Path) -> None:
    """On the one authorization: three of what was released may still leave, and two of another package left."""
    warehouse.ledger.rules = two_packages(tmp_path)
    warehouse.judge(order("SO-1", MANY))
    warehouse.tell(shipped(quantity=2, product={"ndc": "58468-0200-2"}))
    assert units(warehouse.ledger) == {"AU-MANY": 5}
    assert_uses(warehouse.ledger)


def two_packages(folder: Path) -> Rules:
    """Lemtrada with one package more."""
    rules = (BUILT_IN / "lemtrada.toml").read_text(encoding="utf-8")
    start = rules.index("[[packages]]")
    package = rules[start : rules.index("units = {", start)] + "units = { vial = 1 }\n"
    more = package.replace("58468-0200-1", "58468-0200-2").replace("00358468020017", "00358468020024")
    (folder / "lemtrada.toml").write_text(rules[:start] + more + "\n" + rules[start:], encoding="utf-8")
    return Rules.of(load_programs(folder))
