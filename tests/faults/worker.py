"""One consumer or relay, as the product runs it, with the named points: ``python -m tests.faults.worker …``."""

import signal
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import NamedTuple

import click

from consumers.kafka import place, publisher
from consumers.kafka.client import Client
from consumers.kafka.ends import Ends
from consumers.kafka.passed import Passed
from consumers.kafka.topics import topic_id
from consumers.loop import run
from consumers.relaying import follow_and_publish
from consumers.waiting import mark
from gatekeeper.errors import Halt, TryAgain
from gatekeeper.examinations.recording import TERMS
from gatekeeper.following import steps as following
from gatekeeper.rules import RuleBook
from gatekeeper.storage.engine import SESSION, open_engine
from gatekeeper.telemetry import start_logging
from tests.faults import mutants
from tests.faults.labels import ORDERS
from tests.faults.points import BETWEEN, Diary, Points
from tests.faults.scene import CONSUMERS, HALTED, RELAY, group_of, transactional_id
from tests.faults.watched import (
    Watched,
    WatchedAcknowledgements,
    WatchedEngine,
    WatchedEvents,
    WatchedFacts,
    WatchedGate,
    WatchedLog,
    WatchedProducer,
    WatchedRelay,
)

BATCH = 10
TRANSACTION_TIMEOUT_S = 30.0
"""Longer than a broker takes to come back on a busy machine: one that ends transactions for their age as it starts loses their ends."""
GATES: dict[str, type[Watched]] = {
    "orders": WatchedGate, "facts": WatchedFacts, "events": WatchedEvents, "acknowledgements": WatchedAcknowledgements
}  # fmt: skip


@click.command()
@click.option("--bootstrap", required=True)
@click.option("--database", required=True)
@click.option("--prefix", required=True)
@click.option("--instance", required=True)
@click.option("--consumer", type=click.Choice([*CONSUMERS, RELAY]), default="orders")
@click.option("--diary", type=click.Path(path_type=Path), required=True)
@click.option("--orders", type=click.Path(path_type=Path), required=True)
@click.option("--kind", default=mutants.PRODUCT)
@click.option("--transaction-timeout", type=float, default=TRANSACTION_TIMEOUT_S)
@click.option("--patient", is_flag=True, help="The database does not cut it off while it waits at a point.")
def main(  # noqa: PLR0917 - a command
    bootstrap: str, database: str, prefix: str, instance: str, consumer: str, diary: Path, orders: Path, kind: str,
    transaction_timeout: float, *, patient: bool,
) -> None:  # fmt: skip
    """Runs until SIGTERM; exit 3 where it halted."""
    start_logging("info")
    telling = Diary(diary)
    points = WatchedProducer.points = Points(orders, telling)
    setattr(publisher, "Producer", WatchedProducer)  # noqa: B010
    if patient:
        SESSION["idle_in_transaction_session_timeout"] = "60s"
    mutants.change(kind, points)

    made = mutants.UnfencedClient if kind == mutants.WITHOUT_FENCING else Client
    client = made(
        bootstrap, {"reconnect.backoff.max.ms": 500}, group_of(prefix, consumer), instance, batch_messages=BATCH,
        transaction_timeout_s=transaction_timeout, transactional_id=transactional_id(prefix) if consumer == RELAY else None,
    )  # fmt: skip
    engine = WatchedEngine(open_engine(database), points)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    telling.tell("started")

    def waiting(reason: TryAgain, _: float) -> None:
        telling.tell("waiting", reason=str(reason))

    try:
        if consumer == RELAY:
            _relay(client, engine, prefix, kind, Going(telling, points, stop, waiting))
        else:
            _consume(client, engine, prefix, consumer, kind, Going(telling, points, stop, waiting))
    except Halt as halt:
        telling.tell("halted", reason=str(halt))
        raise SystemExit(HALTED) from None
    telling.tell("stopped")


class Going(NamedTuple):
    """What every worker is given."""

    diary: Diary
    points: Points
    stop: threading.Event
    waiting: Callable[[TryAgain, float], None]


def _consume(client: Client, engine: WatchedEngine, prefix: str, consumer: str, kind: str, going: Going) -> None:
    name = CONSUMERS[consumer]
    gate_of = mutants.ForgetfulGate if kind == mutants.DECIDES_ANEW else GATES[consumer]
    rules = () if consumer == "acknowledgements" else (RuleBook.read(),)
    gate = gate_of(engine, name, lambda: topic_id(client, prefix + name), *rules)
    log_of = {mutants.WITHOUT_FENCING: mutants.UnfencedLog, mutants.KEEPS_ITS_BATCH: mutants.KeepingLog}.get(kind, WatchedLog)
    log = log_of(client, name, prefix, gate.starts, gate=gate, diary=going.diary)
    if isinstance(log, mutants.KeepingLog):
        going.points.meanwhile = log.poll_with_a_batch_in_hand
    try:
        run(log, gate.handle, going.stop, going.waiting)
    finally:
        log.close()


def _relay(client: Client, engine: WatchedEngine, prefix: str, kind: str, going: Going) -> None:
    book = RuleBook.read()
    WatchedRelay.diary = going.diary
    orders = (mutants.Hasty if kind == mutants.DOES_NOT_WAIT else Passed)(client, prefix + ORDERS)
    placed = place.Placed(client, prefix)
    relay_of = mutants.TrustingRelay if kind == mutants.KEEPS_ITS_PLACE else WatchedRelay
    work = relay_of(engine, placed, lambda: topic_id(client, prefix + place.TOPIC), orders, client.instance)  # type: ignore[arg-type]

    ends, turns = Ends(client, prefix + ORDERS), count()

    def step() -> bool:
        engine.judging = True
        try:
            marked = mark(engine, lambda: topic_id(client, prefix + ORDERS), ends.ask)  # type: ignore[arg-type]
            followed = following.step(engine, book, TERMS, next(turns)) or marked  # type: ignore[arg-type]
        finally:
            engine.judging = False
        if followed:
            going.points.reached(BETWEEN)
        return followed

    try:
        follow_and_publish(work, step, going.stop, going.waiting)
    finally:
        ends.close()
        work.close()


if __name__ == "__main__":
    main()
