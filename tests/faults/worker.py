"""One consumer, as the product runs it, with the named points: ``python -m tests.faults.worker …``."""

import signal
import threading
from pathlib import Path

import click

from consumers.kafka import publisher
from consumers.kafka.client import Client
from consumers.kafka.topics import topic_id
from consumers.loop import run
from gatekeeper.errors import Halt, TryAgain
from gatekeeper.rules import RuleBook
from gatekeeper.storage.engine import open_engine
from gatekeeper.telemetry import start_logging
from schemas.topics import SHIPMENT_ORDERS, topic_name
from tests.faults import mutants
from tests.faults.points import Diary, Points
from tests.faults.watched import WatchedEngine, WatchedGate, WatchedLog, WatchedProducer

HALTED = 3
BATCH = 10


@click.command()
@click.option("--bootstrap", required=True)
@click.option("--database", required=True)
@click.option("--prefix", required=True)
@click.option("--instance", required=True)
@click.option("--diary", type=click.Path(path_type=Path), required=True)
@click.option("--orders", type=click.Path(path_type=Path), required=True)
@click.option("--kind", default=mutants.PRODUCT)
def main(bootstrap: str, database: str, prefix: str, instance: str, diary: Path, orders: Path, kind: str) -> None:
    """Runs until SIGTERM; exit 3 where it halted."""
    start_logging("info")
    telling = Diary(diary)
    points = WatchedProducer.points = Points(orders, telling)
    publisher.Producer = WatchedProducer  # type: ignore[misc]
    if kind == mutants.KEEPS_ITS_PRODUCER:
        publisher.Disconnects = mutants.BlindDisconnects  # type: ignore[misc]

    made = mutants.UnfencedClient if kind == mutants.WITHOUT_FENCING else Client
    client = made(bootstrap, {"reconnect.backoff.max.ms": 500}, f"{prefix}gate", instance, batch_messages=BATCH)
    engine, topic = WatchedEngine(open_engine(database), points), topic_name(prefix, SHIPMENT_ORDERS)
    gate = (mutants.ForgetfulGate if kind == mutants.DECIDES_ANEW else WatchedGate)(
        engine, SHIPMENT_ORDERS.name, lambda: topic_id(client, topic), RuleBook.read()
    )
    log_of = {mutants.WITHOUT_FENCING: mutants.UnfencedLog, mutants.KEEPS_ITS_BATCH: mutants.KeepingLog}.get(kind, WatchedLog)
    log = log_of(client, SHIPMENT_ORDERS.name, prefix, gate.starts, gate=gate, diary=telling)
    if isinstance(log, mutants.KeepingLog):
        points.meanwhile = log.poll_with_a_batch_in_hand

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    telling.tell("started")

    def waiting(reason: TryAgain, _: float) -> None:
        telling.tell("waiting", reason=str(reason))

    try:
        run(log, gate.handle, stop, waiting)
    except Halt as halt:
        telling.tell("halted", reason=str(halt))
        raise SystemExit(HALTED) from None
    finally:
        log.close()
    telling.tell("stopped")


if __name__ == "__main__":
    main()
