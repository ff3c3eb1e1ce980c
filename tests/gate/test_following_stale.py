"""Released lines while their registry is too old: what the calendar alone ends waits until it is fresh; what is news does not."""

from datetime import timedelta

import pytest

from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.moving import follow as judge_again
from gatekeeper.storage.moving import question_key
from tests.gate.following import HF1, causes, codes, examinations, follow, states
from tests.gate.late import found
from tests.gate.ledger import NOON, Ledger, order
from tests.gate.test_again import wrong
from tests.gate.test_what_moves import Anew
from tests.gate.warehouse import Warehouse, event
from tests.registry.conftest import telling
from tests.registry.telling import Telling, heartbeat

__all__ = ["telling"]

ENDS = HF1 | {"sequence": 900, "effective_on": "2026-01-01", "valid_through": "2026-11-22"}
RENEWED = HF1 | {"sequence": 1001, "effective_on": "2026-11-21", "valid_through": "2028-11-22"}
SUSPENDED = HF1 | {"sequence": 1001, "effective_on": "2026-11-22", "status": "suspended"}
MOVED = ENDS | {"sequence": 1001, "effective_on": "2026-11-23", "name": "Harbor Infusion Center, Inc."}
LAPSE = NOON.replace(day=23, hour=0)
"""Monday begins in New York; the registry last spoke on Friday at noon, and is too old since Saturday at noon."""
FRESH = heartbeat(1002, "2026-11-23T06:00:00-05:00")


@pytest.fixture
def waits(ledger: Ledger) -> Ledger:
    """One line, released, whose site's certificate has lapsed meanwhile."""
    ledger.load(ENDS)
    follow(ledger)
    ledger.judge(order(changes={"/ship_on": "2026-11-20", "/deliver_by": "2026-11-21"}))
    assert states(ledger) == ([], [("SO-1", 1, 1)])
    ledger.set_clock(LAPSE)
    assert follow(ledger) == 0
    assert states(ledger) == ([], [("SO-1", 1, 1)])
    return ledger


def alerts(ledger: Ledger) -> list[str]:
    return sorted(row[1] for row in ledger.rows(tables.ALERT) if row[1] != "registry_stale")


def test_a_registry_that_is_not_too_old_withdraws_as_the_day_begins(ledger: Ledger) -> None:
    ledger.load(ENDS)
    ledger.judge(order(changes={"/ship_on": "2026-11-20", "/deliver_by": "2026-11-21"}))
    ledger.set_clock(LAPSE - timedelta(hours=24))
    ledger.load(ENDS, as_of=LAPSE - timedelta(hours=24))
    for at, expected in ((LAPSE - timedelta(microseconds=1), []), (LAPSE, ["withdrawn"])):
        ledger.set_clock(at)
        follow(ledger)
        assert causes(ledger)[1:] == expected


def test_fresh_again_without_a_renewal_withdraws_once_with_an_alert(waits: Ledger, telling: Telling) -> None:
    waits.set_clock(LAPSE + timedelta(hours=8))
    telling.tell(MOVED, FRESH)
    follow(waits)
    assert causes(waits) == ["message", "withdrawn"]
    assert codes(examinations(waits)[-1][3]) == [["certification_lapsed"]]
    assert examinations(waits)[-1][2]["lines"][0]["outcome"] == "withdrawn"
    assert alerts(waits) == ["released_line_withdrawn"]
    assert states(waits) == ([("SO-1", 1, 1)], [])
    assert wrong(waits) == []


def test_fresh_again_with_the_renewal_the_line_stays(waits: Ledger, telling: Telling) -> None:
    waits.set_clock(LAPSE + timedelta(hours=8))
    telling.tell(RENEWED, FRESH)
    follow(waits)
    assert (causes(waits), alerts(waits), states(waits)) == (["message"], [], ([], [("SO-1", 1, 1)]))


def test_a_heartbeat_before_which_something_is_missing_changes_nothing(waits: Ledger, telling: Telling) -> None:
    waits.set_clock(LAPSE + timedelta(hours=8))
    telling.tell(FRESH)
    follow(waits)
    assert (causes(waits), states(waits)) == (["message"], ([], [("SO-1", 1, 1)]))
    telling.tell(RENEWED)
    follow(waits)
    assert (causes(waits), states(waits)) == (["message"], ([], [("SO-1", 1, 1)]))


def test_a_snapshot_that_is_too_old_itself_changes_nothing(waits: Ledger) -> None:
    waits.set_clock(LAPSE + timedelta(hours=24, milliseconds=1))
    waits.load(ENDS, as_of=LAPSE)
    assert follow(waits) == 0
    waits.load(ENDS, as_of=LAPSE + timedelta(milliseconds=1))
    follow(waits)
    assert causes(waits) == ["message", "withdrawn"]


def test_a_suspension_withdraws_at_once(waits: Ledger, telling: Telling) -> None:
    telling.tell(SUSPENDED)
    follow(waits)
    assert causes(waits) == ["message", "withdrawn"]
    assert codes(examinations(waits)[-1][3]) == [["site_suspended"]]
    assert alerts(waits) == ["released_line_withdrawn"]
    assert wrong(waits) == []


def test_news_of_the_same_site_that_stops_nothing_leaves_the_line_waiting(waits: Ledger, telling: Telling) -> None:
    telling.tell(MOVED)
    follow(waits)
    assert (causes(waits), states(waits)) == (["message"], ([], [("SO-1", 1, 1)]))
    waits.set_clock(LAPSE + timedelta(hours=8))
    telling.tell(FRESH)
    follow(waits)
    assert causes(waits) == ["message", "withdrawn"]


def test_goods_that_left_meanwhile_are_not_withdrawn(waits: Ledger, telling: Telling) -> None:
    Warehouse(waits).tell(event("shipped", lines=[{"line": 1, "quantity": 5}]))
    waits.set_clock(LAPSE + timedelta(hours=8))
    telling.tell(MOVED, FRESH)
    follow(waits)
    assert (causes(waits), states(waits)) == (["message"], ([], []))


def test_the_end_of_the_watch_does_not_wait(waits: Ledger, telling: Telling) -> None:
    [row] = waits.rows(tables.WATCHED_LINE)
    waits.set_clock(row[6])
    follow(waits)
    telling.tell(MOVED, heartbeat(1002, row[6].isoformat()))
    assert follow(waits) == 0
    assert (causes(waits), states(waits)) == (["message"], ([], []))


def test_a_look_back_ignores_how_old_the_registry_was(ledger: Ledger, telling: Telling) -> None:
    """What nobody restricted was decided beside an old registry; that the program had not ended is told late."""
    ended = {"fact": "program", "program": "lemtrada", "sequence": 901, "effective_on": "2026-01-01", "mode": "ended"}
    ledger.load(ENDS, ended)
    ledger.set_clock(LAPSE)
    ledger.judge(order())
    telling.tell(ended | {"sequence": 1001, "effective_on": "2026-11-23", "mode": "active"})
    follow(ledger)
    assert found(ledger) == [("SO-1", ["certification_lapsed"])]
    assert causes(ledger) == ["message"]


def test_what_waits_for_a_fresh_registry_is_made_anew_by_judging_again(waits: Ledger, telling: Telling) -> None:
    """On what a line hangs stands in its case; that a lapse waits stands in no case, and is found again by judging all that waits."""
    _, _, hangs = Anew(waits).waiting()
    was = set(waits.rows(tables.DEPENDENCY))
    assert was - hangs == {(question_key(("stale", "lemtrada")), 1)}
    with transaction(waits.engine) as cursor:
        cursor.execute("DELETE FROM moving_dependency")
        for row in hangs:
            cursor.execute("INSERT INTO moving_dependency (question, examination) VALUES (%s, %s)", row)
        judge_again(cursor, "rules", 1)
    follow(waits)
    assert set(waits.rows(tables.DEPENDENCY)) == was
    waits.set_clock(LAPSE + timedelta(hours=8))
    telling.tell(MOVED | {"site_id": "HF-OTHER"}, FRESH)
    follow(waits)
    assert causes(waits) == ["message", "withdrawn"]
