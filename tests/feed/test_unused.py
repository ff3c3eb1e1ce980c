"""Unused vials: until when they must be back, an alert before that where they are not, and none where they are."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from gatekeeper.examinations.business_days import business_day_after
from gatekeeper.goods import unused
from gatekeeper.goods.unused import STATES, alert_unused, listed
from gatekeeper.storage import tables
from gatekeeper.storage import unused as storage
from gatekeeper.storage.engine import transaction
from tests.feed.rems import Rems
from tests.gate.ledger import NOON, Ledger, Wire, authorization, order
from tests.gate.test_answers import SCHEMAS
from tests.gate.warehouse import Warehouse, event

LEAD = 5
FORM = {"form_submitted_on": "2026-08-12"}
END = "2026-12-01"
"""75 business days after the form: Labor Day, Columbus Day, Veterans Day and Thanksgiving are none."""
BEGINS = datetime(2026, 11, 23, 5, tzinfo=UTC)
"""The Monday five business days before the end begins, in the program's zone."""
FEDERAL = {
    date(2026, 9, 7), date(2026, 10, 12), date(2026, 11, 11), date(2026, 11, 26), date(2026, 12, 25), date(2027, 1, 1),
    date(2027, 1, 18), date(2027, 2, 15), date(2027, 5, 31), date(2027, 6, 18), date(2027, 7, 5),
}  # fmt: skip
"""As the Office of Personnel Management lists them; 19 June and 4 July 2027 are on a weekend."""


@pytest.fixture
def warehouse(ledger: Ledger) -> Warehouse:
    """One whose registry says when the form of AU-F was submitted; of AU-MANY it does not."""
    ledger.load(authorization("AU-F", 1000) | FORM, authorization("AU-MANY", 1000))
    return Warehouse(ledger)


def release(ledger: Ledger, *names: str, on: str = "AU-F", **more: Any) -> None:
    changes = {"/lines/0/patient/authorization_id": on} | more
    for name in names:
        ledger.judge(order(name, changes | {"/lines/0/serials": [f"{name}V{number}" for number in range(1, 6)]}))


def look(ledger: Ledger, lead: int = LEAD) -> list[Wire]:
    """The alerts about vials, after everything was looked at."""
    while alert_unused(ledger.engine, ledger.rules.programs, lead):
        pass
    return told(ledger)


def told(ledger: Ledger) -> list[Wire]:
    return [body for kind, body in Rems(ledger).alerts() if kind == "unused_vials_due"]


def told_of(bodies: Iterable[Wire]) -> list[str]:
    return sorted(body["order_id"] for body in bodies)


@pytest.mark.parametrize("submitted", [date(2026, 8, 12), date(2026, 9, 5), date(2026, 11, 1), date(2027, 3, 14)])
def test_business_days_are_those_of_the_federal_government(submitted: date) -> None:
    day, left = submitted, 75
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < 5 and day not in FEDERAL
    assert business_day_after(submitted, 75) == day


def test_one_alert_so_many_business_days_before_the_end(ledger: Ledger, warehouse: Warehouse) -> None:
    """At the very beginning of the day, once; it names site, order, line, vials and day, and no patient."""
    assert warehouse
    release(ledger, "SO-1")
    ledger.set_clock(BEGINS - timedelta(milliseconds=1))
    assert look(ledger) == []
    ledger.set_clock(BEGINS)
    [body] = look(ledger)
    SCHEMAS["compliance-alerts"].validate(body)
    assert (body["program"], body["wholesaler_id"], body["order_id"], body["revision"]) == ("lemtrada", "WD-001", "SO-1", 1)
    assert body["evidence"] == {
        "line": 1, "site_id": "HF1", "administering_site_id": "HF1", "form_submitted_on": "2026-08-12", "return_by": END, "out": 5,
        "serials": ["SO-1V1", "SO-1V2", "SO-1V3", "SO-1V4", "SO-1V5"],
    }  # fmt: skip
    assert not {"P-1", "AU-F"} & set(str(body).replace("'", " ").split())
    ledger.set_clock(BEGINS + timedelta(days=1))
    assert look(ledger) == [body]


def test_none_where_all_came_back_was_void_or_has_no_end(ledger: Ledger, warehouse: Warehouse) -> None:
    release(ledger, "SO-1", "SO-2", "SO-3", "SO-4")
    release(ledger, "SO-5", on="AU-MANY")
    warehouse.tell(
        event("shipped", "SO-1", lines=[1]),
        event("shipped", "SO-2", lines=[{"line": 1, "quantity": 3, "serials": ["SO-2V1", "SO-2V2", "SO-2V3"]}]),
        event("returned", "SO-1", lines=[1]),
        event("returned", "SO-2", lines=[{"line": 1, "quantity": 1, "serials": ["SO-2V2"]}]),
        event("cancelled", "SO-3"),
    )
    ledger.set_clock(BEGINS)
    alerts = {body["order_id"]: body["evidence"] for body in look(ledger)}
    assert set(alerts) == {"SO-2", "SO-4"}
    assert (alerts["SO-2"]["out"], alerts["SO-2"]["serials"]) == (2, ["SO-2V1", "SO-2V3"])
    assert look(ledger, lead=0) == list(told(ledger))


def test_never_where_the_setting_says_so_and_once_after_the_end_too(ledger: Ledger, warehouse: Warehouse) -> None:
    """Where nobody looked all the time before; not of what came back, nor of what is older than twice the window."""
    release(ledger, "SO-1", "SO-2")
    warehouse.tell(event("shipped", "SO-2", lines=[1]), event("returned", "SO-2", lines=[1]))
    ledger.set_clock(BEGINS)
    assert look(ledger, lead=0) == []
    ledger.set_clock(NOON + timedelta(days=300))
    assert look(ledger) == []
    for day in (40, 41):
        ledger.set_clock(NOON + timedelta(days=day))
        [body] = look(ledger)
        assert (body["order_id"], body["evidence"]["return_by"]) == ("SO-1", END)


def test_a_day_is_looked_at_in_parts_and_goes_on_after_a_kill(
    ledger: Ledger, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed within a part nothing of that part was done; what was looked at is not looked at again, and nothing is said twice."""
    assert warehouse
    monkeypatch.setattr(unused, "RECORDS_AT_ONCE", 2)
    names = [f"SO-{number}" for number in range(1, 6)]
    release(ledger, *names)
    ledger.set_clock(BEGINS)
    assert alert_unused(ledger.engine, ledger.rules.programs, LEAD)
    first = told(ledger)
    assert told_of(first) == names[:2]
    with monkeypatch.context() as dying:
        dying.setattr(storage, "note", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            alert_unused(ledger.engine, ledger.rules.programs, LEAD)
    assert told(ledger) == first
    assert told_of(look(ledger)) == names
    assert [row[2:] for row in ledger.rows(tables.UNUSED)] == [(5, 5)]
    with transaction(ledger.engine) as cursor:
        cursor.execute("DELETE FROM moving_unused")
    assert told_of(look(ledger)) == names
    assert [row[2:] for row in ledger.rows(tables.UNUSED)] == [(5, 5)]


def test_what_comes_later_in_the_window_is_told_on_the_next_day(ledger: Ledger, warehouse: Warehouse) -> None:
    """Goods that leave after the lead has begun; and a form of which the registry tells late."""
    assert warehouse
    release(ledger, "SO-1", on="AU-MANY")
    ledger.set_clock(BEGINS)
    ledger.load(authorization("AU-F", 1000) | FORM, authorization("AU-MANY", 1000) | FORM, as_of=BEGINS)
    assert told_of(look(ledger)) == ["SO-1"]
    release(ledger, "SO-2", **{"/ship_on": "2026-11-24", "/deliver_by": "2026-11-25"})
    assert told_of(look(ledger)) == ["SO-1"]
    ledger.set_clock(BEGINS + timedelta(days=1))
    assert told_of(look(ledger)) == ["SO-1", "SO-2"]


def test_the_newest_form_counts_also_where_a_snapshot_leaves_it_out(ledger: Ledger, warehouse: Warehouse) -> None:
    assert warehouse
    release(ledger, "SO-1")
    [lemtrada] = ledger.rules.programs
    later = authorization("AU-F", 1000) | {"form_submitted_on": "2026-08-14", "effective_on": "2026-11-19"}
    ledger.set_clock(NOON + timedelta(hours=2))
    ledger.load(later, as_of=NOON + timedelta(hours=1))
    ledger.load(as_of=NOON + timedelta(hours=2))
    [(state, vials)] = listed(ledger.engine, lemtrada)
    assert (state, str(vials.ends_on)) == ("due", "2026-12-03")


def test_the_list_tells_every_line_by_its_state(ledger: Ledger, warehouse: Warehouse) -> None:
    """A corrected line is one line; what is out and what came back stand beside each other."""
    release(ledger, "SO-1", "SO-2", "SO-3")
    release(ledger, "SO-4", on="AU-MANY")
    warehouse.tell(
        event("shipped", "SO-1", lines=[{"line": 1, "quantity": 3, "serials": ["SO-1V1", "SO-1V2", "SO-1V3"]}]),
        event("shipped", "SO-2", lines=[1]), event("returned", "SO-2", lines=[1]),
        event("returned", "SO-1", lines=[{"line": 1, "quantity": 1}]),
        event("cancelled", "SO-3"),
    )  # fmt: skip
    [lemtrada] = ledger.rules.programs

    def states() -> dict[str, tuple[str, int, int]]:
        found = [(vials.record.body.order_id, (state, vials.record.units, vials.out)) for state, vials in listed(ledger.engine, lemtrada)]
        assert len(dict(found)) == len(found)
        return dict(found)

    assert states() == {"SO-1": ("due", 3, 2), "SO-2": ("returned", 5, 0), "SO-4": ("unknown", 5, 5)}
    ledger.set_clock(datetime(2026, 12, 2, 4, 59, 59, tzinfo=UTC))
    assert states()["SO-1"][0] == "due"
    ledger.set_clock(datetime(2026, 12, 2, 5, tzinfo=UTC))
    assert states()["SO-1"][0] == "overdue"
    assert {state for state, *_ in states().values()} <= set(STATES)
