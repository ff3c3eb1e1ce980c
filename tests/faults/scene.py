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

from gatekeeper.storage.engine import migrate, open_engine
from schemas.topics import SHIPMENT_ORDERS
from tests.faults.labels import OUTPUTS, Sending
from tests.faults.mutants import PRODUCT
from tests.real.broker import SILENT, Broker
from tests.real.database import Database
from tests.real.proxy import Proxy
from tests.real.waiting import wait_until

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0
HALTED = 3
Event = dict[str, Any]


class Worker:
    """One worker, and what it tells of itself."""

    def __init__(self, command: list[str], instance: str, diary: Path, orders: Path) -> None:
        self.instance, self._diary, self._orders = instance, diary, orders
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
        """For a person who wonders why it ended."""
        told = [str(event.get("reason")) for event in self.events("halted")]
        return "\n".join([f"exit {self.exit_status}", *told, self._log.read_text(errors="replace")[-2000:]])


class Scene:
    """One group of workers on one topic of orders."""

    def __init__(self, folder: Path, broker: Broker, database: Database, proxy: Proxy, partitions: int = 6) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.broker, self.database, self.proxy, self.partitions = folder, broker, database, proxy, partitions
        self.prefix = f"faults-{uuid.uuid4().hex[:12]}."
        self.group = f"{self.prefix}gate"
        self.orders = self.prefix + SHIPMENT_ORDERS.name
        self.url = database.fresh()
        self.engine = open_engine(self.url)
        migrate(self.engine)
        for name in (SHIPMENT_ORDERS.name, *OUTPUTS):
            broker.create_topic(self.prefix + name, partitions)
        self.workers: list[Worker] = []
        self.sent: dict[tuple[int, int], Sending] = {}
        self._producer = Producer({"bootstrap.servers": broker.bootstrap, "enable.idempotence": True, "linger.ms": 0}, logger=SILENT)
        self._asking = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": self.group}, logger=SILENT)

    def start(self, instance: str, kind: str = PRODUCT, *, proxied: bool = True) -> Worker:
        """A worker with this name; one that ended may have had it before."""
        names = {
            "bootstrap": self.broker.proxied_bootstrap if proxied else self.broker.bootstrap, "database": self.url, "prefix": self.prefix,
            "instance": instance, "kind": kind, "orders": str(self.folder / f"{instance}.orders"),
            "diary": str(self.folder / f"{len(self.workers)}-{instance}.diary"),
        }  # fmt: skip
        options = [word for name, value in names.items() for word in (f"--{name}", value)]
        command = [sys.executable, "-m", "tests.faults.worker", *options]
        worker = Worker(command, instance, Path(names["diary"]), Path(names["orders"]))
        self.workers.append(worker)
        return worker

    def send(self, sendings: Iterable[Sending]) -> None:
        """Returns when all of them are in the topic; where the broker is away that is when it is back."""

        def arrived(sending: Sending, error: object, message: Message) -> None:
            if error is None:
                self.sent[message.partition() or 0, message.offset() or 0] = sending

        before = len(self.sent)
        count = 0
        for sending in sendings:
            count += 1
            self._producer.produce(self.orders, sending.value, partition=sending.partition, on_delivery=partial(arrived, sending))
        self._producer.flush(PATIENCE_S)
        if len(self.sent) - before != count:
            raise RuntimeError("the broker did not take all orders")

    def committed(self) -> dict[int, int]:
        """By partition, how far the group has come."""
        places = self._asking.committed([TopicPartition(self.orders, number) for number in range(self.partitions)], 10)
        return {place.partition: max(0, place.offset) for place in places}

    def ends(self) -> dict[int, int]:
        """By partition, how many orders were sent."""
        return {number: sum(partition == number for partition, _ in self.sent) for number in range(self.partitions)}

    def wait_until_done(self, look_after: Callable[[], None] = lambda: None) -> None:
        """Returns when everything that was sent is published."""

        def done() -> bool:
            look_after()
            try:
                return self.committed() == self.ends()
            except KafkaException:
                return False

        wait_until(done, PATIENCE_S, "all orders are answered")

    def members(self) -> set[str]:
        """The names that the broker counts as members of the group."""
        return {member.group_instance_id for member in self._described().members}

    def rebalancing(self) -> bool:
        """Whether the group waits for its members to join again."""
        return bool(self._described().state == ConsumerGroupState.PREPARING_REBALANCING)

    def _described(self) -> Any:
        admin = self.broker.admin()
        return admin.describe_consumer_groups([self.group], request_timeout=10)[self.group].result()

    def close(self) -> None:
        """Ends every worker that is left, and lets the ledger go."""
        for worker in self.workers:
            if not worker.ended:
                worker.kill()
        self._asking.close()
        self._producer.close()
        self.engine.dispose()
        self.database.drop(self.url)

    def __enter__(self) -> "Scene":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
