"""Over random worlds: when nothing is due any more, judging everything again changes nothing."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, timedelta
from itertools import count
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Cursor

from gatekeeper.arrivals import Position
from gatekeeper.examinations.recording import Terms
from gatekeeper.following.reexamination import judge_due
from gatekeeper.following.steps import expand
from gatekeeper.goods.unreported import end_watches
from gatekeeper.storage import ledger as kept
from gatekeeper.storage import moving, tables
from tests.gate.following import Always, tell
from tests.gate.ledger import NOON, RULES, WORLD, Ledger, Wire, judge_with, order, undone
from tests.writings import Dice

TODAY = NOON.date()
HF1: Wire = next(fact for fact in WORLD if fact.get("site_id") == "HF1" and fact["fact"] == "site")
AU1: Wire = next(fact for fact in WORLD if fact.get("authorization_id") == "AU-1")
CHANGES: list[Wire] = [
    {"/lines/0/serials": list("ABCDE")}, {"/lines/0/quantity": 2}, {"/lines/0/patient/prescriber_id": None},
    {"/lines/0/patient/patient_id": None},
    {"/ship_to/rems_site_id": None, "/ship_to/account": "777"}, {"/ship_to/rems_site_id": "NEW-1"}, {"/ship_on": "2026-11-16"},
]  # fmt: skip
Action = bytes | Wire | int


def fact(dice: Dice) -> Wire:
    """Something new about one of the few whom the orders name, from a day near by on."""
    kinds: list[Wire] = [
        *[HF1 | {"site_id": dice.pick(["HF1", "HF1", "NEW-1"]), "status": dice.pick(["certified", "suspended"]),
                 "valid_through": dice.pick(["2026-11-21", "2026-11-23", "2028-01-01", "2028-01-01"]),
                 "identifiers": {"account": [dice.pick(["WD-001:777", "WD-001:888"])]}}] * 4,
        {"fact": "patient", "patient_id": "P-1", "status": dice.pick(["enrolled", "enrolled", "withdrawn"])},
        {"fact": "prescriber", "prescriber_id": dice.pick(["PR-1", "PR-NEW"]), "status": dice.pick(["certified", "decertified"])},
        AU1 | {"units": dice.pick([2, 5, 10]), "prescriber_id": dice.pick(["PR-1", "PR-NEW"]),
               "valid_through": dice.pick(["2026-11-22", "2027-11-22"])},
        {"fact": "recall", "ndc": "58468-0200-1", "lot": "A1234", "status": dice.pick(["recalled", "lifted"])},
        {"fact": "program", "mode": dice.pick(["active", "active", "discretion", "ended"])},
    ]  # fmt: skip
    day = NOON.date() + timedelta(days=dice.pick([-1, 0, 0, 0, 1, 2]))
    return dice.pick(kinds) | {"program": "lemtrada", "effective_on": day.isoformat()}


def message(dice: Dice) -> bytes:
    changes = [dice.pick(CHANGES) if dice.seldom(3) else {} for _ in range(2)]
    return order(f"SO-{dice.number(1, 4)}", {"/revision": dice.pick([1, 1, 2]), **changes[0], **changes[1]})


def happenings(dice: Dice) -> list[Action]:
    """Messages, facts, and hours that pass."""
    made: list[Callable[[Dice], Action]] = [message, message, fact, fact, lambda dice: dice.number(1, 40)]
    return [dice.pick(made)(dice) for _ in range(dice.number(4, 14))]


ACTIONS = st.randoms(use_true_random=True).map(Dice).map(happenings)


class World:
    """A ledger in one transaction that is rolled back, and what happens to it."""

    def __init__(self, cursor: Cursor[Any], ledger: Ledger) -> None:
        self.cursor, self._source = cursor, ledger.source
        self._offsets, self._numbers, self._at = count(), count(5000), NOON.astimezone(UTC)

    def do(self, action: Action) -> None:
        if isinstance(action, bytes):
            judge_with(self.cursor, self._source, [(Position(0, next(self._offsets)), action)])
        elif isinstance(action, int):
            self._at += timedelta(hours=action)
            self.cursor.execute("UPDATE clock.stopped SET at = %s", (self._at,))
            self.cursor.execute("UPDATE moving_freshness SET as_of = %s", (self._at,))
        else:
            tell(self.cursor, action, next(self._numbers))

    def follow(self, orders: int) -> None:
        book = Always(RULES)
        while expand(self.cursor, book, 3) or end_watches(self.cursor, (), 5) or judge_due(self.cursor, book, Terms(), orders):
            pass

    def last(self, number: int = 0) -> list[tuple[Any, ...]]:
        return self.cursor.execute(
            "SELECT id, order_id, revision, cause, released, stopped FROM examination WHERE id > %s ORDER BY id", (number,)
        ).fetchall()


def codes(stopped: bytes | None) -> dict[int, set[str]]:
    return {line["line"]: {reason["code"] for reason in line["reasons"]} for line in json.loads(stopped or b'{"lines":[]}')["lines"]}


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(ACTIONS, st.integers(1, 5), st.booleans())
def test_when_nothing_is_due_judging_everything_again_changes_nothing(
    ledger: Ledger, happened: Sequence[Action], orders: int, each: bool  # noqa: FBT001
) -> None:  # fmt: skip
    """No watched line would be stopped, and no open line is released: each has the reasons that it had, or more that only time adds."""
    if not ledger.rows(tables.REGISTRY_LOAD):
        ledger.load()
    with undone(ledger.engine) as cursor:
        world = World(cursor, ledger)
        for action in happened:
            world.do(action)
            if each:
                world.follow(orders)
        world.follow(orders)
        before = {row[0]: row for row in world.last()}
        waits = {row[0] for row in cursor.execute("SELECT DISTINCT examination FROM moving_open_line").fetchall()}
        tail = kept.read_tail(cursor)
        moving.follow(cursor, "rules", tail.examination)
        world.follow(100)

        new = world.last(tail.examination)
        assert [row[3] for row in new] == ["again"] * len(waits)
        assert [row[4] for row in new if row[4] is not None] == []
        had = {
            (row[1], row[2], line): (row[3], said)
            for name in sorted(waits)
            for row in [before[name]]
            for line, said in codes(row[5]).items()
        }
        for _, name, revision, _, _, stopped in new:
            for line, said in codes(stopped).items():
                cause, once = had[name, revision, line]
                assert once <= said
                assert cause == "withdrawn" or said - once <= {"authorization_exhausted", "serial_already_shipped"}


def test_the_worlds_reach_what_they_are_for(ledger: Ledger) -> None:
    """Some release, some withdraw, some release again."""
    ledger.load()
    seen: set[tuple[str, bool]] = set()

    for seed in range(60):
        with undone(ledger.engine) as cursor:
            world = World(cursor, ledger)
            for action in happenings(Dice(Random(seed))):  # noqa: S311
                world.do(action)
                world.follow(5)
            seen.update((row[3], row[4] is not None) for row in world.last())
    assert {("again", True), ("again", False), ("withdrawn", True), ("superseded", True)} <= seen
