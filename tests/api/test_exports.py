"""Whole lists as CSV and JSON lines: what the lists say, from one state, harmless in spreadsheets, masked, on record."""

import csv
import io
import json
from typing import Any

import msgspec
import pytest
from werkzeug.test import TestResponse

from gatekeeper.api import order_list, tables
from gatekeeper.api.tables import harmless, rows
from gatekeeper.listing import catch_up
from gatekeeper.storage import tables as kept
from tests.api.desk import PURPOSE, Desk
from tests.api.test_order_list import MANY, PATH, filled, listed
from tests.gate.ledger import order

__all__ = ["filled"]
FORMULA = "=HYPERLINK(1)"


def read(answer: TestResponse) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.data
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))


def lines(answer: TestResponse) -> list[Any]:
    assert answer.status_code == 200, answer.data
    return [json.loads(line) for line in answer.data.splitlines()]


@pytest.mark.parametrize("query", ["", "state=open&sort=oldest", "outcome=held", "q=so-1", "site_id=HF1&sort=ship_on"])
def test_orders_are_those_of_the_list(filled: Desk, query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_list, "AT_ONCE", 2)
    catch_up(filled.engine)
    wanted = listed(filled, query)
    assert wanted
    assert lines(filled.ask(f"/v1/exports/orders?format=jsonl&{query}")) == wanted
    said = [(row["order_id"], int(row["line"]), row["outcome"], row["reasons"]) for row in read(filled.ask(f"/v1/exports/orders?{query}"))]
    shown = [(one["order_id"], line["line"], line["outcome"], "|".join(line["reasons"])) for one in wanted for line in one["lines"]]
    assert said == shown


def test_a_search_by_body_leaves_whole_and_is_on_record(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What must not stand in a URL: by the same permission as the search, with what for."""
    monkeypatch.setattr(order_list, "AT_ONCE", 2)
    patient = json.loads(order())["lines"][0]["patient"]["patient_id"]
    asked = {"patient_id": patient, "purpose": "a complaint", "state": "settled"}
    wanted = filled.answer("/v1/orders/searches", method="POST", json=asked | {"limit": 200})["orders"]
    assert len(wanted) > 1
    export = "/v1/exports/orders/searches"
    answer = filled.ask(export, "compliance-officer", method="POST", json=asked | {"format": "jsonl"})
    assert lines(answer) == wanted
    said = read(filled.ask(export, method="POST", json=asked))
    assert [row["order_id"] for row in said] == [one["order_id"] for one in wanted for _ in one["lines"]]
    assert patient.encode() not in answer.data
    by_name = filled.ask(export, "auditor", method="POST", json={"purpose": "looking", "q": patient, "format": "jsonl"})
    assert lines(by_name) == []
    assert sorted(row[1:4] for row in filled.ledger.rows(kept.INQUIRY)) == [
        ("export", "export_order_search", "looking"),
        ("patients", "export_order_search", "a complaint"),
        ("patients", "export_order_search", "a complaint"),
        ("patients", "search_orders", "a complaint"),
    ]
    assert filled.problem(export, "auditor", method="POST", json=asked) == "not-permitted"
    assert filled.problem(export, method="POST", json=asked | {"limit": 5}) == "invalid-body"
    assert filled.problem(export, method="POST", json={"state": "open"}) == "invalid-body"


def test_limits_of_the_token_hold(filled: Desk) -> None:
    catch_up(filled.engine)
    assert {row["wholesaler_id"] for row in read(filled.ask("/v1/exports/orders", wholesalers=["WD-2"]))} == {"WD-2"}
    assert filled.problem("/v1/exports/orders?wholesaler_id=WD-001", wholesalers=["WD-2"]) == "not-permitted"
    assert filled.problem("/v1/exports/refusals", programs=["lemtrada"]) == "not-permitted"
    assert filled.problem("/v1/exports/distribution-records?program=lemtrada", wholesalers=["WD-2"]) == "not-permitted"
    assert filled.problem("/v1/exports/orders?q=AU-MANY") == "invalid-parameters"
    assert filled.problem("/v1/exports/orders?limit=1") == "invalid-parameters"
    assert filled.problem("/v1/exports/orders?format=xls") == "invalid-parameters"


def test_other_lists_are_those_of_their_pages(filled: Desk) -> None:
    filled.ledger.judge(b"rubbish", b"\xff")
    assert lines(filled.ask("/v1/exports/refusals?format=jsonl")) == filled.answer("/v1/refusals")["refusals"]
    assert [row["refusal_id"] for row in read(filled.ask("/v1/exports/refusals"))] == [
        one["refusal_id"] for one in filled.answer("/v1/refusals")["refusals"]
    ]
    alerts = [shown["alert"] | {"state": shown["state"]} for shown in filled.answer("/v1/alerts")["alerts"]]
    assert alerts
    assert lines(filled.ask("/v1/exports/alerts?format=jsonl")) == alerts
    assert [row["alert_id"] for row in read(filled.ask("/v1/exports/alerts"))] == [one["alert_id"] for one in alerts]
    shown = filled.answer("/v1/sites?program=lemtrada&at=2026-11-20&known_at=2026-11-20T17:00:01Z&limit=200")["sites"]
    export = "/v1/exports/sites?program=lemtrada&at=2026-11-20&known_at=2026-11-20T17:00:01Z"
    assert lines(filled.ask(f"{export}&format=jsonl")) == shown
    assert [row["site_id"] for row in read(filled.ask(export))] == [one["site_id"] for one in shown]


def test_records_are_masked_unless_for_a_purpose_and_on_record(filled: Desk) -> None:
    path = "/v1/exports/distribution-records?program=lemtrada"
    feed = filled.answer("/v1/distribution-records?program=lemtrada")["records"]
    assert lines(filled.ask(f"{path}&format=jsonl")) == feed
    assert {row["patient_id"] for row in read(filled.ask(path))} == {"masked"}
    shown = read(filled.ask(f"{path}&after=1", headers=PURPOSE))
    assert [row["sequence"] for row in shown] == [str(record["sequence"]) for record in feed[1:]]
    assert "masked" not in {row["patient_id"] for row in shown}
    assert filled.problem(path, "auditor", headers=PURPOSE) == "not-permitted"
    told = [(row[1], row[2], row[3], row[8], row[9]) for row in filled.ledger.rows(kept.INQUIRY)]
    last = len(feed)
    assert sorted(told, key=str) == sorted([
        ("export", "export_records", None, 1, last), ("export", "export_records", None, 1, last),
        ("patients", "export_records", PURPOSE["Gatekeeper-Purpose"], 2, last),
    ], key=str)  # fmt: skip


def test_every_export_is_on_record(filled: Desk) -> None:
    for what in ("orders", "alerts", "refusals", "sites?program=lemtrada"):
        assert filled.ask(f"/v1/exports/{what}").status_code == 200
    said = {row[2] for row in filled.ledger.rows(kept.INQUIRY)}
    assert said == {"export_orders", "export_alerts", "export_refusals", "export_sites"}


def test_a_spreadsheet_computes_nothing(filled: Desk) -> None:
    filled.ledger.judge(order("SO-77", MANY | {"/ship_to/name": FORMULA}))
    catch_up(filled.engine)
    [row] = read(filled.ask("/v1/exports/orders?q=SO-77"))
    assert row["site_name"] == f"'{FORMULA}"
    [whole] = lines(filled.ask("/v1/exports/orders?q=SO-77&format=jsonl"))
    assert whole["site_name"] == FORMULA


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\ta", "\ra", "\uff1d1", "\uff0b1", "\uff0d1", "\uff20a"])
def test_cells_that_begin_a_formula(text: str) -> None:
    assert harmless(text) == f"'{text}"
    [_, row] = rows([{"a": text, "b": [text, "x"], "c": 'say "so", please'}], tables.CSV, ("a", "b", "c", "d"))
    assert next(csv.reader(io.StringIO(row.decode(), newline=""))) == [f"'{text}", f"'{text}|x", 'say "so", please', ""]
    # Who parts cells by semicolons begins one after each.
    assert harmless(f"a;{text};b") == f"a;'{text};b"
    for marks in ('"', '""'):
        [_, row] = rows([{"a": "x", "b": f"x;{marks}{text};y"}], tables.CSV, ("a", "b"))
        for parted in (";", ","):
            cells = next(csv.reader(io.StringIO(row.decode(), newline=""), delimiter=parted))
            assert not any(harmless(cell) != cell for cell in cells), cells


@pytest.mark.parametrize("form", [tables.CSV, tables.LINES])
def test_rows_leave_some_at_a_time(form: str) -> None:
    """Each as if it had left by itself, and none is waited for longer than the piece needs."""
    taken: list[int] = []
    documents = ({"a": {"b": number}} for number in range(250) if taken.append(number) is None)  # type: ignore[func-returns-value]
    pieces = rows(documents, form, ("a.b",))
    head = [next(pieces)] if form == tables.CSV else []
    assert taken == []
    assert next(pieces).count(b"\n") == len(taken) == tables.AT_ONCE
    assert [piece.count(b"\n") for piece in pieces] == [100, 50]
    apart = [b"".join(rows([{"a": {"b": number}}], form, ("a.b",))).removeprefix(b"".join(head)) for number in range(250)]
    whole = b"".join(rows([{"a": {"b": number}} for number in range(250)], form, ("a.b",)))
    assert whole == b"".join(head + apart)


def test_one_state_of_the_ledger(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives while rows leave is not among them; and no more than so many exports run at a time."""
    monkeypatch.setattr(order_list, "AT_ONCE", 2)
    monkeypatch.setattr(tables, "AT_ONCE", 1)
    catch_up(filled.engine)
    wanted = [one["order_id"] for one in listed(filled, "sort=oldest")]
    with filled.client.open(
        "/v1/exports/orders?format=jsonl&sort=oldest", headers={"Authorization": filled.bearer()}, buffered=False
    ) as answer:
        parts = answer.iter_encoded()
        seen = [next(parts)]
        filled.ledger.judge(order("SO-88", MANY))
        catch_up(filled.engine)
        under_way = filled.app.extensions["gatekeeper"].exports
        assert under_way.acquire(blocking=False)
        refused = filled.ask("/v1/exports/alerts")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
        under_way.release()
        seen += list(parts)
    assert [json.loads(line)["order_id"] for part in seen for line in part.splitlines()] == wanted
    assert filled.ask("/v1/exports/alerts").status_code == 200
    assert filled.answer(f"{PATH}?q=SO-88")["orders"]


def test_a_record_is_masked_as_any_document(filled: Desk) -> None:
    bodies = [row[7] for row in filled.ledger.rows(kept.DISTRIBUTION_RECORD)]
    shown = [bytes(filled.let_out(msgspec.Raw(body))) for body in bodies]
    assert [json.loads(body) for body in shown] == [filled.let_out(json.loads(body)) for body in bodies]
    assert shown != bodies
