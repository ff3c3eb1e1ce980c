"""The same for the books of goods, acknowledgements and files: without each precaution the judge finds it, with all of them nothing."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests.faults.booked import BOOKS_DIFFER, FILES_CHANGED, WORDS_WRONG
from tests.faults.feeding import Feed
from tests.faults.judge import Judgement, judge
from tests.faults.load import Load
from tests.faults.mutants import EVERY_WORD_COUNTS, FORGETS_WHAT_WAITED, PRODUCT
from tests.faults.points import AFTER_COMMIT, DIE
from tests.faults.scene import CONSUMERS, PATIENCE_S, RELAY, Scene, Worker
from tests.faults.seen import see
from tests.faults.writer import NAMED, PROMISED, PROMISES_LATE
from tests.real.broker import Broker
from tests.real.database import Database
from tests.real.proxy import Proxy
from tests.real.waiting import wait_until
from tests.storage.snapshots import load as load_snapshot

PARTITIONS = 2


class Small:
    """All consumers and a relay; one of them may lack a precaution."""

    def __init__(self, scene: Scene, mutated: str, mutant: str) -> None:
        self.scene, self.mutant = scene, mutant
        self.load = Load(1, 0, 1, PARTITIONS, shared=False)
        self.feed = Feed(scene, Random(1))  # noqa: S311 - the same every time
        load_snapshot(scene.engine, self.load.snapshot(scene.folder / "registry.ndjson", 0))
        self.workers: dict[str, Worker] = {
            consumer: scene.start(consumer, mutant if consumer == mutated else PRODUCT, consumer=consumer)
            for consumer in (*CONSUMERS, RELAY)
        }
        for worker in self.workers.values():
            wait_until(partial(_is_at_work, worker), PATIENCE_S, f"{worker.instance} is at work")

    def orders(self, number: int) -> None:
        self.scene.send([message for _ in range(number) for message in self.load.plain()])
        self.scene.wait_until_done()

    def judged(self) -> Judgement:
        self.scene.wait_until_done(consumers=CONSUMERS)
        self.scene.wait_until_followed()
        self.feed.write()
        return judge(see(self.scene, self.load.room)._replace(booked=self.feed.booked(self.load.goods)))


def _is_at_work(worker: Worker) -> bool:
    return worker.ended or worker.at_work


def an_event_before_its_order(small: Small) -> None:
    """The order is read when the event has been recorded, and its consumer has died and come again."""
    worker = small.workers["events"]
    worker.tell(AFTER_COMMIT, DIE)
    early, late = small.load.late()
    small.workers["orders"].stop(PATIENCE_S)
    small.scene.send(late)
    small.scene.send(early)
    assert worker.wait_for_end(PATIENCE_S)
    small.scene.start("events", consumer="events")
    small.scene.wait_until_done(consumers=["events"])
    small.scene.start("orders", consumer="orders")


def words_of_every_kind(small: Small) -> None:
    """Once, twice, otherwise, by another; the consumer dies with them in the ledger and comes again."""
    small.orders(30)
    worker = small.workers["acknowledgements"]
    if small.mutant == PRODUCT:
        worker.tell(AFTER_COMMIT, DIE)
    small.scene.send(small.feed.words())
    if small.mutant == PRODUCT:
        assert worker.wait_for_end(PATIENCE_S)
        small.scene.start("acknowledgements", consumer="acknowledgements")


def a_writer_that_dies(small: Small) -> None:
    """With the file's name there or its records promised, and more records before the next one writes."""
    for step in (NAMED, PROMISED):
        small.orders(2)
        small.feed.write(step, small.mutant)
    small.orders(2)
    small.feed.write(kind=small.mutant)


SCENARIOS = {
    FORGETS_WHAT_WAITED: (an_event_before_its_order, RELAY, {BOOKS_DIFFER}),
    EVERY_WORD_COUNTS: (words_of_every_kind, "acknowledgements", {WORDS_WRONG}),
    PROMISES_LATE: (a_writer_that_dies, "", {FILES_CHANGED}),
}


@pytest.fixture
def scene(broker: Broker, postgres: Database, tmp_path: Path) -> Iterator[Scene]:
    with Proxy(broker.proxy_port, broker.target_port) as proxy, Scene(tmp_path, broker, postgres, proxy, PARTITIONS) as scene:
        yield scene


@pytest.mark.parametrize("mutant", SCENARIOS)
def test_a_product_that_keeps_its_books_without_a_precaution_is_found_out(scene: Scene, mutant: str) -> None:
    scenario, mutated, expected = SCENARIOS[mutant]
    small = Small(scene, mutated, mutant)
    scenario(small)
    judgement = small.judged()
    assert expected <= {fault for fault, count in judgement.counts.items() if count}, judgement


def test_the_product_comes_through_all_of_them(scene: Scene) -> None:
    small = Small(scene, "", PRODUCT)
    words_of_every_kind(small)
    a_writer_that_dies(small)
    an_event_before_its_order(small)
    judgement = small.judged()
    assert judgement.clean, judgement
