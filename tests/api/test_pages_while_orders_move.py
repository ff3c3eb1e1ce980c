"""Pages of orders while these are revised, cleared, settled, opened again and cancelled: none is skipped, none stands twice."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gatekeeper.arrivals import Position
from gatekeeper.listing import catch_up, step
from gatekeeper.storage.engine import transaction
from tests.api.desk import Desk
from tests.feed.rems import MANY
from tests.gate.following import SUSPENDED, follow
from tests.gate.ledger import NOON, authorization, judge_with, order
from tests.gate.warehouse import Warehouse, event

PATH = "/v1/orders"
NO_PATIENT = {"/lines/0/patient": None}


def listed(desk: Desk, query: str) -> list[dict[str, Any]]:
    return [each for page in walked(desk, query) for each in page]


def walked(desk: Desk, query: str, limit: int = 2) -> Iterator[list[dict[str, Any]]]:
    """Page by page, each asked for when the one before was looked at."""
    cursor = ""
    while True:
        page = desk.answer(f"{PATH}?{query}&limit={limit}{cursor}")
        yield page["orders"]
        if page["next"] is None:
            return
        cursor = f"&cursor={page['next']}"


@pytest.mark.parametrize("query", ["state=open", "state=open&sort=oldest", "state=open&sort=ship_on", "sort=oldest", "site_id=HF1"])
def test_a_revised_order_stands_on_one_page(desk: Desk, query: str) -> None:
    """A revision of each order comes after the first page: of one that was shown, and of one that was not."""
    desk.ledger.load(SUSPENDED)
    for number in range(6):
        desk.ledger.set_clock(NOON + timedelta(minutes=number))
        desk.ledger.judge(order(f"SO-{number}"))
    before = [each["order_id"] for each in listed(desk, query)]
    shown = []
    for page in walked(desk, query):
        shown += [each["order_id"] for each in page]
        desk.ledger.set_clock(NOON + timedelta(hours=len(shown)))
        desk.ledger.judge(*[order(f"SO-{number}", {"/revision": len(shown)}) for number in (1, 4)])
    assert shown == before
    assert len(shown) == 6
    assert [each["order_id"] for each in listed(desk, query)] == before


def test_the_oldest_open_one_is_open_since_longest(desk: Desk) -> None:
    """One that came first was released, and withdrawn after another was stopped."""
    desk.ledger.load(authorization("AU-MANY", 1000))
    desk.ledger.judge(order("SO-1", MANY))
    desk.ledger.set_clock(NOON + timedelta(hours=1))
    desk.ledger.judge(order("SO-2", NO_PATIENT))
    desk.ledger.set_clock(NOON + timedelta(hours=2))
    desk.ledger.load(authorization("AU-MANY", 1000), SUSPENDED, as_of=NOON + timedelta(hours=2))
    follow(desk.ledger)
    shown = [(each["order_id"], each["open_since"]) for each in listed(desk, "state=open&sort=oldest")]
    assert shown == [("SO-2", "2026-11-20T18:00:00.000Z"), ("SO-1", "2026-11-20T19:00:00.000Z")]


def test_what_is_being_decided_is_not_promised_yet(desk: Desk) -> None:
    """A verdict has the instant at which its transaction began; it is in the list after it was committed."""
    desk.ledger.load(authorization("AU-MANY", 1000))
    desk.ledger.judge(order("SO-1", MANY))
    connection = desk.ledger.engine.raw_connection()
    desk.ledger.set_clock(NOON + timedelta(seconds=1))
    judge_with(connection.driver_connection.cursor(), desk.ledger.source, [(Position(0, 50), order("SO-2", MANY))])
    desk.ledger.set_clock(NOON + timedelta(seconds=3))
    before = desk.answer(PATH)
    connection.commit()
    connection.close()
    after = desk.answer(PATH)
    assert (before["as_of"], after["as_of"]) == ("2026-11-20T17:00:00.000Z", "2026-11-20T17:00:01.000Z")
    assert {each["received_at"] > before["as_of"] for each in after["orders"] if each not in before["orders"]} == {True}


def test_a_list_that_is_behind_promises_whole_blocks(desk: Desk) -> None:
    """Taken in by single examinations: of a block that is in it in part nothing is promised."""
    desk.ledger.load(SUSPENDED)
    desk.ledger.judge(order("SO-1"))
    desk.ledger.set_clock(NOON + timedelta(hours=1))
    desk.ledger.judge(order("SO-2"), order("SO-3"))
    seen = []
    more = True
    while more:
        more = step(desk.engine, most=1)
        with transaction(desk.engine) as cursor:
            orders = cursor.execute("SELECT count(*) FROM moving_listed_order").fetchall()[0][0]
            seen.append((orders, cursor.execute("SELECT at FROM moving_listed_up_to").fetchall()[0][0] - NOON))
    assert [at for orders, at in seen if orders < 3] == [timedelta(0)] * (len(seen) - 1)
    assert seen[-1] == (3, timedelta(hours=1))


class Model:
    """Ten orders to which anything happens between two pages; since when each is open, kept apart from the code under test."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk, self.random = desk, random.Random(seed)  # noqa: S311 - nothing is secret
        self.at = NOON
        self.revisions: dict[str, int] = {}
        self.open: dict[str, datetime] = {}
        self.settled: set[str] = set()
        self.warehouse = Warehouse(desk.ledger)
        for number in range(10):
            self._judge(f"SO-{number}")

    def anything(self) -> None:
        name = f"SO-{self.random.randrange(10)}"
        self.random.choice((self._judge, self._judge, self._settle, self._examine, self._cancel, self._clear))(name)

    def _tick(self) -> None:
        self.at += timedelta(minutes=1)
        self.desk.ledger.set_clock(self.at)

    def _judge(self, name: str) -> None:
        """A new revision: stopped, most of the time."""
        self._tick()
        self.revisions[name] = self.revisions.get(name, 0) + 1
        stopped = self.random.random() < 0.8
        changes = {"/revision": self.revisions[name]} | (NO_PATIENT if stopped else MANY)
        self.desk.ledger.judge(order(name, changes))
        self.settled.discard(name)
        if stopped:
            self.open.setdefault(name, self.at)
        else:
            self.open.pop(name, None)

    def _settle(self, name: str) -> None:
        if name in self.open:
            self._tick()
            path = f"{PATH}/WD-001/{name}"
            assert self.desk.act(f"{path}/settlements", seen=path, json={"reason": "x"}).status_code == 200
            del self.open[name]
            self.settled.add(name)

    def _examine(self, name: str) -> None:
        if name in self.open or name in self.settled:
            self._tick()
            assert self.desk.act(f"{PATH}/WD-001/{name}/examinations", json={}).status_code == 200
            self.settled.discard(name)
            self.open.setdefault(name, self.at)

    def _cancel(self, name: str) -> None:
        """The warehouse says so: it is open no more until another revision comes."""
        if name in self.open:
            self._tick()
            self.warehouse.tell(event("cancelled", name, revision=self.revisions[name]))
            del self.open[name]

    def _clear(self, name: str) -> None:
        """A revision that is released."""
        if name in self.open:
            self._tick()
            self.revisions[name] += 1
            self.desk.ledger.judge(order(name, MANY | {"/revision": self.revisions[name]}))
            self.settled.discard(name)
            del self.open[name]


@pytest.mark.parametrize("sort", ["newest", "oldest", "ship_on"])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_open_all_the_while_stands_once(desk: Desk, sort: str, seed: int) -> None:
    """Whatever happens meanwhile nothing stands twice; what opened or closed meanwhile may stand or not."""
    desk.ledger.load(authorization("AU-MANY", 100_000))
    model = Model(desk, seed)
    for _ in range(3):
        throughout, shown = dict(model.open), []
        for page in walked(desk, f"state=open&sort={sort}"):
            shown += [each["order_id"] for each in page]
            for each in page:
                assert each["open_since"] == f"{model.open[each['order_id']].astimezone(UTC):%Y-%m-%dT%H:%M:%S.000Z}"
            for _ in range(3):
                model.anything()
                throughout = {name: since for name, since in throughout.items() if model.open.get(name) == since}
        assert len(shown) == len(set(shown)), shown
        assert throughout.keys() <= set(shown)
    catch_up(desk.engine)
    expected = sorted(model.open, key=lambda name: model.open[name])
    last = listed(desk, "state=open&sort=oldest")
    assert [each["order_id"] for each in last] == expected
    for each in last:
        assert desk.answer(f"{PATH}/WD-001/{each['order_id']}")["open_since"] == each["open_since"]
