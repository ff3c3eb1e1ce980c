"""The consumer of registry facts on a real broker and a real database: nothing is lost, nothing counts twice, whoever dies."""

import json
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event
from urllib.error import URLError

from confluent_kafka import Message as KafkaMessage

from gatekeeper.clock import now
from gatekeeper.desk import Place as Position
from gatekeeper.desk import set_aside
from gatekeeper.people.access import Person
from gatekeeper.storage import tables
from tests.consumers.place import FACTS, PATIENCE_S, Place
from tests.gate.ledger import Ledger
from tests.real.broker import Broker
from tests.real.database import Database
from tests.real.ports import free_ports
from tests.real.waiting import wait_until
from tests.registry.telling import heartbeat
from tests.storage.snapshots import Wire, patient

COMMAND = (sys.executable, "-W", "ignore", "-c", "from gatekeeper.cli import main; main()", "consume", "facts", "--instance", "one")
FIRST = 10_000
"""Above the sequences of the registry that was imported."""


def told(*facts: Wire) -> list[bytes]:
    return [json.dumps(fact).encode() for fact in facts]


def patients(first: int, count: int) -> list[bytes]:
    return told(*(patient(f"P-{number}", sequence=number) for number in range(first, first + count)))


def sequences(ledger: Ledger) -> list[int]:
    """Of the facts that came by topic."""
    batches = {row[0] for row in ledger.rows(tables.REGISTRY_BATCH)}
    return sorted(row[5] for row in ledger.rows(tables.FACT) if row[1] in batches)


def positions(messages: Sequence[KafkaMessage]) -> list[tuple[int, int]]:
    where = [json.loads(message.value() or b"")["position"] for message in messages]
    return sorted((place["partition"], place["offset"]) for place in where)


def test_facts_of_all_partitions_are_learned_once_and_two_consumers_share_them(place: Place, ledger: Ledger) -> None:
    """Each refusal is in its topic once, as the ledger has it; contradictions wait in the outbox for the relay."""
    for name in ("one", "two"):
        place.start(name, consumer="facts", batch_messages=50)
    place.send([*patients(FIRST, 300), *patients(FIRST, 150), b"rubbish", b"{}"], topic=FACTS)
    place.send(told(patient(f"P-{FIRST}", "withdrawn", sequence=FIRST)), topic=FACTS, partition=0)

    refused = place.wait_for("refused-messages", 2)
    wait_until(lambda: len(ledger.rows(tables.ARRIVAL)) == 453, PATIENCE_S, "all are learned")
    assert sorted(bytes(each.value() or b"") for each in refused) == sorted(bytes(row[4]) for row in ledger.rows(tables.REFUSAL))
    assert sequences(ledger) == list(range(FIRST, FIRST + 300))
    kinds = Counter(row[3] for row in ledger.rows(tables.ARRIVAL))
    # Which of two that contradict each other comes first, the partitions say.
    assert kinds["fact"] == 300
    assert kinds["aside"] >= 1
    assert len(ledger.rows(tables.OUTBOX)) == 1


def test_while_the_database_is_away_it_waits_and_then_goes_on(place: Place, ledger: Ledger, postgres: Database) -> None:
    running = place.start(consumer="facts")
    place.send(patients(FIRST, 30), topic=FACTS)
    wait_until(lambda: len(sequences(ledger)) == 30, PATIENCE_S, "the first are learned")
    ledger.engine.dispose()
    postgres.kill()
    place.send(patients(FIRST + 30, 30), topic=FACTS)
    wait_until(lambda: len(running.waits) >= 2, PATIENCE_S, "it tries more than once")
    postgres.start()

    wait_until(lambda: sum(place.committed("facts").values()) == 60, PATIENCE_S, "all are done")
    assert sequences(ledger) == list(range(FIRST, FIRST + 60))
    assert running.halt is None


def test_what_was_learned_and_not_said_when_the_broker_died_is_said_once(place: Place, broker: Broker, ledger: Ledger) -> None:
    learned, away = Event(), Event()

    def meanwhile() -> None:
        if learned.is_set() and not away.is_set():
            broker.kill()
            away.set()

    running = place.start(consumer="facts", meanwhile=meanwhile, transaction_timeout_s=3)
    place.send([b"rubbish", *patients(FIRST, 3)], topic=FACTS, partition=0)
    place.wait_for("refused-messages", 1)
    learned.set()
    place.send([b"more", *patients(FIRST + 3, 3)], topic=FACTS, partition=0)
    assert away.wait(PATIENCE_S)
    wait_until(lambda: len(running.waits) >= 2, PATIENCE_S, "it tries more than once")
    broker.start()
    place.send([b"last"], topic=FACTS, partition=0)

    assert positions(place.wait_for("refused-messages", 3)) == [(0, 0), (0, 4), (0, 8)]
    assert sequences(ledger) == list(range(FIRST, FIRST + 6))


def test_a_message_that_a_person_set_aside_is_refused_and_the_rest_is_learned(place: Place, ledger: Ledger) -> None:
    running = place.start(consumer="facts")
    place.send(patients(FIRST, 1), topic=FACTS, partition=0)
    wait_until(lambda: len(sequences(ledger)) == 1, PATIENCE_S, "the first is learned")
    running.end()
    place.send(patients(FIRST + 1, 2), topic=FACTS, partition=0)
    set_aside(ledger.engine, Position(FACTS, 0, 1), "in the way", Person("clerk", "Clerk"), "")
    place.start(consumer="facts")

    assert positions(place.wait_for("refused-messages", 1)) == [(0, 1)]
    wait_until(lambda: len(ledger.rows(tables.ARRIVAL)) == 3, PATIENCE_S, "the rest is learned")
    assert sequences(ledger) == [FIRST, FIRST + 2]


@contextmanager
def command(place: Place, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`gatekeeper consume facts` in a program of its own."""
    settings = {"GATEKEEPER_HEALTH_PORT": str(port), "GATEKEEPER_BATCH_MESSAGES": "20"}
    running = subprocess.Popen(COMMAND, env=place.environment() | settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def ready(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=10) as answer:
            return str(answer.read().decode())
    except (URLError, ConnectionError):
        return ""


def test_killed_at_any_moment_it_learns_each_fact_once(place: Place, ledger: Ledger) -> None:
    """The command itself, killed again and again; its health says how fresh the registry is, and what is missing."""
    rubbish = [b"rubbish %d" % number for number in range(40)]
    messages = [message for four in zip(*[iter(patients(FIRST, 1200))] * 30, rubbish, strict=True) for message in four]
    [port] = free_ports(1)
    for turn in range(1, 4):
        with command(place, port):
            place.send(messages[(turn - 1) * len(messages) // 3 : turn * len(messages) // 3], topic=FACTS)
            wait_until(lambda: len(sequences(ledger)) >= 300 * turn, PATIENCE_S, "some are learned")  # noqa: B023 - called at once
    with command(place, port) as running:
        wait_until(lambda: sum(place.committed("facts").values()) == len(messages), PATIENCE_S, "all are done")
        place.send(told(heartbeat(FIRST + 1200, f"{now():%Y-%m-%dT%H:%M:%SZ}"), patient("P", sequence=FIRST + 1202)), topic=FACTS)
        wait_until(lambda: sum(place.committed("facts").values()) == len(messages) + 2, PATIENCE_S, "the last two are done")
        wait_until(lambda: "lemtrada as_of=" in ready(port), PATIENCE_S, "it says how the registry stands")
        assert ready(port).startswith("yes\n")
        running.terminate()
        assert running.wait(30) == 0

    place.wait_for("refused-messages", 40)
    assert sequences(ledger) == [*range(FIRST, FIRST + 1200), FIRST + 1202]
    assert [json.loads(row[4])["position"] for row in ledger.rows(tables.REFUSAL)] == [
        {"topic": FACTS, "partition": row[1], "offset": row[2]} for row in ledger.rows(tables.REFUSAL)
    ]
