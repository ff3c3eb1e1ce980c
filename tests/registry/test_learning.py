"""What becomes of facts that are told by topic, one batch or many."""

import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from gatekeeper.arrivals import Position
from gatekeeper.audit import Walked, walk
from gatekeeper.domain.facts import SiteFact, holding
from gatekeeper.errors import Halt
from gatekeeper.registry.hearing import alert_missing, alert_stale
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.moving import question_key
from tests.gate.ledger import NOON
from tests.registry.telling import Telling, heartbeat
from tests.storage.snapshots import patient, recall, site

DAY = date(2026, 11, 20)
PROGRAMS = ["lemtrada"]
FRESH, OLD = "2026-11-20T16:00:00Z", "2026-11-18T12:00:00Z"


def status(telling: Telling, name: str, day: date = DAY) -> str | None:
    fact: SiteFact | None = holding(telling.asked("site", name), day)
    return fact and fact.status


def alerts(telling: Telling) -> list[dict[str, Any]]:
    return [json.loads(row[3]) for row in telling.rows(tables.ALERT)]


def whole(telling: Telling) -> bool:
    with telling.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        return isinstance(walk(driver), Walked)


def test_a_fact_holds_from_its_day_on_and_leads_from_its_identifiers(telling: Telling) -> None:
    assert telling.tell(site(1), site(1, "suspended", sequence=2, effective_on="2026-11-20")) == ["fact", "fact"]

    assert [status(telling, "HF-1", day) for day in (DAY - timedelta(days=1), DAY)] == ["certified", "suspended"]
    assert telling.asked("identifier", "account", "WD-1:1") == ("HF-1",)
    assert [(row[1], row[2], row[3]) for row in telling.rows(tables.REGISTRY_BATCH)] == [(1, "topic", 2)]
    assert [(row[1], row[2] is not None, row[3]) for row in telling.rows(tables.FOLLOW_UP)] == [("stop", True, None)]
    assert whole(telling)


@pytest.mark.parametrize("batch", [1, 2, None])
def test_batches_of_any_size_learn_the_same(telling: Telling, batch: int | None) -> None:
    """The same fact again is a repeat; what says something else of the same subject, day and sequence is kept aside, with one alert."""
    other = site(1, "suspended")
    told = telling.tell(site(1), site(1), other, b"rubbish", other, recall("B1"), recall("B1") | {"ndc": "54321-0200-1"}, batch=batch)

    assert told == ["fact", "repeat", "aside", "refused", "aside", "fact", "fact"]
    assert status(telling, "HF-1") == "certified"
    assert [row[3] for row in telling.rows(tables.ASIDE)] == ["contradicts"] * 2
    [alert] = alerts(telling)
    assert (alert["kind"], alert["program"], alert["evidence"]["site_id"]) == ("fact_contradicts", "lemtrada", "HF-1")
    assert [row[2] for row in telling.rows(tables.OUTBOX)] == [row[0] for row in telling.rows(tables.ALERT)]
    assert whole(telling)


def test_what_was_learned_is_read_back_and_counts_once(telling: Telling) -> None:
    placed = [(Position(0, number), json.dumps(fact).encode()) for number, fact in enumerate([site(1), patient("P-1", sequence=2)])]
    placed.append((Position(0, 2), b"rubbish"))
    first = telling.tell_at(placed)
    again = telling.tell_at([*placed, (Position(0, 3), json.dumps(site(3, sequence=3)).encode())])

    assert [answer.read_back for answer in again] == [True, True, True, False]
    assert [answer._replace(read_back=False) for answer in again[:3]] == first
    assert len(telling.rows(tables.FACT)) == 3
    with pytest.raises(Halt, match="another message at registry-facts/0/0"):
        telling.tell_at([(Position(0, 0), b"{}")])


def test_a_message_that_a_person_set_aside_is_refused(telling: Telling) -> None:
    [answer] = telling.tell_at([(Position(0, 0), json.dumps(site(1)).encode())], aside={Position(0, 0): "in the way"})

    assert answer.refusal is not None
    assert json.loads(answer.refusal.body)["set_aside"] == "in the way"
    assert telling.rows(tables.FACT) == []


def test_a_refusal_names_every_problem(telling: Telling) -> None:
    [answer] = telling.answers(site(1, "lost", color="red"))

    assert answer.refusal is not None
    assert set(json.loads(answer.refusal.body)["problems"]) == {"/status", "/color"}
    assert [bytes(row[3]) for row in telling.rows(tables.REFUSAL)] == [json.dumps(site(1, "lost", color="red")).encode()]


def test_what_a_snapshot_has_said_changes_nothing_when_it_is_told_late(telling: Telling) -> None:
    """A renewal told before a snapshot that drops the site does not revive it, whichever of the two comes first."""
    renewal = site(2, sequence=5, effective_on="2026-11-19")
    assert telling.tell(renewal) == ["fact"]
    telling.load(site(3), sequence=10, as_of=FRESH)
    assert telling.tell(site(1, sequence=9), renewal, patient("P-1", sequence=4)) == ["aside", "repeat", "aside"]

    assert [status(telling, f"HF-{number}") for number in (1, 2, 3)] == [None, None, "certified"]
    assert status(telling, "HF-2", date(2026, 11, 19)) == "certified"
    assert [row[3] for row in telling.rows(tables.ASIDE)] == ["in_snapshot"] * 2
    assert telling.tell(site(2, sequence=11)) == ["fact"]
    assert status(telling, "HF-2") == "certified"
    assert whole(telling)


def test_a_snapshot_of_some_kinds_takes_no_word_from_the_others(telling: Telling) -> None:
    telling.load(site(1), sequence=10, as_of=FRESH, covers=["site"])

    assert telling.tell(patient("P-1", sequence=4), site(2, sequence=5)) == ["fact", "aside"]


def test_a_heartbeat_counts_when_nothing_up_to_it_is_missing(telling: Telling) -> None:
    """In whatever order things come, over whatever partitions."""
    telling.load(sequence=2, as_of=OLD)
    telling.tell(site(4, sequence=4), heartbeat(7, "2026-11-20T15:00:00Z"), heartbeat(5, "2026-11-20T14:00:00Z"), partition=1)
    assert (telling.state().stale, telling.state().missing) == (True, 2)
    assert [row[1] for row in telling.rows(tables.PENDING_HEARTBEAT)] == [5, 7]

    telling.tell(site(3, sequence=3))
    assert telling.state() == ("lemtrada", datetime.fromisoformat("2026-11-20T14:00:00Z"), 3 * 3600.0, False, 1)
    telling.tell(site(6, sequence=6), partition=2)
    assert (telling.state().age_s, telling.state().missing) == (2 * 3600.0, 0)
    assert telling.rows(tables.PENDING_HEARTBEAT) == []
    keys = [row[3] for row in telling.rows(tables.FOLLOW_UP) if row[1] == "stale"]
    assert keys == [question_key(("stale", "lemtrada"))]


def test_a_heartbeat_of_the_future_is_passed_over(telling: Telling) -> None:
    """Its number has come all the same."""
    telling.load(sequence=2, as_of=OLD)
    assert telling.tell(heartbeat(3, "2026-11-20T17:05:00.001Z"), heartbeat(4, "2026-11-21T00:00:00Z")) == ["heartbeat"] * 2
    assert (telling.state().stale, telling.state().missing) == (True, 0)
    telling.tell(heartbeat(5, "2026-11-20T17:05:00Z"), heartbeat(6, "2026-11-20T12:00:00Z"))
    assert telling.state().age_s == -300.0
    assert len(telling.rows(tables.HEARTBEAT)) == 4


def test_a_snapshot_of_all_kinds_closes_a_gap_and_one_of_some_does_not(telling: Telling) -> None:
    telling.tell(patient("P-1", sequence=3), heartbeat(3, "2026-11-20T15:00:00Z"))
    telling.load(site(1), sequence=4, as_of=OLD, covers=["site"])
    assert telling.state().missing == 1
    assert telling.state().stale
    telling.load(sequence=5, as_of=OLD)
    assert telling.state().missing == 0
    assert telling.state().age_s == 2 * 3600.0
    assert [row[1] for row in telling.rows(tables.FOLLOW_UP)] == ["fact", "snapshot", "stop", "snapshot", "stale"]


def test_what_is_missing_for_too_long_raises_one_alert_a_gap(telling: Telling) -> None:
    telling.tell(site(1, sequence=2), site(2, sequence=6))
    assert not alert_missing(telling.engine, PROGRAMS, 900)
    telling.ledger.set_clock(NOON + timedelta(seconds=900))
    assert alert_missing(telling.engine, PROGRAMS, 900)
    telling.tell(site(3, sequence=3))
    assert not alert_missing(telling.engine, PROGRAMS, 900)
    [alert] = alerts(telling)
    assert (alert["kind"], alert["evidence"]["missing"]) == ("facts_missing", 4)
    assert alert["evidence"]["sequences"] == [{"first": 1, "last": 1}, {"first": 3, "last": 5}]

    telling.tell(site(4, sequence=1))
    telling.ledger.set_clock(NOON + timedelta(seconds=1800))
    assert not alert_missing(telling.engine, PROGRAMS, 900)
    assert len(telling.rows(tables.OUTBOX)) == 1
    telling.tell(site(5, sequence=4), site(6, sequence=5))
    assert telling.state().missing == 0
    assert whole(telling)


def test_a_gap_has_its_own_clock_whatever_becomes_of_those_below(telling: Telling) -> None:
    """Where a partition lags ever more the first gap closes again and again, and what comes later is missing for longer and longer."""
    telling.tell(site(1, sequence=2))
    telling.ledger.set_clock(NOON + timedelta(seconds=600))
    telling.tell(site(2, sequence=4), site(3, sequence=6))
    telling.ledger.set_clock(NOON + timedelta(seconds=800))
    telling.tell(site(4, sequence=1))
    telling.ledger.set_clock(NOON + timedelta(seconds=1499))
    assert not alert_missing(telling.engine, PROGRAMS, 900)
    telling.ledger.set_clock(NOON + timedelta(seconds=1500))
    assert alert_missing(telling.engine, PROGRAMS, 900)
    [alert] = alerts(telling)
    assert alert["evidence"]["sequences"] == [{"first": 3, "last": 3}, {"first": 5, "last": 5}]
    assert alert["evidence"]["since"] == "2026-11-20T17:10:00.000Z"
    assert not alert_missing(telling.engine, PROGRAMS, 900)

    telling.tell(site(5, sequence=8))
    telling.ledger.set_clock(NOON + timedelta(seconds=2400))
    assert alert_missing(telling.engine, PROGRAMS, 900)
    [later] = [one["evidence"] for one in alerts(telling) if one["alert_id"] != alert["alert_id"]]
    assert later["sequences"] == [{"first": 7, "last": 7}]
    assert later["since"] == "2026-11-20T17:25:00.000Z", "not since when others are missing"


def named(telling: Telling) -> list[list[tuple[int, int]]]:
    """What each alert of missing facts names."""
    told = [one["evidence"] for one in alerts(telling) if one["kind"] == "facts_missing"]
    return sorted([(each["first"], each["last"]) for each in one["sequences"]] for one in told)


def test_a_heartbeat_with_a_number_far_too_high_silences_nothing_that_is_missing_later(telling: Telling) -> None:
    """It is told once what it makes missing; what is missing of the facts that then come is told as ever."""
    telling.load(sequence=2099, as_of="2026-11-20T15:00:00Z")
    telling.tell(heartbeat(9_000_000, "2026-11-20T16:00:00Z"))
    telling.ledger.set_clock(NOON + timedelta(hours=1))
    assert alert_missing(telling.engine, PROGRAMS, 900)
    assert named(telling) == [[(2100, 8_999_999)]]

    telling.tell(*(site(number % 9, sequence=number) for number in range(2100, 2120) if number != 2105), partition=1)
    telling.ledger.set_clock(NOON + timedelta(hours=1, seconds=899))
    assert not alert_missing(telling.engine, PROGRAMS, 900), "its time begins when it is seen, not when the far number came"
    telling.ledger.set_clock(NOON + timedelta(hours=1, seconds=900))
    assert alert_missing(telling.engine, PROGRAMS, 900)
    assert named(telling) == [[(2100, 8_999_999)], [(2105, 2105)]]
    telling.tell(site(5, sequence=2105), heartbeat(2120, "2026-11-20T17:30:00Z"))
    assert (telling.state().stale, telling.state().missing) == (False, 8_999_999 - 2120)
    telling.ledger.set_clock(NOON + timedelta(hours=9))
    assert not alert_missing(telling.engine, PROGRAMS, 900), "what is left of the far gap was said"


def test_a_later_snapshot_of_all_kinds_takes_a_number_back_that_was_far_too_high(telling: Telling) -> None:
    """As of an instant after the heartbeat's it has told no more than its own sequence. One of some kinds, or of before, is silent."""
    telling.tell(heartbeat(9_000_000, "2026-11-20T16:00:00Z"))
    telling.load(sequence=2100, as_of="2026-11-20T15:59:59Z")
    telling.load(site(1), sequence=2101, as_of="2026-11-20T16:30:00Z", covers=["site"])
    telling.load(sequence=2102, as_of="2026-11-20T16:00:00Z")
    assert telling.state().missing == 8_999_999 - 2102
    assert [row[1] for row in telling.rows(tables.PENDING_HEARTBEAT)] == [9_000_000]

    telling.load(sequence=2103, as_of="2026-11-20T16:00:01Z")
    assert (telling.state().missing, telling.rows(tables.PENDING_HEARTBEAT)) == (0, [])
    telling.tell(site(1, sequence=2105), heartbeat(2106, "2026-11-20T17:00:00Z"))
    assert telling.state().missing == 1
    telling.tell(site(1, sequence=2104))
    assert (telling.state().missing, telling.state().age_s) == (0, 0.0)


def test_a_heartbeat_that_overtakes_a_snapshot_counts_all_the_same(telling: Telling) -> None:
    """Everything up to it has come with the snapshot, or by topic: nothing says otherwise than it."""
    telling.tell(heartbeat(12, "2026-11-20T16:00:00Z"), site(1, sequence=11))
    telling.load(sequence=10, as_of="2026-11-20T16:30:00Z")
    assert (telling.state().missing, telling.rows(tables.PENDING_HEARTBEAT)) == (0, [])
    telling.tell(heartbeat(13, "2026-11-20T17:00:00Z"))
    assert telling.state().age_s == 0.0


def test_a_snapshot_of_sites_alone_makes_nothing_missing(telling: Telling) -> None:
    """Its facts are those that still matter, of some kinds: what lies between may have been said anew since. It fills gaps."""
    telling.load(site(1, sequence=5), site(2, sequence=17), site(3, sequence=22), sequence=100, as_of=FRESH, covers=["site"])
    assert telling.state().missing == 0
    telling.ledger.set_clock(NOON + timedelta(hours=1))
    assert not alert_missing(telling.engine, PROGRAMS, 900)

    telling.tell(patient("P-1", sequence=20))
    assert telling.state().missing == 19 - 2, "the topic has told up to 20, and but for 5 and 17 nothing of that has come"
    telling.load(sequence=101, as_of=FRESH)
    telling.tell(heartbeat(102, "2026-11-20T17:30:00Z"))
    assert (telling.state().missing, telling.state().stale) == (0, False)


def test_a_registry_that_grows_too_old_raises_one_alert_each_time(telling: Telling) -> None:
    """Never heard of, too old, fresh again, too old again; to the second at its limit."""
    limits = {"lemtrada": timedelta(hours=24)}
    assert [alert_stale(telling.engine, limits) for _ in range(2)] == [True, False]
    telling.load(sequence=2, as_of=NOON.isoformat())
    telling.ledger.set_clock(NOON + timedelta(hours=24))
    assert not alert_stale(telling.engine, limits)
    telling.ledger.set_clock(NOON + timedelta(hours=24, seconds=1))
    assert [alert_stale(telling.engine, limits) for _ in range(2)] == [True, False]
    telling.tell(heartbeat(3, "2026-11-21T17:00:00Z"))
    assert not alert_stale(telling.engine, limits)
    telling.ledger.set_clock(NOON + timedelta(hours=49))
    assert alert_stale(telling.engine, limits)

    raised = [json.loads(row[3]) for row in telling.rows(tables.ALERT)]
    assert sorted((each["kind"], str(each["evidence"]["as_of"])) for each in raised) == [
        ("registry_stale", "2026-11-20T17:00:00.000Z"), ("registry_stale", "2026-11-21T17:00:00.000Z"), ("registry_stale", "None"),
    ]  # fmt: skip
    assert len(telling.rows(tables.OUTBOX)) == 3
    assert whole(telling)


def test_nothing_new_makes_no_new_version(telling: Telling) -> None:
    telling.tell(site(1))
    telling.tell(site(1), heartbeat(1, FRESH), b"rubbish")

    with transaction(telling.engine) as cursor:
        assert cursor.execute("SELECT registry_version FROM moving_tail").fetchone() == (1,)
