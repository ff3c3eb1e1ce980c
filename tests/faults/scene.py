"""Where faults happen: topics and a ledger of its own on a broker and a database that may die, and the workers on them."""

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from confluent_kafka import Consumer, ConsumerGroupState, KafkaException, Producer, TopicPartition
from confluent_kafka.cimpl import Message

from consumers.kafka.client import Client
from consumers.kafka.place import TOPIC as PLACE
from consumers.kafka.place import read_place
from consumers.kafka.topics import COMPACTED
from gatekeeper.errors import TryAgain
from gatekeeper.storage.engine import migrate, open_engine, transaction
from tests.faults.labels import ACKNOWLEDGEMENTS, EVENTS, FACTS, INPUTS, ORDERS, OUTPUTS, Sending, Telling
from tests.faults.mutants import PRODUCT
from tests.real.broker import SILENT, Broker
from tests.real.database import Database
from tests.real.proxy import Proxy
from tests.real.waiting import wait_until

ROOT = Path(__file__).parents[2]
PATIENCE_S = 240.0
HALTED = 3
CONSUMERS = {"orders": ORDERS, "facts": FACTS, "events": EVENTS, "acknowledgements": ACKNOWLEDGEMENTS}
RELAY = "relay"
IN_HAND = """
SELECT (SELECT count(*) FROM moving_follow_up) + (SELECT count(*) FROM moving_due) + (SELECT count(*) FROM moving_look_back)
    + (SELECT count(*) FROM moving_waiting_event), outbox
FROM moving_tail
"""
Place = tuple[int, int]
"""Partition and offset."""
Event = dict[str, Any]


def group_of(prefix: str, consumer: str) -> str:
    """The group of a consumer."""
    return f"{prefix}gate" if consumer in ("orders", RELAY) else f"{prefix}{consumer}"


def transactional_id(prefix: str) -> str:
    """The one of all relays."""
    return f"{prefix}relay"


class Worker:
    """One worker, and what it tells of itself."""

    def __init__(self, command: list[str], instance: str, consumer: str, diary: Path, orders: Path) -> None:
        self.instance, self.consumer, self._diary, self._orders = instance, consumer, diary, orders
        # What a killed worker of this name was told is gone with it.
        orders.unlink(missing_ok=True)
        self._told = 0
        self._log = diary.with_suffix(".log")
        with self._log.open("wb") as log:
            self._running = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def tell(self, point: str, act: str, turn: str = "") -> None:
        """When it comes to ``point`` it dies, freezes or waits."""
        self._told += 1
        fresh = self._orders.with_suffix(".fresh")
        fresh.write_text(json.dumps({"point": point, "act": act, "turn": turn, "go": str(self._go)}))
        fresh.rename(self._orders)

    def never_mind(self) -> None:
        """What it was told and has not done yet it need not do."""
        self._orders.unlink(missing_ok=True)

    def go_on(self) -> None:
        """It need not wait any longer."""
        self._go.touch()

    @property
    def _go(self) -> Path:
        """Each order has a file of its own, so that a slow worker cannot miss it."""
        return self._diary.with_suffix(f".go-{self._told}")

    def events(self, name: str | None = None) -> list[Event]:
        """What it told, in order."""
        lines = self._diary.read_bytes().splitlines() if self._diary.exists() else []
        told = [json.loads(line) for line in lines]
        return [event for event in told if name is None or event["event"] == name]

    def wait_for(self, name: str, count: int = 1, seconds: float = PATIENCE_S) -> list[Event]:
        """Returns when it told this so many times. RuntimeError if it ended before."""

        def told() -> list[Event]:
            ended = self.ended
            found = self.events(name)
            if len(found) < count and ended:
                raise RuntimeError(f"{self.instance} ended before it told «{name}»: {self.last_words()}")
            return found if len(found) >= count else []

        return wait_until(told, seconds, f"{self.instance} tells «{name}»")

    def wait_for_end(self, seconds: float) -> bool:
        """Whether it ends in this time."""
        try:
            self._running.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def wait_until_frozen(self, seconds: float) -> None:
        status = psutil.Process(self._running.pid).status
        wait_until(lambda: status() == psutil.STATUS_STOPPED, seconds, f"{self.instance} freezes")

    def partitions(self) -> list[int]:
        """Those that it last told to have."""
        told = self.events("member")
        return list(told[-1]["partitions"]) if told else []

    @property
    def at_work(self) -> bool:
        """Whether it has partitions; of a relay, whether it knows its place."""
        return bool(self.events("relayed") if self.consumer == RELAY else self.partitions())

    @property
    def ended(self) -> bool:
        return self._running.poll() is not None

    @property
    def exit_status(self) -> int | None:
        return self._running.poll()

    def halted_for(self, reason: str) -> bool:
        """Whether it ended because of this, as it told."""
        return self.exit_status == HALTED and [event["reason"] for event in self.events("halted")] == [reason]

    def thaw(self) -> None:
        self._running.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._running.kill()
        self._running.wait()

    def stop(self, seconds: float) -> int | None:
        """Told to stop: its exit status, or None if it did not end in this time."""
        self._running.terminate()
        return self._running.returncode if self.wait_for_end(seconds) else None

    def last_words(self) -> str:
        """For a person who wonders what became of it."""
        told = [json.dumps(event) for event in self.events()[-5:]]
        return "\n".join([f"exit {self.exit_status}", *told, self._log.read_text(errors="replace")[-2000:]])


class Scene:
    """Groups of workers on topics of orders, facts, events and acknowledgements, and a relay."""

    def __init__(self, folder: Path, broker: Broker, database: Database, proxy: Proxy, partitions: int = 6) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.broker, self.database, self.proxy, self.partitions = folder, broker, database, proxy, partitions
        self.prefix = f"faults-{uuid.uuid4().hex[:12]}."
        self.url = database.fresh()
        self.engine = open_engine(self.url)
        migrate(self.engine)
        for name in (*INPUTS, *OUTPUTS):
            broker.create_topic(self.prefix + name, partitions)
        broker.create_topic(self.prefix + PLACE, 1, dict(COMPACTED))
        self.workers: list[Worker] = []
        self.sent: dict[Place, Sending] = {}
        self.told: dict[str, dict[Place, Telling]] = {FACTS: {}, EVENTS: {}, ACKNOWLEDGEMENTS: {}}
        """By topic, what was sent besides orders."""
        self._producer = Producer({"bootstrap.servers": broker.bootstrap, "enable.idempotence": True, "linger.ms": 0}, logger=SILENT)
        self._asking = {
            consumer: Consumer({"bootstrap.servers": broker.bootstrap, "group.id": self.group(consumer)}, logger=SILENT)
            for consumer in CONSUMERS
        }

    def group(self, consumer: str = "orders") -> str:
        """The group of a consumer."""
        return group_of(self.prefix, consumer)

    def transactions(self, worker: Worker) -> str:
        """With what the transactional ids of a worker begin."""
        return transactional_id(self.prefix) if worker.consumer == RELAY else f"{self.group(worker.consumer)}.{worker.instance}."

    def start(
        self, instance: str, kind: str = PRODUCT, *, consumer: str = "orders", proxied: bool = True, options: Iterable[str] = ()
    ) -> Worker:
        """A worker with this name; one that ended may have had it before."""
        names = {
            "bootstrap": self.broker.proxied_bootstrap if proxied else self.broker.bootstrap, "database": self.url, "prefix": self.prefix,
            "instance": instance, "kind": kind, "consumer": consumer, "orders": str(self.folder / f"{instance}.orders"),
            "diary": str(self.folder / f"{len(self.workers)}-{instance}.diary"),
        }  # fmt: skip
        given = [word for name, value in names.items() for word in (f"--{name}", value)]
        command = [sys.executable, "-m", "tests.faults.worker", *given, *options]
        worker = Worker(command, instance, consumer, Path(names["diary"]), Path(names["orders"]))
        self.workers.append(worker)
        return worker

    def send(self, messages: Iterable[Sending | Telling]) -> None:
        """Returns when all of them are in their topics; where the broker is away that is when it is back."""
        count, arrivals = 0, []

        def arrived(message: Sending | Telling, error: object, there: Message) -> None:
            if error is None:
                arrivals.append((message, (there.partition() or 0, there.offset() or 0)))

        for message in messages:
            count += 1
            self._producer.produce(
                self.prefix + message.topic, message.value, partition=message.partition, on_delivery=partial(arrived, message)
            )
        self._producer.flush(PATIENCE_S)
        for message, place in arrivals:
            if isinstance(message, Sending):
                self.sent[place] = message
            else:
                self.told[message.topic][place] = message
        if len(arrivals) != count:
            raise RuntimeError("the broker did not take all messages")

    def committed(self, consumer: str = "orders") -> dict[int, int]:
        """By partition, how far the group has come."""
        topic = self.prefix + CONSUMERS[consumer]
        places = self._asking[consumer].committed([TopicPartition(topic, number) for number in range(self.partitions)], 10)
        return {place.partition: max(0, place.offset) for place in places}

    def ends(self, consumer: str = "orders") -> dict[int, int]:
        """By partition, how many messages were sent."""
        sent = self.sent if consumer == "orders" else self.told[CONSUMERS[consumer]]
        return {number: sum(partition == number for partition, _ in sent) for number in range(self.partitions)}

    def wait_until_done(self, look_after: Callable[[], None] = lambda: None, consumers: Iterable[str] = ("orders",)) -> None:
        """Returns when everything that was sent to these consumers is answered and published."""
        for consumer in consumers:
            wait_until(partial(self._done, consumer, look_after), PATIENCE_S, f"all {consumer} are answered")

    def wait_until_followed(self, look_after: Callable[[], None] = lambda: None) -> None:
        """Returns when nothing is left to be judged again or looked back for, and the relay has published the whole outbox."""
        wait_until(partial(self._followed, look_after), PATIENCE_S, "everything that follows is done and published")

    def in_hand(self) -> tuple[int, int]:
        """What is left to do of all that follows from changes, and the number of the last entry of the outbox."""
        with transaction(self.engine) as cursor:
            [(left, outbox)] = cursor.execute(IN_HAND).fetchall()
        return left, outbox

    def relayed(self) -> bool:
        """Whether the relay's place is at the end of the outbox."""
        place = read_place(Client(self.broker.bootstrap, {}, self.group(), "asking"), self.prefix, whole=False)
        return place is not None and place.next == self.in_hand()[1] + 1 and not place.waiting

    def _done(self, consumer: str, look_after: Callable[[], None]) -> bool:
        look_after()
        try:
            return self.committed(consumer) == self.ends(consumer)
        except KafkaException:
            return False

    def _followed(self, look_after: Callable[[], None]) -> bool:
        look_after()
        try:
            return self.in_hand()[0] == 0 and self.relayed()
        except TryAgain:
            return False

    def members(self, consumer: str = "orders") -> set[str]:
        """The names that the broker counts as members of the group."""
        return {member.group_instance_id for member in self._described(consumer).members}

    def rebalancing(self) -> bool:
        """Whether the group waits for its members to join again."""
        return bool(self._described("orders").state == ConsumerGroupState.PREPARING_REBALANCING)

    def _described(self, consumer: str) -> Any:
        admin, group = self.broker.admin(), self.group(consumer)
        return admin.describe_consumer_groups([group], request_timeout=10)[group].result()

    def close(self) -> None:
        """Ends every worker that is left, and lets the ledger go."""
        for worker in self.workers:
            if not worker.ended:
                worker.kill()
        for asking in self._asking.values():
            asking.close()
        self._producer.close()
        self.engine.dispose()
        self.database.drop(self.url)

    def __enter__(self) -> "Scene":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
