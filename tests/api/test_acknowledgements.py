"""What a REMS says by a call: taken as what it says in the topic is, each with its answer."""

import json
from typing import Any
from uuid import UUID

import pytest

from gatekeeper.storage import tables
from tests.api.desk import Desk
from tests.feed.rems import Rems, acknowledgement
from tests.gate.ledger import authorization

PATH = "/v1/acknowledgements"
LINES = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
def rems(desk: Desk) -> Rems:
    desk.ledger.load(authorization("AU-MANY", 1000))
    return Rems(desk.ledger)


def said(desk: Desk, *messages: bytes, **options: Any) -> list[Any]:
    answer = desk.act(PATH, "rems", data=b"\n".join(messages), headers=LINES | options.pop("headers", {}), **options)
    assert answer.status_code == 200, answer.data
    found: list[Any] = answer.get_json()["acknowledgements"]
    assert [each.pop("position") for each in found] == list(range(1, len(messages) + 1))
    return found


def results(*given: str) -> list[Any]:
    return [{"result": each} if each in {"recorded", "repeat"} else {"result": "kept_aside", "why": each} for each in given]


def test_each_is_taken_as_one_from_the_topic_is(desk: Desk, rems: Rems) -> None:
    """By topic and by call in turn: what one said the other repeats."""
    first, second, third = rems.records(3)
    accepted, rejected = acknowledgement(first), acknowledgement(second, "rejected")
    assert rems.say(accepted) == ["acknowledgement"]
    assert said(desk, accepted, rejected, rejected) == results("repeat", "recorded", "repeat")
    assert rems.say(rejected) == ["repeat"]
    other = acknowledgement(third, program="isotretinoin")
    unknown, turned = acknowledgement(str(UUID(int=1))), acknowledgement(first, "rejected")
    kept = ["acknowledgement_unknown", "acknowledgement_of_other_program", "acknowledgement_contradicts"]
    for _ in range(2):
        assert said(desk, unknown, other, turned) == results(*kept)
    assert rems.said() == [(1, 1, "accepted"), (2, 1, "rejected")]
    assert [kind for kind, _ in rems.alerts()] == ["record_rejected", *kept]
    [row, *_] = [row for row in desk.ledger.rows(tables.INQUIRY) if row[4] == 3]
    assert (row[1], row[2], row[10]) == ("acknowledgements", "acknowledge_records", "u-17")


def test_the_same_call_again_records_nothing(desk: Desk, rems: Rems) -> None:
    [record] = rems.records()
    message, key = acknowledgement(record), {"Idempotency-Key": "k-1"}
    assert said(desk, message, headers=key) == said(desk, message, headers=key) == results("recorded")
    before = len(desk.ledger.rows(tables.BLOCK))
    said(desk, message, headers=key)
    assert len(desk.ledger.rows(tables.BLOCK)) == before


def test_one_that_cannot_be_read_changes_nothing_for_the_others(desk: Desk, rems: Rems) -> None:
    [record] = rems.records()
    refused, taken = said(desk, b'{"record_id": "P-00001234", "status": "maybe"}', acknowledgement(record))
    assert (refused["result"], sorted(refused["problems"]), taken) == ("refused", ["/at", "/status"], {"result": "recorded"})
    assert desk.ledger.rows(tables.REFUSAL) == []
    assert "P-00001234" not in json.dumps(refused)
    assert said(desk, b"rubbish") == [{"result": "refused", "problems": {"": ["Is not JSON."]}}]


def test_json_and_lines_are_the_same(desk: Desk, rems: Rems) -> None:
    first, second = rems.records(2)
    content = {"acknowledgements": [json.loads(acknowledgement(name)) for name in (first, second)]}
    answer = desk.act(PATH, "rems", json=content).get_json()
    assert [each["result"] for each in answer["acknowledgements"]] == ["recorded", "recorded"]
    for body in ({}, {"acknowledgements": []}, {"acknowledgements": 1}, {"acknowledgements": [1] * 2001}, {"acks": []}, []):
        assert desk.act(PATH, "rems", json=body).status_code == 400
    assert desk.act(PATH, "rems", data=b"x").status_code == 415


def test_records_of_programs_that_the_token_does_not_name_are_unknown_to_it(desk: Desk, rems: Rems) -> None:
    [record] = rems.records()
    there, not_there = acknowledgement(record), acknowledgement(str(UUID(int=1)))
    assert said(desk, there, not_there, programs=["tegsedi"]) == results("acknowledgement_unknown", "acknowledgement_unknown")
    assert rems.said() == []
    assert said(desk, there, programs=["lemtrada"]) == results("recorded")
    assert desk.act(PATH, "rems", data=there, headers=LINES, wholesalers=["WD-001"]).status_code == 403
