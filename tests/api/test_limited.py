"""What a token that is limited to a program learns of an order whose other lines are hidden: as if they were not there."""

import json
from datetime import timedelta

import pytest

from tests.api.desk import Desk
from tests.gate.ledger import NOON, order

PATH = "/v1/orders"
DAY = "/v1/digest?day=2026-11-20"
LIMITED = {"programs": ["lemtrada"]}
HIDDEN = json.loads(order())["lines"][0] | {"line": 2, "product": {"ndc": "58468-0200-9"}, "serials": []}


@pytest.fixture
def half(desk: Desk) -> Desk:
    """An order with a line that is released, and one of no program that is stopped; and one with a line that is stopped later."""
    desk.ledger.load()
    desk.ledger.judge(order("SO-1", {"/lines/1": HIDDEN}))
    desk.ledger.set_clock(NOON + timedelta(minutes=1))
    desk.ledger.judge(order("SO-2", {"/lines/0/patient": None}))
    return desk


def test_a_hidden_line_that_is_open_opens_nothing(half: Desk) -> None:
    every, limited = half.answer(PATH), half.answer(PATH, **LIMITED)
    assert [(each["order_id"], each["state"]) for each in every["orders"]] == [("SO-2", "open"), ("SO-1", "open")]
    assert [(each["order_id"], each["state"]) for each in limited["orders"]] == [("SO-2", "open"), ("SO-1", "settled")]
    for one in limited["orders"]:
        whole = half.answer(f"{PATH}/WD-001/{one['order_id']}", **LIMITED)
        assert {name: one[name] for name in ("state", "open_since")} == {name: whole[name] for name in ("state", "open_since")}
    opened, settled = (half.answer(f"{PATH}?state={state}", **LIMITED) for state in ("open", "settled"))
    assert [[each["order_id"] for each in page["orders"]] for page in (opened, settled)] == [["SO-2"], ["SO-1"]]
    assert (opened["counts"]["outcomes"], settled["counts"]["outcomes"]) == ({"held": 1}, {"released": 1})
    assert half.answer(f"{PATH}?state=open")["counts"]["outcomes"] == {"released": 1, "held": 2}
    assert half.answer(f"{PATH}?state=settled")["orders"] == []


def test_the_digest_tells_nothing_of_hidden_lines(half: Desk) -> None:
    every, limited = half.answer(DAY), half.answer(DAY, **LIMITED)
    assert [each["order"]["order_id"] for each in every["opened"]] == ["SO-1", "SO-2"]
    assert [each["order"]["order_id"] for each in limited["opened"]] == ["SO-2"]
    due = [half.answer("/v1/digest?day=2026-11-23", **limits)["due"] for limits in ({}, LIMITED)]
    assert [[each["order"]["order_id"] for each in several] for several in due] == [["SO-1", "SO-2"], ["SO-2"]]
    etag = half.ask(f"{PATH}/WD-001/SO-1").headers["ETag"]
    half.ask(f"{PATH}/WD-001/SO-1/settlements", method="POST", json={"reason": "not wanted"}, headers={"If-Match": etag})
    assert [half.answer(DAY, **limits)["cleared_orders"] for limits in ({}, LIMITED)] == [1, 0]


def test_the_oldest_open_one_by_what_is_seen(half: Desk) -> None:
    """A hidden line that waits since before moves no order in the list; nor does it date it."""
    half.ledger.set_clock(NOON + timedelta(minutes=2))
    half.ledger.judge(order("SO-1", {"/revision": 2, "/lines/0/patient": None, "/lines/1": HIDDEN}))
    oldest = f"{PATH}?state=open&sort=oldest"
    every, limited, several = (half.answer(oldest, programs=programs) for programs in (["*"], ["lemtrada"], ["lemtrada", "tegsedi"]))
    assert [(each["order_id"], each["open_since"][14:19]) for each in every["orders"]] == [("SO-1", "00:00"), ("SO-2", "01:00")]
    assert [(each["order_id"], each["open_since"][14:19]) for each in limited["orders"]] == [("SO-2", "01:00"), ("SO-1", "02:00")]
    # By what came first, for there is no index for each choice of programs.
    assert [(each["order_id"], each["open_since"][14:19]) for each in several["orders"]] == [("SO-1", "02:00"), ("SO-2", "01:00")]
    pages = [half.answer(f"{oldest}&limit=1", **LIMITED)]
    pages.append(half.answer(f"{oldest}&limit=1&cursor={pages[0]['next']}", **LIMITED))
    assert ([each["orders"][0]["order_id"] for each in pages], pages[1]["next"]) == (["SO-2", "SO-1"], None)
    for one in limited["orders"]:
        assert half.answer(f"{PATH}/WD-001/{one['order_id']}", **LIMITED)["open_since"] == one["open_since"]


def test_what_clears_of_hidden_lines_is_not_told(desk: Desk) -> None:
    """A line of no program is settled a day after the one that is seen was withdrawn by a revision."""
    desk.ledger.load()
    desk.ledger.judge(order("SO-1", {"/lines/0/patient": None, "/lines/1": HIDDEN}))
    campath = {"/revision": 2, "/lines/0/product": {"ndc": "58468-0357-1"}, "/lines/1": HIDDEN}
    desk.ledger.judge(order("SO-1", campath))
    etag = desk.ask(f"{PATH}/WD-001/SO-1").headers["ETag"]
    assert desk.answer(DAY)["cleared_orders"] == 0
    desk.ask(f"{PATH}/WD-001/SO-1/settlements", method="POST", json={"reason": "not wanted"}, headers={"If-Match": etag})
    assert desk.answer(DAY)["cleared_orders"] == 1
    assert desk.answer(DAY, **LIMITED)["cleared_orders"] == 0
