"""Where everything is measured: one real broker and one real PostgreSQL on this machine, with the registry imported."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import click
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from consumers.kafka import topics
from consumers.kafka.client import Client
from gatekeeper.storage.engine import migrate, open_engine
from schemas.topics import TOPICS
from tests.bench.world import Sent, Sizes, write_snapshot
from tests.real.broker import SILENT, Broker
from tests.real.database import Database
from tests.real.waiting import wait_until

PARTITIONS = 6
REPEATED, RUBBISH = 100, 1000
"""One message in so many comes a second time, or cannot be read."""
ORDERS = "shipment-orders"
OUTPUTS = ("shipments-released", "shipments-stopped", "distribution-records", "refused-messages", "compliance-alerts")
GATEKEEPER = (sys.executable, "-W", "ignore", "-c", "from gatekeeper.cli import main; main()")
PATIENCE_S = 600
SERVER = {"shared_buffers": "1GB", "wal_buffers": "64MB", "min_wal_size": "4GB", "max_wal_size": "8GB", "checkpoint_timeout": "15min"}
"""What the deployment notes recommend, for every pipeline: the defaults are those of a server with hardly any memory. Nothing of it
makes a commit less durable."""


def say(text: str) -> None:
    """Progress, for whoever waits."""
    click.echo(f"{time.strftime('%H:%M:%S')} {text}", err=True)


def peak_of(pid: int) -> int:
    """The most resident memory, in MB, that a program ever had; 0 where it has just ended."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next((line for line in status.splitlines() if line.startswith("VmHWM:")), "none 0").split()[1]) // 1024


class Place(NamedTuple):
    """The parts that all pipelines share."""

    folder: Path
    broker: Broker
    database: Database
    url: str
    snapshot: Path
    sizes: Sizes

    @property
    def bootstrap(self) -> str:
        return self.broker.bootstrap

    def client(self, group: str, instance: str) -> Client:
        """The gate's own client options, which every pipeline has."""
        return Client(self.bootstrap, {}, group, instance)

    def environment(self, prefix: str) -> dict[str, str]:
        """What the gate's commands are told."""
        own = {"DATABASE_URL": self.url, "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap, "TOPIC_PREFIX": prefix}
        return os.environ | {f"GATEKEEPER_{name}": value for name, value in own.items()}

    def make_topics(self, prefix: str) -> None:
        """All topics of the contract, empty."""
        topics.create(self.client("none", "topics"), [prefix + topic.name for topic in TOPICS], PARTITIONS, 1)

    def drop_topics(self, prefix: str) -> None:
        """Lets the broker forget what was measured."""
        admin = self.broker.admin()
        for answer in admin.delete_topics([prefix + topic.name for topic in TOPICS], operation_timeout=30).values():
            answer.result(60)

    def send(self, prefix: str, orders: Iterable[Sent]) -> int:
        """Publishes orders as fast as the broker takes them, and says how many."""
        options = {"bootstrap.servers": self.bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 1_000_000}
        producer = Producer(options, logger=SILENT)
        count = 0
        for sent in orders:
            count += 1
            while True:
                try:
                    producer.produce(prefix + ORDERS, sent.value, sent.order_id)
                    break
                except BufferError:
                    producer.poll(0.1)
        producer.flush()
        return count

    def import_registry(self, snapshot: Path) -> None:
        """Loads a snapshot by the gate's own command."""
        with (self.folder / "import.log").open("ab") as log:
            command = [*GATEKEEPER, "registry", "import", str(snapshot)]
            subprocess.run(command, env=self.environment(""), check=True, stdout=log, stderr=log)

    @contextmanager
    def running(self, command: Iterable[str], named: str, environment: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
        """A worker in a program of its own; it is told to stop at the end."""
        with (self.folder / f"{named}.log").open("ab") as log:
            worker = subprocess.Popen([*command], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield worker
        finally:
            worker.terminate()
            try:
                worker.wait(30)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()


class Watched:
    """How far a group has committed, seen from outside."""

    def __init__(self, place: Place, prefix: str, group: str, topic: str = ORDERS) -> None:
        self._consumer = Consumer({"bootstrap.servers": place.bootstrap, "group.id": group, "enable.auto.commit": False}, logger=SILENT)
        self._partitions = [TopicPartition(prefix + topic, partition) for partition in range(PARTITIONS)]

    def done(self) -> int:
        """How many messages are done."""
        try:
            return sum(max(0, place.offset) for place in self._consumer.committed(self._partitions, 10))
        except KafkaException:
            return 0

    def until(self, count: int, worker: subprocess.Popen[bytes], what: str) -> tuple[float, int]:
        """The instant at which at least ``count`` were done, and how many then were."""

        def reached() -> int:
            if worker.poll() is not None:
                raise RuntimeError(f"{what}: the worker ended with {worker.returncode}; its log is beside the broker's")
            done = self.done()
            return done if done >= count else 0

        reached_with = wait_until(reached, PATIENCE_S, what)
        return time.monotonic(), reached_with

    def members(self, place: Place, group: str) -> Callable[[], int]:
        """Asks how many members of the group have partitions."""
        admin = place.broker.admin()

        def count() -> int:
            try:
                described = admin.describe_consumer_groups([group], request_timeout=10)[group].result()
            except KafkaException:
                return 0
            return sum(bool(member.assignment.topic_partitions) for member in described.members)

        return count

    def close(self) -> None:
        self._consumer.close()


def outputs(place: Place, prefix: str) -> dict[str, int]:
    """How many messages a reader of committed messages finds, by topic; it reads every one."""
    consumer = Consumer(
        {"bootstrap.servers": place.bootstrap, "group.id": "count", "isolation.level": "read_committed", "enable.auto.commit": False,
         "auto.offset.reset": "earliest", "enable.partition.eof": True},
        logger=SILENT,
    )  # fmt: skip
    places = [TopicPartition(prefix + topic, partition, 0) for topic in OUTPUTS for partition in range(PARTITIONS)]
    consumer.assign(places)
    found, ended = dict.fromkeys(OUTPUTS, 0), 0
    while ended < len(places):
        for message in consumer.consume(1000, 5):
            if message.error():
                ended += 1
            else:
                found[str(message.topic()).removeprefix(prefix)] += 1
    consumer.close()
    return found


@contextmanager
def prepared(sizes: Sizes) -> Iterator[Place]:
    """Broker and database run, the ledger is made, and the registry is imported by the gate's own command."""
    with TemporaryDirectory() as named:
        folder = Path(named)
        broker, database = Broker(folder / "kafka"), Database(folder / "postgres", SERVER)
        try:
            broker.start()
            database.start()
            url = database.fresh()
            engine = open_engine(url)
            migrate(engine)
            engine.dispose()
            say(f"importing {sizes.sites} sites and {sizes.authorizations} authorizations")
            place = Place(folder, broker, database, url, write_snapshot(folder / "registry.ndjson", sizes), sizes)
            place.import_registry(place.snapshot)
            yield place
        finally:
            broker.stop()
            database.stop()


def send_spoiled(place: Place, topic: str, told: list[bytes]) -> int:
    """Over all partitions, with repeats and rubbish among them; says how many messages that were."""
    options = {"bootstrap.servers": place.bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 1_000_000}
    producer, sent = Producer(options, logger=SILENT), 0
    for number, value in enumerate(told, 1):
        more = [value] * (number % REPEATED == 0) + [b"rubbish"] * (number % RUBBISH == 0)
        for message in (value, *more):
            producer.produce(topic, message, partition=sent % PARTITIONS)
            sent += 1
        producer.poll(0)
    producer.flush()
    return sent
