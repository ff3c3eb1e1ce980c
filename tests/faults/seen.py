"""What is to be judged, read from outside: the output topics with ``read_committed``, and the ledger."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from psycopg import Connection
from sqlalchemy import Engine

from gatekeeper.audit import Finding, walk
from gatekeeper.storage.engine import transaction
from tests.faults.again import ROWS, Row, differs_anew, from_its_row
from tests.faults.judge import Import, Seen
from tests.faults.labels import ALERTS, ORDERS, OUTPUTS, RECORDS, REFUSED, RELEASED, STOPPED
from tests.faults.relayed import Entry, Output, Place
from tests.faults.scene import CONSUMERS, PATIENCE_S, Scene
from tests.faults.seen_followed import see_followed
from tests.real.broker import SILENT, Broker
from tests.real.waiting import wait_until

ARRIVALS = """
SELECT a.partition, a."offset", a.kind, a.first_examination, a.last_examination, a.block, b.hash
FROM arrival a JOIN block b ON b.number = a.block JOIN source s ON s.id = a.source WHERE s.topic = 'shipment-orders'
"""
STORED = {
    RECORDS: "SELECT examination, record_id, body FROM distribution_record",
    ALERTS: "SELECT examination, alert_id, body FROM alert WHERE examination IS NOT NULL",
}
ALERTS_ALONE = "SELECT alert_id, body FROM alert WHERE alert_id = ANY(%s)"
REFUSALS = """
SELECT s.topic, r.partition, r."offset", b.hash, r.body
FROM refusal r JOIN source s ON s.id = r.source JOIN block b ON b.number = r.block
"""
OUTBOX = "SELECT o.number, o.examination, o.alert_id, b.hash FROM outbox o JOIN block b ON b.number = o.block ORDER BY o.number"
IMPORTS = "SELECT row_number() OVER (ORDER BY block) - 1, version, block FROM registry_load"
NOWHERE: Place = (-1, -1)
"""The place of what no single message brought about."""


def see(scene: Scene, room: Mapping[str, int]) -> Seen:
    """Everything, when all messages were answered."""
    with transaction(scene.engine) as cursor:
        arrivals = cursor.execute(ARRIVALS).fetchall()
        rows = [Row(*row) for row in cursor.execute(ROWS)]
        outbox = cursor.execute(OUTBOX).fetchall()
        kept = _kept(cursor, arrivals, rows, outbox)
        imports = {number: Import(version, block) for number, version, block in cursor.execute(IMPORTS)}
    outputs = tuple(output for topic in OUTPUTS for output in read_topic(scene.broker, scene.prefix, topic, scene.partitions))
    return Seen(
        sent=scene.sent,
        room=room,
        outputs=outputs,
        kept=tuple(output for outputs in kept.values() for output in outputs),
        arrivals=tuple((partition, offset) for partition, offset, *_ in arrivals),
        blocks={(partition, offset): block for partition, offset, _, _, _, block, _ in arrivals},
        imports=imports,
        committed=_by_partition(scene.committed(consumer) for consumer in CONSUMERS),
        ends=_by_partition(scene.ends(consumer) for consumer in CONSUMERS),
        decided_otherwise=sum(from_its_row(row) != (row.released, row.stopped) for row in rows),
        chain=_chain(scene.engine),
        followed=see_followed(scene, outputs),
        outbox=tuple(_entry(number, kept[examination or alert]) for number, examination, alert, _ in outbox),
    )


def _entry(number: int, outputs: Iterable[Output]) -> Entry:
    return Entry(number, tuple((output.topic, output.id) for output in outputs))


def _by_partition(offsets: Iterable[Mapping[int, int]]) -> dict[str, int]:
    return {
        f"{topic}/{partition}": offset for topic, own in zip(CONSUMERS.values(), offsets, strict=True) for partition, offset in own.items()
    }


def differing_anew(engine: Engine, read_back: set[Place]) -> int:
    """Of the messages that were read back, how many would have got another answer if they were judged anew."""
    with transaction(engine) as cursor:
        arrivals = {(row[0], row[1]): row for row in cursor.execute(ARRIVALS)}
        rows = {row[0]: Row(*row) for row in cursor.execute(ROWS)}
        judged = [range(row[3], row[4] + 1) for place, row in arrivals.items() if place in read_back and row[2] == "order"]
        return sum(any(differs_anew(cursor, rows[number]) for number in numbers) for numbers in judged)


def _kept(cursor: Any, arrivals: list[Any], rows: list[Row], outbox: list[Any]) -> dict[Any, list[Output]]:
    """What must be published, by the ledger: built here, not by the product's reading back. By examination, alert or position."""
    kept: dict[Any, list[Output]] = defaultdict(list)
    origin: dict[int, tuple[Place, str, str]] = {}
    for partition, offset, kind, first, last, _, head in arrivals:
        if kind == "order":
            origin |= {number: ((partition, offset), head.hex(), ORDERS) for number in range(first, last + 1)}
    alone = {alert: head.hex() for _, _, alert, head in outbox if alert is not None}
    origin |= {examination: (NOWHERE, head.hex(), "") for _, examination, _, head in outbox if examination is not None}

    def add(number: int, topic: str, name: str, body: bytes | None) -> None:
        place, head, source = origin[number]
        kept[number].append(Output(topic, name, place, head, body or b"", source))

    for row in rows:
        for topic, body in [each for each in ((RELEASED, row.released), (STOPPED, row.stopped)) if each[1]]:
            add(row.id, topic, str(row.verdict_id), body)
    for topic, statement in STORED.items():
        for number, name, body in cursor.execute(statement):
            add(number, topic, str(name), body)
    alerts = cursor.execute(ALERTS_ALONE, (list(alone),)).fetchall()
    kept |= {name: [Output(ALERTS, str(name), NOWHERE, alone[name], body, "")] for name, body in alerts}
    for topic, partition, offset, head, body in cursor.execute(REFUSALS):
        name = json.loads(body)["refusal_id"]
        kept[topic, partition, offset].append(Output(REFUSED, name, (partition, offset), head.hex(), body, topic))
    return kept


def _chain(engine: Engine) -> str:
    with engine.connect() as connection:
        driver: Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
        found = walk(driver)
        driver.rollback()
    return f"block {found.block}: {found.sentence}" if isinstance(found, Finding) else ""


def read_topic(broker: Broker, prefix: str, topic: str, partitions: int) -> list[Output]:
    """Every committed message, once no transaction is open any more."""
    places = [TopicPartition(prefix + topic, number, 0) for number in range(partitions)]
    settings = {"bootstrap.servers": broker.bootstrap, "group.id": f"{prefix}reader", "enable.partition.eof": True}
    plain = Consumer(settings | {"isolation.level": "read_uncommitted"}, logger=SILENT)
    reader = Consumer(settings | {"isolation.level": "read_committed"}, logger=SILENT)
    try:
        wait_until(
            lambda: all(reader.get_watermark_offsets(place, 10) == plain.get_watermark_offsets(place, 10) for place in places),
            PATIENCE_S,
            f"no transaction is open in {topic}",
        )
        reader.assign(places)
        return list(_to_the_end(reader, topic, partitions))
    finally:
        plain.close()
        reader.close()


def _to_the_end(reader: Consumer, topic: str, partitions: int) -> list[Output]:
    found: list[Output] = []
    ended: set[int] = set()
    while len(ended) < partitions:
        message = reader.poll(PATIENCE_S)
        if message is None:
            raise TimeoutError(f"{topic} could not be read to its end")
        if (error := message.error()) is not None:
            if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client library's name for it
                raise KafkaException(error)
            ended.add(message.partition() or 0)
            continue
        given: Any = message.headers() or []
        headers = {name: value.decode() for name, value in given}
        source, place = _place(headers["source"]) if "source" in headers else ("", NOWHERE)
        value = message.value()
        found.append(Output(topic, headers["id"], place, headers["chain"], value if isinstance(value, bytes) else b"", source))
    return found


def _place(source: str) -> tuple[str, Place]:
    topic, partition, offset = source.split("/")
    return topic, (int(partition), int(offset))


def read_back_by(scene: Scene, consumer: str = "orders") -> set[Place]:
    """The messages that were read back and then published."""
    return {
        (partition, offset)
        for worker in scene.workers
        if worker.consumer == consumer
        for event in worker.events("published")
        for partition, offset in event["read_back"]
    }
