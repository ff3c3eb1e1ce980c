"""The list of orders: what it shows is what the ledger holds, by any filter; pages neither skip nor repeat while orders arrive."""

import itertools
import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from gatekeeper.storage import tables
from tests.api.desk import Desk
from tests.gate.ledger import NOON, Wire, authorization, order

PATH = "/v1/orders"
SEARCH = "/v1/orders/searches"
MANY: Wire = {"/lines/0/patient/authorization_id": "AU-MANY"}
CAMPATH: Wire = {"line": 2, "product": {"ndc": "58468-0357-1"}, "quantity": 1}
ADDRESS: Wire = json.loads(order())["ship_to"]["address"]
SERIALS = ["S1", "S2", "S3", "S4", "S5"]
FILTERS = {
    "outcome": ["released", "held", "blocked", "not_covered", "withdrawn"],
    "reason": ["patient_missing", "lot_recalled", "order_contradicts", "site_unknown"],
    "program": ["lemtrada"],
    "site_id": ["HF1", "NONE"],
    "wholesaler_id": ["WD-001", "WD-2"],
    "state": ["open", "settled"],
    "lot": ["A1", "A2"],
    "serial": ["S1"],
    "from": ["2026-11-20T17:00:02Z"],
    "to": ["2026-11-20T17:00:04Z"],
    "q": ["so-1", "HARBOR", "hf1", "10023"],
}


@pytest.fixture
def filled(desk: Desk) -> Desk:
    """Orders of all kinds, each a second after the one before."""
    recall = {"fact": "recall", "program": "lemtrada", "sequence": 991, "effective_on": "2026-11-10", "ndc": "58468-0200-1", "lot": "A2"}
    desk.ledger.load(authorization("AU-MANY", 9999), recall | {"status": "recalled"})
    line = json.loads(order())["lines"][0]
    sent = [
        order("SO-1", MANY | {"/lines/0/lot": "A1", "/ship_to/name": "Harbor Infusion"}),
        order("SO-2", {"/lines/0/patient": None}),
        order("SO-3", MANY | {"/lines/0/lot": "A2"}),
        order("SO-4", MANY | {"/wholesaler_id": "WD-2", "/lines/0/serials": SERIALS}),
        order("SO-5", {"/lines/0": CAMPATH | {"line": 1}}),
        order("SO-6", MANY | {"/lines/1": CAMPATH, "/lines/2": line | {"line": 3, "patient": {}}}),
        order("SO-1", MANY | {"/revision": 2, "/lines/0/patient": None}),
        order("SO-7", MANY),
        order("SO-7", MANY | {"/lines/0/lot": "A1"}),
        order("SO-8", MANY | {"/ship_to": {"rems_site_id": "NONE", "address": ADDRESS}}),
    ]
    for second, message in enumerate(sent):
        desk.ledger.set_clock(NOON + timedelta(seconds=second))
        desk.ledger.judge(message)
    return desk


def listed(desk: Desk, query: str = "", limit: int = 2, **options: Any) -> list[Any]:
    """All pages."""
    orders: list[Any] = []
    cursor = ""
    while True:
        page = desk.answer(f"{PATH}?limit={limit}&{query}{cursor}".rstrip("&"), **options)
        assert len(page["orders"]) <= limit
        orders += page["orders"]
        if page["next"] is None:
            return orders
        cursor = f"{'&' if query else ''}cursor={page['next']}"


def current(desk: Desk) -> dict[str, dict[int, tuple[str, list[str]]]]:
    """By order, of each line of the highest revision what the last examination said that names it: from the ledger's own rows."""
    rows = [dict(zip(tables.EXAMINATION.columns.keys(), row, strict=True)) for row in desk.ledger.rows(tables.EXAMINATION)]
    found: dict[str, dict[int, tuple[str, list[str]]]] = {}
    for row in rows:
        if row["revision"] < max(other["revision"] for other in rows if other["order_id"] == row["order_id"]):
            continue
        now: dict[int, tuple[str, list[str]]] = {}
        for body in filter(None, (row["released"], row["stopped"])):
            for line in json.loads(body)["lines"]:
                outcome, codes = now.get(line["line"], (line["outcome"], []))
                now[line["line"]] = (outcome, codes + [reason["code"] for reason in line.get("reasons", ())])
        found.setdefault(row["order_id"], {}).update(now)
    return found


def test_the_list_says_what_the_ledger_holds(filled: Desk) -> None:
    shown = {one["order_id"]: {line["line"]: (line["outcome"], line["reasons"]) for line in one["lines"]} for one in listed(filled)}
    assert shown == current(filled)
    assert [one["order_id"] for one in listed(filled)] == ["SO-8", "SO-7", "SO-6", "SO-5", "SO-4", "SO-3", "SO-2", "SO-1"]
    assert [one["order_id"] for one in listed(filled, "sort=oldest")] == ["SO-1", "SO-2", "SO-3", "SO-4", "SO-5", "SO-6", "SO-7", "SO-8"]
    held = {(row[2], row[1]) for row in filled.ledger.rows(tables.OPEN_LINE)}
    assert {(one["order_id"], line["line"]) for one in listed(filled) for line in one["lines"] if line["open"]} == held


def fits(desk: Desk, one: dict[str, Any], query: dict[str, str]) -> bool:
    """Whether an order of the whole list is what these filters ask for; goods and names from the order as it came."""
    whole = desk.answer(f"{PATH}/{one['wholesaler_id']}/{one['order_id']}")
    content = next(each["case"]["order"] for each in whole["examinations"] if each["revision"] == one["revision"])
    ordered = {line["line"]: line for line in content["lines"]}
    of_lines = {
        "outcome": lambda line, value: line["outcome"] == value,
        "reason": lambda line, value: value in line["reasons"],
        "program": lambda line, value: line["program"] == value,
        "site_id": lambda line, value: line["site_id"] == value,
        "lot": lambda line, value: ordered[line["line"]].get("lot") == value,
        "serial": lambda line, value: value in ordered[line["line"]].get("serials", []),
    }
    ship_to = content["ship_to"]
    words = [ship_to[name] for name in ship_to if name != "address"] + [line["site_id"] or "" for line in one["lines"]]
    begun = [word.lower() for word in (one["order_id"], one["order_id"].partition("-")[2], *words, *ship_to.get("name", "").split())]
    of_order = {
        "wholesaler_id": lambda value: one["wholesaler_id"] == value,
        "state": lambda value: one["state"] == value,
        "from": lambda value: one["received_at"] >= value.replace("Z", ".000Z"),
        "to": lambda value: one["received_at"] < value.replace("Z", ".000Z"),
        "q": lambda value: any(word.startswith(value.lower()) for word in begun),
    }
    asked = {name: value for name, value in query.items() if name in of_lines}
    whole_fits = all(of_order[name](value) for name, value in query.items() if name in of_order)
    return whole_fits and any(all(of_lines[name](line, value) for name, value in asked.items()) for line in one["lines"])


def test_filters_combine_freely(filled: Desk) -> None:
    """Every filter alone, and every two: exactly those of the whole list that are asked for."""
    every = listed(filled, limit=200)
    single = [{name: value} for name, values in FILTERS.items() for value in values]
    pairs = [first | second for first, second in itertools.combinations(single, 2) if first.keys() != second.keys()]
    found = 0
    whole = {(one["order_id"], index): fits(filled, one, query) for index, query in enumerate(single) for one in every}
    for query in (*single, *pairs[::7]):
        wanted = [one["order_id"] for one in every if fits(filled, one, query)] if len(query) > 1 else [
            one["order_id"] for one in every if whole[one["order_id"], single.index(query)]
        ]  # fmt: skip
        words = "&".join(f"{name}={value}" for name, value in query.items())
        assert [one["order_id"] for one in listed(filled, words, limit=200)] == wanted, query
        found += bool(wanted)
    assert found > len(single) // 2


@pytest.mark.parametrize("sort", ["newest", "oldest", "ship_on"])
def test_pages_stay_right_while_orders_arrive(filled: Desk, sort: str) -> None:
    """Between the pages new orders arrive: what stays is seen once."""
    before = [one["order_id"] for one in listed(filled, f"sort={sort}")]
    seen: list[str] = []
    cursor, number = "", 100
    while True:
        page = filled.answer(f"{PATH}?limit=2&sort={sort}{cursor}")
        seen += [one["order_id"] for one in page["orders"]]
        if page["next"] is None:
            break
        if number < 110:
            filled.ledger.judge(order(f"SO-{number}", MANY))
        number += 1
        cursor = f"&cursor={page['next']}"
    assert [name for name in seen if name in before] == before
    assert len(set(seen)) == len(seen)
    assert (len(seen) > len(before)) is (sort != "newest")


def test_limits_of_the_token(filled: Desk) -> None:
    assert {one["wholesaler_id"] for one in listed(filled, wholesalers=["WD-2"])} == {"WD-2"}
    limited = listed(filled, programs=["lemtrada"])
    assert "SO-5" not in [one["order_id"] for one in limited]
    assert [[line["line"] for line in one["lines"]] for one in limited if one["order_id"] == "SO-6"] == [[1, 3]]
    assert listed(filled, programs=["tegsedi"]) == []


def test_a_patient_never_stands_in_a_url(filled: Desk) -> None:
    line = json.loads(order())["lines"][0]
    for word in (line["patient"]["patient_id"], "AU-MANY", f"so-1 {line['patient']['patient_id']}"):
        answer = filled.ask(f"{PATH}?q={word}")
        assert json.loads(answer.data)["errors"][0]["parameter"] == "q"
        assert word.encode() not in answer.data
    assert filled.problem(f"{PATH}?patient_id=P-1") == "invalid-parameters"
    for name, text in (("lot", "P-1"), ("lot", "lot of (p-7)"), ("serial", "P-9"), ("site_id", "AU-ZZZZ"), ("site_id", "x:P-1")):
        answer = filled.ask(f"{PATH}?{name}={quote(text)}&q=so")
        assert [error["parameter"] for error in json.loads(answer.data)["errors"]] == [name], text
        assert text.encode() not in answer.data
        assert filled.problem(f"/v1/exports/orders?{name}={quote(text)}") == "invalid-parameters"
        assert filled.answer(SEARCH, method="POST", json={name: text, "purpose": "looking"})["orders"] == []
    for text in ("P-1", "(p-7)", "P-1,", "patient:P-1", "x 'P-1'", "P-1."):
        assert filled.problem(f"{PATH}?q={quote(text)}") == "invalid-parameters", text


def test_searches_for_patients_are_on_record(filled: Desk) -> None:
    body = {"patient_id": json.loads(order())["lines"][0]["patient"]["patient_id"], "purpose": "a complaint", "state": "settled"}
    page = filled.answer(SEARCH, "compliance-officer", method="POST", json=body)
    wanted = [one["order_id"] for one in listed(filled, "state=settled") if one["order_id"] in {"SO-3", "SO-4", "SO-6", "SO-7"}]
    assert [one["order_id"] for one in page["orders"]] == wanted
    [row] = filled.ledger.rows(tables.INQUIRY)
    name = row[0]
    assert row[1:5] == ("patients", "search_orders", "a complaint", len(wanted))
    assert body["patient_id"] not in json.dumps(row, default=str)
    assert filled.problem(SEARCH, "auditor", method="POST", json=body) == "not-permitted"
    plain = filled.answer(SEARCH, "auditor", method="POST", json={"purpose": "looking", "state": "open", "limit": 1})
    again = {"purpose": "looking on", "state": "open", "limit": 200, "cursor": plain["next"]}
    rest = filled.answer(SEARCH, "auditor", method="POST", json=again)
    assert [one["order_id"] for one in plain["orders"] + rest["orders"]] == [one["order_id"] for one in listed(filled, "state=open")]
    told = sorted(row[1:5] for row in filled.ledger.rows(tables.INQUIRY) if row[0] != name)
    assert told == [
        ("search", "search_orders", purpose, len(found["orders"])) for purpose, found in (("looking", plain), ("looking on", rest))
    ]


@pytest.mark.parametrize(("sent", "problems"), [
    (b"{}", {"/purpose": "Must be given."}),
    (b'{"purpose": "x", "purpose": "y"}', {"": "A member stands twice."}),
    (b'{"purpose": null}', {"/purpose": "Must not be null."}),
    (b'{"purpose": "x", "limit": "5"}', {"/limit": "Must be a whole number from 1 to 200."}),
    (b'{"purpose": "x", "colour": 1}', {"/colour": "Is not in the contract."}),
    (b'{"purpose": "a\\u0000b"}', {"/purpose": "Must be a text of 1 to 200 characters on one line."}),
    (b'{"purpose": "  "}', {"/purpose": "Must be a text of 1 to 200 characters on one line."}),
    (b'{"purpose": "\\u3000\\u200b"}', {"/purpose": "Must be a text of 1 to 200 characters on one line."}),
    (b"\xff", {"": "Is not UTF-8."}),
    (b"[" * 5000, {"": "Nests more than 16 deep."}),
    (b"[]", {"": "Must be an object."}),
])  # fmt: skip
def test_a_body_is_read_strictly(desk: Desk, sent: bytes, problems: dict[str, str]) -> None:
    answer = desk.ask(SEARCH, method="POST", data=sent, content_type="application/json")
    assert answer.status_code == 400
    assert {error["pointer"]: error["detail"] for error in json.loads(answer.data)["errors"]} == problems
    assert desk.problem(SEARCH, method="POST", data=b"{}", content_type="text/plain") == "unsupported-media-type"
    assert desk.problem(SEARCH, method="POST", data=b" " * 70_000, content_type="application/json") == "too-large"


def test_all_words_of_a_name_must_be_its(filled: Desk) -> None:
    filled.ledger.judge(order("SO-90", MANY | {"/ship_to/name": "Elsewhere Infusion"}))
    assert [one["order_id"] for one in listed(filled, "q=infus elsewh")] == ["SO-90"]
    assert listed(filled, "q=harbor elsewhere") == []
