"""A rejected record is corrected by two people: the correction replaces it in the feed, and what the line has used up moves with it."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from gatekeeper.errors import Unusable
from gatekeeper.examinations.recording import TERMS
from gatekeeper.feeds.correcting import approve, propose, read_changes, refuse, rejected, show
from gatekeeper.people.access import Person
from gatekeeper.storage import tables
from schemas.correction import RecordChanges
from schemas.record import DistributionRecord
from tests.feed.rems import MANY, Rems, acknowledgement
from tests.gate.following import Always
from tests.gate.ledger import Wire, authorization, order
from tests.gate.test_again import wrong
from tests.gate.test_answers import SCHEMAS
from tests.gate.test_revisions import SERIALS
from tests.gate.warehouse import REPORTING, Warehouse, event

ANN, BOB = Person("u-1", "Ann"), Person("u-2", "Bob")


def changed(**members: Any) -> RecordChanges:
    return read_changes(json.dumps(members).encode())


def proposed(rems: Rems, record: str, **members: Any) -> str:
    return str(propose(rems.ledger.engine, record, changed(**members), "The REMS says so.", ANN))


def approved(rems: Rems, name: str, person: Person = BOB) -> DistributionRecord:
    return approve(rems.ledger.engine, name, "Seen too.", person, Always(rems.ledger.rules), TERMS)


def bodies(rems: Rems) -> list[Any]:
    return sorted((json.loads(row[7]) for row in rems.ledger.rows(tables.DISTRIBUTION_RECORD)), key=lambda body: body["sequence"])


def test_a_correction_replaces_the_record_in_the_feed(rems: Rems) -> None:
    """It says what the record said, but for what was changed; it is published by the relay, once; it is acknowledged by itself."""
    rems.ledger.load(authorization("AU-MANY", 1000), authorization("AU-X", 1000))
    [record] = rems.records(1, SERIALS | MANY)
    Warehouse(rems.ledger, REPORTING).tell(event("shipped", "SO-1", lines=[1]))
    rems.say(acknowledgement(record, "rejected"))
    assert [str(told.record_id) for told in rejected(rems.ledger.engine, "lemtrada")] == [record]
    made = approved(rems, proposed(rems, record, authorization_id="AU-X", prescriber_id="PR-X", serials=["A", "B", "C", "D", "Z"]))
    first, second = bodies(rems)
    SCHEMAS["distribution-records"].validate(second)
    own = {"record_id", "sequence", "kind", "replaces", "recorded_at"}
    assert {name for name in second if first.get(name) != second[name]} <= own | {"authorization_id", "prescriber_id", "serials"}
    assert (second["kind"], second["replaces"], second["sequence"], second["record_id"]) == ("correction", record, 2, made.record_id)
    assert (second["authorization_id"], second["serials"]) == ("AU-X", ["A", "B", "C", "D", "Z"])
    outbox = [row for row in rems.ledger.rows(tables.OUTBOX) if row[1] is not None]
    [examination] = [row for row in rems.ledger.rows(tables.EXAMINATION) if row[5] == "corrected"]
    assert [row[1] for row in outbox] == [examination[0]]
    assert {row[0]: row[2] for row in rems.ledger.rows(tables.UNITS) if row[2]} == {"AU-X": 5}
    assert {row[0] for row in rems.ledger.rows(tables.SERIAL)} == {"A", "B", "C", "D", "Z"}
    assert rejected(rems.ledger.engine, "lemtrada") == []
    assert rems.say(acknowledgement(made.record_id)) == ["acknowledgement"]
    assert rems.said() == [(1, 1, "rejected"), (2, 1, "accepted")]
    assert wrong(rems.ledger) == [], "it is decided again from its row alone"


@pytest.mark.parametrize("stays", ["cancelled", "revision"])
def test_what_stays_is_free_also_where_people_put_its_serials_right(rems: Rems, stays: str) -> None:
    """Those that were released too, which might have left until then."""
    rems.ledger.load(authorization("AU-MANY", 1000))
    [record] = rems.records(1, SERIALS | MANY)
    rems.say(acknowledgement(record, "rejected"))
    approved(rems, proposed(rems, record, serials=["A", "B", "C", "D", "Z"]))
    assert {row[0] for row in rems.ledger.rows(tables.SERIAL)} == set("ABCDEZ")
    if stays == "cancelled":
        Warehouse(rems.ledger).tell(event("cancelled"))
    else:
        Warehouse(rems.ledger).judge(order("SO-1", MANY | {"/revision": 2}))
    assert [body["kind"] for body in bodies(rems)][:3] == ["original", "correction", "void"]
    assert rems.ledger.rows(tables.SERIAL) == []
    assert wrong(rems.ledger) == []


def test_a_correction_can_be_rejected_and_corrected_too(rems: Rems) -> None:
    [record] = rems.records()
    for lot in ("B1", "B2"):
        rems.say(acknowledgement(record, "rejected"))
        record = approved(rems, proposed(rems, record, lot=lot)).record_id
    assert [(body["kind"], body.get("lot")) for body in bodies(rems)][1:] == [("correction", "B1"), ("correction", "B2")]
    told, [proposal] = show(rems.ledger.engine, bodies(rems)[1]["record_id"])
    assert (told.replaced, told.status, proposal.decision, proposal.person, proposal.decided_by) == (
        True,
        "rejected",
        "approved",
        "u-1",
        "u-2",
    )


def test_what_is_corrected_can_be_cancelled(rems: Rems) -> None:
    """The void is of the correction, the live record, and frees what it used."""
    [record] = rems.records(1, SERIALS | MANY)
    rems.say(acknowledgement(record, "rejected"))
    made = approved(rems, proposed(rems, record, lot="B1"))
    Warehouse(rems.ledger, REPORTING).tell(event("cancelled", "SO-1"))
    *_, void = bodies(rems)
    assert (void["kind"], void["replaces"], void["lot"]) == ("void", made.record_id, "B1")
    assert [row for row in rems.ledger.rows(tables.UNITS) if row[2]] == rems.ledger.rows(tables.SERIAL) == []
    assert wrong(rems.ledger) == []


def test_two_people_are_needed(rems: Rems) -> None:
    """Nobody approves what he proposed; a second proposal waits for the first; what was decided is decided."""
    [record] = rems.records()
    rems.say(acknowledgement(record, "rejected"))
    name = proposed(rems, record, lot="B1")
    with pytest.raises(Unusable, match="Another person must approve what u-1 proposed"):
        approved(rems, name, ANN)
    with pytest.raises(Unusable, match="is proposed already"):
        proposed(rems, record, lot="B2")
    refuse(rems.ledger.engine, name, "It was another lot.", ANN)
    with pytest.raises(Unusable, match="is refused already, by u-1"):
        approved(rems, name)
    assert len(bodies(rems)) == 1
    approved(rems, proposed(rems, record, lot="B2"))
    assert [body.get("lot") for body in bodies(rems)][1:] == ["B2"]


def test_only_what_was_rejected_is_corrected(rems: Rems) -> None:
    first, second, third, fourth = rems.records(4)
    rems.say(acknowledgement(first), *(acknowledgement(name, "rejected") for name in (third, fourth)))
    Warehouse(rems.ledger, REPORTING).tell(event("cancelled", "SO-4"))
    void = bodies(rems)[-1]["record_id"]
    rems.say(acknowledgement(void, "rejected"))
    for record, said in (
        (first, "was not rejected"), (second, "was not rejected"), (fourth, "was replaced or voided"), (void, "is a void"),
        (str(uuid4()), "no distribution record"), ("P-00001234", "no distribution record"),
    ):  # fmt: skip
        with pytest.raises(Unusable, match=said):
            proposed(rems, record, lot="B1")
    name = proposed(rems, third, lot="B1")
    Warehouse(rems.ledger, REPORTING, "more events").tell(event("cancelled", "SO-3"))
    with pytest.raises(Unusable, match="was replaced or voided"):
        approved(rems, name)
    for wanted in (str(uuid4()), "x"):
        with pytest.raises(Unusable, match="correction"):
            approved(rems, wanted)


def test_serials_stay_as_many_and_are_nobody_elses(rems: Rems) -> None:
    [record] = rems.records(1, SERIALS | MANY)
    rems.records(1, MANY | {"/lines/0/serials": list("FGHIJ")})
    rems.say(acknowledgement(record, "rejected"))
    for serials, said in (
        (list("ABC"), "another number"),
        (list("ABCDF"), "1 of the serials are out"),
        (list("ABCDE"), "says this already"),
    ):
        with pytest.raises(Unusable, match=said):
            proposed(rems, record, serials=serials)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{}", b"[]", b"{\"quantity\":4}", b'{"lot":1}', b'{"lot":""}', b'{"patient_id":"Jane Doe"}', b'{"serials":["A","A"]}',
        b'{"serials":["#"]}', b'{"lot":"a\\u0000"}', b'{"expires_on":"1800-01-01"}', b"\xff", b'{"lot":"' + b"x" * 70_000 + b'"}',
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used(raw: bytes) -> None:
    """One sentence, which repeats nothing."""
    with pytest.raises(Unusable, match="The file") as refused:
        read_changes(raw)
    assert "Doe" not in str(refused.value)


def test_evidence_and_alert(rems: Rems) -> None:
    """Who did what and why is on record; the proposal alone makes no record."""
    [record] = rems.records()
    rems.say(acknowledgement(record, "rejected"))
    name = proposed(rems, record, lot="B1")
    assert len(bodies(rems)) == 1
    approved(rems, name)
    [row], [decision] = rems.ledger.rows(tables.CORRECTION), rems.ledger.rows(tables.CORRECTION_DECISION)
    assert (row[0], row[1], row[4], row[5]) == (UUID(name), UUID(record), "The REMS says so.", "u-1")
    assert decision[:4] == (UUID(name), "approved", "Seen too.", "u-2")


@pytest.mark.parametrize("again", [False, True])
def test_what_people_corrected_does_not_go_without_a_word(rems: Rems, again: bool) -> None:  # noqa: FBT001
    """A later report that names something else replaces it: one alert."""
    [record] = rems.records(1)
    rems.say(acknowledgement(record, "rejected"))
    made = approved(rems, proposed(rems, record, lot="B1"))
    warehouse = Warehouse(rems.ledger)
    warehouse.tell(event("shipped", "SO-1", lines=[{"line": 1, "quantity": 3, "lot": "X9"}]))
    if again:
        warehouse.tell(event("shipped", "SO-1", lines=[{"line": 1, "quantity": 1, "lot": "X9"}]))
    assert bodies(rems)[-1]["lot"] == "X9"
    [body] = [body for kind, body in rems.alerts() if kind == "correction_replaced"]
    SCHEMAS["compliance-alerts"].validate(body)
    assert (body["order_id"], body["evidence"]["line"], body["evidence"]["record_id"]) == ("SO-1", 1, made.record_id)
    assert wrong(rems.ledger) == []


RIGHT: Wire = {"lot": "C1", "expires_on": "2199-01-31", "prescriber_id": "PR-X", "serials": ["A", "B", "C", "D", "Z"]}


@pytest.mark.parametrize(
    ("told", "quantity", "serials"),
    [
        ([{}], 5, RIGHT["serials"]),
        ([{}, {}], 5, RIGHT["serials"]),
        ([{"quantity": 2}], 2, None),
        ([{"serials": ["B", "Z"]}], 2, ["B", "Z"]),
    ],
    ids=["plain", "twice", "in part", "which"],
)  # fmt: skip
def test_what_a_report_does_not_say_stays_as_people_corrected_it(
    rems: Rems, told: list[Wire], quantity: int, serials: list[str] | None
) -> None:
    """A confirmation that names no lot is no word against the lot that they named; it is decided again from its row."""
    [record] = rems.records(1, SERIALS | MANY)
    rems.say(acknowledgement(record, "rejected"))
    made = approved(rems, proposed(rems, record, **RIGHT))
    rems.say(acknowledgement(made.record_id))
    Warehouse(rems.ledger).tell(*(event("shipped", "SO-1", lines=[{"line": 1} | line]) for line in told))
    *_, last = bodies(rems)
    assert (last["record_id"] == made.record_id) == (quantity == 5)
    assert (last["lot"], last["expires_on"], last["prescriber_id"]) == ("C1", "2199-01-31", "PR-X")
    assert (last["quantity"], last.get("serials")) == (quantity, serials)
    assert "correction_replaced" not in {kind for kind, _ in rems.alerts()}
    assert wrong(rems.ledger) == []


def test_serials_that_people_put_right_stay_where_a_report_says_nothing_of_them(rems: Rems) -> None:
    """What had been reported before they knew better does not come back with an event that says nothing of serials."""
    [record] = rems.records(1, SERIALS | MANY)
    warehouse, right = Warehouse(rems.ledger), ["V", "B", "C", "D", "W"]
    warehouse.tell(event("shipped", "SO-1", lines=[{"line": 1, "serials": ["A", "B", "C", "D", "E"]}]))
    rems.say(acknowledgement(record, "rejected"))
    made = approved(rems, proposed(rems, record, serials=right))
    rems.say(acknowledgement(made.record_id))
    for _ in range(2):
        warehouse.tell(event("shipped", "SO-1", lines=[{"line": 1}]))
        assert (bodies(rems)[-1]["record_id"], bodies(rems)[-1]["serials"]) == (made.record_id, right)
    assert rems.alerts()[1:] == [], "but for the rejection"
    warehouse.tell(event("shipped", "SO-1", lines=[{"line": 1, "serials": ["E"]}]))
    assert [kind for kind, _ in rems.alerts()[1:]] == ["shipment_disputed"], "six of five"
    assert bodies(rems)[-1]["serials"] == right
    assert wrong(rems.ledger) == []


@pytest.mark.parametrize("short", [False, True])
def test_goods_for_the_patient_whom_people_named_did_not_leave_past_the_gate(rems: Rems, short: bool) -> None:  # noqa: FBT001
    """The event that says so confirms the correction, or is a correction of how many: no bypass."""
    rems.ledger.load(authorization("AU-MANY", 1000), authorization("AU-2", 1000))
    [record] = rems.records(1, MANY)
    rems.say(acknowledgement(record, "rejected"))
    made = approved(rems, proposed(rems, record, patient_id="P-2", authorization_id="AU-2"))
    patient = {"patient_id": "P-2", "authorization_id": "AU-2", "prescriber_id": "PR-1", "administering_site_id": "HF1"}
    Warehouse(rems.ledger).tell(event("shipped", "SO-1", lines=[{"line": 1, "patient": patient} | ({"quantity": 3} if short else {})]))
    *_, last = bodies(rems)
    assert (last["record_id"] == made.record_id) is not short
    assert (last["patient_id"], last["quantity"], last.get("outside_gate")) == ("P-2", 3 if short else 5, None)
    assert [kind for kind, _ in rems.alerts()] == ["record_rejected"]
    assert wrong(rems.ledger) == []


@pytest.mark.parametrize("late", [False, True])
def test_the_patient_whom_people_replaced_is_told_to_a_person(rems: Rems, late: bool) -> None:  # noqa: FBT001
    """The record stays as they corrected it; what was told before they did needs no word."""
    rems.ledger.load(authorization("AU-MANY", 1000), authorization("AU-2", 1000))
    [record], warehouse = rems.records(1, MANY), Warehouse(rems.ledger)
    rems.say(acknowledgement(record, "rejected"))
    told = event("shipped", "SO-1", lines=[{"line": 1, "patient": json.loads(order("SO-1", MANY))["lines"][0]["patient"]}])
    warehouse.tell(*([] if late else [told]))
    made = approved(rems, proposed(rems, record, patient_id="P-2", authorization_id="AU-2"))
    warehouse.tell(told)
    assert [body["evidence"]["problems"] for kind, body in rems.alerts() if kind == "shipment_disputed"] == [["patient_corrected"]] * late
    assert (bodies(rems)[-1]["record_id"], len(rems.alerts()), wrong(rems.ledger)) == (made.record_id, 1 + late, [])


def test_a_correction_of_goods_past_the_gate_does_not_let_others_go(rems: Rems) -> None:
    """They left for another patient than was released; whom people named instead is not one to whom the gate released them."""
    rems.ledger.load(*[authorization(name, 1000) for name in ("AU-MANY", "AU-2", "AU-3")])
    warehouse = Warehouse(rems.ledger)
    rems.records(1, MANY)
    for patient, authorized in (("P-2", "AU-2"), ("P-3", "AU-3")):
        line = {"line": 1, "quantity": 2, "patient": {"patient_id": patient, "authorization_id": authorized}}
        warehouse.tell(event("shipped", "SO-1", lines=[line]))
        *_, last = bodies(rems)
        if patient == "P-2":
            rems.say(acknowledgement(last["record_id"], "rejected"))
            approved(rems, proposed(rems, last["record_id"], patient_id="P-3", authorization_id="AU-3"))
    why = [body["evidence"]["why"] for kind, body in rems.alerts() if kind == "shipment_bypassed"]
    assert why == [["other_patient"]] * 2
    assert wrong(rems.ledger) == []
