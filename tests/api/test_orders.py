"""One order whole: what the API shows is what the ledger holds; patients are masked, other programs' lines left out."""

import json
from typing import Any

import msgspec
import pytest

from gatekeeper.api import order_list
from gatekeeper.audit import Walked
from gatekeeper.storage import tables
from tests.api.desk import PURPOSE, Desk
from tests.feed.rems import MANY, Rems, acknowledgement
from tests.gate.ledger import Wire, authorization, order
from tests.gate.test_revisions import revision
from tests.gate.warehouse import Warehouse, event
from tests.test_audit import walked

PATH = "/v1/orders/WD-001/SO-1"
PATIENT = json.loads(order())["lines"][0]["patient"]
SUSPENDED: Wire = {
    "fact": "site", "program": "lemtrada", "sequence": 990, "effective_on": "2026-11-20", "site_id": "HF1", "class": "healthcare_facility",
    "status": "suspended",
}  # fmt: skip


def said(desk: Desk) -> dict[int, list[dict[str, Any]]]:
    """By examination, the lines of its messages, as they are in the ledger."""
    found = {}
    for row in desk.ledger.rows(tables.EXAMINATION):
        found[row[0]] = [line for body in (row[11], row[10]) if body is not None for line in json.loads(body)["lines"]]
    return found


def test_everything_that_was_decided(desk: Desk) -> None:
    """A released order, revised: what was withdrawn and why, the record and its void, the alert, and both cases."""
    desk.ledger.load()
    desk.ledger.judge(order())
    desk.ledger.judge(revision(2, {"/lines/0/lot": "OTHER"}))
    shown = desk.answer(PATH, headers=PURPOSE)
    assert (shown["revision"], shown["state"], shown["ship_on"], shown["patients"]) == (
        2,
        "settled",
        json.loads(order())["ship_on"],
        "shown",
    )
    examined = [(one["revision"], one["examination"], one["cause"]) for one in shown["examinations"]]
    assert examined == [(1, 1, "message"), (1, 2, "superseded"), (2, 1, "message")]
    for one, lines in zip(shown["examinations"], said(desk).values(), strict=True):
        merged = {name: value for line in lines for name, value in line.items() if value != []}
        [line] = one["lines"]
        assert {name: line[name] for name in merged} == merged
    first, withdrawn, _ = shown["examinations"]
    assert withdrawn["withdraws"] is not None
    assert [line["outcome"] for line in withdrawn["lines"]] == ["withdrawn"]
    assert [reason["code"] for reason in withdrawn["lines"][0]["reasons"]] == ["order_superseded"]
    assert (withdrawn["case"], first["case"]["order"]["order_id"]) == (None, "SO-1")
    assert [record["record"]["kind"] for record in shown["records"]] == ["original", "void", "original"]
    records = sorted((json.loads(row[7]) for row in desk.ledger.rows(tables.DISTRIBUTION_RECORD)), key=lambda record: record["sequence"])
    assert [record["record"] for record in shown["records"]] == records
    assert [alert["kind"] for alert in shown["alerts"]] == ["released_order_superseded"]


def test_a_stopped_order_says_why_and_since_when(desk: Desk) -> None:
    desk.ledger.load(SUSPENDED)
    desk.ledger.judge(order())
    shown = desk.answer(PATH)
    [line] = shown["examinations"][0]["lines"]
    assert (shown["state"], shown["open_since"], line["open"]) == ("open", "2026-11-20T17:00:00.000Z", True)
    reason = next(reason for reason in line["reasons"] if reason["code"] == "site_suspended")
    assert reason["remedy"]
    assert reason["evidence"]["fact_sequence"] == 990


def test_patients_are_masked_everywhere(desk: Desk) -> None:
    """Not one of an order's patients, authorizations or what is theirs among the answers shows without purpose and permission."""
    desk.ledger.load()
    desk.ledger.judge(order(), order("SO-2", {"/lines/0/patient/patient_id": "P-NOBODY"}))
    for path, role in ((PATH, "lead"), (PATH, "auditor"), ("/v1/orders/WD-001/SO-2", "lead")):
        answer = desk.ask(path, role)
        assert answer.get_json()["patients"] == "masked"
        for value in (PATIENT["patient_id"], PATIENT["authorization_id"], "P-NOBODY"):
            assert f'"{value}"'.encode() not in answer.data
        assert b'"patient_id":"masked"' in answer.data
    assert not desk.ledger.rows(tables.INQUIRY)
    assert desk.problem(PATH, "auditor", headers=PURPOSE) == "not-permitted"


def test_what_others_write_freely_names_no_patient(desk: Desk) -> None:
    """A REMS's own words may name any patient; a carrier, a tracking number and a note those of the order."""
    desk.ledger.load(authorization("AU-MANY", 1000))
    rems = Rems(desk.ledger)
    [record] = rems.records(1, MANY)
    rems.say(acknowledgement(record, "rejected", problem="P-00001234 is not ours."))
    Warehouse(desk.ledger).tell(event("shipped", lines=[{"line": 1, "quantity": 5}], carrier="Van for (p-1), AU-MANY", tracking="P-12"))
    desk.act(f"{PATH}/notes", json={"text": "P-1 called."})
    shown = desk.answer(PATH, "compliance-reader")
    assert shown["records"][0]["acknowledgement"]["problem"] == "masked"
    [told] = shown["events"]
    assert (told["carrier"], told["tracking"]) == ("Van for (masked), masked", "P-12")
    assert shown["work"]["entries"][0]["text"] == "masked called."
    whole = desk.answer(PATH, headers=PURPOSE)
    assert whole["records"][0]["acknowledgement"]["problem"] == "P-00001234 is not ours."
    assert whole["events"][0]["carrier"] == "Van for (p-1), AU-MANY"


def test_a_record_that_names_its_patient_elsewhere_is_masked_there(desk: Desk) -> None:
    desk.ledger.load(authorization("AU-MANY", 1000))
    desk.ledger.judge(order("SO-1", MANY | {"/ship_to/name": "Home of p-1, AU-MANY"}))
    feed = "program=lemtrada"
    [record] = desk.answer(f"/v1/distribution-records?{feed}")["records"]
    assert (record["ship_to"]["name"], record["patient_id"]) == ("Home of masked, masked", "masked")
    export = desk.ask(f"/v1/exports/distribution-records?{feed}&format=jsonl").get_data()
    assert json.loads(export)["ship_to"]["name"] == "Home of masked, masked"


def test_a_patient_who_is_called_as_something_else_hides_only_himself(desk: Desk) -> None:
    """Ids that are also a unit, a kind and the name of a member."""
    named = {"patient_id": "lot", "authorization_id": "vial"}
    document = {"kind": "original", "lot": "L1", "unit": "vial", **named}
    record = document | {"record_id": "R", "program": "lemtrada", "sequence": 1, "ship_to": {"name": "The lot"}}
    for each, name in ((document, None), (record, {"name": "The masked"})):
        hidden = each | dict.fromkeys(named, "masked") | ({} if name is None else {"ship_to": name})
        assert msgspec.json.decode(desk.let_out(msgspec.Raw(msgspec.json.encode(each)))) == hidden
        assert desk.let_out(msgspec.json.decode(msgspec.json.encode(each))) == hidden
    desk.ledger.load()
    desk.ledger.judge(order("SO-1", {"/lines/0/patient": {"patient_id": "unit", "authorization_id": "held"}}))
    assert (desk.answer(PATH)["examinations"][0]["lines"][0]["outcome"], desk.answer(PATH)["patients"]) == ("held", "masked")
    asked = [asked["question"] for asked in desk.answer(PATH)["examinations"][0]["case"]["asked"]]
    assert ["patient", "lemtrada", "masked"] in asked


def test_who_saw_an_orders_patients_shows_with_the_order(desk: Desk) -> None:
    desk.ledger.load()
    desk.ledger.judge(order())
    shown = desk.answer(PATH, "compliance-officer", headers=PURPOSE)
    assert shown["examinations"][0]["case"]["order"]["lines"][0]["patient"] == PATIENT
    assert shown["looked"] == []
    looked = desk.answer(PATH, "auditor")["looked"]
    assert looked == [{"person": "u-17", "name": "J. Rivera", "at": "2026-11-20T17:00:00.000Z", "purpose": "checks for a test"}]


def test_who_read_an_orders_records_shows_with_the_order(desk: Desk) -> None:
    """By page or as an export, with patients; not who read other records, or read them masked."""
    desk.ledger.load(authorization("AU-MANY", 1000))
    desk.ledger.judge(order("SO-0", MANY), order("SO-1", MANY))
    feed, export = "/v1/distribution-records?program=lemtrada", "/v1/exports/distribution-records?program=lemtrada"
    desk.answer(feed)
    assert desk.ask(f"{export}&after=9", headers=PURPOSE).status_code == 200
    desk.answer(f"{feed}&limit=1", headers=PURPOSE, person="u-1")
    assert desk.answer(PATH)["looked"] == []
    desk.answer(feed, headers=PURPOSE, person="u-2")
    assert desk.ask(f"{export}&after=1", headers=PURPOSE, person="u-3").get_data()
    assert [who["person"] for who in desk.answer(PATH)["looked"]] == ["u-2", "u-3"]
    assert [who["person"] for who in desk.answer("/v1/orders/WD-001/SO-0")["looked"]] == ["u-1", "u-2"]


def test_who_found_an_order_by_its_patients_shows_with_the_order(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """By page or as an export of however many pages; one entry a call. Not who searched for others, or for no patient."""
    monkeypatch.setattr(order_list, "AT_ONCE", 1)
    desk.ledger.load(authorization("AU-MANY", 1000))
    other = {"/lines/0/patient/patient_id": "P-2"}
    desk.ledger.judge(*[order(f"SO-{number}", MANY) for number in range(3)], order("SO-3", MANY | other))
    search, export = "/v1/orders/searches", "/v1/exports/orders/searches"
    asked = {"patient_id": "P-1", "purpose": "a complaint"}
    for person, more in (("u-1", {}), ("u-2", {"patient_id": "P-2"}), ("u-3", {"limit": 1})):
        desk.answer(search, method="POST", json=asked | more, person=person)
    desk.answer(search, method="POST", json={"purpose": "looking"}, person="u-4")
    assert desk.ask(export, method="POST", json=asked, person="u-5").get_data()
    looked = [[who["person"] for who in desk.answer(f"/v1/orders/WD-001/SO-{number}")["looked"]] for number in range(4)]
    assert looked == [["u-1", "u-5"], ["u-1", "u-5"], ["u-1", "u-3", "u-5"], ["u-2"]]
    assert {who["purpose"] for who in desk.answer(PATH)["looked"]} == {"a complaint"}
    assert len(desk.ledger.rows(tables.INQUIRY)) == 5
    assert isinstance(walked(desk.ledger.engine), Walked)
    assert "P-1" not in str(desk.ledger.rows(tables.INQUIRED_ORDER))


def test_the_version_of_an_order_tells_nothing_of_others(desk: Desk) -> None:
    desk.ledger.load()
    desk.ledger.judge(*[order(f"SO-{number}") for number in range(9, 0, -1)])
    first, other = [desk.ask(f"/v1/orders/WD-001/SO-{number}").headers["ETag"] for number in (1, 9)]
    assert first == other
    assert desk.act(f"{PATH}/notes", json={"text": "Called."}).headers["ETag"] == desk.ask(PATH).headers["ETag"] != first


def test_what_is_not_there_and_what_may_not_be_seen_look_the_same(desk: Desk) -> None:
    desk.ledger.load()
    desk.ledger.judge(order())
    none = desk.ask("/v1/orders/WD-001/SO-9")
    hidden = desk.ask(PATH, programs=["tegsedi"])
    assert (none.status_code, none.data) == (404, hidden.data)
    foreign = [desk.ask(path, wholesalers=["WD-2"]) for path in (PATH, "/v1/orders/WD-001/SO-9")]
    assert [answer.status_code for answer in foreign] == [403, 403]
    assert foreign[0].data == foreign[1].data


def test_lines_of_other_programs_are_left_out(desk: Desk) -> None:
    """A line that no program claims shows only to a token that is not limited to some programs; and so does the case."""
    desk.ledger.load()
    line = json.loads(order())["lines"][0]
    desk.ledger.judge(order("SO-1", {"/lines/1": line | {"line": 2, "product": {"ndc": "0009-0039-28"}}}))
    every = desk.answer(PATH)["examinations"][0]
    limited = desk.answer(PATH, programs=["lemtrada"])["examinations"][0]
    assert ([one["line"] for one in every["lines"]], [one["line"] for one in limited["lines"]]) == ([1, 2], [1])
    assert (every["case"] is None, limited["case"] is None) == (False, True)


def test_where_a_serial_went_out_before_is_not_told_of_another_wholesaler(desk: Desk) -> None:
    desk.ledger.load()
    serials = {"/lines/0/serials": [f"S{number}" for number in range(json.loads(order())["lines"][0]["quantity"])]}
    desk.ledger.judge(order("SO-9", serials | {"/wholesaler_id": "WD-2"}), order("SO-1", serials))
    every, limited = desk.ask(PATH), desk.ask(PATH, wholesalers=["WD-001"])
    assert b"WD-2/SO-9" in every.data
    assert b"SO-9" not in limited.data


def test_events_show_with_their_order(desk: Desk) -> None:
    desk.ledger.load()
    desk.ledger.judge(order())
    Warehouse(desk.ledger).tell(event("shipped", lines=[{"line": 1, "quantity": 5}]))
    assert [event["event"] for event in desk.answer(PATH)["events"]] == ["shipped"]
