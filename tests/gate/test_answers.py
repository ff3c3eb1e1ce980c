"""What the gate answers to one message: which messages, which records, which headers, in which order, and what the ledger keeps."""

import json
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

from consumers.publications import Publication, publications_for
from gatekeeper.arrivals import Answer, Arrival, Position, SetAside
from gatekeeper.domain.ids import record_id, verdict_id
from gatekeeper.gate import judge
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from schemas.documents import PUBLISHED
from tests.gate.ledger import NOON, RULES, TOPIC, Ledger, Wire, authorization, order

CAMPATH = {"line": 2, "product": {"ndc": "58468-0357-3"}, "quantity": 2}
MIXED: Wire = {"/lines/1": CAMPATH, "/lines/2": {"line": 3, "product": {"ndc": "58468-0200-1"}, "quantity": 1}}
"""Line 1 is released, line 2 is of a product that nobody restricts, line 3 names no patient."""
SCHEMAS = {
    name: Draft202012Validator(json.loads((PUBLISHED / f"{name}.schema.json").read_text(encoding="utf-8")))
    for name in ("shipments-released", "shipments-stopped", "distribution-records", "refused-messages", "compliance-alerts")
}


def said(*answers: Answer) -> list[Publication]:
    """All that is published, each body found right by the published schema of its topic."""
    publications = [publication for answer in answers for publication in publications_for(answer, TOPIC)]
    for publication in publications:
        SCHEMAS[publication.topic].validate(json.loads(publication.value))
    return publications


def bodies(*answers: Answer) -> list[tuple[str, Any]]:
    return [(publication.topic, json.loads(publication.value)) for publication in said(*answers)]


@pytest.fixture
def loaded(ledger: Ledger) -> Ledger:
    ledger.load(authorization("AU-MANY", 1000))
    return ledger


def test_a_released_line_is_said_with_its_record(loaded: Ledger) -> None:
    """A covered line that is released: one message in shipments-released, then one original distribution record, and nothing else."""
    [(first, released), (second, record)] = bodies(*loaded.judge(order("SO-7", {"/lines/0/serials": list("ABCDE")})))

    name = str(verdict_id("WD-001", "SO-7", 1, 1))
    original = str(record_id("WD-001", "SO-7", 1, 1, 1, "original"))
    assert (first, second) == ("shipments-released", "distribution-records")
    assert released == {
        "verdict_id": name, "wholesaler_id": "WD-001", "order_id": "SO-7", "revision": 1, "examination": 1,
        "decided_at": "2026-11-20T17:00:00.000Z", "registry_version": 1,
        "programs": {"lemtrada": {"version": RULES.programs[0].version, "sha256": RULES.programs[0].sha256}},
        "lines": [{"line": 1, "outcome": "released", "program": "lemtrada", "site_id": "HF1", "record_ids": [original]}],
    }  # fmt: skip
    ship_to = record.pop("ship_to")
    assert (ship_to["site_id"], ship_to["class"]) == ("HF1", "healthcare_facility")
    assert record == {
        "record_id": original, "program": "lemtrada", "sequence": 1, "kind": "original", "replaces": None,
        "wholesaler_id": "WD-001", "order_id": "SO-7", "revision": 1, "line": 1, "verdict_id": name,
        "recorded_at": "2026-11-20T17:00:00.000Z", "ship_on": "2026-11-23", "ship_from": {"site_id": "DC-07"},
        "patient_id": "P-1", "prescriber_id": "PR-1", "authorization_id": "AU-1", "administering_site_id": "HF1",
        "product": {"ndc": "58468-0200-01", "gtin": "00358468020017", "name": "LEMTRADA 12 mg/1.2 mL"},
        "quantity": 5, "unit": "vial", "lot": "A1234", "expires_on": "2028-05-31", "serials": list("ABCDE"),
    }  # fmt: skip


def test_a_mixed_order_is_said_twice_with_its_own_lines(loaded: Ledger) -> None:
    """Released and not covered lines stand in one message, stopped lines in the other; only the covered released line has a record."""
    [(_, released), (topic, stopped), (_, record)] = bodies(*loaded.judge(order("SO-8", MIXED)))

    assert [(line["line"], line["outcome"]) for line in released["lines"]] == [(1, "released"), (2, "not_covered")]
    assert released["lines"][1]["record_ids"] == []
    assert topic == "shipments-stopped"
    assert [(line["line"], line["outcome"]) for line in stopped["lines"]] == [(3, "held")]
    assert {reason["code"] for reason in stopped["lines"][0]["reasons"]} == {"patient_missing"}
    assert all(reason["stops"] is True and reason["text"] and reason["remedy"] for reason in stopped["lines"][0]["reasons"])
    assert "withdraws" not in stopped
    assert released["verdict_id"] == stopped["verdict_id"]
    assert record["line"] == 1


def test_a_product_that_nobody_restricts_has_no_record(loaded: Ledger) -> None:
    """An order of goods that no program covers is released whole, without records and without a case that grows."""
    [(topic, released)] = bodies(*loaded.judge(order("SO-9", {"/lines/0": CAMPATH | {"line": 1}})))

    assert topic == "shipments-released"
    assert released["lines"] == [{"line": 1, "outcome": "not_covered", "program": None, "site_id": None, "record_ids": []}]
    assert loaded.rows(tables.DISTRIBUTION_RECORD) == []


def test_under_discretion_a_site_rule_is_said_and_does_not_stop(ledger: Ledger) -> None:
    """Under discretion a line to a suspended site is released, and carries the reason with ``stops`` false."""
    discretion = {"fact": "program", "program": "lemtrada", "sequence": 90, "effective_on": "2026-01-01", "mode": "discretion"}
    ledger.load(discretion)
    to_hf3 = {
        "/ship_to/rems_site_id": "HF3", "/ship_to/address": {"street": "9 Lake Dr", "city": "X", "state": "IL", "postal_code": "60601"},
        "/lines/0/patient/authorization_id": "AU-HF3", "/lines/0/patient/administering_site_id": "HF3",
    }  # fmt: skip
    [(topic, released), (_, record)] = bodies(*ledger.judge(order("SO-1", to_hf3)))

    assert topic == "shipments-released"
    assert [(reason["code"], reason["stops"]) for reason in released["lines"][0]["reasons"]] == [("site_suspended", False)]
    assert record["ship_to"]["site_id"] == "HF3"


def test_every_message_says_where_it_comes_from(loaded: Ledger) -> None:
    """Headers: the id of what it is about, the position that it answers, the hash of the recording block. Keys are ids, never people."""
    answers = loaded.judge(order("SO-10", MIXED), b"rubbish", partition=3)
    head = loaded.rows(tables.TAIL)[0][2].hex()
    published = said(*answers)

    assert [each.topic for each in published] == ["shipments-released", "shipments-stopped", "distribution-records", "refused-messages"]
    verdict, record = str(verdict_id("WD-001", "SO-10", 1, 1)), str(record_id("WD-001", "SO-10", 1, 1, 1, "original"))
    refusal = json.loads(published[3].value)["refusal_id"]
    assert [each.key.decode() for each in published] == ["SO-10", "SO-10", record, refusal]
    assert [dict(each.headers)["id"].decode() for each in published] == [verdict, verdict, record, refusal]
    assert [dict(each.headers)["source"] for each in published] == [b"shipment-orders/3/0"] * 3 + [b"shipment-orders/3/1"]
    assert {dict(each.headers)["chain"].decode() for each in published} == {head}
    assert all(name in {"id", "source", "chain"} for each in published for name, _ in each.headers)


def test_what_cannot_be_read_is_refused_and_stops_nothing(loaded: Ledger) -> None:
    """A message that cannot be read is kept whole, refused with every problem by pointer, and the next one is answered."""
    raw = order("SO-11", {"/lines/0/quantity": 0, "/colour": "red"})
    answers = loaded.judge(raw, order("SO-12"))

    [(_, refused), (topic, _), _] = bodies(*answers)
    assert set(refused["problems"]) == {"/lines/0/quantity", "/colour"}
    assert refused["position"] == {"topic": TOPIC, "partition": 0, "offset": 0}
    assert refused["refused_at"] == "2026-11-20T17:00:00.000Z"
    assert topic == "shipments-released"
    assert [row[3] for row in loaded.rows(tables.REFUSAL)] == [raw]
    assert [row[3] for row in loaded.rows(tables.ARRIVAL)] == ["refused", "order"]


def test_what_was_set_aside_is_refused_with_the_reason_that_was_given(loaded: Ledger) -> None:
    """A message that a person took out of the way is refused, also when it could be read, with the person's reason."""
    arrival = Arrival(Position(0, 0), order(), b"d" * 32, SetAside("halts the gate"))
    with transaction(loaded.engine) as cursor:
        answers = judge(cursor, loaded.source, [arrival], RULES)

    [(topic, refused)] = bodies(*answers)
    assert (topic, refused["set_aside"], list(refused["problems"])) == ("refused-messages", "halts the gate", [""])
    assert loaded.rows(tables.DISTRIBUTION_RECORD) == []


def test_records_count_per_program_in_the_order_of_decision(loaded: Ledger) -> None:
    """``sequence`` counts 1, 2, 3 … over orders and batches; what is stopped takes no number."""
    many = {"/lines/0/patient/authorization_id": "AU-MANY"}
    stopped = order("SO-X", {"/lines/0/patient": None})
    answers = loaded.judge(order("SO-1", many), stopped, order("SO-2", many), order("SO-3", many | {"/lines/1": CAMPATH}), batch=2)

    records = [body for topic, body in bodies(*answers) if topic == "distribution-records"]
    assert [(record["sequence"], record["order_id"]) for record in records] == [(1, "SO-1"), (2, "SO-2"), (3, "SO-3")]
    assert [(row[1], row[2], row[0]) for row in sorted(loaded.rows(tables.DISTRIBUTION_RECORD), key=lambda row: row[2])] == [
        ("lemtrada", number, UUID(record["record_id"])) for number, record in enumerate(records, 1)
    ]


def test_the_same_order_id_of_another_wholesaler_is_another_order(loaded: Ledger) -> None:
    """The order's identity begins with the wholesaler: two wholesalers may use one number."""
    many = {"/lines/0/patient/authorization_id": "AU-MANY"}
    answers = loaded.judge(order("SO-1", many), order("SO-1", many | {"/wholesaler_id": "WD-002"}))

    assert [topic for topic, _ in bodies(*answers)] == ["shipments-released", "distribution-records"] * 2


def test_nothing_known_releases_nothing(ledger: Ledger) -> None:
    """A ledger without any registry holds a covered line: the registry is stale, the site unknown. What nobody restricts may leave."""
    [(topic, stopped)] = bodies(*ledger.judge(order()))
    codes = {reason["code"] for reason in stopped["lines"][0]["reasons"]}
    assert topic == "shipments-stopped"
    assert {"registry_stale", "site_unknown"} <= codes
    [(topic, _)] = bodies(*ledger.judge(order("SO-2", {"/lines/0": CAMPATH | {"line": 1}})))
    assert topic == "shipments-released"


def test_a_snapshot_that_suspends_a_site_holds_from_the_next_verdict(loaded: Ledger) -> None:
    """What commits after a load obeys it: the same site, released before, is blocked after, and the message says which registry it was."""
    many = {"/lines/0/patient/authorization_id": "AU-MANY"}
    before = bodies(*loaded.judge(order("SO-1", many)))
    suspension = {
        "fact": "site", "program": "lemtrada", "sequence": 91, "effective_on": "2026-11-20", "site_id": "HF1",
        "class": "healthcare_facility", "status": "suspended", "address": {"street": "100 Main St", "street2": "Ste 4", "city": "Boston",
        "state": "MA", "postal_code": "02110"}, "identifiers": {},
    }  # fmt: skip
    loaded.load(authorization("AU-MANY", 1000), suspension, as_of=NOON)
    [(topic, stopped)] = bodies(*loaded.judge(order("SO-2", many)))

    assert (before[0][0], before[0][1]["registry_version"]) == ("shipments-released", 1)
    assert (topic, stopped["registry_version"]) == ("shipments-stopped", 2)
    assert [reason["code"] for reason in stopped["lines"][0]["reasons"]] == ["site_suspended"]
