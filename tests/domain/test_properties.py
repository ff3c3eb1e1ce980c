"""What holds of every decision, over generated worlds, against a second formulation of the rules."""

import json
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.errors import Unusable
from tests.domain.product import ask, known_of, learn
from tests.hostile import damaged, spoiled
from tests.oracle.answering import answer, is_repeat
from tests.oracle.history import History, content, release_of
from tests.oracle.registry import Known, holding, told
from tests.oracle.violations import restrictions, violations
from tests.worlds import World, worlds
from tests.writings import Dice

DICE = st.randoms(use_true_random=True).map(Dice)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where registry files stand while they are read."""
    return tmp_path_factory.mktemp("worlds")


def messages_of(world: World) -> list[bytes]:
    """The orders as bytes."""
    return [json.dumps(order).encode() for order in world.orders]


@settings(max_examples=300)
@given(world=worlds(), at_most=st.integers(1, 5000))
def test_each_line_is_answered_as_the_second_formulation_answers_it(folder: Path, world: World, at_most: int) -> None:
    """Outcome, every code in the table's order, what does not stop, the site; in however small pieces the orders are read."""
    got = ask(known_of(folder, world.facts, world.at, world.program), messages_of(world), world.at, world.program, at_most)

    history = History()
    for order, answered in zip(world.orders, got, strict=True):
        assert answered.repeat is is_repeat(order, history, world.program)
        assert answered.lines == answer(order, world.facts, world.at, history, world.program)
        named = {(line.outcome, program) for line, program in zip(answered.lines, answered.programs, strict=True)}
        assert not named & {("released", None), ("not_covered", "lemtrada")}


@settings(max_examples=100)
@given(world=worlds())
def test_deciding_twice_is_deciding_once(folder: Path, world: World) -> None:
    """Everything sent again is a repeat, answered as before, and uses up nothing."""
    known = known_of(folder, world.facts, world.at, world.program)

    got = ask(known, messages_of(world) * 2, world.at, world.program)

    once, again = got[: len(world.orders)], got[len(world.orders) :]
    assert [answered.lines for answered in again] == [answered.lines for answered in once]
    assert all(answered.repeat for answered in again)
    assert ask(known_of(folder, world.facts, world.at, world.program), messages_of(world), world.at, world.program) == once


@settings(max_examples=200)
@given(world=worlds())
def test_a_line_that_leaves_satisfies_every_condition(folder: Path, world: World) -> None:
    """Each condition that the contract names holds of a released line, and nothing restricts one that is not covered."""
    got = ask(known_of(folder, world.facts, world.at, world.program), messages_of(world), world.at, world.program)

    history, known = History(), Known(world.facts, world.at, world.program)
    for order, answered in zip(world.orders, got, strict=True):
        if answered.repeat:
            continue
        for line, line_answer in zip(order["lines"], answered.lines, strict=True):
            if line_answer.outcome == "released":
                assert violations(order, line, line_answer.site_id, known, history) == []
                history = history.with_release(release_of(order, line, world.program))
            elif line_answer.outcome == "not_covered":
                assert restrictions(line, known) == []
        history.messages.append((content(order, world.program), answered.lines))


LOSSES: list[tuple[str, str, list[dict[str, Any]]]] = [
    (
        "site",
        "site_id",
        [
            {"status": "pending"},
            {"status": "suspended"},
            {"status": "decertified"},
            {"status": "withdrawn"},
            {"valid_through": "2020-01-01"},
        ],
    ),
    ("patient", "patient_id", [{"status": "withdrawn"}]),
    ("prescriber", "prescriber_id", [{"status": "decertified"}]),
    ("authorization", "authorization_id", [{"status": "cancelled"}, {"units": 1}, {"valid_through": "2020-01-01"}]),
    ("recall", "lot", [{"status": "recalled"}]),
    ("program", "program", [{"mode": "active"}]),
]


def disqualifying(dice: Dice, world: World) -> dict[str, Any] | None:
    """A fact more that takes from one subject what it may; the rest stays as it was on that day. None where no such subject is known."""
    today = world.at.astimezone(ZoneInfo("America/New_York")).date()
    day = dice.pick([today, today, today - timedelta(days=1), today + timedelta(days=1)])
    kind, subject, losses = dice.pick(LOSSES)
    said = told(world.facts, "lemtrada", kind)
    chosen = dice.pick(sorted({fact[subject] for fact in said})) if said else ""
    held = holding([fact for fact in said if fact[subject] == chosen], day)
    return held and held | dice.pick(losses) | {"effective_on": day.isoformat(), "sequence": 900}


@settings(max_examples=300)
@given(world=worlds(max_orders=4), dice=DICE)
def test_a_disqualifying_fact_releases_nothing(folder: Path, world: World, dice: Dice) -> None:
    """With the same history, a line that is stopped stays stopped when a fact more speaks against it."""
    fact = disqualifying(dice, world)
    *earlier, last = world.orders
    last = deepcopy(last) | {"order_id": "SO-LAST", "lines": last["lines"][:1]}
    if fact is None:
        return
    outcomes = []
    for more in ([], [fact]):
        known = known_of(folder, world.facts, world.at, world.program)
        ask(known, [json.dumps(order).encode() for order in earlier], world.at, world.program)
        learn(folder, known, more, world.at)
        outcomes.append(ask(known, [json.dumps(last).encode()], world.at, world.program)[0].lines[0].outcome)

    before, after = outcomes
    if before in ("held", "blocked"):
        assert after in ("held", "blocked")


@settings(max_examples=300)
@given(world=worlds(max_orders=3), dice=DICE)
def test_no_order_makes_deciding_raise(folder: Path, world: World, dice: Dice) -> None:
    """Every message is answered or refused with its problems by JSON Pointer; what could be read is answered as ever."""
    orders = [spoiled(dice, order) if dice.coin() else order for order in world.orders]
    known = known_of(folder, world.facts, world.at, world.program)

    got = ask(known, [json.dumps(order).encode() for order in orders], world.at, world.program)

    history = History()
    for order, answered in zip(orders, got, strict=True):
        if answered.refused is None:
            assert answered.lines == answer(order, world.facts, world.at, history, world.program)
        else:
            assert answered.refused
            assert all(pointer == "" or pointer.startswith("/") for pointer in answered.refused)


@settings(max_examples=200)
@given(world=worlds(max_orders=3), dice=DICE, noise=st.binary(max_size=60))
def test_no_bytes_make_deciding_raise(folder: Path, world: World, dice: Dice, noise: bytes) -> None:
    """Messages that are damaged, or never were any, are answered or refused, one by one."""
    messages = [damaged(dice, message) for message in messages_of(world)] + [noise.replace(b"\n", b"")]

    got = ask(known_of(folder, world.facts, world.at, world.program), messages, world.at, world.program)

    assert len(got) == len([message for message in messages if message.strip()])


@settings(max_examples=200)
@given(world=worlds(max_orders=3), dice=DICE)
def test_a_registry_is_read_whole_or_is_unusable(folder: Path, world: World, dice: Dice) -> None:
    """Facts changed at random either cannot be used, which is said, or decide as the second formulation reads them."""
    facts = [spoiled(dice, fact) if "fact" in fact and dice.seldom(8) else fact for fact in world.facts]
    try:
        known = known_of(folder, facts, world.at, world.program)
    except Unusable:
        return

    history = History()
    got = ask(known, messages_of(world), world.at, world.program)

    assert [answered.lines for answered in got] == [answer(order, facts, world.at, history, world.program) for order in world.orders]
