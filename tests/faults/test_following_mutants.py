"""The same for what follows from facts: without each precaution the judge finds what went wrong, with all of them nothing."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.faults.followed import LEFT_UNDONE, RELEASED_ANYWAY
from tests.faults.judge import judge
from tests.faults.load import Load
from tests.faults.mutants import DOES_NOT_WAIT, KEEPS_ITS_PLACE, LOOKS_ONCE, NEVER_DONE, PRODUCT, SAME_VERSION
from tests.faults.points import AFTER_COMMIT, BEFORE_LOCK, WAIT
from tests.faults.relayed import ENTRIES_TWICE, WITHDRAWALS_EARLY, WITHDRAWALS_TWICE
from tests.faults.scene import CONSUMERS, PATIENCE_S, RELAY, Scene, Worker
from tests.faults.seen import see
from tests.real.broker import Broker
from tests.real.database import Database
from tests.real.proxy import END_TXN, Proxy
from tests.real.waiting import wait_until
from tests.storage.snapshots import load as load_snapshot

PARTITIONS = 2
OPTIONS = ("--patient", "--transaction-timeout", "3")
TOLD = ("orders", "facts")


class Small:
    """A consumer of orders, one of facts, and a relay; one of them may lack a precaution."""

    def __init__(self, scene: Scene, mutated: str, mutant: str) -> None:
        self.scene = scene
        self.load = Load(1, 0, len(SCENARIOS), PARTITIONS, shared=False)
        load_snapshot(scene.engine, self.load.snapshot(scene.folder / "registry.ndjson", 0))
        self.workers: dict[str, Worker] = {
            consumer: scene.start(consumer, mutant if consumer == mutated else PRODUCT, consumer=consumer, options=OPTIONS)
            for consumer in (*TOLD, RELAY)
        }
        for worker in self.workers.values():
            wait_until(partial(_is_at_work, worker), PATIENCE_S, f"{worker.instance} is at work")

    def order(self, site: str) -> None:
        self.scene.send(self.load.orders_to(site, f"AU-{site}"))

    def told(self, site: str, status: str) -> None:
        """The ledger has it."""
        self.scene.send([self.load.now_is(site, status)])
        self.scene.wait_until_done(consumers=["facts"])

    def settled(self) -> None:
        self.scene.wait_until_done(consumers=TOLD)
        self.scene.wait_until_followed()

    def waits(self, consumer: str, point: str, step: Callable[[], None]) -> Worker:
        """The worker, which waits at a point to which this step brings it."""
        worker = self.workers[consumer]
        before = len(worker.events("reached"))
        worker.tell(point, WAIT)
        step()
        worker.wait_for("reached", before + 1)
        return worker


def _is_at_work(worker: Worker) -> bool:
    return worker.ended or worker.at_work


def an_end_that_nobody_hears_of(small: Small, site: str, kind: str) -> None:
    """The broker commits what the relay published, and the relay is never told, not even when it asks once more."""
    small.order(site)
    small.settled()
    relay = small.workers[RELAY]
    waited, published, name = len(relay.events("waiting")), len(relay.events("relayed")), small.scene.transactions(relay).encode()
    held = small.scene.proxy.hold_next(END_TXN, name, cut=False)
    small.told(site, "suspended")
    held.wait(PATIENCE_S)
    again = small.scene.proxy.hold_next(END_TXN, name, cut=False)
    held.deliver(PATIENCE_S)
    again.wait(PATIENCE_S)
    relay.wait_for("waiting", waited + 1)
    if kind != PRODUCT:
        relay.wait_for("relayed", published + 1)
    small.settled()


def a_release_that_is_not_published_yet(small: Small, site: str, kind: str) -> None:
    """A line is withdrawn before its consumer has said that it was released."""
    worker = small.waits("orders", AFTER_COMMIT, lambda: small.order(site))
    published = len(small.workers[RELAY].events("relayed"))
    entries = small.scene.in_hand()[1]
    small.told(site, "suspended")
    wait_until(lambda: small.scene.in_hand()[0] == 0 and small.scene.in_hand()[1] > entries, PATIENCE_S, "the line is withdrawn")
    if kind != PRODUCT:
        small.workers[RELAY].wait_for("relayed", published + 1)
    worker.go_on()
    small.settled()


def a_fact_while_an_order_is_judged(small: Small, site: str, _: str) -> None:
    """The consumer of orders has asked the registry; before it takes the lock the site is suspended."""
    worker = small.waits("orders", BEFORE_LOCK, lambda: small.order(site))
    small.told(site, "suspended")
    worker.go_on()
    small.settled()


def a_fact_while_a_line_is_judged_again(small: Small, site: str, _: str) -> None:
    """The relay has asked the registry, which certified the site; before it takes the lock the site is suspended again."""
    small.told(site, "suspended")
    small.order(site)
    small.settled()
    worker = small.waits(RELAY, BEFORE_LOCK, lambda: small.told(site, "certified"))
    small.told(site, "suspended")
    worker.go_on()
    small.settled()


def a_line_that_is_withdrawn(small: Small, site: str, kind: str) -> None:
    small.order(site)
    small.settled()
    small.told(site, "suspended")
    wait_until(lambda: small.scene.in_hand()[1] and small.scene.relayed(), PATIENCE_S, "the withdrawal is published")
    if kind == PRODUCT:
        small.settled()


Scenario = Callable[[Small, str, str], None]
SCENARIOS: dict[str, tuple[Scenario, str, set[str]]] = {
    KEEPS_ITS_PLACE: (an_end_that_nobody_hears_of, RELAY, {ENTRIES_TWICE, WITHDRAWALS_TWICE}),
    DOES_NOT_WAIT: (a_release_that_is_not_published_yet, RELAY, {WITHDRAWALS_EARLY}),
    SAME_VERSION: (a_fact_while_an_order_is_judged, "facts", {RELEASED_ANYWAY}),
    LOOKS_ONCE: (a_fact_while_a_line_is_judged_again, RELAY, {RELEASED_ANYWAY}),
    NEVER_DONE: (a_line_that_is_withdrawn, RELAY, {LEFT_UNDONE}),
}


@pytest.fixture
def scene(broker: Broker, postgres: Database, tmp_path: Path) -> Iterator[Scene]:
    with Proxy(broker.proxy_port, broker.target_port) as proxy, Scene(tmp_path, broker, postgres, proxy, PARTITIONS) as scene:
        yield scene


@pytest.mark.parametrize("mutant", SCENARIOS)
def test_a_product_that_follows_without_a_precaution_is_found_out(scene: Scene, mutant: str) -> None:
    scenario, mutated, expected = SCENARIOS[mutant]
    small = Small(scene, mutated, mutant)
    scenario(small, "SNAP-1", mutant)
    judgement = judge(see(scene, small.load.room))
    assert expected <= {fault for fault, count in judgement.counts.items() if count}, judgement


def test_the_product_comes_through_all_of_them(scene: Scene) -> None:
    small = Small(scene, "", PRODUCT)
    for number, (scenario, _, _) in enumerate(SCENARIOS.values(), 1):
        scenario(small, f"SNAP-{number}", PRODUCT)
    scene.wait_until_done(consumers=CONSUMERS)
    judgement = judge(see(scene, small.load.room))
    assert judgement.clean, judgement
