"""A fact that came late: every line that it would have stopped is found, once, and nothing else; a recall names every recipient."""

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from gatekeeper.audit import Walked, walk
from gatekeeper.errors import Halt
from gatekeeper.examinations.recording import Terms
from gatekeeper.following import look_back
from gatekeeper.following.steps import expand, step
from gatekeeper.storage import look_back as storage
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from schemas.alert import ComplianceAlert
from tests.gate.following import Always, follow
from tests.gate.late import HF1, MANY, PATIENT, PRESCRIBER, findings, found, judge_on, on, told
from tests.gate.ledger import NOON, WORLD, Ledger, Wire, order
from tests.gate.warehouse import Warehouse, event
from tests.registry.conftest import telling
from tests.registry.telling import Telling

__all__ = ["telling"]

RECALL: Wire = {"fact": "recall", "program": "lemtrada", "sequence": 5001, "effective_on": "2026-11-22", "ndc": "58468-0200-1",
                "lot": "A1234", "status": "recalled"}  # fmt: skip
OTHER_PROGRAM = RECALL | {"ndc": "54321-0200-1"}
BREAK = """
CREATE FUNCTION breaks() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'it breaks'; END$$;
CREATE TRIGGER breaks BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION breaks();
"""


def alerts(ledger: Ledger, *kinds: str) -> list[Any]:
    """Of the look-backs, as they are published."""
    bodies = [row[3] for row in ledger.rows(tables.ALERT) if row[1] in (kinds or ("look_back_finding", "lot_recalled"))]
    assert {row[0] for row in ledger.rows(tables.ALERT)} == {row[2] for row in ledger.rows(tables.OUTBOX) if row[2]} | {
        row[0] for row in ledger.rows(tables.ALERT) if row[2]
    }
    for body in bodies:
        msgspec.json.decode(body, type=ComplianceAlert)
        assert not any(secret in body for secret in (b"P-1", b"AU-MANY", b"PR-1"))
    return [json.loads(body) for body in bodies]


def whole(ledger: Ledger) -> bool:
    with ledger.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        return isinstance(walk(driver), Walked)


def test_a_late_suspension_finds_exactly_the_lines_since_its_day(ledger: Ledger, telling: Telling) -> None:
    for day in range(3):
        judge_on(ledger, day, f"SO-{day}", changes={"/lines/0/serials": [f"S{day}{n}" for n in range(5)]})
    Warehouse(ledger).tell(event("shipped", "SO-1", lines=[1]))
    telling.tell(told(HF1, 1, "suspended"))
    follow(ledger)

    assert found(ledger) == [("SO-1", ["site_suspended"]), ("SO-2", ["site_suspended"])]
    first, second = findings(ledger)
    assert (first.state, first.left, second.state, second.left) == ("shipped", True, "withdrawn", False)
    assert (first.site_id, first.quantity, first.lot, first.patient_id, first.outcome) == ("HF1", 5, "A1234", "P-1", "blocked")
    assert (first.known.status, first.known.sequence, first.known.effective_on) == ("certified", 2, "2025-06-01")
    assert first.found_with > first.known.registry_version
    [row] = ledger.rows(tables.LOOK_BACK)
    [alert] = alerts(ledger)
    assert (row[2], row[4], row[5], str(row[6])) == ("look_back", 2, 2, alert["alert_id"])
    seen = alert["evidence"]
    assert (seen["lines"], seen["quantity"], seen["reasons"], seen["states"], seen["fact"]["subject"]) == (
        2, {"vial": 10}, {"site_suspended": 2}, {"shipped": 1, "withdrawn": 1}, "HF1",
    )  # fmt: skip
    [site] = seen["sites"]
    assert (site["site_id"], site["lines"]) == ("HF1", 2)
    assert site["shipments"][0]["known"] == {
        "registry_version": first.known.registry_version, "status": "certified", "effective_on": "2025-06-01", "sequence": 2,
    }  # fmt: skip
    assert [(line["order_id"], line["serials"]) for line in site["shipments"]] == [
        ("SO-1", ["S10", "S11", "S12", "S13", "S14"]), ("SO-2", ["S20", "S21", "S22", "S23", "S24"]),
    ]  # fmt: skip
    assert (seen["lines_not_shown"], seen["sites_not_shown"]) == (0, 0)
    assert ledger.rows(tables.LOOKING_BACK) == []
    assert whole(ledger)


@pytest.mark.parametrize(
    ("fact", "status", "code"),
    [
        (PATIENT, "withdrawn", "patient_not_enrolled"),
        (PRESCRIBER, "decertified", "prescriber_not_certified"),
        (MANY, "cancelled", "authorization_not_valid"),
    ],
)
def test_so_do_facts_about_patients_prescribers_and_authorizations(
    ledger: Ledger, telling: Telling, fact: Wire, status: str, code: str
) -> None:
    for day in range(2):
        judge_on(ledger, day, f"SO-{day}")
    telling.tell(told(fact, 1, status))
    follow(ledger)
    assert found(ledger) == [("SO-1", [code])]
    if fact is not PRESCRIBER:
        [alert] = alerts(ledger)
        assert (alert["evidence"]["reasons"], "subject" in alert["evidence"]["fact"]) == ({code: 1}, False)


@pytest.mark.parametrize(("day", "count"), [(0, 1), (1, 0)])
def test_a_fact_of_today_finds_those_of_today_and_one_of_tomorrow_none(ledger: Ledger, telling: Telling, day: int, count: int) -> None:
    judge_on(ledger, 0, "SO-0")
    telling.tell(told(HF1, day, "suspended"))
    follow(ledger)
    assert (len(findings(ledger)), len(ledger.rows(tables.LOOK_BACK))) == (count, count)


def test_what_was_decided_with_the_fact_known_is_not_looked_at(ledger: Ledger, telling: Telling) -> None:
    """Nor what nobody released; a look-back without a released line leaves nothing."""
    judge_on(ledger, 0, "SO-0", changes={"/ship_to/rems_site_id": "HF4"})
    telling.tell(told(HF1, 0, "certified"))
    ledger.judge(order("SO-1"))
    follow(ledger)
    assert ledger.rows(tables.LOOK_BACK) == []


def test_a_fact_that_was_corrected_before_anybody_looked_finds_nothing(ledger: Ledger, telling: Telling) -> None:
    judge_on(ledger, 0, "SO-0")
    telling.tell(told(HF1, 0, "suspended"), told(HF1, 0, "certified", 5002), batch=1)
    follow(ledger)
    assert [(row[4], row[5], row[6]) for row in ledger.rows(tables.LOOK_BACK)] == [(1, 0, None)] * 2
    assert (findings(ledger), alerts(ledger)) == ([], [])


def test_what_was_found_stays_when_a_later_fact_corrects(ledger: Ledger, telling: Telling) -> None:
    judge_on(ledger, 0, "SO-0")
    telling.tell(told(HF1, 0, "suspended"))
    follow(ledger)
    telling.tell(told(HF1, 0, "certified", 5002))
    follow(ledger)
    assert found(ledger) == [("SO-0", ["site_suspended"])]


def test_a_subject_that_a_snapshot_drops(ledger: Ledger) -> None:
    """From the snapshot's day on it was unknown, whatever was believed."""
    for day in range(3):
        judge_on(ledger, day, f"SO-{day}")
    ledger.load(MANY, world=[fact for fact in WORLD if fact is not HF1], as_of=NOON + timedelta(days=1))
    follow(ledger)
    assert found(ledger) == [("SO-1", ["site_unknown"]), ("SO-2", ["site_unknown"])]
    assert {row[1] for row in ledger.rows(tables.LOOK_BACK)} == {
        row[0] for row in ledger.rows(tables.FACT) if (row[2], row[4]) == ("site", "HF1")
    }


def test_a_recall_names_every_recipient_of_the_lot(ledger: Ledger, telling: Telling) -> None:
    """Whatever the day; released and shipped, with what became of them; nothing of another lot or product."""
    for day in range(4):
        judge_on(ledger, day, f"SO-{day}")
    judge_on(ledger, 3, "SO-OTHER", changes={"/lines/0/lot": "A9"})
    Warehouse(ledger).tell(event("shipped", "SO-0", lines=[1]), event("cancelled", "SO-1", lines=[1]))
    telling.tell(OTHER_PROGRAM)
    follow(ledger)
    assert ledger.rows(tables.LOOK_BACK) == []
    telling.tell(RECALL)
    follow(ledger)

    states = {finding.order_id: finding.state for finding in findings(ledger)}
    assert states == {"SO-0": "shipped", "SO-1": "stayed", "SO-2": "withdrawn", "SO-3": "withdrawn"}
    assert [[reason.code for reason in finding.reasons] for finding in findings(ledger)] == [[], [], ["lot_recalled"], ["lot_recalled"]]
    [alert] = alerts(ledger)
    [site] = alert["evidence"]["sites"]
    assert [(line["order_id"], line["state"]) for line in site["shipments"]] == [
        ("SO-0", "shipped"), ("SO-2", "withdrawn"), ("SO-3", "withdrawn"),
    ]  # fmt: skip
    assert (alert["kind"], alert["evidence"]["lines"], site["quantity"]) == ("lot_recalled", 4, {"vial": 15})

    telling.tell(RECALL | {"sequence": 5002, "status": "lifted"})
    follow(ledger)
    assert len(alerts(ledger)) == 1


def test_a_recall_names_who_received_the_lot_in_place_of_another_or_of_none(ledger: Ledger, telling: Telling) -> None:
    """The warehouse says what left, before the order is decided or after; of a line that left under the lot of the order alone nothing."""
    warehouse, lot = Warehouse(ledger), RECALL["lot"]
    left = [{"line": 1, "lot": lot}]
    warehouse.tell(event("shipped", "SO-BEFORE", lines=left))
    judge_on(ledger, 0, "SO-BEFORE", "SO-AFTER", "SO-REST", changes={"/lines/0/lot": "A9"})
    judge_on(ledger, 0, "SO-NONE", changes={"/lines/0/lot": None})
    warehouse.tell(
        event("shipped", "SO-AFTER", lines=left), event("shipped", "SO-NONE", lines=left),
        event("shipped", "SO-REST", lines=[{"line": 1, "lot": "A9"}]), event("shipped", "SO-AFTER", 2, lines=left),
    )  # fmt: skip
    telling.tell(RECALL)
    follow(ledger)

    assert [(each.order_id, each.state, each.lot) for each in findings(ledger)] == [
        ("SO-BEFORE", "shipped", lot), ("SO-AFTER", "shipped", lot), ("SO-NONE", "shipped", lot),
    ]  # fmt: skip
    [alert] = alerts(ledger)
    assert [line["order_id"] for line in alert["evidence"]["sites"][0]["shipments"]] == ["SO-BEFORE", "SO-AFTER", "SO-NONE"]


def test_a_line_that_was_released_twice_is_found_twice_and_received_once(ledger: Ledger, telling: Telling) -> None:
    judge_on(ledger, 0, "SO-0")
    telling.tell(told(HF1, 0, "suspended"))
    follow(ledger)
    telling.tell(told(HF1, 0, "certified", 5002))
    follow(ledger)
    Warehouse(ledger).tell(event("shipped", "SO-0", lines=[1]))
    telling.tell(RECALL | {"sequence": 5003})
    follow(ledger)
    assert [(finding.examination, finding.state) for finding in findings(ledger)[1:]] == [(1, "withdrawn"), (3, "shipped")]


@pytest.mark.parametrize("table", ["finding", "look_back"])
def test_it_goes_on_where_it_was_and_finds_nothing_twice(ledger: Ledger, telling: Telling, table: str) -> None:
    judge_on(ledger, 0, *(f"SO-{number}" for number in range(5)))
    telling.tell(told(HF1, 0, "suspended"))
    with transaction(ledger.engine) as cursor:
        assert expand(cursor, Always(ledger.rules), 1000, at_once=True)
    assert look_back.step(ledger.engine, ledger.rules.programs, examinations=2)
    with ledger.engine.begin() as connection:
        connection.exec_driver_sql(BREAK.format(table))
    with pytest.raises(Halt):
        to_the_end(ledger)
    before = len(findings(ledger))
    with transaction(ledger.engine) as cursor:
        [far] = look_back.progress(cursor)
    assert (before, far.findings, far.lines) == ((2, 2, 2) if table == "finding" else (5, 5, 5))
    with ledger.engine.begin() as connection:
        connection.exec_driver_sql(f"DROP TRIGGER breaks ON {table}")
    to_the_end(ledger)
    assert [name for name, _ in found(ledger)] == [f"SO-{number}" for number in range(5)]
    assert (len(alerts(ledger)), ledger.rows(tables.LOOK_BACK)[0][4:6], whole(ledger)) == (1, (5, 5), True)


def test_what_nobody_restricted_until_it_was_told_late(ledger: Ledger, telling: Telling) -> None:
    """A mode that is taken back: neither the age of the registry, which nobody asked for then, nor units count."""
    ledger.load(MANY)
    telling.tell({"fact": "program", "program": "lemtrada", "sequence": 5001, "effective_on": on(0), "mode": "ended"})
    ledger.judge(order("SO-0", {"/lines/0/patient": None}), order("SO-1"))
    follow(ledger)
    telling.tell({"fact": "program", "program": "lemtrada", "sequence": 5002, "effective_on": on(0), "mode": "active"})
    follow(ledger)
    assert found(ledger) == [("SO-0", ["patient_missing"])]
    assert [(row[4], row[5]) for row in ledger.rows(tables.LOOK_BACK)] == [(2, 1)]


def test_two_who_look_at_the_same_find_it_once(ledger: Ledger, telling: Telling) -> None:
    judge_on(ledger, 0, "SO-0", "SO-1")
    telling.tell(told(HF1, 0, "suspended"))
    with transaction(ledger.engine) as cursor:
        expand(cursor, Always(ledger.rules), 1000, at_once=True)
    with transaction(ledger.engine) as cursor:
        late = storage.next_one(cursor)
    assert late is not None
    assert look_back.step(ledger.engine, ledger.rules.programs, examinations=1)
    with transaction(ledger.engine) as cursor:
        assert not storage.move(cursor, late, late.through, 2, 2)
        assert not storage.end(cursor, late)


def to_the_end(ledger: Ledger) -> None:
    while look_back.step(ledger.engine, ledger.rules.programs, examinations=2):
        pass


def test_no_alert_waits_until_a_look_back_is_over(ledger: Ledger, telling: Telling) -> None:
    judge_on(ledger, 0, "SO-0")
    telling.tell(told(HF1, 0, "suspended"))
    ledger.set_clock(NOON + timedelta(hours=25))
    while not alerts(ledger, "registry_stale"):
        assert step(ledger.engine, Always(ledger.rules), Terms())
    assert len(ledger.rows(tables.LOOKING_BACK)) == 1
    follow(ledger)
    assert len(alerts(ledger)) == 1
