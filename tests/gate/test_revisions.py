"""Repeats, contradictions, and revisions that withdraw: what is said, in which order, and what is free again."""

import json
import re
from itertools import pairwise
from typing import Any

import pytest

from gatekeeper.domain.ids import record_id, verdict_id
from gatekeeper.storage import tables
from tests.gate.ledger import NOON, Ledger, Wire, authorization, order
from tests.gate.test_answers import CAMPATH, bodies, said

SERIALS: Wire = {"/lines/0/serials": list("ABCDE")}
STOPPED: Wire = {"/lines/0/patient": None}
NOT_COVERED: Wire = {"/lines/0": CAMPATH | {"line": 1}}


def revision(number: int, changes: Wire | None = None, order_id: str = "SO-1") -> bytes:
    return order(order_id, {"/revision": number} | (changes or {}))


@pytest.fixture
def loaded(ledger: Ledger) -> Ledger:
    ledger.load(authorization("AU-MANY", 1000))
    return ledger


def codes(body: Any) -> list[list[str]]:
    return [[reason["code"] for reason in line["reasons"]] for line in body["lines"]]


def units(ledger: Ledger) -> dict[str, int]:
    return {name: count for name, _, count in ledger.rows(tables.UNITS) if count}


def test_a_repeat_says_nothing_and_is_one_line_in_the_ledger(loaded: Ledger) -> None:
    """The same content again, in whatever member order and white space, is answered by nothing; only its arrival is recorded."""
    first = loaded.judge(order())
    shuffled = json.dumps(dict(reversed(json.loads(order()).items())), indent=3).encode()
    assert shuffled != order()
    for repeats in (loaded.judge(order(), shuffled), loaded.judge(shuffled, batch=1)):
        assert [answer.kind for answer in repeats] == ["repeat"] * len(repeats)
        assert said(*repeats) == []

    assert [len(answer.examinations) for answer in first] == [1]
    assert len(loaded.rows(tables.EXAMINATION)) == 1
    assert [row[3:4] + row[5:7] for row in loaded.rows(tables.ARRIVAL)] == [("order", 1, 1), *[("repeat", 1, 1)] * 3]
    assert units(loaded) == {"AU-1": 5}


def test_a_repeat_within_one_batch_is_a_repeat(loaded: Ledger) -> None:
    """Two of one content in one batch: one answer, one record."""
    answers = loaded.judge(order(), order())
    assert [answer.kind for answer in answers] == ["order", "repeat"]
    assert [topic for topic, _ in bodies(*answers)] == ["shipments-released", "distribution-records"]


def test_a_repeat_of_a_contradiction_is_a_repeat(loaded: Ledger) -> None:
    """A message is compared with every earlier message of its identity, not only with the first."""
    answers = loaded.judge(order(), order(changes={"/lines/0/quantity": 4}), order(changes={"/lines/0/quantity": 4}), order())
    assert [answer.kind for answer in answers] == ["order", "order", "repeat", "repeat"]


@pytest.mark.parametrize("batch", [1, None])
def test_a_contradiction_of_a_released_order_stops_itself_and_raises_an_alert(loaded: Ledger, batch: int | None) -> None:
    """Same number and revision, other content: held as it is, also where nobody restricts it, the release stays, and a person is told."""
    mixed = {"/lines/1": CAMPATH, "/lines/0/quantity": 4}
    answers = loaded.judge(order(), order(changes=mixed), batch=batch)

    [(topic, stopped), (second, alert)] = bodies(answers[1])
    assert (topic, second) == ("shipments-stopped", "compliance-alerts")
    assert codes(stopped) == [["order_contradicts"]] * 2
    assert stopped["examination"] == 2
    assert (alert["kind"], alert["evidence"]) == ("released_order_contradicted", {"lines": [1]})
    assert alert["verdict_id"] == str(verdict_id("WD-001", "SO-1", 1, 2))
    assert units(loaded) == {"AU-1": 5}


def test_a_contradiction_of_a_stopped_order_is_no_alert(loaded: Ledger) -> None:
    """Where nothing was released nobody is alarmed."""
    answers = loaded.judge(order(changes=STOPPED), order())
    assert [topic for topic, _ in bodies(answers[1])] == ["shipments-stopped"]


def test_a_contradiction_after_a_withdrawal_is_no_alert(loaded: Ledger) -> None:
    """What was withdrawn is out no more: a late message of the lower revision contradicts nothing that a person must look at."""
    answers = loaded.judge(order(), revision(2, STOPPED), order(changes={"/lines/0/quantity": 4}))
    [(topic, stopped)] = bodies(answers[2])
    assert topic == "shipments-stopped"
    assert codes(stopped) == [["order_contradicts", "order_superseded"]]


@pytest.mark.parametrize("batch", [1, None])
def test_a_higher_revision_withdraws_and_then_answers(loaded: Ledger, batch: int | None) -> None:
    """In this order: the lines are withdrawn in both topics, the record is voided, an alert is raised, then comes the new answer."""
    answers = loaded.judge(order(changes=SERIALS), revision(2, SERIALS | {"/lines/0/quantity": 5, "/ship_on": "2026-11-24"}), batch=batch)

    told = bodies(answers[1])
    assert [topic for topic, _ in told] == [
        "shipments-released", "shipments-stopped", "distribution-records", "compliance-alerts",
        "shipments-released", "distribution-records",
    ]  # fmt: skip
    withdrawn, stopped, void, alert, released, record = [body for _, body in told]
    first, second = str(verdict_id("WD-001", "SO-1", 1, 1)), str(verdict_id("WD-001", "SO-1", 1, 2))
    original = str(record_id("WD-001", "SO-1", 1, 1, 1, "original"))
    assert [(line["line"], line["outcome"], line["record_ids"]) for line in withdrawn["lines"]] == [(1, "withdrawn", [original])]
    assert (stopped["withdraws"], codes(stopped), stopped["lines"][0]["outcome"]) == (first, [["order_superseded"]], "blocked")
    for body in (withdrawn, stopped):
        assert (body["verdict_id"], body["revision"], body["examination"]) == (second, 1, 2)
    assert (void["record_id"], void["kind"]) == (str(record_id("WD-001", "SO-1", 1, 1, 2, "void")), "void")
    assert (void["replaces"], void["verdict_id"], void["sequence"], void["serials"]) == (original, second, 2, list("ABCDE"))
    assert (alert["kind"], alert["evidence"]) == ("released_order_superseded", {"by_revision": 2, "lines": [1]})
    assert (released["revision"], released["examination"], released["lines"][0]["outcome"]) == (2, 1, "released")
    assert (record["kind"], record["sequence"], record["revision"], record["replaces"]) == ("original", 3, 2, None)


@pytest.mark.parametrize("batch", [1, None])
def test_what_was_withdrawn_is_free_again(loaded: Ledger, batch: int | None) -> None:
    """Units and serials of a voided line may leave with another order, also where the higher revision itself is stopped."""
    answers = loaded.judge(order(changes=SERIALS), revision(2, STOPPED), order("SO-2", SERIALS), order("SO-3", SERIALS), batch=batch)

    assert [topic for topic, _ in bodies(answers[2])] == ["shipments-released", "distribution-records"]
    [(_, stopped)] = bodies(answers[3])
    assert codes(stopped) == [["serial_already_shipped", "authorization_exhausted"]]
    assert units(loaded) == {"AU-1": 5}
    assert {row[2] for row in loaded.rows(tables.SERIAL)} == {"WD-001/SO-2/1/1"}


@pytest.mark.parametrize("batch", [1, 2])
def test_a_withdrawal_says_the_same_in_one_batch_and_over_several(ledger: Ledger, batch: int) -> None:
    """Byte for byte the same besides instants and the chain, whether what is withdrawn was judged now or before."""
    ledger.load(authorization("AU-MANY", 1000))
    many: Wire = {"/lines/0/patient/authorization_id": "AU-MANY"}
    each = [
        revision(number, many | {"/lines/1": CAMPATH} | change) for number, change in ((1, {}), (2, STOPPED), (3, {}), (5, NOT_COVERED))
    ]
    first = [(p.topic, p.key, p.value) for p in said(*ledger.judge(*each))]

    again = [message.replace(b'"SO-1"', b'"SO-2"') for message in each]
    second = [(p.topic, p.key, p.value) for p in said(*ledger.judge(*again, batch=batch))]

    ids = re.compile(rb'"(record_id|verdict_id|withdraws|alert_id|replaces)":"[^"]*"|"record_ids":\["[^\]]*\]|"sequence":\d+|SO-\d')
    assert [(topic, ids.sub(b"", value)) for topic, _, value in first] == [(topic, ids.sub(b"", value)) for topic, _, value in second]
    assert sum(topic == "compliance-alerts" for topic, _, _ in first) == 3


def test_what_nobody_restricts_is_withdrawn_too_and_has_nothing_to_void(loaded: Ledger) -> None:
    """A higher revision supersedes every line of the lower one, also those without a record."""
    answers = loaded.judge(revision(1, NOT_COVERED), revision(2, NOT_COVERED))
    assert [topic for topic, _ in bodies(answers[1])] == [
        "shipments-released", "shipments-stopped", "compliance-alerts", "shipments-released",
    ]  # fmt: skip


def test_only_what_is_out_is_withdrawn(loaded: Ledger) -> None:
    """A stopped line is not withdrawn; what a second revision withdrew a third does not withdraw again."""
    answers = loaded.judge(revision(1, {"/lines/1": CAMPATH} | STOPPED), revision(2, STOPPED), revision(3))
    withdrawals = [[body for topic, body in bodies(answer) if "withdraws" in body] for answer in answers]
    assert [[line["line"] for body in each for line in body["lines"]] for each in withdrawals] == [[], [2], []]


def test_a_lower_revision_after_a_higher_one_is_superseded(loaded: Ledger) -> None:
    """Every line of it is blocked, also of products that nobody restricts, and the higher one stays as it was."""
    answers = loaded.judge(revision(3), revision(2, {"/lines/1": CAMPATH}))
    [(topic, stopped)] = bodies(answers[1])
    assert topic == "shipments-stopped"
    assert [(line["outcome"], reason) for line, reason in zip(stopped["lines"], codes(stopped), strict=True)] == [
        ("blocked", ["order_superseded"])
    ] * 2
    assert stopped["lines"][0]["reasons"][0]["evidence"] == {"highest_revision": 3, "revision": 2}
    assert units(loaded) == {"AU-1": 5}


def test_a_superseded_line_is_open_no_more(loaded: Ledger) -> None:
    """A stopped line waits for facts until a higher revision comes."""
    loaded.judge(revision(1, STOPPED), revision(1, STOPPED, "SO-2"))
    assert [row[2] for row in loaded.rows(tables.OPEN_LINE)] == ["SO-1", "SO-2"]
    loaded.judge(revision(2))
    assert [row[2] for row in loaded.rows(tables.OPEN_LINE)] == ["SO-2"]
    loaded.judge(revision(2, STOPPED, "SO-2"), revision(3, STOPPED, "SO-2"), revision(1, STOPPED | {"/ship_on": "2026-11-25"}, "SO-2"))
    assert [(row[2], row[4]) for row in loaded.rows(tables.OPEN_LINE)] == [("SO-2", 3)]


def test_the_highest_examination_that_names_a_line_holds(loaded: Ledger) -> None:
    """(revision, examination) of all that is said of an order rises from withdrawal to withdrawal."""
    answers = loaded.judge(revision(1), revision(1, {"/lines/0/quantity": 4}), revision(2), revision(3, STOPPED), revision(4))
    told = [(body["revision"], body["examination"]) for topic, body in bodies(*answers) if topic == "shipments-stopped"]
    assert told == [(1, 2), (1, 3), (2, 2), (3, 1)]
    sequences = [body["sequence"] for topic, body in bodies(*answers) if topic == "distribution-records"]
    assert sequences == [1, 2, 3, 4, 5]
    assert all(after == before + 1 for before, after in pairwise(sequences))
    assert loaded.rows(tables.TAIL)[0][3] == NOON


def test_contradictions_in_a_loop_do_not_grow(ledger: Ledger) -> None:
    """The evidence of the hundredth contradiction is no longer than that of the third."""
    ledger.load()
    for quantity in range(1, 101):
        ledger.judge(order("SO-LOOP", {"/lines/0/quantity": quantity}))
    sizes = [len(row[9]) for row in ledger.rows(tables.EXAMINATION)]
    assert len(sizes) == 100
    assert max(sizes[2:]) - min(sizes[2:]) <= 4, "but for the digits of quantity and offset"
