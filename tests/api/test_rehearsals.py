"""Asking ahead: the gate's own answers, and nothing is recorded but who asked about how many."""

import json
from typing import Any

import msgspec
import pytest

from gatekeeper.api.callers import Caller
from gatekeeper.api.rehearsals import answered
from gatekeeper.clock import now
from gatekeeper.domain.reasons import REASONS
from gatekeeper.examinations.recording import Terms
from gatekeeper.instants import read_instant
from gatekeeper.judging import rehearsal
from gatekeeper.people.access import Limits, Person
from gatekeeper.people.permissions import Permission
from gatekeeper.rules import RuleBook
from gatekeeper.storage import tables
from schemas.reading import Unreadable, read_order
from tests.api.desk import Desk
from tests.gate.ledger import GIVEN, Ledger, change, order, undone
from tests.gate.test_cases import DECIDED, tell
from tests.labelled import difference, messages, registry_file

PATH = "/v1/rehearsals"
EVERY = Limits(every=True, names=frozenset())
OFFICER = Caller(Person("u", "U"), frozenset(Permission), EVERY, EVERY)
SYSTEM = Caller(Person("u", "U"), frozenset({Permission.REHEARSE}), EVERY, EVERY)
OF_PATIENTS = {code for code in REASONS if code.startswith(("patient_", "prescriber_", "authorization_"))}
BOOK = RuleBook.read()


def asked(cursor: Any, raws: list[bytes], caller: Caller) -> list[dict[str, Any]]:
    """What a caller is answered, as labelled cases write it."""
    answer = msgspec.to_builtins(answered(cursor, raws, BOOK, Terms(), caller))
    return [
        {"refused": {"problems": one["refused"]}} if "refused" in one else {"repeat": one["repeat"], "lines": one["lines"]}
        for one in answer["orders"]
    ]


def test_every_labelled_case(ledger: Ledger) -> None:
    """A rehearsal answers every case as its label says, refusals too. Without the permission no answer hangs on a patient."""
    wrong: dict[str, Any] = {}
    told_nothing = 0
    for book, case in DECIDED:
        at = now() if case["at"] == "now" else read_instant(case["at"], "--at")
        with undone(ledger.engine) as cursor:
            cursor.execute("UPDATE clock.stopped SET at = %s", (at,))
            cursor.execute("UPDATE moving_tail SET at = '1970-01-01T00:00:00Z'")
            tell(cursor, registry_file(book, case).splitlines(), at)
            before = cursor.execute("SELECT block, examination FROM moving_tail").fetchone()
            said = asked(cursor, messages(book, case), OFFICER)
            unknowing = asked(cursor, messages(book, case), SYSTEM)
            assert cursor.execute("SELECT block, examination FROM moving_tail").fetchone() == before
        found = [difference(want, got) for want, got in zip(case["expect"], said, strict=True) if want is not None]
        lines = [line for one in unknowing for line in one.get("lines", ())]
        leaks = {reason["code"] for line in lines for reason in line["reasons"]} & OF_PATIENTS
        if any(found) or leaks or any(line["outcome"] == "released" and line["program"] == "lemtrada" for line in lines):
            wrong[case["id"]] = (found, leaks)
        told_nothing += sum(line["outcome"] == rehearsal.NOT_TOLD for line in lines)
    assert wrong == {}
    assert told_nothing > 50


PATIENTS = [
    {"/lines/0/patient/patient_id": "P-NOBODY"},
    {"/lines/0/patient/authorization_id": "AU-NONE"},
    {"/lines/0/patient/prescriber_id": "PR-NONE"},
    {"/lines/0/patient": None},
    {},
]


def test_an_order_system_learns_nothing_of_patients(desk: Desk) -> None:
    """Whoever the line is for, known or not, the answer is the same to the byte."""
    desk.ledger.load()
    answers = [desk.ask(PATH, "order-system", method="POST", data=order("SO-1", changes), content_type="application/x-ndjson")
               for changes in PATIENTS]  # fmt: skip
    assert len({answer.data for answer in answers}) == 1
    [one] = answers[0].get_json()["orders"]
    assert [(line["outcome"], line["reasons"]) for line in one["lines"]] == [("not_told", [])]
    stopped = [desk.answer(PATH, method="POST", json={"orders": [change(json.loads(order()), changes)]}) for changes in PATIENTS]
    codes = [{reason["code"] for reason in answer["orders"][0]["lines"][0]["reasons"]} for answer in stopped]
    assert codes == [{"patient_not_enrolled", "authorization_for_other_party"}, {"authorization_unknown"},
                     {"prescriber_not_certified", "authorization_for_other_party"}, {"patient_missing"}, set()]  # fmt: skip


def test_nothing_is_recorded_but_who_asked_about_how_many(desk: Desk) -> None:
    desk.ledger.load()
    evidence = {table: desk.ledger.rows(table) for table in tables.EVIDENCE}
    answer = desk.answer(PATH, "order-system", method="POST", json={"orders": [GIVEN["order"], GIVEN["order"] | {"order_id": "SO-2"}]})
    assert [one["order_id"] for one in answer["orders"]] == [GIVEN["order"]["order_id"], "SO-2"]
    changed = {table.name for table in tables.EVIDENCE if desk.ledger.rows(table) != evidence[table]}
    assert changed == {"inquiry"}
    [row] = desk.ledger.rows(tables.INQUIRY)
    assert row[1:5] == ("rehearsal", "rehearse_orders", None, 2)
    assert b"SO-2" not in msgspec.json.encode(row, enc_hook=str)


def test_what_an_order_would_use_up_counts_for_the_later_ones(desk: Desk) -> None:
    """As if they came one after the other; asked again, the answer is the same, for nothing of it stays."""
    desk.ledger.load()
    orders = {"orders": [json.loads(order(f"SO-{number}")) for number in range(3)]}
    first = desk.answer(PATH, method="POST", json=orders)
    outcomes = [one["lines"][0]["outcome"] for one in first["orders"]]
    assert outcomes == ["released", "held", "held"]
    assert desk.answer(PATH, method="POST", json=orders) == first


@pytest.mark.parametrize("wrong", [b'{"order_id": "\\ud800"}', b'{"\\udfff": {}}', b'{"order_id": "\\u0000"}', b'"SO-2"', b"9" * 5000])
def test_one_that_cannot_be_read_spoils_no_other(desk: Desk, wrong: bytes) -> None:
    """It is refused as the gate's own decoder refuses it."""
    desk.ledger.load()
    body = b' { "orders" : [ %b , %b,%b\n] } ' % (order("SO-1"), wrong, order("SO-3", {"/ship_to/name": "Praxis Süd"}))
    first, refused, last = desk.answer(PATH, method="POST", data=body, content_type="application/json")["orders"]
    read = read_order(wrong)
    assert isinstance(read, Unreadable)
    assert (refused["position"], refused["refused"]) == (2, read.problems)
    assert [(one["order_id"], one["lines"][0]["outcome"]) for one in (first, last)] == [("SO-1", "released"), ("SO-3", "held")]


def test_a_repeat_is_answered_as_it_was(desk: Desk) -> None:
    desk.ledger.load()
    desk.ledger.judge(order())
    [one] = desk.answer(PATH, method="POST", json={"orders": [json.loads(order())]})["orders"]
    assert (one["repeat"], [line["outcome"] for line in one["lines"]]) == (True, ["released"])
    [one] = desk.answer(PATH, "order-system", method="POST", json={"orders": [json.loads(order())]})["orders"]
    assert (one["repeat"], one["lines"]) == (True, [])


def test_others_orders_and_programs_are_not_to_be_asked_about(desk: Desk) -> None:
    desk.ledger.load()
    sent = {"orders": [json.loads(order())]}
    assert desk.problem(PATH, method="POST", json=sent, wholesalers=["WD-9"]) == "not-permitted"
    assert desk.problem(PATH, method="POST", json=sent, programs=["tegsedi"]) == "not-permitted"
    assert desk.ask(PATH, method="POST", json=sent, wholesalers=["WD-001"], programs=["lemtrada"]).status_code == 200
    assert len(desk.ledger.rows(tables.INQUIRY)) == 1


@pytest.mark.parametrize(("sent", "problems"), [
    (b"", {"": "Is not JSON."}),
    (b"[]", {"": "Must be an object."}),
    (b"{1: []}", {"": "Is not JSON."}),
    (b'{"orders": [{}],}', {"": "Is not JSON."}),
    (b'{"orders": [{} {}]}', {"": "Is not JSON."}),
    (b'{"orders": [{}]} {}', {"": "Is not JSON."}),
    (b"\xef\xbb\xbf{}", {"": "Is not JSON."}),
    (b'{"orders": [\xff]}', {"": "Is not JSON."}),
    (b"[" * 100_000, {"": "Nests more than 16 deep."}),
    (b'{"orders": NaN}', {"": "Is not JSON."}),
    (b"{}", {"/orders": "Must be given."}),
    (b'{"orders": null}', {"/orders": "Must be a list."}),
    (b'{"orders": [], "orders": [{}]}', {"": "Stands twice."}),
    (b'{"orders": [{}], "P-00001234": 1}', {"/*": "Is not in the contract."}),
    (b'{"orders": []}', {"/orders": "Must be 1 to 500 orders."}),
    (b'{"orders": [' + b",".join([b"{}"] * 501) + b"]}", {"/orders": "Must be 1 to 500 orders."}),
])  # fmt: skip
def test_a_body_that_is_no_list_of_orders(desk: Desk, sent: bytes, problems: dict[str, str]) -> None:
    answer = desk.ask(PATH, method="POST", data=sent, content_type="application/json")
    assert answer.status_code == 400, answer.data
    assert {error["pointer"]: error["detail"] for error in json.loads(answer.data)["errors"]} == problems
    assert b"P-0" not in answer.data
    assert not desk.ledger.rows(tables.INQUIRY)


def test_what_is_wrong_with_one_order_is_said_of_that_one(desk: Desk) -> None:
    answer = desk.answer(PATH, method="POST", data=b'{"orders": [7, {"lines": []}, {"a": 1, "a": 2}]}', content_type="application/json")
    assert [one["position"] for one in answer["orders"]] == [1, 2, 3]
    assert answer["orders"][0]["refused"] == {"": ["Must be an object."]}
    assert "/order_id" in answer["orders"][1]["refused"]
    assert "A member stands twice." in answer["orders"][2]["refused"][""]


def test_other_kinds_and_sizes_of_bodies(desk: Desk) -> None:
    assert desk.problem(PATH, method="POST", data=b"x", content_type="text/plain") == "unsupported-media-type"
    assert desk.problem(PATH, method="POST", data=b"x") == "unsupported-media-type"
    long = b" " * (8 * 1024 * 1024 + 1)
    assert desk.problem(PATH, method="POST", data=long, content_type="application/json") == "too-large"
