"""What becomes of alerts, by people: once, on record, and shown."""

import json
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from gatekeeper.examinations.recording import Terms
from gatekeeper.people.access import Person
from gatekeeper.storage import tables
from tests.api.desk import Desk
from tests.gate.ledger import authorization, order
from tests.gate.test_bypass import MANY, PATIENT, SHIP_TO, bypasses, read_completion
from tests.gate.test_revisions import revision
from tests.gate.warehouse import Warehouse, event

WHY = {"decision": "acted_on", "reason": "The warehouse was called."}


@pytest.fixture
def alerted(desk: Desk) -> str:
    """An alert about a release that was withdrawn: the path of its decisions."""
    desk.ledger.load()
    desk.ledger.judge(order(), revision(2))
    [shown] = desk.answer("/v1/alerts?state=open")["alerts"]
    assert (shown["state"], shown["decision"]) == ("open", None)
    return f"/v1/alerts/{shown['alert']['alert_id']}/decisions"


def test_an_alert_is_decided_once(desk: Desk, alerted: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda person: desk.act(alerted, person=person, json=WHY), ["u-1", "u-2", "u-3"]))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    [row] = desk.ledger.rows(tables.ALERT_DECISION)
    assert row[1:3] == ("acted_on", "The warehouse was called.")
    [shown] = desk.answer("/v1/alerts?state=decided")["alerts"]
    assert (shown["state"], shown["decision"]["person"], shown["decision"]["name"]) == ("decided", row[3], "J. Rivera")
    assert [answer.get_json() for answer in answers if answer.status_code == 200] == [shown]
    assert desk.answer("/v1/alerts?state=open")["alerts"] == []


def test_an_alert_of_others_is_not_there(desk: Desk, alerted: str) -> None:
    none = desk.act(f"/v1/alerts/{UUID(int=1)}/decisions", json=WHY)
    for limits in ({"wholesalers": ["WD-2"]}, {"programs": ["tegsedi"]}):
        hidden = desk.act(alerted, json=WHY, **limits)
        assert (hidden.status_code, hidden.data) == (404, none.data)
    assert desk.act("/v1/alerts/1/decisions", json=WHY).status_code == 404
    for body in ({"decision": "maybe", "reason": "x"}, {"decision": "no_action"}, {"reason": "x"}, []):
        assert desk.act(alerted, json=body).status_code == 400
    assert desk.ledger.rows(tables.ALERT_DECISION) == []


def test_an_alert_about_an_order_is_of_whoever_sees_its_lines(desk: Desk, alerted: str) -> None:
    """It names no program itself. Where one line is of another program or of none it is as hidden as what people wrote about the order."""
    limits = {"wholesalers": ["WD-001"], "programs": ["lemtrada"]}
    seen = desk.answer("/v1/alerts", "compliance-officer", **limits)["alerts"]
    assert [shown["alert"]["order_id"] for shown in seen] == ["SO-1"]
    assert desk.answer("/v1/alerts?program=lemtrada")["alerts"] == desk.answer("/v1/alerts?program=lemtrada", **limits)["alerts"] == seen
    assert desk.answer("/v1/alerts", programs=["tegsedi"])["alerts"] == []
    assert desk.answer("/v1/alerts?program=tegsedi")["alerts"] == []
    other = json.loads(order())["lines"][0] | {"line": 2, "product": {"ndc": "00093-7180-56"}, "serials": []}
    desk.ledger.judge(order("SO-1", {"/revision": 3, "/lines/1": other}))
    assert desk.answer("/v1/alerts", **limits)["alerts"] == []
    assert desk.act(alerted, "compliance-officer", json=WHY, **limits).status_code == 404
    assert len(desk.answer("/v1/alerts")["alerts"]) == len(desk.answer("/v1/alerts?program=lemtrada")["alerts"]) == 2


def test_who_sees_the_lines_decides_the_alert(desk: Desk, alerted: str) -> None:
    limits = {"wholesalers": ["WD-001"], "programs": ["lemtrada"]}
    assert desk.act(alerted, "compliance-officer", json=WHY, **limits).status_code == 200
    assert [shown["state"] for shown in desk.answer("/v1/alerts", **limits)["alerts"]] == ["decided"]


def test_the_alert_about_a_bypass_is_decided_when_its_record_was_made(desk: Desk) -> None:
    desk.ledger.load(authorization("AU-MANY", 1000))
    warehouse = Warehouse(desk.ledger)
    line = json.loads(order())["lines"][0]
    warehouse.judge(order("SO-1", MANY | {"/lines/0/patient": None}))
    warehouse.tell(event("shipped", lines=[{"line": 1, "quantity": 5, "product": line["product"]}], ship_to=SHIP_TO))
    [found] = bypasses.listed(desk.ledger.engine, every=True)
    assert [shown["state"] for shown in desk.answer("/v1/alerts?kind=shipment_bypassed")["alerts"]] == ["open"]
    said = read_completion(json.dumps({"patient": PATIENT}).encode())
    more = (desk.app.extensions["gatekeeper"].book, Terms())
    bypasses.complete(desk.ledger.engine, str(found.bypass_id), said, "The form was found.", Person("u-1", "A"), *more)
    bypasses.approve(desk.ledger.engine, str(found.bypass_id), "I saw it.", Person("u-2", "B"), *more)
    [shown] = desk.answer("/v1/alerts?kind=shipment_bypassed")["alerts"]
    assert (shown["state"], shown["decision"]["decision"], shown["decision"]["person"]) == ("decided", "approved", "u-2")


def test_an_order_shows_every_alert_about_it(desk: Desk) -> None:
    """Also one that no examination raised: that goods left past the gate. It may speak of any line, so it shows to who sees all of them."""
    desk.ledger.load(authorization("AU-MANY", 1000))
    warehouse = Warehouse(desk.ledger)
    warehouse.judge(order("SO-1", MANY | {"/lines/0/patient": None}), order("SO-1", MANY | {"/wholesaler_id": "WD-2"}))
    line = json.loads(order())["lines"][0]
    warehouse.tell(event("shipped", lines=[{"line": 1, "quantity": 5, "product": line["product"]}], ship_to=SHIP_TO))
    path = "/v1/orders/WD-001/SO-1"
    assert [alert["kind"] for alert in desk.answer(path)["alerts"]] == ["shipment_bypassed"]
    assert [alert["kind"] for alert in desk.answer(path, programs=["lemtrada"])["alerts"]] == ["shipment_bypassed"]
    assert desk.answer("/v1/orders/WD-2/SO-1")["alerts"] == []
    other = {"line": 2, "product": {"ndc": "00093-7180-56"}, "quantity": 1}
    warehouse.judge(order("SO-1", MANY | {"/revision": 2, "/lines": [line, other]}))
    assert desk.answer(path, programs=["lemtrada"])["alerts"] == []
    assert desk.answer(path)["alerts"][0]["kind"] == "shipment_bypassed"
