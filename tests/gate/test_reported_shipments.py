"""Where a warehouse reports shipments, a higher revision waits for its word that the goods of the lower one stayed."""

from datetime import UTC, datetime, timedelta

import pytest

from gatekeeper.config import read_settings
from gatekeeper.examinations.recording import Terms
from gatekeeper.following.steps import step
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from tests.gate.following import SUSPENDED, Always, causes, tell
from tests.gate.ledger import Ledger, Wire, authorization, order
from tests.gate.test_again import wrong
from tests.gate.test_answers import CAMPATH, bodies
from tests.gate.test_events import bodies_in, said
from tests.gate.test_revisions import SERIALS, codes, revision, units
from tests.gate.warehouse import REPORTING, Warehouse, event

MANY: Wire = {"/lines/0/patient/authorization_id": "AU-MANY"}


@pytest.fixture
def reporting(ledger: Ledger) -> Warehouse:
    ledger.load(authorization("AU-MANY", 1000))
    return Warehouse(ledger, REPORTING)


def test_where_shipments_are_reported_a_higher_revision_waits_for_the_word_that_the_goods_stayed(reporting: Warehouse) -> None:
    """Held; units and serials are free at once; the record is voided by the cancellation, which makes the held line due."""
    ledger = reporting.ledger
    reporting.judge(order("SO-1", SERIALS))
    [answer] = reporting.judge(revision(2, SERIALS | {"/lines/1": CAMPATH}))
    told = [(topic, body["revision"]) for topic, body in bodies(answer)]
    assert told == [
        ("shipments-released", 1), ("shipments-stopped", 1), ("compliance-alerts", 1), ("shipments-released", 2), ("shipments-stopped", 2),
    ]  # fmt: skip
    assert codes(bodies(answer)[-1][1]) == [["withdrawal_unconfirmed"]]
    assert units(ledger) == {}
    assert ledger.rows(tables.SERIAL) == []
    [waiting] = ledger.rows(tables.OPEN_LINE)

    reporting.tell(event("cancelled", revision=2, lines=[7]))
    assert ledger.rows(tables.DUE) == []
    reporting.tell(event("cancelled", revision=1))

    assert ledger.rows(tables.DUE) == [(waiting[0], "event")]
    assert said(reporting) == ["distribution-records"]
    assert [body["kind"] for body in bodies_in(reporting, "distribution-records")] == ["void"]
    assert units(ledger) == {}, "what was freed by the higher revision is not freed twice"
    reporting.follow()
    [released] = [body for body in bodies_in(reporting, "shipments-released") if body["revision"] == 2]
    assert [(line["line"], line["outcome"]) for line in released["lines"]] == [(1, "released")]
    assert [body["kind"] for body in bodies_in(reporting, "distribution-records")] == ["void", "original"]
    assert units(ledger) == {"AU-1": 5}
    assert wrong(ledger) == []


def test_who_reports_shipments_is_a_setting() -> None:
    """Nobody, where nothing is said."""
    assert Terms.of(read_settings({})) == Terms(3, frozenset())
    said = {"GATEKEEPER_REPORTING_WHOLESALERS": "WD-001,WD-002", "GATEKEEPER_WATCH_BUSINESS_DAYS": "5"}
    assert Terms.of(read_settings(said)) == Terms(5, frozenset({"WD-001", "WD-002"}))


def test_nobody_else_waits(ledger: Ledger) -> None:
    """A wholesaler that does not report shipments says with a higher revision that the goods of the lower one stay."""
    ledger.load(authorization("AU-MANY", 1000))
    warehouse = Warehouse(ledger, REPORTING._replace(reports_shipments=frozenset({"WD-002"})))
    [_, answer] = warehouse.judge(order("SO-1", MANY), revision(2, MANY))
    assert [topic for topic, _ in bodies(answer)][-2:] == ["shipments-released", "distribution-records"]


def test_a_cancellation_of_a_revision_to_come_says_nothing_of_the_goods_of_a_lower_one(ledger: Ledger) -> None:
    """They are not wanted any more, so they are withdrawn; that they stayed is for their own cancellation, or the higher revision."""
    ledger.load(authorization("AU-MANY", 1000))
    warehouse = Warehouse(ledger)
    warehouse.judge(order("SO-1", MANY), order("SO-2", MANY))
    warehouse.tell(event("cancelled", "SO-1", 2), event("cancelled", "SO-2", 2))
    assert said(warehouse) == ["shipments-released", "shipments-stopped"] * 2
    assert units(ledger) == {"AU-MANY": 10}
    warehouse.tell(event("cancelled", "SO-2"))
    assert units(ledger) == {"AU-MANY": 5}
    [answer] = warehouse.judge(revision(2, MANY))
    told = bodies(answer)
    assert [(topic, body.get("kind")) for topic, body in told] == [("distribution-records", "void"), ("shipments-stopped", None)]
    assert codes(told[1][1]) == [["order_cancelled"]]
    assert units(ledger) == {}
    assert wrong(ledger) == []


@pytest.mark.parametrize("batch", [1, None])
def test_a_cancellation_that_came_before_the_higher_revision_confirms_it(reporting: Warehouse, batch: int | None) -> None:
    """Also one line after the other; a word about one line alone is not enough."""
    reporting.judge(order("SO-1", MANY | {"/lines/1": CAMPATH}), order("SO-2", MANY | {"/lines/1": CAMPATH}))
    reporting.tell(event("cancelled", lines=[1]), event("cancelled", lines=[2]), event("cancelled", "SO-2", lines=[1]), batch=batch)
    answers = reporting.judge(revision(2, MANY), revision(2, MANY, "SO-2"))
    assert [bodies(answer)[-1][0] for answer in answers] == ["distribution-records", "shipments-stopped"]
    assert units(reporting.ledger) == {"AU-MANY": 5}
    assert wrong(reporting.ledger) == []


def test_a_third_revision_frees_nothing_twice(reporting: Warehouse) -> None:
    """Superseded twice without a word of the warehouse: the units of the first are free once."""
    reporting.judge(order("SO-1", MANY), revision(2, MANY), order("SO-2", MANY), revision(3, MANY))
    assert units(reporting.ledger) == {"AU-MANY": 5}
    reporting.tell(event("cancelled", revision=1))
    assert units(reporting.ledger) == {"AU-MANY": 5}


def test_what_a_higher_revision_freed_counts_against_nobody(reporting: Warehouse) -> None:
    """Who was released on the units meanwhile stays released, whatever is looked at again; also where the warehouse is silent."""
    ledger = reporting.ledger
    ledger.load(authorization("AU-MANY", 5))
    reporting.judge(order("SO-1", MANY), revision(2, MANY), order("SO-2", MANY))
    with transaction(ledger.engine) as cursor:
        tell(cursor, authorization("AU-MANY", 5) | {"effective_on": "2026-11-20"}, 5001)
    reporting.follow()
    assert causes(ledger, "SO-2") == ["message"]
    assert units(ledger) == {"AU-MANY": 5}


def test_what_was_freed_and_left_all_the_same_is_used_up(reporting: Warehouse) -> None:
    """Once, however often it is reported; whoever was released after it on its units is withdrawn."""
    ledger = reporting.ledger
    ledger.load(authorization("AU-MANY", 5))
    reporting.judge(order("SO-1", MANY | SERIALS), revision(2, MANY), order("SO-2", MANY))
    reporting.tell(event("shipped", lines=[1]), event("shipped", lines=[1]), batch=1)
    assert units(ledger) == {"AU-MANY": 10}
    assert {row[2] for row in ledger.rows(tables.SERIAL)} == {"WD-001/SO-1/1/1"}
    reporting.follow()
    assert causes(ledger, "SO-2") == ["message", "withdrawn"]
    assert wrong(ledger) == []


def test_silence_after_the_watch_is_an_alert_and_never_a_withdrawal(reporting: Warehouse) -> None:
    """Of what left whole, or stayed, nothing is said; of another wholesaler neither. Said once, also where a fact comes just then."""
    ledger = reporting.ledger
    part = event("shipped", "SO-2", lines=[{"line": 1, "quantity": 1}])
    other = order("SO-5", MANY | {"/wholesaler_id": "WD-002"})
    reporting.judge(order("SO-1", MANY), order("SO-2", MANY), order("SO-3", MANY), order("SO-4", MANY), other)
    reporting.tell(part, event("shipped", "SO-3", lines=[1]), event("cancelled", "SO-4"))
    reporting.follow()
    assert len(ledger.rows(tables.WATCHED_LINE)) == 3
    [until] = {row[6] for row in ledger.rows(tables.WATCHED_LINE)}
    ledger.set_clock(until)
    with transaction(ledger.engine) as cursor:
        tell(cursor, SUSPENDED, 5001)
    reporting.follow()
    reporting.follow()
    assert ledger.rows(tables.WATCHED_LINE) == []
    alerts = [alert for alert in bodies_in(reporting, "compliance-alerts") if alert["kind"] == "shipment_unreported"]
    assert {(alert["order_id"], tuple(alert["evidence"]["lines"])) for alert in alerts} == {("SO-1", (1,)), ("SO-2", (1,))}
    assert len(alerts) == 2
    assert {cause for name in ("SO-1", "SO-2", "SO-5") for cause in causes(ledger, name)} == {"message", "shipped"}
    assert "compliance-alerts" in said(reporting)


FRIDAY_ENDS = datetime(2026, 11, 28, 5, tzinfo=UTC)
"""Three business days after Monday 23 November 2026: Thanksgiving is none. The end of that day, in the program's zone."""


def unreported(warehouse: Warehouse) -> list[str]:
    while step(warehouse.ledger.engine, Always(warehouse.ledger.rules), warehouse.terms):
        pass
    return [alert["order_id"] for alert in bodies_in(warehouse, "compliance-alerts") if alert["kind"] == "shipment_unreported"]


def test_nothing_heard_is_told_at_the_end_of_the_last_day(reporting: Warehouse) -> None:
    """Not a millisecond before, and once."""
    reporting.judge(order("SO-1", MANY))
    reporting.ledger.set_clock(FRIDAY_ENDS - timedelta(milliseconds=1))
    assert unreported(reporting) == []
    reporting.ledger.set_clock(FRIDAY_ENDS)
    assert unreported(reporting) == ["SO-1"]
    reporting.ledger.set_clock(FRIDAY_ENDS + timedelta(days=9))
    assert unreported(reporting) == ["SO-1"]


def test_of_what_was_withdrawn_too_a_word_is_expected(reporting: Warehouse) -> None:
    """Superseded, or by a fact; not of what was cancelled, left all the same, or is released again, and is watched anew."""
    ledger = reporting.ledger
    reporting.judge(*(order(f"SO-{number}", MANY) for number in range(1, 7)))
    reporting.judge(*(order(f"SO-{number}", MANY | {"/revision": 2, "/ship_on": "2026-11-24"}) for number in (1, 2, 3)))
    reporting.tell(event("cancelled", "SO-2"), event("shipped", "SO-3", lines=[1]), event("shipped", "SO-6", lines=[1]))
    with transaction(ledger.engine) as cursor:
        tell(cursor, SUSPENDED, 5001)
    reporting.follow()
    reporting.tell(event("cancelled", "SO-5"))
    assert [causes(ledger, f"SO-{number}")[-1] for number in (4, 5, 6)] == ["withdrawn", "cancelled", "message"]
    ledger.set_clock(FRIDAY_ENDS - timedelta(milliseconds=1))
    assert unreported(reporting) == []
    ledger.set_clock(FRIDAY_ENDS)
    assert sorted(unreported(reporting)) == ["SO-1", "SO-4"]
    assert ledger.rows(tables.WITHDRAWN_LINE) == []
    ledger.set_clock(FRIDAY_ENDS + timedelta(days=9))
    assert sorted(unreported(reporting)) == ["SO-1", "SO-4"]


def test_what_is_released_when_that_day_is_over_is_told_at_once(reporting: Warehouse) -> None:
    """Three business days after the 13th end on the 18th, and the gate releases for seven days; of what has left nothing is told."""
    late = MANY | {"/ship_on": "2026-11-13"}
    reporting.tell(event("shipped", "SO-2", lines=[1]))
    reporting.judge(order("SO-1", late), order("SO-2", late))
    assert unreported(reporting) == ["SO-1"]
    assert reporting.ledger.rows(tables.WATCHED_LINE) == []
    assert causes(reporting.ledger, "SO-1") == ["message"]
