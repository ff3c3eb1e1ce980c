"""The oracle's two halves agree with each other, over worlds that reach every reason."""

from collections import Counter
from datetime import datetime

from hypothesis import given, settings

from tests.oracle.answering import answer, is_repeat
from tests.oracle.conditions import REASONS
from tests.oracle.history import History, LineAnswer, Order
from tests.oracle.registry import Known
from tests.oracle.violations import restrictions, violations
from tests.worlds import TWO_PACKAGES, World, worlds

OF_ORDERS = ("order_contradicts", "order_superseded")


def judged(world: World) -> list[tuple[Order, dict[str, object], LineAnswer, History]]:
    """Each line of a world that is no repeat, with its answer and the history before it."""
    found, history = [], History()
    for order in world.orders:
        if is_repeat(order, history, world.program):
            continue
        before = History(list(history.messages), list(history.releases))
        lines = answer(order, world.facts, world.at, history, world.program)
        for line, line_answer in zip(order["lines"], lines, strict=True):
            found.append((order, line, line_answer, before))
            if line_answer.outcome == "released":
                before = before.with_release(history.releases[len(before.releases)])
    return found


@given(worlds())
def test_a_line_is_released_exactly_where_every_condition_holds(world: World) -> None:
    """What is released or not covered breaks no condition of what may leave; what is stopped breaks one."""
    for order, line, line_answer, before in judged(world):
        known = Known(world.facts, world.at, world.program)
        broken = violations(order, line, line_answer.site_id, known, before)
        if line_answer.outcome == "not_covered":
            assert restrictions(line, known) == []
        else:
            assert bool(broken) is (line_answer.outcome != "released"), (line_answer, broken)


def test_worlds_reach_every_reason() -> None:
    """Each reason comes in some world, and about two covered lines in five are released."""
    codes: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()

    @settings(max_examples=600, database=None, derandomize=True)
    @given(worlds())
    def count(world: World) -> None:
        for _, _, line_answer, _ in judged(world):
            codes.update(code.strip("()") for code in line_answer.codes)
            outcomes[line_answer.outcome] += not set(line_answer.codes) & set(OF_ORDERS)

    count()

    assert {*REASONS, *OF_ORDERS, "product_unknown", "product_ambiguous"} - set(codes) == set()
    assert 0.3 < outcomes["released"] / (outcomes.total() - outcomes["not_covered"]) < 0.5


def test_a_product_is_ambiguous_where_two_packages_fit() -> None:
    """Unhyphenated, the NDC fits two rows of a table; a GTIN beside it settles which."""
    order = {
        "order_id": "SO-1",
        "wholesaler_id": "WD-1",
        "ship_on": "2026-11-20",
        "ship_from": {"site_id": "DC-07"},
        "ship_to": {"rems_site_id": "HF1", "address": {"street": "1 A St", "city": "B", "state": "MA", "postal_code": "02110"}},
    }
    lines = [
        {"line": 1, "product": {"ndc": "5846802001"}, "quantity": 1},
        {"line": 2, "product": {"ndc": "5846802001", "gtin": "00358468020017"}, "quantity": 1},
        {"line": 3, "product": {"ndc": "5846802001", "gtin": "00300937180562"}, "quantity": 1},
    ]

    found = answer(order | {"lines": lines}, [], datetime.fromisoformat("2026-11-20T15:00:00Z"), History(), TWO_PACKAGES)

    assert [line.codes for line in found] == [["product_ambiguous"], ["site_unknown", "patient_missing"], ["product_ambiguous"]]
