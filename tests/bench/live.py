"""Orders at an even pace for as long as is wanted, and the answers as a reader of committed messages sees them."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import quantiles
from typing import NamedTuple, Self

from confluent_kafka import Consumer, Producer, TopicPartition

from gatekeeper.storage.engine import migrate, open_engine
from tests.bench.pipelines import GATE
from tests.bench.place import GATEKEEPER, ORDERS, OUTPUTS, PARTITIONS, Place, Watched, say
from tests.bench.world import Sent, Sizes, write_snapshot
from tests.real.broker import SILENT
from tests.real.waiting import wait_until

READY_S = 60


class Answered(NamedTuple):
    """One message of an output topic, and when it was seen."""

    at: float
    """As ``time.time`` says, which is the database's clock too."""
    topic: str
    partition: int
    offset: int
    order_id: str
    value: bytes


class Live:
    """Sends orders, one after the other, from its begin to its end, and keeps every answer."""

    def __init__(self, place: Place, prefix: str, orders: Iterator[Sent], a_second: int) -> None:
        self.sent: dict[str, float] = {}
        self.seen: dict[str, float] = {}
        self.answers: list[Answered] = []
        self._prefix, self._orders, self._a_second = prefix, orders, a_second
        self._stop, self._closed = threading.Event(), threading.Event()
        self._producer = Producer({"bootstrap.servers": place.bootstrap, "linger.ms": 0, "socket.nagle.disable": True}, logger=SILENT)
        self._consumer = Consumer(
            {"bootstrap.servers": place.bootstrap, "group.id": "live", "isolation.level": "read_committed", "enable.auto.commit": False,
             "socket.nagle.disable": True},
            logger=SILENT,
        )  # fmt: skip
        self._consumer.assign([TopicPartition(prefix + topic, partition, 0) for topic in OUTPUTS[:2] for partition in range(PARTITIONS)])
        self._threads = [threading.Thread(target=step, daemon=True) for step in (self._send, self._read)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._closed.set()
        for thread in self._threads:
            thread.join()
        self._consumer.close()

    def stop(self) -> None:
        """Sends no more, and waits until each order was answered."""
        self._stop.set()
        self._threads[0].join()
        wait_until(lambda: not (self.sent.keys() - self.seen.keys()), READY_S, "every order is answered")

    def tell(self, topic: str, value: bytes, key: str | None = None) -> None:
        """Publishes another message at once."""
        self._producer.produce(self._prefix + topic, value, key)
        self._producer.poll(0)

    def times(self, begun: float, ended: float) -> list[float]:
        """In milliseconds, how long the orders took that were sent in between; raises where one was not answered."""
        sent = [(order_id, at) for order_id, at in list(self.sent.items()) if begun <= at < ended]
        missing = [order_id for order_id, _ in sent if order_id not in self.seen]
        if missing:
            raise RuntimeError(f"{len(missing)} orders were not answered")
        return [(self.seen[order_id] - at) * 1000 for order_id, at in sent]

    def _send(self) -> None:
        begun = time.time()
        for number, order in enumerate(self._orders):
            while (left := begun + number / self._a_second - time.time()) > 0:
                self._producer.poll(left)
            if self._stop.is_set():
                break
            self.sent[order.order_id] = time.time()
            self._producer.produce(self._prefix + ORDERS, order.value, order.order_id)
        self._producer.flush()

    def _read(self) -> None:
        while not self._closed.is_set():
            for message in self._consumer.consume(500, 0.001) or self._consumer.consume(1, 0.5):
                if not message.error():
                    at, order_id = time.time(), bytes(message.key() or b"").decode()
                    self.seen.setdefault(order_id, at)
                    topic = str(message.topic()).removeprefix(self._prefix)
                    said = topic, int(message.partition() or 0), int(message.offset() or 0)
                    self.answers.append(Answered(at, *said, order_id, bytes(message.value() or b"")))


def shares(times: list[float]) -> tuple[float, float, float]:
    """p50, p99, and the longest."""
    cuts = quantiles(times, n=100)
    return cuts[49], cuts[98], max(times)


@contextmanager
def ledger_of_its_own(place: Place, sizes: Sizes) -> Iterator[Place]:
    """The same broker and server, with another ledger into which a registry was imported."""
    url = place.database.fresh()
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()
    file = write_snapshot(place.folder / f"{url.rpartition('/')[2]}.ndjson", sizes)
    own = place._replace(url=url, sizes=sizes, snapshot=file)
    say(f"importing {sizes.sites} sites into a ledger of its own")
    own.import_registry(file)
    try:
        yield own
    finally:
        file.unlink()
        place.database.drop(url)


@contextmanager
def at_work(place: Place, prefix: str, orders: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Consumers of orders, one of facts, and the relay; all of them have their partitions."""
    environment = place.environment(prefix)
    made = [*GATEKEEPER, "topics", "create", "--partitions", f"{PARTITIONS}", "--replication", "1"]
    subprocess.run(made, env=environment, check=True, stdout=subprocess.DEVNULL)
    with ExitStack() as stack:
        workers = [GATE.start(place, prefix, f"{prefix}orders{number}", stack) for number in range(orders)]
        for name, command in (("facts", ["consume", "facts"]), ("relay", ["relay"])):
            workers.append(stack.enter_context(place.running([*GATEKEEPER, *command, "--instance", name], f"{prefix}{name}", environment)))
        for group, count in ((GATE.group(prefix), orders), (f"{prefix}gatekeeper.facts", 1)):
            watched = Watched(place, prefix, group)
            stack.callback(watched.close)
            members = watched.members(place, group)
            wait_until(lambda members=members, count=count: members() == count, READY_S, f"{count} members of {group}")  # type: ignore[misc]
        yield workers
        ended = [worker.args for worker in workers if worker.poll() is not None]
        if ended:
            raise RuntimeError(f"ended by themselves: {ended}")
