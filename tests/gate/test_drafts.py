"""Orders are judged before the ledger lock is there; that counts only where under it the same would be answered."""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Thread
from typing import Any

import msgspec
import pytest
from psycopg import Cursor

from gatekeeper.arrivals import Answer, Position
from gatekeeper.examinations import drafting
from gatekeeper.storage import ledger as kept
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from tests.gate.ledger import NOON, WORLD, Ledger, Wire, authorization, judge_with, order
from tests.gate.test_registry_moves_on import WAITING, outcomes
from tests.real.waiting import wait_until

MINUTE = timedelta(minutes=1)


def judged_after(ledger: Ledger, meanwhile: Callable[[Cursor[Any]], object], *messages: bytes) -> list[Answer]:
    """What is answered to messages that wait for the lock, drafted, while whoever has it does something."""
    answers: list[Answer] = []
    judging = Thread(target=lambda: answers.extend(ledger.judge(*messages)))
    with transaction(ledger.engine) as holder:
        kept.take_lock(holder)
        judging.start()
        wait_until(lambda: (holder.execute(WAITING).fetchone() or (0,))[0] == 1, 120, "the batch waits for the lock")
        meanwhile(holder)
    judging.join()
    return answers


def other(ledger: Ledger, *messages: bytes) -> Callable[[Cursor[Any]], object]:
    """Another consumer, which judges messages of another partition meanwhile."""
    return lambda holder: judge_with(holder, ledger.source, [(Position(9, number), message) for number, message in enumerate(messages)])


def decided_at(ledger: Ledger) -> dict[str, datetime]:
    return {row[2]: row[7] for row in ledger.rows(tables.EXAMINATION)}


def clock(ledger: Ledger, at: datetime) -> Callable[[Cursor[Any]], object]:
    """The clock of the database is another meanwhile."""
    return lambda _: ledger.set_clock(at)


def test_where_nothing_moved_the_instant_is_that_of_the_draft(ledger: Ledger) -> None:
    """The message, the record and the row all say so."""
    ledger.load()
    (answer,) = judged_after(ledger, clock(ledger, NOON + timedelta(seconds=4)), order())
    said = msgspec.json.decode(answer.examinations[0].released or b"")
    record = msgspec.json.decode(answer.examinations[0].records[0].body)
    assert said["decided_at"] == record["recorded_at"] == "2026-11-20T17:00:00.000Z"
    assert decided_at(ledger) == {"SO-1": NOON}


@pytest.mark.parametrize(
    ("begun", "ended"),
    [
        pytest.param(NOON, NOON + timedelta(seconds=6), id="it took too long"),
        pytest.param(NOON.replace(hour=23, minute=59, second=59), NOON.replace(day=21, hour=0), id="another day has begun"),
    ],
)
def test_an_instant_that_is_too_old_is_not_that_of_a_verdict(ledger: Ledger, begun: datetime, ended: datetime) -> None:
    ledger.load()
    ledger.set_clock(begun)
    judged_after(ledger, clock(ledger, ended), order())
    assert decided_at(ledger) == {"SO-1": ended}


def test_a_certificate_that_ends_while_a_batch_waits_has_ended(ledger: Ledger) -> None:
    site = next(fact for fact in WORLD if fact.get("site_id") == "HF1" and fact["fact"] == "site")
    ledger.load(world=[*(fact for fact in WORLD if fact is not site), site | {"valid_through": "2026-11-20"}])
    ledger.set_clock(NOON.replace(hour=23, minute=59, second=59))
    answers = judged_after(ledger, clock(ledger, NOON.replace(day=21, hour=0)), order())
    assert outcomes(answers) == [["certification_lapsed"]]


def test_verdicts_stand_in_the_order_of_their_instants(ledger: Ledger) -> None:
    """Who drafted first and had the lock last decides at a later instant than the other."""
    ledger.load()

    def later(holder: Cursor[Any]) -> None:
        ledger.set_clock(NOON + timedelta(seconds=1))
        other(ledger, order("SO-2"))(holder)

    judged_after(ledger, later, order("SO-1"))
    assert decided_at(ledger) == {"SO-2": NOON + timedelta(seconds=1), "SO-1": NOON + timedelta(seconds=1)}


@pytest.mark.parametrize("instant", [NOON, NOON + timedelta(seconds=1)], ids=["at one instant", "at a later one"])
def test_what_another_used_up_meanwhile_is_used_up(ledger: Ledger, instant: datetime) -> None:
    """Units of an authorization, and a serial: of the batch that waited only what is not touched is released."""
    ledger.load(authorization("AU-MANY", 1000))
    many: Wire = {"/lines/0/patient/authorization_id": "AU-MANY"}
    serials: Wire = many | {"/lines/0/serials": list("ABCDE")}

    def meanwhile(holder: Cursor[Any]) -> None:
        ledger.set_clock(instant)
        other(ledger, order("L-1"), order("S-1", serials))(holder)

    answers = judged_after(ledger, meanwhile, order("L-2"), order("S-2", serials), order("M-2", many))
    assert outcomes(answers) == [["authorization_exhausted"], ["serial_already_shipped"], []]
    assert {row[0]: row[2] for row in ledger.rows(tables.UNITS)} == {"AU-1": 5, "AU-MANY": 10}


def test_what_came_of_the_same_order_meanwhile_counts(ledger: Ledger) -> None:
    """A repeat is one, a contradiction is one, although nothing else that they ask has moved."""
    ledger.load(authorization("AU-MANY", 1000), authorization("AU-OTHER", 1000))
    many, others = ({"/lines/0/patient/authorization_id": name} for name in ("AU-MANY", "AU-OTHER"))
    before = other(ledger, order("R-1", many), order("C-1", many))
    answers = judged_after(ledger, before, order("R-1", many), order("C-1", others))
    assert [answer.kind for answer in answers] == ["repeat", "order"]
    assert outcomes(answers)[1][0] == "order_contradicts"


def test_what_was_drafted_is_not_judged_again_and_what_moved_is(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three drafts the one whose authorization another used meanwhile is made anew; the sequences go on behind the other's."""
    ledger.load(authorization("AU-MANY", 1000), authorization("AU-OTHER", 1000), authorization("AU-THIRD", 1000))
    decided: list[str] = []
    decide = drafting.decide
    monkeypatch.setattr(drafting, "decide", lambda case: (decided.append(case.order.order_id), decide(case))[1])
    on = [{"/lines/0/patient/authorization_id": f"AU-{name}"} for name in ("MANY", "OTHER", "THIRD")]
    answers = judged_after(ledger, other(ledger, order("SO-9", on[0])), *[order(f"SO-{number}", each) for number, each in enumerate(on)])
    assert decided == ["SO-0", "SO-1", "SO-2", "SO-9", "SO-0"]
    records = [msgspec.json.decode(stored.body) for answer in answers for stored in answer.examinations[0].records]
    assert [record["sequence"] for record in records] == [2, 3, 4]
