"""The same orders and events in any order of arrival, cut into batches in any way, end in the same live books."""

import json
from collections.abc import Iterator, Sequence
from itertools import count
from random import Random
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gatekeeper.storage import tables, waiting_events
from gatekeeper.storage.engine import transaction
from tests.gate.ledger import Ledger, Wire, authorization, order
from tests.gate.shelves import Shelf, alerts, goods, records, shelves
from tests.gate.test_again import wrong
from tests.gate.test_events import MANY, released_line
from tests.gate.warehouse import Warehouse, event

ORDERS = 3
AT = ["2026-11-18T10:00:00Z", "2026-11-19T10:00:00Z", "2026-11-20T10:00:00Z"]
HANGS_ON_ORDER = {"serial_of_another_line"}
"""Who reports a serial first has it: the alert says so."""
_names = count(1)


class Happening(NamedTuple):
    """An order message, or an event; both for any world."""

    kind: str
    order: int
    lines: tuple[tuple[tuple[str, Any], ...], ...] = ()
    at: str = AT[0]
    serialised: bool = False


def line_of_event(kind: str) -> st.SearchStrategy[tuple[tuple[str, Any], ...]]:
    """Serials are numbers: of the released ones 1 to 5, others above."""
    amount = st.fixed_dictionaries({}, optional={"quantity": st.sampled_from([1, 2, 3, 5])})
    named = st.lists(st.sampled_from([1, 2, 3, 4, 5, 5, 7, 8]), min_size=1, max_size=5, unique=True).map(
        lambda found: {"serials": sorted(found)}
    )
    lot: st.SearchStrategy[Wire] = st.sampled_from([{}, {}, {}, {"lot": "L2"}]) if kind == "shipped" else st.just({})
    verified: st.SearchStrategy[Wire] = st.sampled_from([{}, {"verified": True}]) if kind == "returned" else st.just({})
    parts = st.tuples(st.fixed_dictionaries({"line": st.sampled_from([1, 1, 2])}), st.one_of(amount, named), lot, verified)
    return parts.map(lambda found: tuple(sorted({**found[0], **found[1], **found[2], **found[3]}.items())))


def happening(kind: str) -> st.SearchStrategy[Happening]:
    of = st.integers(0, ORDERS - 1)
    if kind == "order":
        return st.builds(Happening, st.just(kind), of, st.just(()), st.just(AT[0]), st.booleans())
    lines = line_of_event(kind)
    if kind == "cancelled":
        lines = st.sampled_from([1, 2]).map(lambda number: (("line", number),))
        return st.builds(Happening, st.just(kind), of, st.lists(lines, max_size=1).map(tuple), st.sampled_from(AT))
    return st.builds(Happening, st.just(kind), of, lines.map(lambda line: (line,)), st.sampled_from(AT))


HAPPENINGS = st.lists(
    st.sampled_from(["shipped", "shipped", "shipped", "cancelled", "returned"]).flatmap(happening), min_size=1, max_size=9
)


class World:
    """One telling of a history, under names of its own, in a ledger that others are told in too."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.name = f"W{next(_names)}"
        self.warehouse = warehouse

    def tell(self, told: Sequence[tuple[int, Happening]], dice: Random) -> None:
        """Orders one by one, events in batches; now and then what follows is done in between."""
        batch: list[bytes] = []
        for number, each in told:
            if each.kind != "order":
                batch.append(self._event(number, each))
            if batch and (each.kind == "order" or dice.random() < 0.5):
                self.warehouse.tell(*batch)
                batch = []
            if each.kind == "order":
                self.warehouse.judge(self._order(each))
            if dice.random() < 0.2:
                self.warehouse.follow()
        if batch:
            self.warehouse.tell(*batch)
        self.warehouse.follow()
        with transaction(self.warehouse.ledger.engine) as cursor:
            waiting_events.mark(cursor, waiting_events.unmarked(cursor), "the topic", {0: 0})
        self.warehouse.follow()

    def books(self) -> dict[Any, tuple[Any, ...]]:
        """By line, what its live records say, and how many vials came back, without what is this world's alone."""
        found = {}
        for line, shelf in shelves(self.warehouse.ledger).items():
            if line[0].startswith(self.name + "-"):
                live = tuple(json.loads(json.dumps(goods(record)).replace(self.name, "")) for record in shelf.live)
                found[line[0].removeprefix(self.name), *line[1:]] = (live, shelf)
        return found

    def disputed(self) -> set[tuple[str, int]]:
        """The lines of which an alert says that who came first matters, that more came back than left, or that they were not released:
        an order that is read after its cancellation never is.
        """
        found = set()
        for kind, seen in alerts_of(self.warehouse.ledger, self.name):
            if kind == "return_disputed" or (kind == "shipment_disputed" and HANGS_ON_ORDER & set(seen["problems"])):
                found.add((seen["order"], seen["line"]))
            if kind == "shipment_bypassed" and "not_released" in seen["why"]:
                found.add((seen["order"], seen["line"]))
        return found

    def _order(self, each: Happening) -> bytes:
        changes: Wire = {"/lines/1": released_line(2, "AU-MANY")}
        if each.serialised:
            changes |= {"/lines/0/serials": [self._serial(each.order, 1, number) for number in range(1, 6)]}
        return order(f"{self.name}-{each.order}", MANY | changes)

    def _event(self, number: int, each: Happening) -> bytes:
        lines = [dict(line) for line in each.lines]
        for line in lines:
            if "serials" in line:
                line["serials"] = [self._serial(each.order, line["line"], serial) for serial in line["serials"]]
        return event(each.kind, f"{self.name}-{each.order}", lines=lines, at=each.at, event_id=f"{self.name}-E{number}")

    def _serial(self, of: int, line: int, number: int) -> str:
        return f"{self.name}S{of}{line}{number}"


def alerts_of(ledger: Ledger, name: str) -> Iterator[tuple[str, Wire]]:
    for row in ledger.rows(tables.ALERT):
        body = json.loads(row[3])
        if body.get("order_id", "").startswith(name + "-"):
            yield row[1], body["evidence"] | {"order": body["order_id"].removeprefix(name)}


def back(shelf: Shelf) -> int:
    return sum(record["quantity"] for record in shelf.returned)


@settings(
    max_examples=40,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(events=HAPPENINGS, serialised=st.lists(st.booleans(), min_size=ORDERS, max_size=ORDERS), seed=st.integers(0, 10_000))
def test_any_order_and_any_batching_end_in_the_same_live_books(
    ledger: Ledger, events: list[Happening], serialised: list[bool], seed: int
) -> None:
    """Orders come before their events, between them, after them, and one never does. What may differ has its alert."""
    if not ledger.rows(tables.REGISTRY_LOAD):
        ledger.load(authorization("AU-MANY", 1_000_000))
    warehouse, dice = Warehouse(ledger, name=f"events {next(_names)}"), Random(seed)  # noqa: S311
    orders = [Happening("order", number, serialised=serialised[number]) for number in range(ORDERS - 1)]
    told = list(enumerate([*orders, *events]))
    worlds = [World(warehouse), World(warehouse)]
    worlds[0].tell(told, Random(seed))  # noqa: S311
    other = told[:]
    dice.shuffle(other)
    worlds[1].tell(other, dice)

    one, two = (world.books() for world in worlds)
    apart = worlds[0].disputed() | worlds[1].disputed()
    for line in one.keys() | two.keys():
        (live, shelf), (again, shelf_again) = one.get(line, ((), Shelf((), ()))), two.get(line, ((), Shelf((), ())))
        if (line[0], line[2]) not in apart:
            assert live == again, line
            assert back(shelf) == back(shelf_again), line
    assert_books(ledger)


def assert_books(ledger: Ledger) -> None:
    """Sequences without gaps; a serial stands in one live record at most. Whether they balance: `test_balance.py`."""
    said = records(ledger)
    assert [record["sequence"] for record in said] == list(range(1, len(said) + 1))
    standing = [serial for shelf in shelves(ledger).values() for record in shelf.live for serial in record.get("serials", ())]
    assert len(standing) == len(set(standing))


def test_all_of_it_is_decided_again(ledger: Ledger) -> None:
    """A fixed telling: every settlement follows from its own row."""
    ledger.load(authorization("AU-MANY", 1_000_000))
    warehouse = Warehouse(ledger)
    dice = Random(5)  # noqa: S311
    world = World(warehouse)
    lines = [((("line", 1), ("quantity", 2)),), ((("line", 1), ("serials", (1, 7))),), ((("line", 2),),)]
    events = [Happening(kind, of, line, at) for kind in ("shipped", "returned") for of in range(ORDERS) for line in lines for at in AT[:2]]
    told = list(enumerate([Happening("order", 0, serialised=True), *events, Happening("order", 1), Happening("cancelled", 0, (), AT[1])]))
    dice.shuffle(told)
    world.tell(told, dice)
    assert {kind for kind, _ in alerts(ledger)} >= {"shipment_disputed", "shipment_bypassed"}
    assert_books(ledger)
    assert wrong(ledger) == []
