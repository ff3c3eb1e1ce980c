"""Site aliases over generated worlds, against the second formulation of the rules."""

import json
from collections import Counter
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.translate import kept_fact
from tests.domain.aliases import WithAliases
from tests.domain.product import ask, known_of
from tests.oracle.answering import answer
from tests.oracle.history import History, LineAnswer, without_empty
from tests.world_facts import CLASSES, days
from tests.worlds import World, worlds
from tests.writings import Dice, written_address


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where registry files stand while they are read."""
    return tmp_path_factory.mktemp("worlds_of_aliases")


def moved(dice: Dice, world: World) -> World:
    """The world, with orders to another door, by another account, or by that alone."""
    orders = [deepcopy(order) for order in world.orders]
    for order in orders:
        if dice.seldom(3):
            order["ship_to"] |= {"address": {"street": "2 Back Street", "city": "Boston", "state": "MA", "postal_code": "02110"}}
        if dice.seldom(3):
            order["ship_to"] |= {"account": "99999"}
            if dice.coin():
                order["ship_to"] = {member: order["ship_to"][member] for member in ("account", "address")}
    return replace(world, orders=orders)


def aliases(dice: Dice, world: World) -> list[dict[str, Any]]:
    """Up to four, of what orders give; most hold today."""
    today = world.at.astimezone(ZoneInfo("America/New_York")).date()
    given = []
    for number in range(dice.number(1, 4)):
        ship_to = without_empty(dice.pick(world.orders)["ship_to"])
        account = dice.pick([ship_to.get("account", "777"), "99999"])
        what = {"account": account} if dice.coin() else {"address": written_address(dice, ship_to["address"])}
        alias = {
            "fact": "site_alias", "alias_id": f"A-{number}", "program": dice.pick(["lemtrada"] * 5 + ["isotretinoin"]),
            "site_id": ship_to.get("rems_site_id", "HF1") if dice.coin() else dice.pick(sorted(CLASSES)),
            "wholesaler_id": dice.pick(["WD-1", "WD-1", "WD-2"]), "effective_on": dice.pick(days(today, 0, 0, -9, 1)),
            "through": dice.pick(days(today, 9, 0, 0, -1)),
        }  # fmt: skip
        given.append(alias | what)
    return given


def answered(folder: Path, world: World, given: list[dict[str, Any]]) -> list[list[LineAnswer]]:
    known = known_of(folder, world.facts, world.at, world.program)
    told = WithAliases(known, *[kept_fact(json.dumps(alias).encode()) for alias in given])  # type: ignore[arg-type]
    return [one.lines for one in ask(told, [json.dumps(order).encode() for order in world.orders], world.at, world.program)]


@settings(max_examples=300)
@given(world=worlds(), dice=st.randoms(use_true_random=True).map(Dice))
def test_each_line_is_answered_as_the_second_formulation_answers_it(folder: Path, world: World, dice: Dice) -> None:
    world = moved(dice, world)
    given, history = aliases(dice, world), History()
    expected = [answer(order, [*world.facts, *given], world.at, history, world.program) for order in world.orders]
    assert answered(folder, world, given) == expected


def test_aliases_change_answers_often_enough(folder: Path) -> None:
    """In both ways: a site agrees, and an account leads to another site."""
    changed: Counter[str] = Counter()

    @settings(max_examples=150, database=None, derandomize=True)
    @given(world=worlds(), dice=st.randoms(use_true_random=True).map(Dice))
    def count(world: World, dice: Dice) -> None:
        world = moved(dice, world)
        without, beside = answered(folder, world, []), answered(folder, world, aliases(dice, world))
        for before, after in zip(without, beside, strict=True):
            for one, other in zip(before, after, strict=True):
                changed["cleared"] += bool(set(one.codes) - set(other.codes))
                changed["another site"] += one.site_id != other.site_id

    count()
    assert changed["cleared"] > 5
    assert changed["another site"] > 5
