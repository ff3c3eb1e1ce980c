"""Counts over the same filters, the words of `q`, and cursors while others write."""

import json
from threading import Event, Thread
from typing import Any

import pytest

from gatekeeper.listing import follow
from gatekeeper.storage import order_list
from tests.api.desk import Desk
from tests.api.test_order_list import FILTERS, MANY, PATH, SEARCH, filled, listed
from tests.gate.ledger import authorization, order

__all__ = ["filled"]


def counted(orders: list[Any], query: dict[str, str]) -> dict[str, dict[str, int]]:
    """Of the lines of these orders that are what is asked for of a line, how many have which outcome and reason."""
    counts: dict[str, dict[str, int]] = {"outcomes": {}, "reasons": {}}
    for line in [line for one in orders for line in one["lines"]]:
        said = {"outcome": [line["outcome"]], "reason": line["reasons"], "program": [line["program"]], "site_id": [line["site_id"]]}
        if any(query[name] not in values for name, values in said.items() if name in query):
            continue
        for kind, names in (("outcomes", [line["outcome"]]), ("reasons", line["reasons"])):
            for name in names:
                counts[kind][name] = counts[kind].get(name, 0) + 1
    return counts


def test_counts_are_over_the_same_filters(filled: Desk) -> None:
    """Every filter alone, and with another; lot and serial tell nothing in the list, so they are alone."""
    names = ("outcome", "reason", "program", "site_id", "wholesaler_id", "state", "from", "q")
    single = [{name: value} for name in names for value in FILTERS[name]]
    for query in [*single, *[first | {"state": "open"} for first in single], *[first | {"site_id": "HF1"} for first in single]]:
        words = "&".join(f"{name}={value}" for name, value in query.items())
        page = filled.answer(f"{PATH}?limit=200&{words}")
        assert page["counts"] == counted(page["orders"], query), query
    assert filled.answer(f"{PATH}?serial=S1")["counts"]["outcomes"] == {"released": 1}
    assert filled.answer(f"{PATH}?lot=A2")["counts"] == {"outcomes": {"blocked": 1}, "reasons": {"lot_recalled": 1}}


def test_more_than_are_counted_exactly(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as few:
        few.setattr("gatekeeper.api.order_list.COUNTED", 2)
        few.setattr(order_list, "COUNTED", 2)
        for query in ("", "from=2026-11-20T17:00:00Z", "q=so", "site_id=HF1"):
            counts = json.loads(filled.ask(f"{PATH}?{query}").data)["counts"]["outcomes"]
            assert counts["held"] == "more than 10,000", query


def test_later_pages_have_no_counts(filled: Desk) -> None:
    first = filled.answer(f"{PATH}?limit=1")
    assert first["counts"] is not None
    assert filled.answer(f"{PATH}?limit=1&cursor={first['next']}")["counts"] is None


def test_the_list_says_how_far_it_has_come(desk: Desk) -> None:
    desk.ledger.load(authorization("AU-MANY", 99))
    desk.ledger.judge(order("SO-1", MANY))
    page = desk.answer(PATH)
    assert (page["as_of"], len(page["orders"])) == ("2026-11-20T17:00:00.000Z", 1)


@pytest.mark.parametrize(("q", "found"), [
    ("harb", {"SO-1"}), ("infusion harbor", {"SO-1"}), ("SO-1", {"SO-1"}), ("1", {"SO-1"}), ("arbor", set()), ("harbor nowhere", set()),
    ("%", set()), ("so_1", set()), ("\U0001f600", set()),
])  # fmt: skip
def test_what_q_begins(desk: Desk, q: str, found: set[str]) -> None:
    desk.ledger.load(authorization("AU-MANY", 99))
    desk.ledger.judge(order("SO-1", MANY | {"/ship_to/name": "Harbor Infusion"}))
    assert {one["order_id"] for one in desk.answer(PATH, query_string={"q": q})["orders"]} == found


def test_a_blank_is_no_filter(desk: Desk) -> None:
    assert desk.problem(f"{PATH}?q=%20") == "invalid-parameters"
    answer = desk.ask(SEARCH, method="POST", json={"q": " ", "purpose": "x"})
    assert json.loads(answer.data)["errors"] == [{"pointer": "/q", "detail": "Must not be blank."}]


def test_what_begins_too_much_is_refused(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_list, "MOST_ORDERS", 3)
    assert [one["order_id"] for one in filled.answer(f"{PATH}?q=so-1")["orders"]] == ["SO-1"]
    assert filled.problem(f"{PATH}?q=so") == "invalid-parameters"
    answer = filled.ask(SEARCH, method="POST", json={"q": "so", "purpose": "x"})
    assert json.loads(answer.data)["errors"][0]["pointer"] == "/q"


def test_what_others_have_makes_nothing_too_much(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither orders nor sites that the token does not see are counted: whether there are few or many of them is not told."""
    monkeypatch.setattr(order_list, "MOST_ORDERS", 1)
    for q in ("so", "4", "so-4"):
        assert [one["order_id"] for one in filled.answer(f"{PATH}?q={q}", wholesalers=["WD-2"])["orders"]] == ["SO-4"]
    assert filled.problem(f"{PATH}?q=so") == "invalid-parameters"
    monkeypatch.setattr(order_list, "MOST_ORDERS", 6)
    assert filled.problem(f"{PATH}?q=so") == "invalid-parameters"
    assert len(filled.answer(f"{PATH}?q=so", programs=["lemtrada"])["orders"]) == 6
    filled.ledger.judge(*[order(f"SO-9{site}", MANY | {"/ship_to/name": f"Quay {site}"}) for site in "ab"])
    filled.ledger.judge(order("SX-9", MANY | {"/ship_to/name": "Quay a", "/wholesaler_id": "WD-2"}))
    monkeypatch.setattr(order_list, "MOST_ADDRESSEES", 1)
    monkeypatch.setattr(order_list, "MOST_OF_A_WORD", 1)
    assert filled.problem(f"{PATH}?q=quay") == "invalid-parameters"
    assert [one["order_id"] for one in filled.answer(f"{PATH}?q=quay", wholesalers=["WD-2"])["orders"]] == ["SX-9"]
    assert filled.answer(f"{PATH}?q=quay", wholesalers=["WD-3"])["orders"] == []


def test_a_site_counts_once_however_many_send_there(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"/ship_to/name": "Quay Quayside Quays"}
    filled.ledger.judge(order("SX-1", MANY | names), order("SX-2", MANY | names | {"/wholesaler_id": "WD-2"}))
    monkeypatch.setattr(order_list, "MOST_ADDRESSEES", 1)
    monkeypatch.setattr(order_list, "MOST_OF_A_WORD", 1)
    assert [one["order_id"] for one in filled.answer(f"{PATH}?q=quay")["orders"]] == ["SX-2", "SX-1"]


def test_q_does_not_tell_who_is_enrolled(desk: Desk) -> None:
    """An id that is written as patients' are is refused, be there such a patient or not; by the body it is searched for."""
    desk.ledger.load(authorization("AU-MANY", 99))
    [known] = {line["patient"]["patient_id"] for line in json.loads(order())["lines"]}
    unknown = known[:-1] + ("7" if known[-1] != "7" else "8")
    told = [desk.ask(f"{PATH}?q={word}", role) for word in (known, unknown) for role in ("compliance-reader", "lead")]
    assert len({answer.data for answer in told}) == 1
    assert json.loads(told[0].data)["errors"][0]["parameter"] == "q"
    assert desk.answer(f"{PATH}?q=SO{known[1:]}")["orders"] == []
    assert desk.answer(SEARCH, "compliance-reader", method="POST", json={"q": known, "purpose": "x"})["orders"] == []


@pytest.mark.parametrize("sort", ["newest", "oldest", "ship_on"])
def test_pages_stay_right_while_others_write(desk: Desk, sort: str) -> None:
    """Orders arrive and are judged, and the list follows, while it is read page by page: none is skipped, none repeated."""
    desk.ledger.load(authorization("AU-MANY", 9999))
    names = [f"SO-{number}" for number in range(30)]
    desk.ledger.judge(*[order(name, MANY) for name in names])
    stop, wrote = Event(), Event()

    def write() -> None:
        number = 100
        while not stop.is_set():
            desk.ledger.judge(order(f"SO-{number}", MANY), order(f"SX-{number}", {"/lines/0/patient": None}))
            number += 1
            wrote.set()

    desk.answer(PATH)
    threads = [Thread(target=write), Thread(target=follow, args=(desk.engine, stop))]
    for thread in threads:
        thread.start()
    try:
        assert wrote.wait(30)
        seen = [one["order_id"] for one in listed(desk, f"sort={sort}&outcome=released", limit=3)[:200]]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert len(set(seen)) == len(seen)
    assert sorted(name for name in seen if name in names) == sorted(names)


def test_a_site_is_found_by_its_rarest_word(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_list, "MOST_OF_A_WORD", 1)
    filled.ledger.judge(order("SO-90", MANY | {"/ship_to/name": "Quay Infusion Center"}))
    assert filled.problem(f"{PATH}?q=infusion") == "invalid-parameters"
    assert [one["order_id"] for one in filled.answer(f"{PATH}?q=infusion%20quay")["orders"]] == ["SO-90"]
