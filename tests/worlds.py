"""Small worlds: what a registry says, and a sequence of orders, most of them one step away from what may leave."""

from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.oracle.products import Row
from tests.oracle.registry import LEMTRADA, Program
from tests.world_facts import Fact, registries
from tests.world_orders import Order, new_orders, related_orders
from tests.writings import Dice

INSTANTS = [
    datetime.fromisoformat(text)
    for text in (
        "2026-11-20T15:00:00+00:00",
        "2026-11-21T04:59:59.999999+00:00",
        "2026-11-21T05:00:00+00:00",
        "2026-07-02T04:00:00+00:00",
        "2026-03-08T07:00:00+00:00",
        "2026-11-01T05:30:00+00:00",
        "2028-02-29T12:00:00-05:00",
        "2026-02-28T23:30:00-05:00",
        "2027-01-01T00:30:00+00:00",
    )
]
TWO_PACKAGES = replace(LEMTRADA, rows=(*LEMTRADA.rows, Row("058468-0020-01", "00358468002013")))  # both fit 5846802001


@dataclass(frozen=True)
class World:
    """Facts, perhaps with a header before them, an instant, orders in the order in which they arrive, and the packages of the program."""

    facts: list[Fact]
    at: datetime
    orders: list[Order]
    program: Program = LEMTRADA


def world(dice: Dice, max_orders: int) -> World:
    """A registry, an instant, and one to six orders."""
    at = dice.pick(INSTANTS)
    today = at.astimezone(ZoneInfo("America/New_York")).date()
    facts = registries(dice, at, today)
    orders: list[Order] = []
    for number in range(1, dice.number(1, max_orders) + 1):
        related = bool(orders) and dice.seldom(3)
        orders.append(related_orders(dice, orders, number, today) if related else new_orders(dice, number, today))
    return World(facts, at, orders, TWO_PACKAGES if dice.seldom(12) else LEMTRADA)


def worlds(max_orders: int = 6) -> st.SearchStrategy[World]:
    """Worlds by seed: every reason is met about as often as it is meant to be, which drawing one by one does not give."""
    return st.randoms(use_true_random=True).map(lambda random: world(Dice(random), max_orders))
