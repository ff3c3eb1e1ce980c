"""Work on orders: each step once, on what was seen, on record; and the gate does what the desk says."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gatekeeper.storage import tables
from tests.api.desk import Desk
from tests.gate.following import LIFTED, SUSPENDED, follow
from tests.gate.ledger import NOON, order
from tests.gate.test_answers import CAMPATH
from tests.gate.test_revisions import STOPPED, revision

PATH = "/v1/orders/WD-001/SO-1"
WHY = {"reason": "They do not want it."}


@pytest.fixture
def stopped(desk: Desk) -> Desk:
    """One order that is held because its site is suspended."""
    desk.ledger.load(SUSPENDED)
    desk.ledger.judge(order())
    return desk


def entries(desk: Desk) -> list[tuple[Any, ...]]:
    """Kind, text and person of all that was done."""
    return [(row[5], row[8], row[9]) for row in sorted(desk.ledger.rows(tables.DESK_ENTRY), key=lambda row: int(row[3]))]


def problem(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, json.loads(answer.data)["type"].rpartition(":")[2]


def test_an_order_is_taken_noted_given_back_and_taken_by_another(stopped: Desk) -> None:
    assert stopped.act(f"{PATH}/take", seen=PATH).status_code == 200
    assert stopped.act(f"{PATH}/notes", person="u-18", json={"text": "Called."}).status_code == 200
    work = stopped.answer(PATH)["work"]
    assert (work["taken"]["person"], work["taken"]["name"], work["settled"]) == ("u-17", "J. Rivera", None)
    answer = stopped.act(f"{PATH}/take", seen=PATH, person="u-18")
    assert (problem(answer), json.loads(answer.data)["detail"]) == ((409, "conflict"), "It is taken already, by J. Rivera.")
    assert problem(stopped.act(f"{PATH}/give-back", "compliance-officer", seen=PATH, person="u-18")) == (409, "conflict")
    assert stopped.act(f"{PATH}/give-back", "lead", seen=PATH, person="u-18").status_code == 200
    assert problem(stopped.act(f"{PATH}/give-back", seen=PATH)) == (409, "conflict")
    assert stopped.act(f"{PATH}/take", seen=PATH, person="u-18").get_json()["work"]["taken"]["person"] == "u-18"
    assert entries(stopped) == [
        ("taken", None, "u-17"), ("noted", "Called.", "u-18"), ("given_back", None, "u-18"), ("taken", None, "u-18"),
    ]  # fmt: skip


def test_of_two_officers_at_once_one_wins_and_the_other_is_told(stopped: Desk) -> None:
    """Real requests at the same time, on what both have seen."""
    seen = {"If-Match": stopped.ask(PATH).headers["ETag"]}
    people = [f"u-{number}" for number in range(4)]
    with ThreadPoolExecutor(len(people)) as pool:
        answers = list(pool.map(lambda person: stopped.act(f"{PATH}/take", headers=seen, person=person), people))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    winner = people[[answer.status_code for answer in answers].index(200)]
    assert entries(stopped) == [("taken", None, winner)]
    assert {problem(answer)[1] for answer in answers if answer.status_code == 412} == {"changed-meanwhile"}


def test_what_was_seen_must_be_said(stopped: Desk) -> None:
    assert problem(stopped.act(f"{PATH}/take")) == (428, "match-missing")
    for unreadable in ("*", "1.1", 'W/"0.1"', '"0.1", "1.1"', '"'):
        assert problem(stopped.act(f"{PATH}/take", headers={"If-Match": unreadable})) == (400, "invalid-parameters")
    assert problem(stopped.act(f"{PATH}/take", headers={"If-Match": '"0.0"'})) == (412, "changed-meanwhile")
    assert entries(stopped) == []


def test_the_same_call_twice_is_answered_as_it_was_and_done_once(stopped: Desk) -> None:
    headers = {"Idempotency-Key": "k-1"} | {"If-Match": stopped.ask(PATH).headers["ETag"]}
    first, again = [stopped.act(f"{PATH}/take", headers=headers) for _ in range(2)]
    assert (first.status_code, first.data, first.headers["ETag"]) == (again.status_code, again.data, again.headers["ETag"])
    assert len(entries(stopped)) == 1
    note, other = ({"text": "One."}, {"text": "Other."})
    keyed = {"Idempotency-Key": "k-2"}
    assert stopped.act(f"{PATH}/notes", headers=keyed, json=note).status_code == 200
    assert problem(stopped.act(f"{PATH}/notes", headers=keyed, json=other)) == (422, "key-used")
    assert problem(stopped.act(f"{PATH}/publications", headers=keyed, json=WHY)) == (422, "key-used")
    assert stopped.act(f"{PATH}/notes", headers=keyed, json=other, person="u-18").status_code == 200, "a key is its caller's own"
    assert [entry[1] for entry in entries(stopped)] == [None, "One.", "Other."]


def test_two_of_the_same_call_at_once_are_one(stopped: Desk) -> None:
    headers = {"Idempotency-Key": "k-1"}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: stopped.act(f"{PATH}/notes", headers=headers, json={"text": "Called."}), range(4)))
    assert {(answer.status_code, answer.data) for answer in answers} == {(200, answers[0].data)}
    assert len(entries(stopped)) == 1


def test_an_answer_is_kept_for_who_still_sees_what_it_shows(stopped: Desk) -> None:
    headers = {"Idempotency-Key": "k-1", "If-Match": stopped.ask(PATH).headers["ETag"]}
    limits = {"wholesalers": ["WD-001"], "programs": ["lemtrada"]}
    first = stopped.act(f"{PATH}/take", headers=headers, **limits)
    assert first.status_code == 200
    for fewer in ({"programs": ["tegsedi"]}, {"programs": []}, {"wholesalers": ["WD-2"]}):
        assert problem(stopped.act(f"{PATH}/take", headers=headers, **limits | fewer)) == (403, "not-permitted")
    for more in ({}, {"programs": ["lemtrada", "tegsedi"]}, {"programs": ["*"], "wholesalers": ["*"]}):
        assert stopped.act(f"{PATH}/take", headers=headers, **limits | more).data == first.data


def test_a_key_ends_and_what_was_refused_is_not_kept(stopped: Desk) -> None:
    headers = {"Idempotency-Key": "k-1"}
    assert stopped.act(f"{PATH}/give-back", headers=headers, seen=PATH).status_code == 409
    assert stopped.act(f"{PATH}/take", headers=headers, seen=PATH).status_code == 200
    assert stopped.act(f"{PATH}/notes", headers=headers, json={"text": "Late."}).status_code == 422
    stopped.ledger.set_clock(NOON.replace(day=21))
    assert stopped.act(f"{PATH}/notes", headers=headers, json={"text": "Late."}).status_code == 200
    assert len(stopped.ledger.rows(tables.ANSWERED_CALL)) == 1


@pytest.mark.parametrize("key", ["", "a b", "x" * 65, "é"])
def test_a_key_must_be_one(stopped: Desk, key: str) -> None:
    assert problem(stopped.act(f"{PATH}/notes", headers={"Idempotency-Key": key}, json={"text": "x"})) == (400, "invalid-parameters")
    bearer = {"Authorization": stopped.ask(PATH).request.headers["Authorization"]}
    answer = stopped.client.post(f"{PATH}/notes", headers=bearer, json={"text": "x"})
    assert problem(answer) == (400, "key-missing")


def test_a_settled_order_is_open_no_more_and_the_gate_leaves_it(stopped: Desk) -> None:
    """What would have released it on its own does not; a person may still have it examined."""
    assert stopped.act(f"{PATH}/settlements", seen=PATH, json=WHY).get_json()["state"] == "settled"
    assert [found["orders"] for found in (stopped.answer("/v1/orders?state=open"),)] == [[]]
    assert [each["order_id"] for each in stopped.answer("/v1/orders?state=settled")["orders"]] == ["SO-1"]
    shown = stopped.answer(PATH)
    assert (shown["state"], shown["open_since"], shown["ship_date_passes_at"]) == ("settled", None, None)
    assert (shown["work"]["settled"]["text"], shown["work"]["taken"]) == (WHY["reason"], None)
    stopped.ledger.load(SUSPENDED, LIFTED)
    assert follow(stopped.ledger) == 0
    answer = stopped.act(f"{PATH}/examinations", json={"reason": "They want it after all."}).get_json()
    assert [(line["outcome"], line["examination"]) for line in answer["lines"]] == [("released", 2)]
    assert (answer["state"], answer["work"]["settled"]) == ("settled", None)
    assert [row[1] for row in stopped.ledger.rows(tables.OUTBOX) if row[1]] == [2], "the relay publishes it"
    assert problem(stopped.act(f"{PATH}/settlements", seen=PATH, json=WHY)) == (409, "conflict")


def test_a_settled_order_is_open_again_when_more_of_it_is_stopped_or_it_is_examined(stopped: Desk) -> None:
    stopped.act(f"{PATH}/settlements", seen=PATH, json=WHY)
    stopped.ledger.set_clock(NOON.replace(hour=13))
    answer = stopped.act(f"{PATH}/examinations", json={}).get_json()
    assert (answer["state"], answer["lines"][0]["reasons"]) == ("open", ["site_suspended"])
    assert stopped.answer(PATH)["open_since"] == "2026-11-20T18:00:00.000Z"
    stopped.act(f"{PATH}/settlements", seen=PATH, json=WHY)
    stopped.ledger.judge(revision(2, STOPPED))
    shown = stopped.answer(PATH)
    assert (shown["state"], shown["work"]["settled"], len(shown["work"]["entries"])) == ("open", None, 3)


def test_since_when_it_is_open_and_when_its_ship_date_passes(stopped: Desk) -> None:
    """Not since the order was judged again, and still stopped."""
    stopped.ledger.set_clock(NOON.replace(hour=13))
    stopped.act(f"{PATH}/examinations", json={})
    shown = stopped.answer(PATH)
    assert shown["open_since"] == "2026-11-20T17:00:00.000Z"
    assert (shown["ship_on"], shown["ship_date_passes_at"]) == ("2026-11-23", "2026-12-01T05:00:00.000Z")


def test_only_who_has_it_settles_it(stopped: Desk) -> None:
    stopped.act(f"{PATH}/take", seen=PATH)
    assert problem(stopped.act(f"{PATH}/settlements", seen=PATH, json=WHY, person="u-18")) == (409, "conflict")
    settled = stopped.act(f"{PATH}/settlements", seen=PATH, json=WHY).get_json()
    assert (settled["work"]["taken"], settled["work"]["settled"]["person"]) == (None, "u-17")


def test_an_examination_withdraws_what_may_not_leave_any_more(desk: Desk) -> None:
    """Released lines whose goods have not left are judged too, by what is known now, before the relay comes to it."""
    desk.ledger.load()
    desk.ledger.judge(order())
    follow(desk.ledger)
    desk.ledger.load(SUSPENDED)
    answer = desk.act(f"{PATH}/examinations", json={}).get_json()
    assert [(line["outcome"], line["reasons"]) for line in answer["lines"]] == [("withdrawn", ["site_suspended"])]
    assert follow(desk.ledger) == 0, "nothing is left to do"


def test_what_is_not_open_is_not_examined(desk: Desk) -> None:
    desk.ledger.load()
    desk.ledger.judge(order("SO-1", {"/lines/0": CAMPATH | {"line": 1}}))
    assert problem(desk.act(f"{PATH}/examinations", json={})) == (409, "conflict")
    assert entries(desk) == []


def test_the_answer_that_holds_is_published_once_more(stopped: Desk) -> None:
    """Of two lines that two examinations answered, both messages, after the answer to the order's message."""
    line = json.loads(order())["lines"][0]
    stopped.ledger.judge(order("SO-1", {"/revision": 2, "/lines/1": CAMPATH | {"line": 2}, "/lines/0": line}))
    stopped.ledger.load(SUSPENDED, LIFTED)
    follow(stopped.ledger)
    before = len(stopped.ledger.rows(tables.OUTBOX))
    answer = stopped.act(f"{PATH}/publications", json=WHY).get_json()
    held = sorted({line["examination"] for line in answer["lines"]})
    sent = stopped.ledger.rows(tables.OUTBOX)[before:]
    rows = {row[0]: row for row in stopped.ledger.rows(tables.DESK_ENTRY)}
    assert [(row[1], rows[row[2]][6], row[3:6]) for row in sent] == [(None, number, (1, 0, 1)) for number in held]
    assert [entry["kind"] for entry in answer["work"]["entries"]] == ["sent_again"] * len(held)
    assert len(held) == 2


def test_who_sees_a_part_of_an_order_does_not_act_on_it(desk: Desk) -> None:
    desk.ledger.load()
    line = json.loads(order())["lines"][0]
    desk.ledger.judge(order("SO-1", {"/lines/0": line, "/lines/1": CAMPATH | {"line": 2}}), order("SO-2"))
    desk.act(f"{PATH}/notes", json={"text": "Secret."})
    limited: dict[str, Any] = {"programs": ["lemtrada"]}
    assert problem(desk.act(f"{PATH}/notes", json={"text": "x"}, **limited)) == (403, "not-permitted")
    assert desk.act("/v1/orders/WD-001/SO-2/notes", json={"text": "x"}, **limited).status_code == 200
    assert [entry["text"] for entry in desk.answer(PATH, **limited)["work"]["entries"]] == [None]
    hidden, none = [desk.act(f"/v1/orders/WD-001/{name}/notes", json={"text": "x"}, programs=["tegsedi"]) for name in ("SO-2", "SO-9")]
    assert (hidden.status_code, hidden.data) == (404, none.data)


@pytest.mark.parametrize("text", ["", " ", "a\nb", "x" * 501, 1, None, "\u200b\u0000"])
def test_a_reason_must_be_one(stopped: Desk, text: Any) -> None:
    for step, name in (("notes", "text"), ("publications", "reason")):
        assert problem(stopped.act(f"{PATH}/{step}", json={name: text})) == (400, "invalid-body")
    assert entries(stopped) == []
