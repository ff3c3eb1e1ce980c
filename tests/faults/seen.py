"""What is to be judged, read from outside: the output topics with ``read_committed``, and the ledger."""

import json
from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from psycopg import Connection
from sqlalchemy import Engine

from gatekeeper.audit import Finding, walk
from gatekeeper.domain.ids import verdict_id
from gatekeeper.storage.engine import transaction
from tests.faults.again import ROWS, Row, differs_anew, from_its_row
from tests.faults.judge import Import, Output, Place, Seen
from tests.faults.labels import ALERTS, OUTPUTS, RECORDS, REFUSED, RELEASED, STOPPED
from tests.faults.scene import PATIENCE_S, Scene
from tests.real.broker import SILENT, Broker
from tests.real.waiting import wait_until

ARRIVALS = """
SELECT a.partition, a."offset", a.kind, a.first_examination, a.last_examination, a.block, b.hash
FROM arrival a JOIN block b ON b.number = a.block
"""
STORED = {
    RECORDS: "SELECT examination, record_id, body FROM distribution_record",
    ALERTS: "SELECT examination, alert_id, body FROM alert WHERE examination IS NOT NULL",
}
IMPORTS = "SELECT sequence - 1, version, block FROM registry_load"


def see(scene: Scene, room: Mapping[str, int]) -> Seen:
    """Everything, when all orders were answered."""
    with transaction(scene.engine) as cursor:
        arrivals = cursor.execute(ARRIVALS).fetchall()
        rows = [Row(*row) for row in cursor.execute(ROWS)]
        kept = _kept(cursor, arrivals, rows)
        imports = {number: Import(version, block) for number, version, block in cursor.execute(IMPORTS)}
    return Seen(
        sent=scene.sent,
        room=room,
        outputs=tuple(output for topic in OUTPUTS for output in read_topic(scene.broker, scene.prefix, topic, scene.partitions)),
        kept=kept,
        arrivals=tuple((partition, offset) for partition, offset, *_ in arrivals),
        blocks={(partition, offset): block for partition, offset, _, _, _, block, _ in arrivals},
        imports=imports,
        committed=scene.committed(),
        ends=scene.ends(),
        decided_otherwise=sum(from_its_row(row) != (row.released, row.stopped) for row in rows),
        chain=_chain(scene.engine),
    )


def differing_anew(engine: Engine, read_back: set[Place]) -> int:
    """Of the messages that were read back, how many would have got another answer if they were judged anew."""
    with transaction(engine) as cursor:
        arrivals = {(row[0], row[1]): row for row in cursor.execute(ARRIVALS)}
        rows = {row[0]: Row(*row) for row in cursor.execute(ROWS)}
        judged = [range(row[3], row[4] + 1) for place, row in arrivals.items() if place in read_back and row[2] == "order"]
        return sum(any(differs_anew(cursor, rows[number]) for number in numbers) for numbers in judged)


def _kept(cursor: Any, arrivals: list[Any], rows: list[Row]) -> tuple[Output, ...]:
    """What must be published, by the ledger: built here, not by the product's reading back."""
    by_number = {row.id: row for row in rows}
    kept, origin = [], {}
    for partition, offset, kind, first, last, _, head in arrivals:
        if kind == "order":
            origin |= {number: ((partition, offset), head.hex()) for number in range(first, last + 1)}
    for number, (place, head) in origin.items():
        row = by_number[number]
        name = str(verdict_id(row.wholesaler_id, row.order_id, row.revision, row.number))
        kept += [Output(topic, name, place, head, body) for topic, body in ((RELEASED, row.released), (STOPPED, row.stopped)) if body]
    for topic, statement in STORED.items():
        kept += [Output(topic, str(name), *origin[number], body) for number, name, body in cursor.execute(statement)]
    heads = {(partition, offset): head.hex() for partition, offset, *_, head in arrivals}
    for partition, offset, body in cursor.execute('SELECT partition, "offset", body FROM refusal'):
        name = json.loads(body)["refusal_id"]
        kept.append(Output(REFUSED, name, (partition, offset), heads[partition, offset], body))
    return tuple(kept)


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
        headers = {name: bytes(value).decode() for name, value in message.headers() or []}
        _, partition, offset = headers["source"].split("/")
        found.append(Output(topic, headers["id"], (int(partition), int(offset)), headers["chain"], message.value() or b""))
    return found


def read_back_by(scene: Scene) -> set[Place]:
    """The orders that were read back and then published."""
    return {
        (partition, offset) for worker in scene.workers for event in worker.events("published") for partition, offset in event["read_back"]
    }
