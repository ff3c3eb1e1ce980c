"""The consumer of shipment events on a real broker and a real database: nothing is lost, nothing counts twice, nobody is named."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import pytest

from gatekeeper.storage import tables
from tests.consumers.place import EVENTS, PATIENCE_S, Place
from tests.consumers.test_silence import NAME, SIGNS, silent
from tests.gate.ledger import Ledger, Wire, order
from tests.gate.warehouse import event
from tests.real.broker import Broker
from tests.real.waiting import wait_until
from tests.schemas.messages import EVENT, encoded, places, with_value

__all__ = ["silent"]

COMMAND = (sys.executable, "-W", "ignore", "-c", "from gatekeeper.cli import main; main()", "consume", "events", "--instance", "one")
MANY: Wire = {"/lines/0/patient/authorization_id": "AU-MANY"}


def kinds(ledger: Ledger) -> Counter[str]:
    return Counter(row[3] for row in ledger.rows(tables.ARRIVAL) if row[0] != ledger.source.number)


def voids(ledger: Ledger) -> list[str]:
    return sorted(json.loads(row[7])["order_id"] for row in ledger.rows(tables.DISTRIBUTION_RECORD) if row[3] == "void")


def test_events_of_all_partitions_are_taken_once_and_two_consumers_share_them(place: Place, ledger: Ledger) -> None:
    """Cancelled twice over two partitions: one void each. Refusals are said by the consumer, the rest waits for the relay."""
    orders = [f"SO-{number}" for number in range(40)]
    ledger.judge(*(order(name, MANY) for name in orders))
    for name in ("one", "two"):
        place.start(name, consumer="events", batch_messages=20)
    cancelled = [event("cancelled", name, event_id=f"C-{name}") for name in orders]
    place.send([*cancelled, b"rubbish", *cancelled, *(event("cancelled", name) for name in orders)], topic=EVENTS)

    refused = place.wait_for("refused-messages", 1)
    wait_until(lambda: kinds(ledger).total() == 121, PATIENCE_S, "all are taken")
    assert kinds(ledger) == {"event": 80, "repeat": 40, "refused": 1}
    assert voids(ledger) == sorted(orders)
    assert len(ledger.rows(tables.OUTBOX)) == 40
    assert [each.value() for each in refused] == [row[4] for row in ledger.rows(tables.REFUSAL)]


def test_what_was_taken_and_not_said_when_the_broker_died_is_said_once(place: Place, broker: Broker, ledger: Ledger) -> None:
    ledger.judge(order("SO-1", MANY), order("SO-2", MANY))
    taken, away = Event(), Event()

    def meanwhile() -> None:
        if taken.is_set() and not away.is_set():
            broker.kill()
            away.set()

    running = place.start(consumer="events", meanwhile=meanwhile, transaction_timeout_s=3)
    place.send([b"rubbish", event("cancelled", "SO-1")], topic=EVENTS, partition=0)
    place.wait_for("refused-messages", 1)
    taken.set()
    place.send([b"more", event("cancelled", "SO-2")], topic=EVENTS, partition=0)
    assert away.wait(PATIENCE_S)
    wait_until(lambda: len(running.waits) >= 2, PATIENCE_S, "it tries more than once")
    broker.start()
    place.send([b"last"], topic=EVENTS, partition=0)

    assert len(place.wait_for("refused-messages", 3)) == 3
    assert voids(ledger) == ["SO-1", "SO-2"]
    assert running.halt is None


@contextmanager
def command(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """`gatekeeper consume events` in a program of its own."""
    running = subprocess.Popen(
        COMMAND, env=place.environment() | {"GATEKEEPER_BATCH_MESSAGES": "7"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def test_killed_at_any_moment_it_takes_each_event_once(place: Place, ledger: Ledger) -> None:
    """The command itself, killed again and again, then told to stop."""
    orders = [f"SO-{number}" for number in range(90)]
    ledger.judge(*(order(name, MANY) for name in orders))
    messages = [message for name in orders for message in (event("cancelled", name), b"rubbish " + name.encode())]
    for turn in range(1, 4):
        with command(place):
            place.send(messages[(turn - 1) * 60 : turn * 60], topic=EVENTS)
            wait_until(lambda: kinds(ledger).total() >= 60 * turn - 40, PATIENCE_S, "some are taken")  # noqa: B023 - called at once
    with command(place) as running:
        wait_until(lambda: sum(place.committed("events").values()) == len(messages), PATIENCE_S, "all are done")
        running.terminate()
        assert running.wait(30) == 0

    place.wait_for("refused-messages", 90)
    assert kinds(ledger) == {"event": 90, "refused": 90}
    assert voids(ledger) == sorted(orders)


@pytest.mark.usefixtures("silent")
def test_events_with_a_name_everywhere_name_nobody(place: Place, ledger: Ledger) -> None:
    """Whoever is planted where a patient may stand, or in rubbish: no refusal, alert, key, header, log line or measure repeats it."""
    ledger.judge(order("SO-1", MANY))
    ids = {"/event_id", "/order_id", "/wholesaler_id"}
    planted = [
        encoded(with_value(EVENT | {"event_id": f"EV-{number % 9}", "event": kind}, spot, sign))
        for number, spot in enumerate(each for each in places(EVENT) if each not in ids)
        for sign in SIGNS
        for kind in ("shipped", "cancelled")
    ]
    place.start(consumer="events")
    place.send([*planted, NAME.encode(), encoded(EVENT) + NAME.encode()], topic=EVENTS, key=NAME.encode(), headers=[("who", NAME.encode())])
    wait_until(lambda: kinds(ledger).total() == len(planted) + 2, PATIENCE_S, "all are taken")
    place.wait_for("refused-messages", kinds(ledger)["refused"])

    assert kinds(ledger)["aside"] > 0
    said = [f"{message.key()!r} {message.headers()!r} {message.value()!r}" for _, message in place.said]
    told = [str(bytes(row[3])) for row in ledger.rows(tables.ALERT)] + [str(row[10:12]) for row in ledger.rows(tables.EXAMINATION)]
    assert told
    assert [text for text in (*said, *told) if NAME.lower() in text.lower()] == []
