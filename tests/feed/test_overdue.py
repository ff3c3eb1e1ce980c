"""Records that nobody acknowledges: one alert a day of them, when the time is over, and none where all were acknowledged."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.feeds.overdue import alert_overdue
from gatekeeper.feeds.writing import write
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from tests.feed.made import layout
from tests.feed.rems import Rems, acknowledgement
from tests.feed.test_acknowledging import resubmit
from tests.gate.ledger import NOON
from tests.gate.test_answers import SCHEMAS

MIDNIGHT = datetime(2026, 11, 21, 5, tzinfo=UTC)
"""The end of the day in the program's zone."""


def look(rems: Rems, hours: int = 24) -> list[Any]:
    """The alerts about what is overdue, after everything was looked at."""
    while alert_overdue(rems.ledger.engine, rems.ledger.rules.programs, hours):
        pass
    return [body for kind, body in rems.alerts() if kind == "acknowledgement_overdue"]


@pytest.fixture
def three_days(rems: Rems) -> list[str]:
    """Records 1 to 4 of one day, 5 and 6 of the next; 1, 3 and 4 are acknowledged, and 6 rejected."""
    records = rems.records(4)
    rems.ledger.set_clock(NOON + timedelta(days=1))
    rems.ledger.load(as_of=NOON + timedelta(days=1))
    records += rems.records(2, {"/lines/0/patient/authorization_id": "AU-1", "/lines/0/quantity": 1})
    rems.say(*(acknowledgement(records[number]) for number in (0, 2, 3)), acknowledgement(records[5], "rejected"))
    return records


def test_a_day_is_looked_at_when_its_time_is_over(rems: Rems, three_days: list[str]) -> None:
    """At the very instant, once, and only what was not acknowledged by then; a rejection is an answer."""
    assert len(three_days) == 6
    rems.ledger.set_clock(MIDNIGHT + timedelta(hours=24, milliseconds=-1))
    assert look(rems) == []
    rems.ledger.set_clock(MIDNIGHT + timedelta(hours=24))
    [body] = look(rems)
    assert body["evidence"] == {"recorded_on": "2026-11-20", "missing": 1, "sequences": [{"first": 2, "last": 2}]}
    SCHEMAS["compliance-alerts"].validate(body)
    rems.say(acknowledgement(three_days[1]))
    rems.ledger.set_clock(MIDNIGHT + timedelta(hours=48))
    assert [body["evidence"]["sequences"] for body in look(rems)] == [[{"first": 2, "last": 2}], [{"first": 5, "last": 5}]]


def test_what_it_was_looked_at_can_be_made_anew(rems: Rems, three_days: list[str]) -> None:
    """Lost, it is looked again from the first record on; nothing is said twice, and what moves is as it was."""
    assert three_days
    rems.ledger.set_clock(MIDNIGHT + timedelta(days=9))
    told, moved = look(rems), rems.ledger.rows(tables.AWAITED)
    assert moved == [("lemtrada", 6, 0)]
    with transaction(rems.ledger.engine) as cursor:
        cursor.execute("DELETE FROM moving_awaited")
    assert look(rems) == told
    assert rems.ledger.rows(tables.AWAITED) == moved


def test_what_was_submitted_again_is_looked_at_again(rems: Rems, three_days: list[str]) -> None:
    rems.ledger.set_clock(MIDNIGHT + timedelta(days=9))
    before = len(look(rems))
    resubmit(rems.ledger, three_days[1], 2)
    resubmit(rems.ledger, three_days[4], 5)
    rems.say(acknowledgement(three_days[4]))
    rems.ledger.set_clock(MIDNIGHT + timedelta(days=10))
    told = look(rems)
    assert [body["evidence"] for body in told[before:]] == [{"submitted_again": True, "missing": 1, "sequences": [{"first": 2, "last": 2}]}]


def test_what_was_rejected_and_submitted_again_is_answered_anew(rems: Rems, three_days: list[str]) -> None:
    """A void or a return can only be sent once more; what was accepted before is not waited for."""
    rems.ledger.set_clock(MIDNIGHT + timedelta(days=9))
    before = len(look(rems))
    resubmit(rems.ledger, three_days[5], 6)
    resubmit(rems.ledger, three_days[0], 1)
    rems.ledger.set_clock(MIDNIGHT + timedelta(days=11))
    told = look(rems)
    assert [body["evidence"] for body in told[before:]] == [{"submitted_again": True, "missing": 1, "sequences": [{"first": 6, "last": 6}]}]
    resubmit(rems.ledger, three_days[5], 6)
    rems.say(acknowledgement(three_days[5], "rejected", problem="Still not."))
    rems.ledger.set_clock(MIDNIGHT + timedelta(days=13))
    assert look(rems) == told, "a rejection is an answer"


def test_never(rems: Rems, three_days: list[str]) -> None:
    """Where the setting says so, and of a program that sends no records."""
    assert three_days
    rems.ledger.set_clock(MIDNIGHT + timedelta(days=9))
    assert look(rems, 0) == []
    [lemtrada] = rems.ledger.rules.programs
    assert not alert_overdue(rems.ledger.engine, [lemtrada._replace(feed_cadence="none")], 24)


def test_ranges_are_few_and_the_count_is_whole(rems: Rems) -> None:
    records = rems.records(50)
    rems.say(*(acknowledgement(record) for record in records[::2]))
    rems.ledger.set_clock(MIDNIGHT + timedelta(days=9))
    [body] = look(rems)
    assert body["evidence"]["missing"] == 25
    assert body["evidence"]["sequences"][:2] == [{"first": 2, "last": 2}, {"first": 4, "last": 4}]
    assert len(body["evidence"]["sequences"]) == 20


def test_of_a_program_that_sends_files_each_file_is_looked_at(rems: Rems, three_days: list[str], tmp_path: Path) -> None:
    """So long after it was made."""
    list(write(rems.ledger.engine, tmp_path, layout("json_lines"), "America/New_York", NOON.date()))
    made_at = NOON + timedelta(days=1)
    [lemtrada] = rems.ledger.rules.programs
    monthly = [lemtrada._replace(feed_cadence="monthly")]
    rems.ledger.set_clock(made_at + timedelta(hours=24, milliseconds=-1))
    assert not alert_overdue(rems.ledger.engine, monthly, 24)
    rems.ledger.set_clock(made_at + timedelta(hours=24))
    assert alert_overdue(rems.ledger.engine, monthly, 24)
    assert not alert_overdue(rems.ledger.engine, monthly, 24)
    [body] = [body for kind, body in rems.alerts() if kind == "acknowledgement_overdue"]
    assert body["evidence"] == {"file": 1, "missing": 1, "sequences": [{"first": 2, "last": 2}]}
    assert len(three_days) == 6


def look_by(rems: Rems, cadence: str) -> list[Any]:
    """The evidence of the alerts, after everything was looked at of a program with this cadence."""
    [lemtrada] = rems.ledger.rules.programs
    while alert_overdue(rems.ledger.engine, [lemtrada._replace(feed_cadence=cadence)], 24):
        pass
    return [body["evidence"] for kind, body in rems.alerts() if kind == "acknowledgement_overdue"]


@pytest.mark.parametrize(
    ("cadence", "ended"),
    [
        ("daily", MIDNIGHT), ("weekly", datetime(2026, 11, 23, 5, tzinfo=UTC)), ("monthly", datetime(2026, 12, 1, 5, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_what_is_in_no_file_when_its_time_is_over(rems: Rems, cadence: str, ended: datetime) -> None:
    """At the very instant, once for each day, week or month; not what was acknowledged all the same."""
    records = rems.records(3)
    rems.say(acknowledgement(records[0]))
    rems.ledger.set_clock(ended + timedelta(hours=24, milliseconds=-1))
    assert look_by(rems, cadence) == []
    rems.ledger.set_clock(ended + timedelta(hours=24))
    told = {"in_no_file": True, "ended_before": ended.date().isoformat(), "missing": 2, "sequences": [{"first": 2, "last": 3}]}
    assert look_by(rems, cadence) == [told]
    SCHEMAS["compliance-alerts"].validate(rems.alerts()[-1][1])
    assert look_by(rems, cadence) == [told]
    rems.say(*map(acknowledgement, records))
    rems.ledger.set_clock(ended + timedelta(days=90))
    assert look_by(rems, cadence) == [told]
    assert rems.ledger.rows(tables.AWAITED) == [("lemtrada", 3, 0)]


def test_what_was_in_no_file_is_looked_at_again_in_its_file(rems: Rems, tmp_path: Path) -> None:
    rems.records(2)
    made_at = MIDNIGHT + timedelta(hours=30)
    rems.ledger.set_clock(made_at)
    assert len(look_by(rems, "daily")) == 1
    list(write(rems.ledger.engine, tmp_path, layout("json_lines"), "America/New_York", NOON.date()))
    rems.ledger.set_clock(made_at + timedelta(hours=24))
    assert [told.get("file") for told in look_by(rems, "daily")] == [None, 1]


def test_another_cadence_begins_in_the_midst_of_a_file(rems: Rems, three_days: list[str], tmp_path: Path) -> None:
    """By days it was looked at records 1 to 4; the first file has all six."""
    assert len(three_days) == 6
    rems.ledger.set_clock(MIDNIGHT + timedelta(hours=24))
    assert len(look(rems)) == 1
    every_month = layout("json_lines")._replace(cadence="monthly")
    rems.ledger.set_clock(datetime(2026, 12, 1, 12, tzinfo=UTC))
    list(write(rems.ledger.engine, tmp_path, every_month, "America/New_York", datetime(2026, 11, 30, tzinfo=UTC).date()))
    rems.ledger.set_clock(datetime(2026, 12, 3, 12, tzinfo=UTC))
    assert look_by(rems, "monthly")[1:] == [{"file": 1, "missing": 1, "sequences": [{"first": 5, "last": 5}]}]
    assert rems.ledger.rows(tables.AWAITED) == [("lemtrada", 6, 0)]
