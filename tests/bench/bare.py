"""The bare loop: read, decode, join with the registry in memory, two outputs an order, exactly once. No rules, no evidence.

``Work`` is what every pipeline without rules does with an order; this module needs msgspec alone until ``main`` runs, so that
Quix Streams can do the same work in its own environment. With a database, each batch also commits one row an order.

`python -m tests.bench.bare JSON` runs it until SIGTERM.
"""

import gc
import signal
import sys
from pathlib import Path
from threading import Event
from typing import Any

import msgspec

COVERED = "58468-0200-1"


class Address(msgspec.Struct):
    street: str
    city: str
    state: str
    postal_code: str
    street2: str | None = None


class ShipTo(msgspec.Struct):
    address: Address
    rems_site_id: str | None = None
    account: str | None = None
    name: str | None = None


class Product(msgspec.Struct):
    ndc: str | None = None
    gtin: str | None = None


class Patient(msgspec.Struct):
    patient_id: str | None = None
    authorization_id: str | None = None
    prescriber_id: str | None = None
    administering_site_id: str | None = None


class Line(msgspec.Struct):
    line: int
    product: Product
    quantity: int
    unit: str | None = None
    lot: str | None = None
    expires_on: str | None = None
    serials: list[str] | None = None
    patient: Patient | None = None


class Order(msgspec.Struct):
    order_id: str
    wholesaler_id: str
    ordered_at: str
    ship_on: str
    ship_to: ShipTo
    lines: list[Line]
    deliver_by: str | None = None
    revision: int = 1


class Fact(msgspec.Struct):
    fact: str
    site_id: str = ""
    status: str = ""


class Settings(msgspec.Struct):
    """Where a pipeline reads and writes. ``client`` and ``producer`` are the gate's own client options."""

    bootstrap: str
    prefix: str
    instance: str
    snapshot: str
    batch: int
    url: str | None = None
    consumer: dict[str, Any] = {}
    producers: list[dict[str, Any]] = []


class Work:
    """What is done with one order: is its site certified, and which lines may leave."""

    def __init__(self, snapshot: Path) -> None:
        decode = msgspec.json.Decoder(Fact).decode
        with snapshot.open("rb") as file:
            next(file)
            self._sites = {fact.site_id: fact.status == "certified" for fact in map(decode, file) if fact.fact == "site"}
        self._decode, self._encode = msgspec.json.Decoder(Order).decode, msgspec.json.Encoder().encode

    def __call__(self, value: bytes) -> tuple[bytes, bytes]:
        """The two messages for one order."""
        order = self._decode(value)
        certified = self._sites.get(order.ship_to.rems_site_id or "", False)
        free, stopped = [], []
        for line in order.lines:
            restricted = line.product.ndc == COVERED and not certified
            (stopped if restricted else free).append({"line": line.line, "outcome": "blocked" if restricted else "released"})
        head = {"order_id": order.order_id, "wholesaler_id": order.wholesaler_id, "revision": order.revision}
        return self._encode(head | {"lines": free}), self._encode(head | {"lines": stopped})


def settings_of(argument: str) -> Settings:
    return msgspec.json.decode(argument, type=Settings)


def main() -> None:
    from confluent_kafka import Consumer, Producer, TopicPartition  # noqa: PLC0415 - not there where only the work is wanted

    settings, stop = settings_of(sys.argv[1]), Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    work, keep = Work(Path(settings.snapshot)), _keeping(settings.url)
    orders, released, stopped = (settings.prefix + name for name in ("shipment-orders", "shipments-released", "shipments-stopped"))
    producers = [Producer(options) for options in settings.producers]
    for producer in producers:
        producer.init_transactions(30)
    consumer = Consumer(settings.consumer | {"auto.offset.reset": "earliest"})
    consumer.subscribe([orders])
    gc.freeze()
    gc.set_threshold(500_000)
    while not stop.is_set():
        messages = consumer.consume(1, 0.5)
        while messages and len(messages) < settings.batch:
            more = consumer.consume(min(500, settings.batch - len(messages)), 0)
            if not more:
                break
            messages += more
        if not messages:
            continue
        answers = [(message, *work(message.value())) for message in messages]
        keep([(message.partition(), message.offset(), message.key().decode(), free, held) for message, free, held in answers])
        producer = producers[0]
        producer.begin_transaction()
        ends: dict[int, int] = {}
        for message, free, held in answers:
            producer.produce(released, free, message.key())
            producer.produce(stopped, held, message.key())
            ends[message.partition()] = max(ends.get(message.partition(), 0), message.offset() + 1)
        offsets = [TopicPartition(orders, partition, end) for partition, end in ends.items()]
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
        producer.commit_transaction()
        producers.reverse()
    consumer.close()


def _keeping(url: str | None) -> Any:
    """What commits one row an order to the database; nothing where there is none."""
    if url is None:
        return lambda _: None
    import psycopg  # noqa: PLC0415

    connection = psycopg.connect(url.replace("+psycopg", ""))
    connection.execute("CREATE TABLE IF NOT EXISTS bare (partition int, place bigint, order_id text, released bytea, stopped bytea)")
    connection.commit()

    def keep(rows: list[tuple[Any, ...]]) -> None:
        with connection.cursor() as cursor, cursor.copy("COPY bare FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int4", "int8", "text", "bytea", "bytea"])
            for row in rows:
                copy.write_row(row)
        connection.commit()

    return keep


if __name__ == "__main__":
    main()
