"""Each precaution of the product is needed: without it the judge finds what went wrong, with it nothing in the very same scenario."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gatekeeper.examinations.recording import TERMS
from gatekeeper.following.steps import step
from gatekeeper.rules import RuleBook
from gatekeeper.storage.engine import transaction
from tests.faults.judge import DIFFERENT_BYTES, TWICE, WRONG, Judgement, judge
from tests.faults.load import Load
from tests.faults.mutants import DECIDES_ANEW, KEEPS_ITS_BATCH, KEEPS_ITS_PRODUCER, PRODUCT, WITHOUT_FENCING
from tests.faults.points import AFTER_COMMIT, BEFORE_OFFSETS, DIE, FREEZE, WAIT
from tests.faults.scene import PATIENCE_S, RELAY, Scene, Worker
from tests.faults.seen import see
from tests.real.broker import Broker
from tests.real.database import Database
from tests.real.proxy import END_TXN, Proxy
from tests.real.waiting import wait_until
from tests.storage.snapshots import load as load_snapshot

PARTITIONS = 2
SOME = 40


class Small:
    """One scene with its registry, and orders enough."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.load = Load(1, 1, 1, PARTITIONS, shared=False)
        self._imported = 0
        self.import_snapshot()

    def import_snapshot(self) -> None:
        file = self.load.snapshot(self.scene.folder / "registry.ndjson", self._imported)
        load_snapshot(self.scene.engine, file, loss_percent=10)
        self._imported += 1

    def started(self, name: str, kind: str) -> Worker:
        """A worker that has partitions."""
        worker = self.scene.start(name, kind)
        worker.wait_for("started")
        wait_until(lambda: worker.ended or worker.partitions(), PATIENCE_S, f"{name} has partitions")
        return worker

    def judged(self) -> Judgement:
        self.scene.wait_until_done()
        self._follow()
        return judge(see(self.scene, self.load.room))

    def _follow(self) -> None:
        """Does what follows from the imports; where that is to be published, a relay does it."""
        while step(self.scene.engine, RuleBook.read(), TERMS):
            pass
        if self.scene.in_hand()[1]:
            self.scene.start("relay", consumer=RELAY)
            self.scene.wait_until_followed()


@pytest.fixture
def small(broker: Broker, postgres: Database, tmp_path: Path) -> Iterator[Small]:
    with Proxy(broker.proxy_port, broker.target_port) as proxy, Scene(tmp_path, broker, postgres, proxy, PARTITIONS) as scene:
        yield Small(scene)


def frozen_and_replaced(small: Small, kind: str) -> None:
    """A worker freezes with answers in hand, another of its name publishes them, and it wakes."""
    first = small.started("w0", kind)
    first.tell(AFTER_COMMIT, FREEZE)
    # One order is one batch. Of more, the late worker could publish a part and put the group back to a place that nobody reads on from.
    small.scene.send(small.load.hanging(1)[:1])
    first.wait_until_frozen(PATIENCE_S)
    small.scene.start("w0", kind)
    small.scene.wait_until_done()
    told = len(first.events())
    first.thaw()
    wait_until(lambda: first.ended or len(first.events()) > told, PATIENCE_S, "it sees what became of its answers")
    first.kill()


def killed_before_a_suspension(small: Small, kind: str) -> None:
    """A worker dies with answers that nobody heard, and the registry changes before they are read back."""
    worker = small.started("w0", kind)
    worker.tell(AFTER_COMMIT, DIE)
    small.scene.send(small.load.hanging(1, 3))
    assert worker.wait_for_end(PATIENCE_S)
    small.import_snapshot()
    small.scene.start("w0", kind)


def joined_while_a_batch_is_in_hand(small: Small, kind: str) -> None:
    """A second worker joins the group while the first has judged a batch of both partitions and not published it."""
    scene, first = small.scene, small.started("w0", kind)
    for times in range(1, SOME):
        first.tell(AFTER_COMMIT, WAIT)
        scene.send(small.load.hanging(1))
        first.wait_for("reached", times)
        if len(judged_and_not_published(scene)) == PARTITIONS:
            break
        first.go_on()
        scene.wait_until_done()
    second = scene.start("w1", kind)
    if kind == PRODUCT:
        # It does not poll with a batch in hand, so the group waits for it.
        wait_until(scene.rebalancing, PATIENCE_S, "the group waits for the first worker")
    else:
        second.wait_for("published")
    first.go_on()


def judged_and_not_published(scene: Scene) -> list[int]:
    """The partitions of which the ledger knows more than the group has committed."""
    committed = scene.committed()
    with transaction(scene.engine) as cursor:
        return [
            partition for partition, head in cursor.execute("SELECT partition, next_offset FROM moving_head") if head > committed[partition]
        ]


def late_end_of_a_transaction(small: Small, kind: str) -> None:
    """The end of one transaction is held back and sent again; the first copy arrives in a later transaction, whose worker then dies."""
    scene, worker = small.scene, small.started("w0", kind)
    held = scene.proxy.hold_next(END_TXN, f"{scene.group()}.w0.0".encode())
    for _ in range(SOME):
        if held.came:
            break
        scene.send(small.load.hanging(1)[:1])
        scene.wait_until_done()
    worker.tell(BEFORE_OFFSETS, WAIT, turn=".0")
    for _ in range(SOME):
        if worker.events("reached"):
            break
        scene.send(small.load.hanging(1)[:1])
        wait_until(lambda: worker.events("reached") or scene.committed() == scene.ends(), PATIENCE_S, "it comes to the point or is done")
    worker.wait_for("reached")
    held.deliver(PATIENCE_S)
    worker.kill()
    scene.start("w0", kind)


SCENARIOS = {
    WITHOUT_FENCING: (frozen_and_replaced, {TWICE}),
    DECIDES_ANEW: (killed_before_a_suspension, {WRONG, DIFFERENT_BYTES}),
    KEEPS_ITS_BATCH: (joined_while_a_batch_is_in_hand, {TWICE}),
    KEEPS_ITS_PRODUCER: (late_end_of_a_transaction, {TWICE}),
}


@pytest.mark.parametrize("mutant", SCENARIOS)
def test_a_product_without_a_precaution_is_found_out(small: Small, mutant: str) -> None:
    scenario, expected = SCENARIOS[mutant]
    scenario(small, mutant)
    judgement = small.judged()
    assert expected <= {fault for fault, count in judgement.counts.items() if count}, judgement


@pytest.mark.parametrize("mutant", SCENARIOS)
def test_the_product_comes_through_the_same(small: Small, mutant: str) -> None:
    scenario, _ = SCENARIOS[mutant]
    scenario(small, PRODUCT)
    judgement = small.judged()
    assert judgement.clean, judgement
